"""Tells stuck from busy: whether what waits has moved lately."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import NamedTuple


class _Lane(NamedTuple):
    mark: Hashable
    moved: float


class Progress:
    """Since when each lane has stood still although something waits there. A lane is a partition, say."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lanes: dict[Hashable, _Lane] = {}

    def look(self, standing: dict[Hashable, tuple[int, Hashable]], excused: Callable[[Hashable], bool]) -> None:
        """Take in how it is: by lane, how much waits and a mark that changes with each step that is made.

        A lane where nothing waits, or that is excused, is as one that has just moved.
        """
        now = self._now()
        lanes: dict[Hashable, _Lane] = {}
        for lane, (waiting, mark) in standing.items():
            before = self._lanes.get(lane)
            moved = before is None or before.mark != mark or not waiting or excused(lane)
            lanes[lane] = _Lane(mark, now) if before is None or moved else _Lane(mark, before.moved)
        self._lanes = lanes

    def forgive(self) -> None:
        """Begin anew: what has stood still until now had a reason."""
        self._lanes.clear()

    def still(self) -> dict[Hashable, float]:
        """For how many seconds each lane has stood still."""
        now = self._now()
        return {lane: now - one.moved for lane, one in self._lanes.items()}
