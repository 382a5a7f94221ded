"""A worker: from its connections to a running app, and to a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import TYPE_CHECKING

from actions.catalogue import build_actions, open_services
from runtime import metrics
from runtime.health import Health
from runtime.logging import logger, tell_of_tasks
from streams.app import build
from streams.connections import connect
from streams.gauges import begin_at_zero, observe
from streams.health import WorkerHealth
from streams.parts import begin
from streams.stopping import told_to_stop

if TYPE_CHECKING:
    from actions.action import Action
    from runtime.settings import Settings
    from streams.parts import Parts

_DRAIN_SECONDS = 6.0
"""How long calls in flight may take to end after SIGTERM; with the rest of the shutdown it stays under 10 s."""


async def perform(settings: Settings, beginning: asyncio.Task[Parts], stop: asyncio.Event) -> int:
    """Run a worker with the product's actions until it is told to stop; the exit code of the process."""
    async with open_services(settings) as services:
        return await work(settings, build_actions(services), beginning=beginning, stop=stop)


async def work(
    settings: Settings,
    actions: dict[str, Action],
    commands: tuple[str, ...] = (),
    beginning: asyncio.Task[Parts] | None = None,
    stop: asyncio.Event | None = None,
) -> int:
    """Run a worker with these actions until it is told to stop; `commands` are further topics to create."""
    log = logger("worker")
    _calm_collector()
    tell_of_tasks(asyncio.get_running_loop())
    stop = stop or told_to_stop()
    metrics.tell_build("worker")
    health = Health("worker")
    standing = WorkerHealth(settings, health)
    looking = asyncio.create_task(health.keep_looking(), name="health")
    metrics.serve(settings, health)
    told = asyncio.create_task(stop.wait())
    beginning = beginning or asyncio.create_task(begin(settings, connect(settings, commands)))
    await asyncio.wait({told, beginning}, return_when=asyncio.FIRST_COMPLETED)
    if not beginning.done():
        looking.cancel()
        beginning.cancel()
        await asyncio.wait({beginning}, timeout=5)
        return 0
    parts = beginning.result()
    begin_at_zero(actions)
    app = build(settings, parts, actions)
    app.finalize()
    standing.follow(parts, app)
    gauges = asyncio.create_task(observe(app, parts))
    ended = False
    starting = asyncio.create_task(app.start())
    try:
        await asyncio.wait({told, starting}, return_when=asyncio.FIRST_COMPLETED)
        if not told.done():
            await starting
            log.info("the worker works", instance=settings.instance, partitions=parts.partitions)
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
    # Not collected before: what loading leaves behind is less than the pass would take.
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    gc.enable()
