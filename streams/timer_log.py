"""One partition of the timers topic: what waits there, in the log and in memory.

A wait stands under the id of the entry that will end it until a tombstone comes; the definition of each version stands
once, under its digest, before the first wait that is pinned to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from runtime.logging import logger
from schemas.names import TIMERS
from streams.waits import Wait, Waits

if TYPE_CHECKING:
    import asyncio

    from runtime.kafka import Headers, Publisher

_DEFINITION: Final = "definition:"


class TimerLog:
    """Writes waits and their ends, and takes back what was written."""

    def __init__(self, partition: int, waits: Waits) -> None:
        self.partition = partition
        self.waits = waits
        self._writing: dict[str, asyncio.Future[None]] = {}

    def keep(self, publisher: Publisher, wait: Wait, body: dict[str, Any]) -> asyncio.Future[None]:
        """Add a wait; the future is done when the broker has it."""
        if wait.digest not in self.waits.bodies:
            self.waits.bodies[wait.digest] = body
            self._put(publisher, _DEFINITION + wait.digest, orjson.dumps(body))
        headers = [
            ("due", b"%.6f" % wait.due),
            ("arrived", b"%d" % wait.arrived),
            ("entity", wait.key),
            ("digest", wait.digest.encode()),
        ]
        written = self._put(publisher, wait.id, wait.packed, headers)
        self.waits.add(wait)
        self._writing[wait.id] = written
        written.add_done_callback(lambda _: self._writing.pop(wait.id, None))
        return written

    def being_kept(self, wait_id: str) -> asyncio.Future[None] | None:
        """The acknowledgement of a wait that is still to come."""
        return self._writing.get(wait_id)

    def forget(self, publisher: Publisher, wait: Wait) -> asyncio.Future[None]:
        """Write the tombstone of a wait; the future is done when the broker has it."""
        self.waits.remove(wait.id)
        return self._put(publisher, wait.id, None)

    def drop_unused(self, publisher: Publisher) -> None:
        """Write the tombstones of the definitions that no run is pinned to any more."""
        for digest in self.waits.unused():
            del self.waits.bodies[digest]
            self._put(publisher, _DEFINITION + digest, None)

    def take_back(self, record: Any) -> None:
        """Fold one record. What can't be read is told and left out: it must not keep the others from being read."""
        try:
            self._fold((record.key or b"").decode(), record)
        except (ValueError, KeyError, TypeError) as error:
            logger("timers").warning(
                "a wait can't be read",
                topic=TIMERS,
                partition=self.partition,
                offset=record.offset,
                error=type(error).__name__,
            )

    def _fold(self, key: str, record: Any) -> None:
        if key.startswith(_DEFINITION):
            digest = key.removeprefix(_DEFINITION)
            if record.value is None:
                self.waits.bodies.pop(digest, None)
            else:
                self.waits.bodies[digest] = orjson.loads(record.value)
        elif record.value is None:
            self.waits.remove(key)
        else:
            headers = dict(record.headers)
            due, arrived, digest = float(headers["due"]), int(headers["arrived"]), headers["digest"].decode()
            self.waits.add(Wait(key, headers["entity"], due, arrived, digest, record.value))

    def _put(
        self, publisher: Publisher, key: str, value: bytes | None, headers: Headers | None = None
    ) -> asyncio.Future[None]:
        return publisher.put(TIMERS, self.partition, key.encode(), value, headers)
