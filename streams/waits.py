"""The runs of one partition that wait, in memory: by when they are due, and by the entity that they are about.

What a run costs here is what it is packed to (its state as compressed JSON, without the definition, which is kept once
for all runs of a version) and about half a kilobyte of index; `spill` takes the packed states out of memory.
"""

from __future__ import annotations

import heapq
import zlib
from sys import intern
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

from engine.run import state_from_json, state_to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.run import RunState

_LEVEL: Final = 1
"""Of zlib: the next ones take twice as long for a few per cent."""


class Spill(Protocol):
    """Where packed states are kept outside memory, by the id of their wait."""

    def __setitem__(self, key: str, value: bytes) -> None: ...
    def __getitem__(self, key: str) -> Any: ...
    def __delitem__(self, key: str) -> None: ...
    def close(self) -> None: ...


class Wait:
    """One run that waits. `id` is that of the entry that will end the wait, `due` in seconds since the epoch."""

    __slots__ = ("arrived", "digest", "due", "id", "key", "packed")

    def __init__(self, id: str, key: bytes, due: float, arrived: int, digest: str, packed: bytes | None) -> None:
        self.id = id
        self.key = key
        self.due = due
        self.arrived = arrived
        # One text for all runs of a version.
        self.digest = intern(digest)
        self.packed = packed

    def __lt__(self, other: Wait) -> bool:
        return self.due < other.due

    @property
    def run(self) -> str:
        """The id of the run."""
        return self.id.rpartition(":")[0]


def pack(state: RunState) -> bytes:
    """A state to be kept: everything but the definition's body, which its digest names."""
    whole = state_to_json(state)
    del whole["workflow"]
    return zlib.compress(orjson.dumps(whole), _LEVEL)


class Waits:
    """The waiting runs of a partition, and the definitions that they are pinned to."""

    def __init__(self, spill: Spill | None = None) -> None:
        self.bodies: dict[str, dict[str, Any]] = {}
        self._spill = spill
        self._by_id: dict[str, Wait] = {}
        self._by_entity: dict[bytes, Wait | dict[str, Wait]] = {}
        self._heap: list[Wait] = []

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, wait_id: str) -> bool:
        return wait_id in self._by_id

    def __iter__(self) -> Iterator[Wait]:
        return iter(self._by_id.values())

    def add(self, wait: Wait) -> None:
        """Keep a wait; one that is there already is left as it is."""
        if wait.id in self._by_id:
            return
        if self._spill is not None and wait.packed is not None:
            self._spill[wait.id] = wait.packed
            wait.packed = None
        self._by_id[wait.id] = wait
        others = self._by_entity.get(wait.key)
        if others is None:
            self._by_entity[wait.key] = wait
        elif isinstance(others, dict):
            others[wait.id] = wait
        else:
            # Most entities have one run that waits, for which a dictionary would be the dearest part.
            self._by_entity[wait.key] = {others.id: others, wait.id: wait}
        heapq.heappush(self._heap, wait)

    def remove(self, wait_id: str) -> None:
        """Forget a wait, if it is there."""
        wait = self._by_id.pop(wait_id, None)
        if wait is None:
            return
        if self._spill is not None:
            del self._spill[wait_id]
        others = self._by_entity.get(wait.key)
        if isinstance(others, dict):
            del others[wait_id]
            if not others:
                del self._by_entity[wait.key]
        else:
            self._by_entity.pop(wait.key, None)
        if len(self._heap) > 64 and len(self._heap) > 2 * len(self._by_id):
            # Runs that were cancelled leave theirs behind until they would have been due.
            self._heap = list(self._by_id.values())
            heapq.heapify(self._heap)

    def of_entity(self, key: bytes) -> list[Wait]:
        """The waiting runs about this entity."""
        found = self._by_entity.get(key)
        if found is None:
            return []
        return list(found.values()) if isinstance(found, dict) else [found]

    def has_entity(self, key: bytes) -> bool:
        """Whether a run about this entity waits."""
        return key in self._by_entity

    def take_due(self, now: float, most: int) -> list[Wait]:
        """At most so many waits that are due, the earliest first. They stay until they are removed, or given back."""
        due: list[Wait] = []
        while self._heap and len(due) < most and (self._heap[0].due <= now or self._gone(self._heap[0])):
            wait = heapq.heappop(self._heap)
            if not self._gone(wait):
                due.append(wait)
        return due

    def give_back(self, wait: Wait) -> None:
        """It was taken, and nothing came of it: it is due again."""
        if not self._gone(wait):
            heapq.heappush(self._heap, wait)

    def next_due(self) -> float | None:
        """When the next wait is due."""
        while self._heap and self._gone(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0].due if self._heap else None

    def _gone(self, wait: Wait) -> bool:
        return self._by_id.get(wait.id) is not wait

    def packed(self, wait: Wait) -> bytes:
        """The run's state, compressed."""
        if wait.packed is not None:
            return wait.packed
        spilled: bytes = self._spill[wait.id] if self._spill is not None else b""
        return spilled

    def state(self, wait: Wait) -> RunState:
        """The run as it was when it began to wait."""
        known = orjson.loads(zlib.decompress(self.packed(wait)))
        return state_from_json({**known, "workflow": self.bodies[wait.digest]})

    def close(self) -> None:
        """Let go of the spilled states."""
        if self._spill is not None:
            self._spill.close()

    def unused(self) -> list[str]:
        """The digests of definitions that no waiting run is pinned to."""
        used = {wait.digest for wait in self}
        return [digest for digest in self.bodies if digest not in used]
