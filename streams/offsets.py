"""What of a partition may be committed: pure bookkeeping of batches that end in any order."""

from __future__ import annotations

from collections import deque


class Batch:
    """The offsets of one batch: from `first` to before `after`. Its records may be handed over apart."""

    __slots__ = ("_left", "after", "done", "first")

    def __init__(self, first: int, after: int, records: int) -> None:
        self.first, self.after, self.done = first, after, False
        self._left = records

    def finish(self, records: int) -> None:
        """So many more of its records are done; with the last, the batch is."""
        self._left -= records
        self.done = self._left <= 0


class Progress:
    """One partition's batches in the order of their delivery.

    An offset may be committed only when everything before it is done. Offsets without a record (compaction,
    transaction markers) are no gaps: a batch ends where the next record to read begins.
    """

    __slots__ = ("_batches", "_reached", "committed", "records")

    def __init__(self) -> None:
        self._batches: deque[tuple[Batch, int]] = deque()
        self._reached = -1
        self.committed = -1
        self.records = 0

    def deliver(self, first: int, after: int, records: int) -> Batch:
        """A batch was read; the caller finishes its records."""
        batch = Batch(first, after, records)
        self._batches.append((batch, records))
        self.records += records
        return batch

    def committable(self) -> int | None:
        """The next offset to read after a restart, where it is further than what was committed last."""
        while self._batches and self._batches[0][0].done:
            batch, records = self._batches.popleft()
            self.records -= records
            self._reached = max(self._reached, batch.after)
        return self._reached if self._reached > self.committed else None

    @property
    def waiting(self) -> int:
        """Batches that were delivered and are not committable yet."""
        return len(self._batches)
