"""The part of a rebuild that reads the log into its tables, as far as it is told to."""

# ruff: noqa: S608 - schema and table names are our own constants
from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka import TopicPartition

from projections.events import EventLog, Redact
from projections.projection import Projection
from projections.retention import Keep
from projections.shadow import SHADOW, ShadowStore, periods
from projections.store import LIVE, Partition
from runtime.postgres import Connection
from runtime.settings import Settings
from schemas.names import DEAD_LETTERS, RUNS

_BATCH: Final = 8_000
_EVENTS: Final = 1_000
_SAY_EVERY: Final = 5.0
_STALLED: Final = 3.0
"""Seconds without a record after which a log whose end is passed has no more, whatever was expected."""


class Filling:
    """Folds these partitions from where the rebuild's offsets are."""

    def __init__(
        self, connection: Connection, consumer: Any, partitions: Sequence[TopicPartition], redact: Redact,
        settings: Settings,
    ) -> None:  # fmt: skip
        self._connection = connection
        self._consumer = consumer
        self._partitions = list(partitions)
        self._store = ShadowStore(connection)
        self._runs = Projection(self._store)
        self._events = EventLog(self._store, redact, settings.max_event_bytes)
        self._read = 0

    async def open(self) -> None:
        """Find out where it stands."""
        self._runs.positions, self._events.positions = {}, {}
        found = await self._store.positions(Partition(*one) for one in self._partitions)
        for at, position in found.items():
            (self._runs if at.topic in {RUNS, DEAD_LETTERS} else self._events).positions[at] = position

    def _position(self, one: TopicPartition) -> int:
        at = Partition(*one)
        found = self._runs.positions.get(at)
        return self._events.positions[at] if found is None else found

    async def can_go_on(self, *, ahead: bool) -> bool:
        """Whether what is there is followed by what the log still has, and is not ahead of it, but where it may."""
        begins = await self._consumer.beginning_offsets(self._partitions) if self._partitions else {}
        live = await self._live()
        return all(
            not (position := self._position(one))
            or (begins[one] <= position and (ahead or position <= live.get(one, 0)))
            for one in self._partitions
        )

    async def folded(self) -> int:
        """Records that were read, also by a rebuild that this one goes on with: by the offsets, at least."""
        return self._read

    async def _live(self) -> dict[TopicPartition, int]:
        rows = await self._connection.fetch(f"select topic, partition, next from {LIVE}.offsets")
        return {TopicPartition(row["topic"], row["partition"]): row["next"] for row in rows}

    async def fill(self, say: Callable[[str], None], *, capped: bool, rounds: int = 1, close: int = 0) -> None:
        """Fold up to where the projector has come (`capped`), or to the log's end; again until it is that close."""
        for _ in range(rounds):
            ranges = await self._ranges(capped=capped)
            if sum(end - begin for begin, end in ranges.values()) <= close and close:
                return
            await self._follow(ranges, say, capped=capped)

    async def _ranges(self, *, capped: bool) -> dict[TopicPartition, tuple[int, int]]:
        if not self._partitions:
            return {}
        begins = await self._consumer.beginning_offsets(self._partitions)
        ends = await self._consumer.end_offsets(self._partitions)
        live = await self._live()
        found = {}
        for one in self._partitions:
            begin = max(self._position(one), begins[one])
            # Tansu names an end that may be short of what was read.
            end = live.get(one, 0) if capped else max(ends[one], live.get(one, 0))
            if begin < end:
                found[one] = (begin, end)
        return found

    async def _follow(
        self, ranges: dict[TopicPartition, tuple[int, int]], say: Callable[[str], None], *, capped: bool
    ) -> None:
        progress = _Progress(sum(end - begin for begin, end in ranges.values()), say)
        async for records in self._records(ranges, capped=capped):
            await self._fold(records)
            self._read += len(records)
            progress.tell(sum(end - max(begin, self._position(at)) for at, (begin, end) in ranges.items()))

    async def _records(
        self, ranges: dict[TopicPartition, tuple[int, int]], *, capped: bool
    ) -> AsyncIterator[list[Any]]:
        """Batches of the records from the first offset to before the second, of all these partitions.

        What a fetch brings beyond that is left out where it is `capped`. Otherwise it belongs to them: Tansu names as
        the end of a log the offset after the first record of its last batch.
        """
        consumer, left = self._consumer, dict(ranges)
        if not left:
            return
        consumer.assign(list(left))
        for at, (begin, _) in left.items():
            consumer.seek(at, begin)
        heard = time.monotonic()
        while left:
            arrived = await consumer.getmany(timeout_ms=200, max_records=_BATCH)
            found = [
                one
                for at, of_one in arrived.items()
                if at in left
                for one in of_one
                if not capped or one.offset < left[at][1]
            ]
            if found:
                heard = time.monotonic()
                yield found
            stalled = time.monotonic() - heard > _STALLED
            ends = await consumer.end_offsets(list(left)) if stalled else {}
            for at in list(left):
                position = await consumer.position(at)
                if position >= left[at][1] or (stalled and position >= ends[at]):
                    del left[at]
                    consumer.pause(at)

    async def _fold(self, records: list[Any]) -> None:
        of_runs = [one for one in records if one.topic in {RUNS, DEAD_LETTERS}]
        if of_runs:
            await self._runs.project(of_runs)
        events = [one for one in records if one.topic not in {RUNS, DEAD_LETTERS}]
        for begin in range(0, len(events), _EVENTS):
            await self._events.add(events[begin : begin + _EVENTS], datetime.now(UTC))

    async def whole(self, partitions: Sequence[TopicPartition]) -> AsyncIterator[tuple[list[Any], int]]:
        """The records of a topic's one partition from its beginning, all at once, and the offset after them."""
        for one in partitions:
            begins, ends = await self._consumer.beginning_offsets([one]), await self._consumer.end_offsets([one])
            found: list[Any] = []
            position = ends[one]
            if begins[one] < ends[one]:
                self._consumer.assign([one])
                self._consumer.seek(one, begins[one])
                while await self._consumer.position(one) < ends[one]:
                    for records in (await self._consumer.getmany(timeout_ms=200)).values():
                        found += records
                position = await self._consumer.position(one)
            yield found, position

    async def forget_old(self, keep: Keep, now: datetime) -> None:
        """Remove what the history removes for its age: else it would come back for an hour, and count as missing."""
        for one in await periods(self._connection, SHADOW, "runs"):
            name = one.name.removeprefix("runs_")
            old = " or ".join(
                f"status in ({', '.join(map(repr, statuses))}) and started_at < ${n} and finished_at < ${n}"
                for n, (statuses, _) in enumerate(keep.outcomes(), 1)
            )
            gone = await self._connection.fetch(
                f"select run_id from {SHADOW}.runs_{name} where {old}", *(now - kept for _, kept in keep.outcomes())
            )
            ids = [row["run_id"] for row in gone]
            for table in (f"records_{name}", f"runs_{name}", f"steps_{name}", "run_keys") if ids else ():
                await self._connection.execute(f"delete from {SHADOW}.{table} where run_id = any($1::text[])", ids)
        self._runs.forget()
        await self._connection.execute(f"delete from {SHADOW}.dead_letters where at < $1", now - keep.failed)
        for one in await periods(self._connection, SHADOW, "events"):
            over = one.periods.over(one.number)
            for org in (None, *keep.events_by_org):
                kept = keep.events if org is None else keep.events_by_org[org]
                if over is None or over > now - kept:
                    continue
                await self._connection.execute(
                    f"delete from {SHADOW}.{one.name} where case when $1::text is null then org_id <> all($2::text[])"
                    " else org_id = $1 end",
                    org,
                    list(keep.events_by_org),
                )


class _Progress:
    def __init__(self, total: int, say: Callable[[str], None]) -> None:
        self._total, self._say = total, say
        self._began = self._said = time.monotonic()

    def tell(self, left: int) -> None:
        """Say how far it is, every few seconds."""
        now = time.monotonic()
        if now - self._said < _SAY_EVERY or not self._total:
            return
        self._said = now
        done = self._total - left
        rate = max(1.0, done / (now - self._began))
        self._say(
            f"{done:,} of {self._total:,} records ({100 * done // self._total} %), {rate:,.0f} a second, "
            f"about {left / rate / 60:.0f} min left"
        )
