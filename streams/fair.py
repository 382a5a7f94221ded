"""Turns: which of the records that were read ahead are handed over next, so that nobody waits behind all of another's.

Theory of operation. Events of all organisations share a partition's one order, and a partition is acknowledged in that
order alone: where one organisation has 20,000 records, another's only one stands behind them. So a consumer reads
ahead, which is cheap, for the records stay as they came, and hands over by turns: an organisation after the other, and
within one a partition after the other. What one organisation has on one partition stays in its order.

How many records are under way is bounded by a `Window` a partition, of which an organisation may have a share that
leaves some for the next: one whose calls are slow fills its share, not the window. What waits is counted in bytes.

All of it is pure bookkeeping. A record's organisation is its key up to the first `/`.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from streams.offsets import Batch

MOST_UNDER_WAY: Final = 2_000
"""Records of a partition that are handed over and not done: ten times what a worker may have in flight on all."""
_GENEROSITY: Final = 3
"""An organisation may have this many times what is free: one alone three quarters, as `slots` shares the calls."""
_OVERHEAD: Final = 600
"""Bytes that a record takes in memory beside its key and its value: the objects that hold it (measured)."""


class Window:
    """How many records of one partition are under way, by organisation."""

    __slots__ = ("_held", "total")

    def __init__(self) -> None:
        self._held: Counter[bytes] = Counter()
        self.total = 0

    def room(self, org: bytes) -> int:
        """How many more of this organisation may be handed over now."""
        free = MOST_UNDER_WAY - self.total
        return max(0, (_GENEROSITY * free - self._held[org]) // (1 + _GENEROSITY))

    @property
    def full(self) -> bool:
        """Whether there is no room, not even for an organisation that has nothing under way here."""
        return _GENEROSITY * (MOST_UNDER_WAY - self.total) < 1 + _GENEROSITY

    def hold(self, orgs: Mapping[bytes, int]) -> None:
        """So many of each organisation are handed over."""
        self._held.update(orgs)
        self.total += sum(orgs.values())

    def hold_more(self, org: bytes, count: int) -> None:
        """So many more of this organisation are handed over."""
        self._held[org] += count
        self.total += count

    def release(self, orgs: Mapping[bytes, int]) -> None:
        """So many of each organisation are done."""
        for org, count in orgs.items():
            self._held[org] -= count
            self.total -= count
            if self._held[org] <= 0:
                del self._held[org]


class Portion(NamedTuple):
    """Records of one partition to be handed over together, and the batches that they are parts of."""

    tp: Any
    records: list[Any]
    parts: list[tuple[Batch, int]]
    orgs: Counter[bytes]
    window: Window | None

    def finish(self) -> None:
        """All of them are done."""
        for batch, count in self.parts:
            batch.finish(count)
        if self.window is not None:
            self.window.release(self.orgs)


class _Stretch:
    """Records of one organisation that came in one batch, and how many of them were taken."""

    __slots__ = ("batch", "records", "taken")

    def __init__(self, records: list[Any], batch: Batch) -> None:
        self.records, self.batch, self.taken = records, batch, 0


def organisation(record: Any) -> bytes:
    """Whose record it is; empty where its key does not tell."""
    key: bytes | None = record.key
    return key.partition(b"/")[0] if key else b""


class Fair:
    """What was read and waits for its turn, on all partitions of some topics."""

    def __init__(self, most_in_portion: int) -> None:
        self._most_in_portion = most_in_portion
        self._queues: OrderedDict[bytes, dict[Any, deque[_Stretch]]] = OrderedDict()
        self._windows: dict[Any, Window] = {}
        self._bytes: Counter[Any] = Counter()
        self.waiting = 0
        self.bytes = 0

    def bytes_of(self, tp: Any) -> int:
        """How much of a partition waits here."""
        return self._bytes[tp]

    def clear(self) -> None:
        """Forget all: the partitions are read again from what is committed."""
        self._queues.clear()
        self._windows.clear()
        self._bytes.clear()
        self.waiting = self.bytes = 0

    def drop(self, partitions: Collection[int]) -> None:
        """Forget what waits and what is under way on these partitions: they are read again when they are given anew."""
        for org, lanes in list(self._queues.items()):
            for tp in [tp for tp in lanes if tp.partition in partitions]:
                for stretch in lanes.pop(tp):
                    rest = stretch.records[stretch.taken :]
                    self.waiting -= len(rest)
                    self._count(tp, -_size(rest))
            if not lanes:
                del self._queues[org]
        for tp in [tp for tp in self._windows if tp.partition in partitions]:
            del self._windows[tp]

    @property
    def under_way(self) -> int:
        """Records that are handed over and not done."""
        return sum(window.total for window in self._windows.values())

    def offer(self, tp: Any, records: list[Any], batch: Batch, *, at_once: bool) -> Portion | None:
        """Take in what was read: to be handed over now where nothing waits and there is plenty of room, else queued."""
        window = self._window(tp)
        orgs = Counter(map(organisation, records)) if len(records) > 1 else Counter((organisation(records[0]),))
        if at_once and not self.waiting and window.total + len(records) <= MOST_UNDER_WAY // 2:
            window.hold(orgs)
            return Portion(tp, records, [(batch, len(records))], orgs, window)
        self._queue(tp, records, batch, orgs)
        return None

    def _queue(self, tp: Any, records: list[Any], batch: Batch, orgs: Mapping[bytes, int]) -> None:
        by_org: dict[bytes, list[Any]] = {}
        if len(orgs) == 1:
            by_org[next(iter(orgs))] = records
        else:
            for record in records:
                by_org.setdefault(organisation(record), []).append(record)
        for org, own in by_org.items():
            self._queues.setdefault(org, {}).setdefault(tp, deque()).append(_Stretch(own, batch))
        self.waiting += len(records)
        self._count(tp, _size(records))

    def take(self, most: int) -> list[Portion]:
        """What is to be handed over now, at most so many records: each organisation in its turn, as there is room."""
        taken: list[Portion] = []
        current: dict[Any, Portion] = {}
        left, passed = most, 0
        share = max(1, most // max(1, len(self._queues)))
        while left > 0 and passed < len(self._queues):
            org, lanes = self._queues.popitem(last=False)
            count = self._turn(org, lanes, min(share, left), taken, current)
            if lanes:
                self._queues[org] = lanes
            passed = 0 if count else passed + 1
            left -= count
            if passed == 1 and self._nothing_fits():
                # Nobody else would find room either, and a thousand organisations need not be asked to know that.
                self._queues.move_to_end(org, last=False)
                break
        return taken

    def _nothing_fits(self) -> bool:
        return all(self._window(tp).full for tp, size in self._bytes.items() if size > 0)

    def _turn(
        self,
        org: bytes,
        lanes: dict[Any, deque[_Stretch]],
        most: int,
        taken: list[Portion],
        current: dict[Any, Portion],
    ) -> int:
        """One organisation's turn: a share of each of its partitions."""
        count, share = 0, max(1, most // len(lanes))
        for _ in range(len(lanes)):
            tp = next(iter(lanes))
            lane = lanes.pop(tp)
            window = self._window(tp)
            room = min(share, most - count, window.room(org))
            while room > 0 and lane:
                portion = current.get(tp)
                if portion is None or len(portion.records) >= self._most_in_portion:
                    portion = current[tp] = Portion(tp, [], [], Counter(), window)
                    taken.append(portion)
                moved = self._move(org, lane, min(room, self._most_in_portion - len(portion.records)), portion)
                window.hold_more(org, moved)
                room -= moved
                count += moved
            if lane:
                lanes[tp] = lane
        return count

    def _move(self, org: bytes, lane: deque[_Stretch], most: int, portion: Portion) -> int:
        stretch = lane[0]
        records = stretch.records[stretch.taken : stretch.taken + most]
        stretch.taken += len(records)
        if stretch.taken == len(stretch.records):
            lane.popleft()
        portion.records.extend(records)
        portion.parts.append((stretch.batch, len(records)))
        portion.orgs[org] += len(records)
        self.waiting -= len(records)
        self._count(portion.tp, -_size(records))
        return len(records)

    def _count(self, tp: Any, size: int) -> None:
        self._bytes[tp] += size
        self.bytes += size

    def _window(self, tp: Any) -> Window:
        window = self._windows.get(tp)
        if window is None:
            window = self._windows[tp] = Window()
        return window


def _size(records: Sequence[Any]) -> int:
    return sum(_OVERHEAD + len(record.value or b"") + len(record.key or b"") for record in records)
