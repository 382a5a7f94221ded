"""Make the history anew from the log: into tables of its own, which then take the live rows' place at once.

A projector may run beside it. It writes on into the live tables until the rows are exchanged; that exchange sets the
offsets back to where the rebuild ended. The projector is notified and goes on from there; a batch that it has at hand
is refused.
"""

# ruff: noqa: S608 - schema and table names are our own constants
from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from aiokafka import TopicPartition

from projections.definitions import Definitions, FoldFactory
from projections.errors import RebuildBusy
from projections.migrations import migrate
from projections.periods import RUN_TABLES
from projections.projection import Projection
from projections.store import LIVE, MOVED, Partition, Store
from runtime.kafka import new_reader, scan, started, topic_partitions
from runtime.logging import logger
from runtime.postgres import Connection, connect
from runtime.settings import Settings
from schemas.names import DEAD_LETTERS, DEFINITIONS, RUNS

log = logger("rebuild")

LOCK: Final = 0x6F73_7765_0002
SHADOW: Final = "history_rebuild"

_TABLES: Final = (*RUN_TABLES, "run_keys")

_EXCHANGE: Final = f"""
lock table {LIVE}.offsets in exclusive mode;
create temporary table exchanged on commit drop as
select distinct r.run_id from {SHADOW}.records r
 where r.seq = 0 or not exists (select from {LIVE}.run_keys l where l.run_id = r.run_id);
create unique index on exchanged (run_id);
analyze exchanged;
{
    "".join(
        f'''
delete from {LIVE}.{table} t using exchanged e where t.run_id = e.run_id;
insert into {LIVE}.{table} select t.* from {SHADOW}.{table} t join exchanged e using (run_id);'''
        for table in _TABLES
    )
}
insert into {LIVE}.dead_letters as l select * from {SHADOW}.dead_letters
    on conflict (id) do update set reason = excluded.reason, field = excluded.field, at = least(l.at, excluded.at);
insert into {LIVE}.offsets as l select * from {SHADOW}.offsets
    on conflict (topic, partition) do update set next = least(l.next, excluded.next);
notify {MOVED};
"""


class Rebuilt(NamedTuple):
    """What a rebuild read and made."""

    records: int
    runs: int
    dead_letters: int
    workflows: int


async def rebuild(settings: Settings, folds: FoldFactory) -> Rebuilt:
    """Project the log from its beginning to its present end, and print what came of it.

    Rows of runs whose first entry is still in the log are replaced, all others are kept. Raises RebuildBusy while
    another rebuild is at work; when it fails, the live rows are as they were.
    """
    await migrate(settings.postgres_url)
    connection = await connect(settings.postgres_url)
    try:
        if not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK):
            message = "another rebuild of this database is at work"
            raise RebuildBusy(message)
        consumer = await started(new_reader(settings), "rebuild")
        try:
            done = await _rebuild(settings, connection, consumer, folds)
        finally:
            await consumer.stop()
    finally:
        await connection.close(timeout=5)
    sys.stdout.write(
        f"Rebuilt from {done.records} records: {done.runs} runs, {done.dead_letters} dead letters, "
        f"{done.workflows} workflows in force.\n"
    )
    return done


async def _rebuild(settings: Settings, connection: Connection, consumer: Any, folds: FoldFactory) -> Rebuilt:
    partitions = await topic_partitions(settings, (RUNS, DEAD_LETTERS, DEFINITIONS))
    await make_shadow(connection)
    store = Store(connection, SHADOW)
    read = await _project(Projection(store), consumer, [*partitions.get(RUNS, ()), *partitions.get(DEAD_LETTERS, ())])
    runs = await connection.fetchval(f"select count(*) from {SHADOW}.runs")
    letters = await connection.fetchval(f"select count(*) from {SHADOW}.dead_letters")
    await exchange(connection)
    await _define(Definitions(connection, folds), consumer, partitions.get(DEFINITIONS, ()))
    workflows = await connection.fetchval("select count(*) from history.workflows")
    return Rebuilt(read, runs, letters, workflows)


async def make_shadow(connection: Connection) -> None:
    """Empty tables like the live ones, in a schema of their own."""
    made = [f"create table {SHADOW}.{one} (like {LIVE}.{one} including all)" for one in ("dead_letters", "offsets")]
    made.append(f"create unlogged table {SHADOW}.run_keys (like {LIVE}.run_keys including all)")
    for table in RUN_TABLES:
        key = "range (started_at)" if table == "runs" else "list (week)"
        made.append(f"create table {SHADOW}.{table} (like {LIVE}.{table} including all) partition by {key}")
    await connection.execute(f"drop schema if exists {SHADOW} cascade; create schema {SHADOW}; {'; '.join(made)};")
    await connection.execute(f"select {LIVE}.add_ends($1)", SHADOW)


async def exchange(connection: Connection) -> None:
    """Put the rebuilt rows in the live ones' place and set the offsets back to theirs, in one transaction.

    The weeks in which rebuilt runs began have their live tables before that.
    """
    live = Store(connection)
    weeks = [row["week"] for row in await connection.fetch(f"select distinct week from {SHADOW}.run_keys")]
    await live.with_weeks(weeks, lambda: _exchange(connection))
    await connection.execute(f"drop schema {SHADOW} cascade")


async def _exchange(connection: Connection) -> None:
    async with connection.transaction():
        await connection.execute(_EXCHANGE)


async def _whole(consumer: Any, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
    """Where each partition begins and ends now."""
    if not partitions:
        return {}
    begins, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
    return {one: (begins[one], ends[one]) for one in partitions}


async def _project(projection: Projection, consumer: Any, partitions: Sequence[TopicPartition]) -> int:
    ranges = await _whole(consumer, partitions)
    projection.positions = await projection.store.positions(Partition(*one) for one in ranges)
    read = 0
    async for _, records in scan(consumer, ranges):
        await projection.project(records)
        read += len(records)
    return read


async def _define(definitions: Definitions, consumer: Any, partitions: Sequence[TopicPartition]) -> None:
    ranges = await _whole(consumer, partitions)
    for _, end in ranges.values():
        definitions.begin(end)
        async for _, records in scan(consumer, ranges):
            await definitions.take(records, records[-1].offset + 1 if records else 0)
        if definitions.reading:
            await definitions.take((), end)
