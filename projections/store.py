"""The SQL of the projection: everything that reads or writes its tables while it folds."""

# ruff: noqa: S608 - schema and table names are our own constants
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import asyncpg
import orjson

from projections.errors import PositionLost
from projections.fold import Entry, RunRow, StepRow
from projections.letters import Letter
from runtime.postgres import Connection

LIVE: Final = "history_data"
MOVED: Final = "history_offsets_moved"
"""The channel that says that someone else set the offsets: a projector without new records would not see it."""

RECORD_COLUMNS: Final = ("run_id", "seq", "entries")
RUN_COLUMNS: Final = (
    "run_id", "org_id", "workflow_id", "workflow_name", "workflow_version", "status", "trigger_type", "entity_key",
    "started_at", "finished_at", "error", "causation_chain", "event_seq",
)  # fmt: skip
STEP_COLUMNS: Final = (
    "run_id", "position", "step_id", "action", "status", "attempts", "input_seq", "output_seq", "error_seq",
    "started_at", "finished_at",
)  # fmt: skip


class Partition(NamedTuple):
    """A topic's partition."""

    topic: str
    partition: int


class Move(NamedTuple):
    """A partition's offset as it has to be, and as it becomes."""

    topic: str
    partition: int
    was: int
    next: int


class Rows:
    """What one batch comes to."""

    __slots__ = ("changed_runs", "changed_steps", "letters", "new_runs", "new_steps", "records", "refolded")

    def __init__(self) -> None:
        self.records: list[tuple[str, int, str]] = []
        self.new_runs: list[RunRow] = []
        self.changed_runs: list[RunRow] = []
        self.new_steps: list[StepRow] = []
        self.changed_steps: list[StepRow] = []
        # Runs whose rows of runs and steps are deleted first: they are folded anew and stand among the new.
        self.refolded: list[str] = []
        self.letters: list[Letter] = []


class Store:
    """The tables in one schema: the live ones, or those of a rebuild."""

    def __init__(self, connection: Connection, schema: str = LIVE) -> None:
        self.connection = connection
        self.schema = schema
        self._move = f"""
            update {schema}.offsets o set next = m.next
              from unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[]) m (topic, partition, was, next)
             where o.topic = m.topic and o.partition = m.partition and o.next = m.was"""
        self._load = f"select run_id, seq, entries from {schema}.records where run_id = any($1::text[])"
        self._change_runs = f"""
            update {schema}.runs r
               set status = n.status, finished_at = n.finished_at, error = n.error, event_seq = n.event_seq,
                   trigger_type = n.trigger_type
              from unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::integer[], $6::text[])
                   n (run_id, status, finished_at, error, event_seq, trigger_type)
             where r.run_id = n.run_id"""
        self._change_steps = f"""
            update {schema}.steps s
               set status = n.status, attempts = n.attempts, input_seq = n.input_seq, output_seq = n.output_seq,
                   error_seq = n.error_seq, finished_at = n.finished_at
              from unnest($1::text[], $2::integer[], $3::text[], $4::integer[], $5::integer[], $6::integer[],
                          $7::integer[], $8::timestamptz[])
                   n (run_id, position, status, attempts, input_seq, output_seq, error_seq, finished_at)
             where s.run_id = n.run_id and s.position = n.position"""
        self._add_letter = f"""
            insert into {schema}.dead_letters (id, reason, field, topic, partition, "offset", key, value, at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (id) do nothing"""

    async def positions(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The next offset to fold of each partition; 0 for a new one, whose row is made."""
        wanted = list(partitions)
        topics, numbers = [one.topic for one in wanted], [one.partition for one in wanted]
        await self.connection.execute(
            f"""insert into {self.schema}.offsets (topic, partition, next)
                select topic, partition, 0 from unnest($1::text[], $2::integer[]) w (topic, partition)
                on conflict do nothing""",
            topics,
            numbers,
        )
        rows = await self.connection.fetch(
            f"""select o.topic, o.partition, o.next from {self.schema}.offsets o
                  join unnest($1::text[], $2::integer[]) w (topic, partition) using (topic, partition)""",
            topics,
            numbers,
        )
        return {Partition(row["topic"], row["partition"]): row["next"] for row in rows}

    async def entries_of(self, runs: Iterable[str]) -> dict[str, dict[int, Entry]]:
        """The stored entries of these runs by their seq; runs without any are left out."""
        found: dict[str, dict[int, Entry]] = {}
        for run_id, seq, text in await self.connection.fetch(self._load, list(runs)):
            of_run = found.setdefault(run_id, {})
            for number, entry in enumerate(orjson.loads(text), seq):
                of_run[number] = entry
        return found

    async def write(self, rows: Rows, moves: Sequence[Move]) -> None:
        """All of it or nothing, in one transaction. Raises PositionLost when an offset is not what it has to be."""
        async with self.connection.transaction():
            await self._move_offsets(moves)
            await self._write_new(rows)
            if rows.changed_runs:
                await self._update_runs(rows.changed_runs)
            if rows.changed_steps:
                await self._update_steps(rows.changed_steps)
            if rows.letters:
                await self.connection.executemany(self._add_letter, rows.letters)

    async def _move_offsets(self, moves: Sequence[Move]) -> None:
        if not moves:
            return
        done = await self.connection.execute(self._move, *map(list, zip(*moves, strict=True)))
        if int(done.rpartition(" ")[2]) != len(moves):
            message = "the offsets are not where this projector left them"
            raise PositionLost(message)

    async def _write_new(self, rows: Rows) -> None:
        if rows.refolded:
            for table in ("runs", "steps"):
                await self.connection.execute(
                    f"delete from {self.schema}.{table} where run_id = any($1::text[])",
                    rows.refolded,
                )
        await self._copy("records", RECORD_COLUMNS, rows.records)
        await self._copy("runs", RUN_COLUMNS, rows.new_runs)
        await self._copy("steps", STEP_COLUMNS, rows.new_steps)

    async def _copy(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            await self.connection.copy_records_to_table(table, schema_name=self.schema, columns=columns, records=rows)

    async def _update_runs(self, rows: Sequence[RunRow]) -> None:
        await self.connection.execute(
            self._change_runs,
            [row[0] for row in rows],
            [row[5] for row in rows],
            [row[9] for row in rows],
            [row[10] for row in rows],
            [row[12] for row in rows],
            [row[6] for row in rows],
        )

    async def _update_steps(self, rows: Sequence[StepRow]) -> None:
        await self.connection.execute(
            self._change_steps,
            [row[0] for row in rows],
            [row[1] for row in rows],
            [row[4] for row in rows],
            [row[5] for row in rows],
            [row[6] for row in rows],
            [row[7] for row in rows],
            [row[8] for row in rows],
            [row[10] for row in rows],
        )


REFUSED: Final = (asyncpg.DataError, asyncpg.ProgramLimitExceededError, asyncpg.StatementTooComplexError, ValueError)
"""What Postgres raises, and asyncpg (a ValueError), about what a row holds."""
