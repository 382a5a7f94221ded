"""What the Hub tells at `/metrics` beside what it counts: whether it can work, and how far the history is behind.

It is looked at when Prometheus asks, so nobody looks where nobody asks. The history's lag is told here too because the
Hub sees it when no projector runs at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Final

from hub.parts import Parts
from hub.readiness import readiness
from runtime.dependencies import KAFKA, POSTGRES, Dependency
from runtime.metrics import HISTORY_BEHIND, HISTORY_STANDS, READY

_SECONDS: Final = 2.0
"""For which Prometheus waits: what takes longer is told the next time."""


class Look:
    """One look at a time, however many ask; a Postgres that hangs does not keep Kafka from being told of."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._tasks: dict[Callable[[], Coroutine[object, object, None]], asyncio.Task[None]] = {}
        for dependency in (KAFKA, POSTGRES):
            dependency.watch()

    async def look(self) -> None:
        """Bring the gauges up to date, as far as that is soon done."""
        for work in (self._look_at_kafka, self._look_at_all):
            task = self._tasks.get(work)
            if task is None or task.done():
                self._tasks[work] = asyncio.create_task(work(), name="hub-look")
        _, late = await asyncio.wait(self._tasks.values(), timeout=_SECONDS)
        if late:
            READY.labels("hub").set(0)

    async def stop(self) -> None:
        """Look no more."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _look_at_kafka(self) -> None:
        _tell(KAFKA, answers=await self._parts.sender.answers())

    async def _look_at_all(self) -> None:
        found, behind = await readiness(self._parts)
        READY.labels("hub").set(found.ready)
        _tell(POSTGRES, answers=found.parts["postgres"].state != "away")
        if behind is not None:
            HISTORY_STANDS.set(behind.stands)
            for topic, records in behind.by_topic.items():
                HISTORY_BEHIND.labels(topic).set(records)


def _tell(dependency: Dependency, *, answers: bool) -> None:
    if answers:
        dependency.reached()
    else:
        dependency.away()
