"""What the Hub tells at `/metrics` beside what it counts: whether it can work, and how far the history is behind.

It is looked at when Prometheus asks, so nobody looks where nobody asks. The history's lag is told here too because the
Hub sees it when no projector runs at all.
"""

from __future__ import annotations

import asyncio
from typing import Final

from hub.documents.service import Readiness
from hub.lag import Behind
from hub.parts import Parts
from hub.readiness import readiness
from runtime.dependencies import KAFKA, POSTGRES
from runtime.metrics import HISTORY_BEHIND, HISTORY_STANDS, READY

_SECONDS: Final = 2.0
"""For which Prometheus waits: what takes longer is told the next time."""


class Look:
    """One look at a time, however many ask."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._task: asyncio.Task[None] | None = None
        for dependency in (KAFKA, POSTGRES):
            dependency.watch()

    async def look(self) -> None:
        """Bring the gauges up to date, as far as that is soon done."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look(), name="hub-look")
        await asyncio.wait({self._task}, timeout=_SECONDS)

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _look(self) -> None:
        _tell(*await readiness(self._parts))


def _tell(found: Readiness, behind: Behind | None) -> None:
    READY.labels("hub").set(found.ready)
    for dependency in (KAFKA, POSTGRES):
        if found.parts[dependency.name].state == "away":
            dependency.away()
        else:
            dependency.reached()
    if behind is not None:
        HISTORY_STANDS.set(behind.stands)
        for topic, records in behind.by_topic.items():
            HISTORY_BEHIND.labels(topic).set(records)
