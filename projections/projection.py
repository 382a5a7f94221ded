"""The fold-and-write core: batches of records in, rows and offsets out, in one transaction a batch. Knows no Kafka.

Theory of operation:
- A run's first stretch (seq 0) that no cache knows is taken for new, and its rows are copied in. Where it was a
  repeat after all, the unique key says so, the batch is rolled back and planned again *carefully*: with the stored
  entries of every run that is not cached.
- A run that goes on is folded on from its cached state; a missing one is folded from its stored entries, read with
  one query a batch. Entries below `next` are repeats, and dropped: the first in the log is the truth.
- A stretch beyond `next` leaves a gap. Such a run is folded anew from all its entries, its rows replaced, and it is
  not cached until the gap is filled.
- What a record holds may still be refused (by the fold or by Postgres). Then the batch is halved until that record
  is alone; it becomes a dead letter, all others are written.
- After any failure the caches are forgotten: Postgres has the truth.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, TypeVar

import asyncpg

from projections.errors import Poison
from projections.fold import Entry, RunFold, fold
from projections.letters import of_poison, of_record
from projections.records import Arrived, Stretch, cut, stretches
from projections.store import REFUSED, Key, Move, Partition, Rows, Store
from runtime.logging import logger
from schemas.names import RUNS

log = logger("projection")

ACTIVE: Final = 50_000
"""Runs under way whose state is kept, about 2 kB each; more are read from Postgres when they go on."""
FINISHED: Final = 5_000
"""Finished runs whose state is kept, for repeats come soon after."""


_Kept = TypeVar("_Kept")


class Recent(OrderedDict[str, _Kept]):
    """What was kept last, by the ids of runs; what exceeds `most` is dropped by `trim`, the longest untouched first.

    A batch costs the same whatever is kept: of a plain dictionary the first key is found behind all that were deleted.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def keep(self, run_id: str, what: _Kept) -> None:
        """Keep it as the last that was touched."""
        self[run_id] = what
        self.move_to_end(run_id)

    def trim(self) -> None:
        """Drop what is too much."""
        while len(self) > self._most:
            self.popitem(last=False)


class Projection:
    """Folds records and writes what comes of them. `positions` has the next offset of each partition that it holds."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.positions: dict[Partition, int] = {}
        self.poisoned = 0
        self.entries = 0
        self._active = Recent[RunFold](ACTIVE)
        self._finished = Recent[RunFold](FINISHED)

    def forget(self) -> None:
        """Drop all that was remembered of Postgres, but the positions."""
        self._active.clear()
        self._finished.clear()

    def forget_finished(self) -> None:
        """Drop what was remembered of finished runs: Postgres may have removed them."""
        self._finished.clear()

    async def project(self, records: Sequence[Arrived]) -> None:
        """Fold these records and write them with their offsets.

        A partition's records come in the order of their offsets; those below the position are passed over. Raises
        PositionLost when another projector moved the offsets, and what Postgres raises while it is away; nothing of
        the records that are not yet written is then written, and `positions` has to be read again.
        """
        positions = self.positions
        fresh = [one for one in records if one.offset >= positions[Partition(one.topic, one.partition)]]
        if fresh:
            await self._project(fresh, careful=False)

    async def _project(self, records: Sequence[Arrived], *, careful: bool) -> None:
        try:
            try:
                await self._attempt(records, careful=careful)
            except asyncpg.UniqueViolationError:
                self.forget()
                if careful:
                    raise
                await self._attempt(records, careful=True)
        except (Poison, *REFUSED) as error:
            self.forget()
            if len(records) == 1:
                await self._bury(records[0], error)
                return
            middle = len(records) // 2
            await self._project(records[:middle], careful=True)
            await self._project(records[middle:], careful=True)
        except BaseException:
            self.forget()
            raise

    async def _bury(self, record: Arrived, error: Exception) -> None:
        """Write a record that was refused: anew as plainer JSON if that helps, else as a dead letter."""
        if not isinstance(error, Poison):
            try:
                await self._attempt([record], careful=True, rewrite=True)
            except (Poison, *REFUSED) as again:
                self.forget()
                error = again
            else:
                return
        poison = error if isinstance(error, Poison) else Poison(f"Postgres can't hold it: {error}"[:500])
        rows = Rows()
        rows.letters.append(of_poison(record, poison))
        await self._write(rows, [record])
        self._tell([(record, poison)])

    async def _write(self, rows: Rows, records: Sequence[Arrived]) -> None:
        moves = self._moves(records)
        await self.store.write(rows, moves)
        for move in moves:
            self.positions[Partition(move.topic, move.partition)] = move.next

    def _tell(self, poisoned: Sequence[tuple[Arrived, Poison]]) -> None:
        self.poisoned += len(poisoned)
        for record, poison in poisoned:
            log.warning(
                "a record can't be folded, and is a dead letter",
                topic=record.topic, partition=record.partition, offset=record.offset, field=poison.field,
            )  # fmt: skip

    async def _attempt(self, records: Sequence[Arrived], *, careful: bool, rewrite: bool = False) -> None:
        rows = Rows()
        poisoned: list[tuple[Arrived, Poison]] = []
        arrived = self._read(records, rows, poisoned, rewrite=rewrite)
        runs = await self._known(arrived, careful=careful)
        gaps = self._fold_on(arrived, runs, rows)
        if gaps:
            await self._fold_anew(gaps, runs, rows)
        _collect(runs, rows)
        await self._write(rows, records)
        self._remember(runs)
        self.entries += sum([len(one.entries) for one in arrived])
        self._tell(poisoned)

    @staticmethod
    def _read(
        records: Sequence[Arrived], rows: Rows, poisoned: list[tuple[Arrived, Poison]], *, rewrite: bool
    ) -> list[Stretch]:
        arrived: list[Stretch] = []
        for record in records:
            if record.topic == RUNS:
                try:
                    arrived += stretches(record.value, rewrite=rewrite)
                except Poison as poison:
                    rows.letters.append(of_poison(record, poison))
                    poisoned.append((record, poison))
            else:
                rows.letters.append(of_record(record))
        return arrived

    async def _known(self, arrived: Sequence[Stretch], *, careful: bool) -> dict[str, RunFold]:
        """The state of each run that arrived, as of before this batch."""
        runs: dict[str, RunFold] = {}
        missing: list[str] = []
        active, finished = self._active, self._finished
        for run_id, seq, _, _ in arrived:
            if run_id not in runs:
                run = active.get(run_id) or finished.get(run_id)
                if run is None:
                    run = RunFold(run_id)
                    if seq or careful:
                        missing.append(run_id)
                runs[run_id] = run
        if missing:
            for run_id, stored in (await self.store.stored(missing)).items():
                runs[run_id] = _as_stored(fold(run_id, stored.entries))
        return runs

    def _fold_on(self, arrived: Sequence[Stretch], runs: dict[str, RunFold], rows: Rows) -> dict[str, list[Stretch]]:
        """Fold what follows on; returns the stretches of runs that have a gap."""
        gaps: dict[str, list[Stretch]] = {}
        for stretch in arrived:
            run_id, seq, entries, text = stretch
            run = runs[run_id]
            if run.gapped or seq > run.next:
                run.gapped = True
                gaps.setdefault(run_id, []).append(stretch)
            elif seq == run.next:
                run.apply(entries, seq)
                _keep(rows, run, seq, text)
            elif seq + len(entries) > run.next:
                for rest in cut(entries[run.next - seq :]):
                    run.apply(rest.entries, rest.seq)
                    _keep(rows, run, rest.seq, rest.text)
        return gaps

    async def _fold_anew(self, gaps: dict[str, list[Stretch]], runs: dict[str, RunFold], rows: Rows) -> None:
        stored = await self.store.stored(gaps)
        fresh: dict[str, dict[int, Entry]] = {run_id: {} for run_id in gaps}
        # What of these runs was folded on in this batch comes first: it stood before the gap.
        for of_week in rows.weeks.values():
            for run_id, seq, text, _ in of_week.records:
                if run_id in fresh:
                    (again,) = stretches(text.encode())
                    fresh[run_id].update(enumerate(again.entries, seq))
            of_week.records = [one for one in of_week.records if one[0] not in fresh]
        for run_id, late in gaps.items():
            there = stored.get(run_id)
            known, new = {} if there is None else there.entries, fresh[run_id]
            for stretch in late:
                for seq, entry in enumerate(stretch.entries, stretch.seq):
                    if seq not in known:
                        new.setdefault(seq, entry)
            run = runs[run_id] = fold(run_id, known | new)
            if there is not None:
                run.keyed = (there.week, there.org_id) == (run.week, run.org_id)
                (rows.refolded if run.keyed else rows.moved).append((run_id, there.week))
            to_write = new if run.keyed else known | new
            for one in cut([to_write[seq] for seq in sorted(to_write)]):
                _keep(rows, run, one.seq, one.text)

    def _moves(self, records: Sequence[Arrived]) -> list[Move]:
        last: dict[tuple[str, int], int] = {}
        for record in records:
            last[record.topic, record.partition] = record.offset
        return [
            Move(topic, partition, self.positions[Partition(topic, partition)], offset + 1)
            for (topic, partition), offset in sorted(last.items())
        ]

    def _remember(self, runs: dict[str, RunFold]) -> None:
        active, finished = self._active, self._finished
        for run_id, run in runs.items():
            active.pop(run_id, None)
            finished.pop(run_id, None)
            if not run.gapped:
                (finished if run.finished else active).keep(run_id, run)
        active.trim()
        finished.trim()


def _keep(rows: Rows, run: RunFold, seq: int, text: str) -> None:
    week = run.week
    rows.of(week).records.append((run.run_id, seq, text, week))


def _as_stored(run: RunFold) -> RunFold:
    """The fold of what is in Postgres: all its rows are there."""
    run.keyed = True
    run.stored = run.began
    run.changed = False
    run.touched.clear()
    for step in run.steps.values():
        step.stored = True
    return run


def _collect(runs: dict[str, RunFold], rows: Rows) -> None:
    """What is to be written of each run, which then counts as stored: after a failure all of it is forgotten."""
    for run_id, run in runs.items():
        week = run.week
        if not run.keyed:
            rows.new_keys.append(Key(run_id, week, run.org_id))
            run.keyed = True
        of_week = rows.of(week)
        if run.changed:
            if run.stored:
                of_week.changed_runs.append(run.row())
            elif run.began:
                of_week.new_runs.append(run.row())
                run.stored = True
            run.changed = False
        if run.touched:
            for step in run.touched.values():
                if step.stored:
                    of_week.changed_steps.append(step.row(run_id, week))
                else:
                    of_week.new_steps.append(step.row(run_id, week))
                    step.stored = True
            run.touched.clear()
