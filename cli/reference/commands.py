"""docs/reference/cli.md."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cli.reference.text import page, table

if TYPE_CHECKING:
    from collections.abc import Iterator

_INTRO = """
`onestack` reads its settings from [`ONESTACK_*` variables](configuration.md) alone. Results go to stdout; errors and
warnings go to stderr, one sentence each, also under `--json`.

| exit code | means |
|---|---|
| 0 | it is done (warnings keep it) |
| 1 | it failed, or was refused |
| 2 | the command line itself is wrong |
| 130 | stopped by Ctrl-C |
"""


def commands() -> str:
    """Every command with its arguments and options."""
    import typer.main

    from cli.main import build

    group: Any = typer.main.get_command(build())
    return page("The command line", _INTRO, *_sections(group, "onestack"))


def _sections(group: Any, prefix: str) -> Iterator[str]:
    for name, command in group.commands.items():
        path = f"{prefix} {name}"
        if hasattr(command, "commands"):
            if command.invoke_without_command:
                yield _section(path, command)
            yield from _sections(command, path)
        else:
            yield _section(path, command)


def _section(path: str, command: Any) -> str:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and "--help" not in one.opts]
    usage = " ".join([path, *(["[OPTIONS]"] if options else []), *(_metavar(one) for one in arguments)])
    rows = [(f"`{_metavar(one)}`", one.help or "") for one in arguments]
    rows += [(f"`{_names(one)}`", f"{one.help or ''}{_default(one)}") for one in options]
    text = re.sub(r"(?<!\n)\n(?!\n)", " ", command.help or "")
    text = re.sub(r"^(onestack .*)$", r"`\1`", text, flags=re.MULTILINE)
    return "\n\n".join([f"## {path}", f"```\n{usage}\n```", text, *([table(("", ""), rows)] if rows else [])])


def _metavar(argument: Any) -> str:
    name = str(argument.metavar or argument.name.upper())
    return name if argument.required else f"[{name}]"


def _names(option: Any) -> str:
    names = ", ".join([*option.opts, *option.secondary_opts])
    return names if getattr(option, "is_flag", False) else f"{names} VALUE"


def _default(option: Any) -> str:
    given = option.default
    return f" Default: `{given}`." if given not in (None, False) and not callable(given) else ""
