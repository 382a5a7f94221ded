"""The worker process: from settings to a running app, and to a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError

from actions.catalogue import build_actions, open_services
from runtime import metrics, tracing
from runtime.health import Health
from runtime.kafka_connection import reason_of
from runtime.logging import configure, logger, tell_of_tasks
from streams import topics
from streams.app import build
from streams.gauges import begin_at_zero, observe
from streams.health import WorkerHealth
from streams.parts import Parts

if TYPE_CHECKING:
    from actions.action import Action
    from runtime.settings import Settings

_DRAIN_SECONDS = 6.0
"""How long calls in flight may take to end after SIGTERM; with the rest of the shutdown it stays under 10 s."""


def run(settings: Settings) -> int:
    """Work until SIGTERM or SIGINT; the exit code of the process."""
    import uvloop  # noqa: PLC0415 - the commands that are not a worker need not load it

    configure(settings, "worker")
    tracing.configure(settings, "worker")
    uvloop.install()
    try:
        with asyncio.Runner() as runner:
            return runner.run(_main(settings))
    finally:
        tracing.stop()


async def _main(settings: Settings) -> int:
    async with open_services(settings) as services:
        return await work(settings, build_actions(services))


async def work(settings: Settings, actions: dict[str, Action], commands: tuple[str, ...] = ()) -> int:
    """Run a worker with these actions until it is told to stop; `commands` are further topics to create."""
    log = logger("worker")
    _calm_collector()
    tell_of_tasks(asyncio.get_running_loop())
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    metrics.tell_build("worker")
    health = Health("worker")
    standing = WorkerHealth(settings, health)
    looking = asyncio.create_task(health.keep_looking(), name="health")
    metrics.serve(settings, health)
    partitions = await _topics(settings, commands, stop)
    if partitions is None:
        return 0
    parts = Parts(settings, actions, partitions)
    begin_at_zero(parts)
    await parts.start()
    app = build(settings, parts)
    app.finalize()
    standing.follow(parts, app)
    gauges = asyncio.create_task(observe(app, parts))
    ended = False
    told, starting = asyncio.create_task(stop.wait()), asyncio.create_task(app.start())
    try:
        await asyncio.wait({told, starting}, return_when=asyncio.FIRST_COMPLETED)
        if not told.done():
            await starting
            log.info("the worker works", instance=settings.instance, partitions=partitions)
            over = asyncio.create_task(app.wait_until_stopped())
            await asyncio.wait({told, over}, return_when=asyncio.FIRST_COMPLETED)
            ended = not told.done()
            log.info("the worker stops")
            standing.stop()
            app.consumer.stop_flow()
            await parts.drain(_DRAIN_SECONDS)
    finally:
        gauges.cancel()
        looking.cancel()
        starting.cancel()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(app.stop(), 5)
        await parts.stop()
    if ended:
        log.error("the worker ends, for its streams have crashed", exc_info=app.crash_reason)
        return 1
    return 0


def _calm_collector() -> None:
    """Spare the garbage collector's full passes: what a worker keeps (definitions, ids) is no garbage and no cycle."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


async def _topics(settings: Settings, commands: tuple[str, ...], stop: asyncio.Event) -> int | None:
    """Create what is missing, waiting for a Kafka that is away; None where the worker is told to stop meanwhile."""
    log, said = logger("worker"), False
    while not stop.is_set():
        try:
            created, partitions = await topics.create(settings, commands)
        except (OSError, KafkaError) as error:
            if not said:
                log.warning(topics.waiting_for(error), broker=settings.broker, error=reason_of(error))
            said = True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.5)
        else:
            if created:
                log.info("topics created", count=len(created), partitions=partitions)
            return partitions
    return None
