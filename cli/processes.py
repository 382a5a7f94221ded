"""The long-running commands, without a command line around them: worker, projector and hub start through here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.settings import Settings


def worker() -> int:
    """Run a worker until SIGTERM or Ctrl-C; the exit code."""
    from runtime.settings import load

    settings = load()
    from streams.launch import run

    return run(settings)


def projector(*, rebuild: bool = False, verify_only: bool = False, accept: bool = False, keep_old: bool = False) -> int:
    """Run the projector until SIGTERM or Ctrl-C; with `rebuild`, make the history anew from the log and end.

    With `verify_only` the code is 1 where the history differs from the log.
    """
    import asyncio

    from runtime import tracing
    from runtime.logging import configure
    from runtime.settings import load

    settings = load()
    configure(settings, "projector")
    tracing.configure(settings, "projector")
    from engine.registry import Registry

    if rebuild:
        from engine.redaction import Redaction
        from projections.rebuild import Options
        from projections.rebuild import rebuild as again

        options = Options(verify_only=verify_only, accept=accept, keep_old=keep_old)
        done = asyncio.run(again(settings, Registry, Redaction(settings.redact).redact_event, options))
        return int(verify_only and done.compared is not None and bool(done.compared.differences))
    import uvloop

    uvloop.install()
    try:
        with asyncio.Runner() as runner:
            runner.run(_project(settings))
    finally:
        tracing.stop()
    return 0


async def _project(settings: Settings) -> None:
    from engine.redaction import Redaction
    from engine.registry import Registry
    from projections.projector import run_projector

    await _make_topics(settings, "projector")
    await run_projector(settings, Registry, Redaction(settings.redact).redact_event)


def hub() -> int:
    """Run the Hub until SIGTERM or Ctrl-C; the exit code."""
    from runtime.settings import load

    settings = load()
    from hub.process import run

    return run(settings, lambda: _make_topics(settings, "hub"))


async def _make_topics(settings: Settings, process: str) -> None:
    """Make the topics where no worker did it before: projections and the Hub know nothing of them."""
    import asyncio

    from aiokafka.errors import KafkaError

    from runtime.kafka_connection import reason_of
    from runtime.logging import logger
    from streams.topics import create, waiting_for

    said = False
    while True:
        try:
            await create(settings)
        except (KafkaError, OSError) as error:
            if not said:
                logger(process).warning(waiting_for(error), error=reason_of(error))
            said = True
            await asyncio.sleep(0.5)
        else:
            return
