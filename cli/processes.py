"""The long-running commands, without a command line around them: `worker` and `projector` start through here."""

from __future__ import annotations


def worker() -> int:
    """Run a worker until SIGTERM or Ctrl-C; the exit code."""
    from runtime.settings import load

    settings = load()
    from streams.worker import run

    return run(settings)


def projector(*, rebuild: bool = False) -> int:
    """Run the projector until SIGTERM or Ctrl-C; with `rebuild`, make the history anew from the log and end."""
    import asyncio

    from runtime.logging import configure
    from runtime.settings import load

    settings = load()
    configure(settings)
    from engine.registry import Registry

    if rebuild:
        from projections.rebuild import rebuild as again

        asyncio.run(again(settings, Registry()))
    else:
        from projections.projector import run_projector

        asyncio.run(run_projector(settings, Registry()))
    return 0
