"""The long-running commands, without a command line around them: `worker` and `projector` start through here."""

from __future__ import annotations


def worker() -> None:
    """Run a worker until SIGTERM or Ctrl-C."""
    from runtime.settings import load

    settings = load()
    from streams.worker import run

    run(settings)


def projector(*, rebuild: bool = False) -> None:
    """Run the projector until SIGTERM or Ctrl-C; with `rebuild`, make the history anew from the log and end."""
    import asyncio

    from runtime.settings import load

    settings = load()
    from engine.registry import Registry

    if rebuild:
        from projections.rebuild import rebuild as again

        asyncio.run(again(settings, Registry()))
        return
    from projections.projector import run_projector

    asyncio.run(run_projector(settings, Registry()))
