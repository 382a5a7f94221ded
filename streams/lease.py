"""How long a worker may believe that its partitions are its own.

A worker that Kafka no longer hears loses its partitions after the session timeout, and nobody can tell it so. From
then on another worker performs the commands that it still holds. So a call begins only while the coordinator of the
group has answered a heartbeat that was sent less than a session timeout ago, by this clock of ours: the coordinator
counts from when it received that one, which is later. What is in flight when the time is up can't be called back.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiokafka import AIOKafkaConsumer

_PART: Final = 0.8
"""The part of a session timeout that a heartbeat is good for: the rest is for a call to get from here to its target."""


class Lease:
    """Held from the start, as nobody else can have what was never given; then from each heartbeat for a while."""

    def __init__(self, session_seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._now = session_seconds * _PART, now
        self._until: float | None = None
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def held(self) -> bool:
        """Whether a call may begin."""
        return self._until is None or self._now() < self._until

    @property
    def waiting(self) -> int:
        """How many calls wait for the group's coordinator to be heard again."""
        return len(self._waiting)

    def renew(self, sent: float) -> None:
        """The coordinator has answered what was sent at that time of the monotonic clock."""
        self._until = max(self._until or 0.0, sent + self._seconds)
        if self.held:
            self._wake()

    async def hold(self) -> None:
        """Return as soon as a call may begin."""
        while not self.held:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(turn)
            try:
                await turn
            finally:
                self._waiting.discard(turn)

    def _wake(self) -> None:
        for turn in list(self._waiting):
            if not turn.done():
                turn.set_result(None)


def renewed_by(client: AIOKafkaConsumer, lease: Lease) -> None:
    """Let each heartbeat of this consumer that is answered renew the lease."""
    coordinator: Any = client._coordinator
    beat = coordinator._do_heartbeat

    async def _do_heartbeat() -> bool:
        sent = time.monotonic()
        answered: bool = await beat()
        if answered:
            lease.renew(sent)
        return answered

    coordinator._do_heartbeat = _do_heartbeat
