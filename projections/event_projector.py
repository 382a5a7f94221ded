"""The part of the projector that keeps the events, beside the part that keeps the runs.

It has a consumer and a connection of its own, for the rows of runs must not wait for those of events. Nobody waits for
an event's row, so the broker may let records gather: one fetch, one transaction and one COPY are then for many.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from projections.events import EventLog, Redact
from projections.follower import Follower
from projections.store import Partition
from runtime.clock import Clock
from runtime.dependencies import POSTGRES
from runtime.postgres import Connection
from runtime.settings import Settings
from schemas.names import EVENT_TOPICS

EVENT_GROUP: Final = "onestack-projector-events"
MOST_RECORDS: Final = 2_000
"""Events that are fetched at once."""
AT_ONCE: Final = 500
"""Events of one transaction."""
_GATHER_BYTES: Final = 128 * 1024
_GATHER_MS: Final = 500


class EventProjector(Follower):
    """Follows the event topics into `history.events`."""

    topics = tuple(EVENT_TOPICS.values())
    group = EVENT_GROUP
    name = "projector-events"
    measured = topics

    def __init__(self, settings: Settings, redact: Redact) -> None:
        super().__init__(settings)
        self._redact = redact
        self._clock = Clock(settings.clock_file)
        self._events: EventLog

    async def _open(self, connection: Connection) -> None:  # noqa: ARG002
        self._events = EventLog(self._store, self._redact, self.settings.max_event_bytes)

    def _stand(self, positions: dict[Partition, int]) -> None:
        self._events.positions = positions

    def _positions(self) -> Mapping[Partition, int]:
        return self._events.positions

    def _fetching(self) -> dict[str, Any]:
        return {
            "fetch_max_wait_ms": _GATHER_MS,
            "fetch_min_bytes": _GATHER_BYTES,
            "fetch_max_bytes": 4 * 1024 * 1024,
        }

    async def _turn(self) -> bool:
        found = await self._consumer.getmany(timeout_ms=_GATHER_MS, max_records=MOST_RECORDS)
        if not found or self._stale:
            return False
        records = [one for at, of_one in found.items() if at in self._events.positions for one in of_one]
        self.measure.took(found.values())
        self._writing = True
        try:
            for begin in range(0, len(records), AT_ONCE):
                if self._stopping:
                    return True
                now = self._clock.now()
                ahead = now - datetime.now(UTC) if self._clock.virtual else timedelta()
                await self._events.add(records[begin : begin + AT_ONCE], now, ahead)
            await self._marks.set(records)
            self.measure.wrote()
            POSTGRES.reached()
        finally:
            self._writing = False
        return True
