"""A worker's membership of its group from before there is an app to hear of it.

The group's coordinator and its two rounds of requests are waited for while modules are still being loaded. What it
gives us is kept here until the app listens, and what is waited for longest begins before: to read back what was done on
our partitions. No heartbeat is sent meanwhile, so that a worker which never comes so far is given up like one that was
killed.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from aiokafka.abc import ConsumerRebalanceListener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiokafka.structs import TopicPartition


class Joining(ConsumerRebalanceListener):  # type: ignore[misc]  # its base has no types
    """Passes on the group's news, as soon as there is somebody to hear them."""

    def __init__(self) -> None:
        self._listener: asyncio.Future[ConsumerRebalanceListener | None] = asyncio.get_running_loop().create_future()
        self.joined = time.monotonic()
        """When we were last given partitions (monotonic clock): the coordinator has counted from before that."""
        self.taken = False
        """Whether what we were given last was taken over before there was a listener."""
        self._missed = False
        self._given: Iterable[TopicPartition] | None = None
        self._take: Callable[[Iterable[TopicPartition]], None] | None = None

    def take(self, take: Callable[[Iterable[TopicPartition]], None]) -> None:
        """Have these partitions taken over as soon as they are known, if that is before there is a listener."""
        self._take = take
        self._take_early()

    def hear(self, listener: ConsumerRebalanceListener) -> None:
        """Tell this listener all that comes, and what has come already."""
        if not self._listener.done():
            self._listener.set_result(listener)

    def give_up(self) -> None:
        """Nobody will listen: the client that waits for somebody may be stopped."""
        if not self._listener.done():
            self._listener.set_result(None)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        # Before there is somebody to hear it, nothing was given that could be taken away: it is told with what is.
        self._missed = not self._listener.done()
        if not self._missed:
            await _tell_revoked(self._listener.result(), revoked)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self.joined, self.taken, self._given = time.monotonic(), False, assigned
        self._take_early()
        listener = await asyncio.shield(self._listener)
        if self._missed:
            await _tell_revoked(listener, ())
        if listener is not None:
            await listener.on_partitions_assigned(assigned)

    def _take_early(self) -> None:
        if self._take is not None and self._given is not None and not self._listener.done():
            self.taken = True
            self._take(self._given)


async def _tell_revoked(listener: ConsumerRebalanceListener | None, revoked: Iterable[TopicPartition]) -> None:
    told: Any = listener and listener.on_partitions_revoked(revoked)
    if asyncio.iscoroutine(told):
        await told
