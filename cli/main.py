"""`onestack`: every way in for people.

Exit codes: 0 it is done; 1 it failed or was refused; 2 the command line itself is wrong; 130 stopped by Ctrl-C.
Results go to stdout, errors and warnings to stderr, also under --json.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from cli.errors import USAGE, Failure, is_bug, sentence_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typer import Typer

_INTERRUPTED = 130
_PROCESSES = ("worker", "projector", "hub")


def main() -> None:
    """The console script: run the command that sys.argv names, and exit with its code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; every error ends as one sentence on stderr."""
    try:
        code = _dispatch(list(arguments))
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output (`| head`) has enough of it; Python would complain again while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - this is the last place: the person gets a sentence
        return _tell(error)


def _dispatch(arguments: list[str]) -> int:
    if len(arguments) == 1 and arguments[0] in _PROCESSES:
        # The everyday start of a process: without the command line's own imports it is up sooner.
        from cli import processes

        started: int = getattr(processes, arguments[0])()
        return started
    code = build()(args=arguments or ["--help"], prog_name="onestack", standalone_mode=False)
    return code if isinstance(code, int) else 0


def _tell(error: Exception) -> int:
    format_message = getattr(error, "format_message", None)
    if callable(format_message):
        print(f"onestack: {format_message()} Try 'onestack --help'.", file=sys.stderr)
        return USAGE
    if type(error).__name__ == "Abort":
        return _INTERRUPTED
    sentence = sentence_for(error)
    print(f"onestack: {sentence}", file=sys.stderr)
    if is_bug(sentence) and os.environ.get("ONESTACK_LOG_LEVEL") == "DEBUG":
        import traceback

        traceback.print_exception(error)
    return error.code if isinstance(error, Failure) else 1


def build() -> Typer:
    """The whole command line."""
    import typer

    from cli import commands

    app = typer.Typer(
        name="onestack",
        help="The One Stack Workflow Engine: events in, actions out, history in Postgres.\n\n"
        "Every command reads its settings from ONESTACK_* variables; start with 'onestack demo' or 'onestack up'. "
        "Exit codes: 0 done, 1 failed or refused, 2 wrong command line. Errors go to stderr.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    commands.add_to(app)
    return app


if __name__ == "__main__":
    main()
