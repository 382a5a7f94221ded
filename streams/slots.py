"""How many calls a worker has in flight, shared so that nobody's slow target starves the others."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from typing import Final

_GENEROSITY: Final = 3
"""A share may have this many times the free slots. One share alone gets three quarters of all; each further hungry
share finds some free (dynamic thresholds: Choudhury and Hahne, IEEE/ACM ToN 1998, there for packets)."""


class Slots:
    """At most `limit` calls at once; a share is one organisation's one action."""

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._limit = limit
        self._held: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def limit(self) -> int:
        """How many there are."""
        return self._limit

    @property
    def in_flight(self) -> int:
        """Slots that are held."""
        return self._limit - self._free

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return sum(len(queue) for queue in self._waiting.values())

    def _fits(self, share: str) -> bool:
        return self._free > 0 and self._held[share] < _GENEROSITY * self._free

    async def acquire(self, share: str) -> None:
        """Wait for a slot; first come, first served within a share, and shares take turns."""
        if share not in self._waiting and self._fits(share):
            self._take(share)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(share, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(share)
            raise

    def release(self, share: str) -> None:
        """Give a slot back."""
        self._free += 1
        self._held[share] -= 1
        if not self._held[share]:
            del self._held[share]
        if self._waiting:
            self._serve()

    def _take(self, share: str) -> None:
        self._free -= 1
        self._held[share] += 1

    def _serve(self) -> None:
        # Each share has one turn at most. Few are passed over: those that hold most of the slots.
        for _ in range(len(self._waiting)):
            if self._free == 0:
                return
            share, queue = self._waiting.popitem(last=False)
            while queue and self._fits(share):
                turn = queue.popleft()
                if not turn.done():
                    self._take(share)
                    turn.set_result(None)
                    break
            if queue:
                # Back at the end of the line, so that the next free slot goes to another share first.
                self._waiting[share] = queue
