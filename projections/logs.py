"""Whether a topic is still the log whose offsets are stored, or another one that begins at 0 anew.

Offsets alone don't tell once the new log is as long as the old one was. So a record that was folded is remembered of
each partition, now and then: where the log has another one in its place, it is another log.
"""

# ruff: noqa: S608 - schema and table names are our own constants
from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError

from projections.letters import stamp
from projections.records import Arrived
from projections.store import LIVE, Partition
from runtime.logging import logger
from runtime.postgres import Connection

log = logger("logs")

EVERY: Final = 30.0
"""Seconds between two marks of a partition; the first comes with the first batch."""
_PATIENCE: Final = 10.0

_SET: Final = f"""
insert into {LIVE}.marks as m (topic, partition, "offset", told)
select * from unnest($1::text[], $2::integer[], $3::bigint[], $4::bytea[])
on conflict (topic, partition) do update set "offset" = excluded."offset", told = excluded.told"""
_STORED: Final = f"""
select o.topic, o.partition, o.next, m."offset", m.told
  from {LIVE}.offsets o left join {LIVE}.marks m using (topic, partition) where o.topic = any($1::text[])"""
_MOVE: Final = f"update {LIVE}.offsets set next = $4 where topic = $1 and partition = $2 and next = $3"
_LOST: Final = f"""
with gone as (delete from {LIVE}.marks where topic = $1 and partition = $2)
insert into {LIVE}.lost_logs as l (topic, since) values ($1, $3)
on conflict (topic) do update
   -- The partitions of one loss are found one after the other.
   set since = case when l.found_at > now() - interval '1 hour' then least(l.since, excluded.since)
                    else excluded.since end,
       found_at = case when l.found_at > now() - interval '1 hour' then l.found_at else excluded.found_at end"""


def tell(record: Arrived) -> bytes:
    """What a record is known by."""
    told = hashlib.blake2b(str(record.timestamp).encode(), digest_size=16)
    for part in (record.key, record.value):
        told.update(b"\0" if part is None else b"\1" + part)
    return told.digest()


class Marks:
    """The records that are remembered of the partitions that this process follows."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._next: dict[Partition, float] = {}

    def forget(self) -> None:
        """Mark every partition with its next batch."""
        self._next.clear()

    async def set(self, records: Iterable[Arrived]) -> None:
        """Remember the last of these records, which are folded, of each partition where that is due."""
        now = time.monotonic()
        last: dict[Partition, Arrived] = {}
        for record in records:
            at = Partition(record.topic, record.partition)
            if self._next.get(at, 0.0) <= now:
                last[at] = record
        if last:
            columns = list(zip(*((*at, one.offset, tell(one)) for at, one in last.items()), strict=True))
            await self.connection.execute(_SET, *columns)
            self._next |= dict.fromkeys(last, now + EVERY)


async def start_anew(
    connection: Connection, consumer: Any, partitions: Sequence[TopicPartition]
) -> dict[Partition, int]:
    """Set to their beginning the offsets of those partitions whose log is another one than that they were stored for.

    What was set, and to what. Rows stay as they are. Moves the consumer, which has these partitions assigned; safe
    beside other processes that do the same.
    """
    if not partitions:
        return {}
    begins, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
    rows = await connection.fetch(_STORED, list({one.topic for one in partitions}))
    stored = {TopicPartition(row["topic"], row["partition"]): row for row in rows}
    known = {one: stored[one] for one in partitions if one in stored and stored[one]["next"] > 0}
    marks = {one: (row["offset"], row["told"]) for one, row in known.items() if row["told"] is not None}
    other, same = await _exchanged(consumer, marks, begins, ends)
    moved: dict[Partition, int] = {}
    for one, row in known.items():
        if one not in other:
            reached = row["next"] <= ends[one] or await _reaches(consumer, one, begins[one], ends[one], row["next"])
            if reached:
                continue
            if one in same:
                # Brokers lost what was not on enough of them; all before is what was read.
                await connection.execute(_MOVE, one.topic, one.partition, row["next"], ends[one])
                log.warning("a topic lost its last records, which were read before", topic=one.topic)
                continue
        since = await _first_at(consumer, one, begins[one], ends[one])
        async with connection.transaction():
            done = await connection.execute(_MOVE, one.topic, one.partition, row["next"], begins[one])
            if done == "UPDATE 1":
                await connection.execute(_LOST, one.topic, one.partition, since)
                moved[Partition(*one)] = begins[one]
    await _say(connection, moved)
    return moved


async def _say(connection: Connection, moved: Mapping[Partition, int]) -> None:
    for topic in sorted({at.topic for at in moved}):
        log.warning("a topic is not the one that was read before: it was made anew, reading it from its beginning",
                    topic=topic)  # fmt: skip
    if moved and (runs := await connection.fetchval("select count(*) from history.stranded_runs")):
        log.warning("runs were under way when the run log was lost, and will not go on; "
                    "`onestack history stranded` lists them", runs=runs)  # fmt: skip


async def _exchanged(
    consumer: Any, marks: Mapping[TopicPartition, tuple[int, bytes]], begins: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> tuple[set[TopicPartition], set[TopicPartition]]:  # fmt: skip
    """The partitions with another record where the marked one was, and those with that one.

    What is no longer there says nothing.
    """
    left = {at: mark for at, mark in marks.items() if begins[at] <= mark[0] < ends[at]}
    for at, (offset, _) in left.items():
        consumer.seek(at, offset)
    other: set[TopicPartition] = set()
    same: set[TopicPartition] = set()
    while left:
        for at, records in (await _arrived(consumer, *left)).items():
            offset, known = left.pop(at)
            if records[0].offset == offset:
                (same if tell(records[0]) == known else other).add(at)
    return other, same


async def _reaches(consumer: Any, one: TopicPartition, begin: int, end: int, position: int) -> bool:
    """Whether the log has the record before `position` after all.

    Tansu names as its end the offset after the first record of its last batch.
    """
    if begin >= end:
        return False
    consumer.seek(one, end - 1)
    return bool((await _arrived(consumer, one))[one][-1].offset + 1 >= position)


async def _arrived(consumer: Any, *partitions: TopicPartition) -> Any:
    """The records that come next, by the partition, of those of these partitions of which any come.

    Raises KafkaTimeoutError where none do: to take a slow broker for another log would double what is read.
    """
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if found := await consumer.getmany(*partitions, timeout_ms=200):
            return found
    message = f"{partitions[0].topic} has records that did not arrive"
    raise KafkaTimeoutError(message)


async def _first_at(consumer: Any, one: TopicPartition, begin: int, end: int) -> datetime:
    """When the first record of that log was written; now where it has none."""
    now = datetime.now(UTC)
    if begin >= end:
        return now
    consumer.seek(one, begin)
    return min(now, stamp((await _arrived(consumer, one))[one][0].timestamp))
