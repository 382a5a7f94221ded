"""The SQL of the projection: everything that reads or writes its tables while it folds.

A batch is written straight into the tables of the weeks that its runs began in: routed by Postgres it would pay for
every week there is. Tables that are missing are made before the transaction begins, whatever week it is.
"""

# ruff: noqa: S608 - schema and table names are our own constants
from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

import asyncpg
import orjson

from projections.errors import PositionLost
from projections.fold import Entry, RunRow, StepRow
from projections.letters import Letter
from projections.periods import DAYS, RUN_TABLES, WEEKS
from runtime.postgres import Connection

LIVE: Final = "history_data"
MOVED: Final = "history_offsets_moved"
"""The channel that says that someone else set the offsets: a projector without new records would not see it."""

RECORD_COLUMNS: Final = ("run_id", "seq", "entries", "week")
RUN_COLUMNS: Final = (
    "run_id", "org_id", "workflow_id", "workflow_name", "workflow_version", "status", "trigger_type", "entity_key",
    "started_at", "finished_at", "error", "causation_chain", "event_seq", "entity_name", "caused_by", "rerun_of",
    "guard",
)  # fmt: skip
STEP_COLUMNS: Final = (
    "run_id", "position", "step_id", "action", "status", "attempts", "input_seq", "output_seq", "error_seq",
    "started_at", "finished_at", "week",
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


class Key(NamedTuple):
    """A run's row in `run_keys`: where it is kept, and whose it is, which is not known before its first entry came."""

    run_id: str
    week: int
    org_id: str | None


class Stored(NamedTuple):
    """What Postgres has of a run: the week in which it is kept, whose it is, and its entries by their seq."""

    week: int
    org_id: str | None
    entries: dict[int, Entry]


class WeekRows:
    """What one batch comes to in the tables of one week."""

    __slots__ = ("changed_runs", "changed_steps", "new_runs", "new_steps", "records")

    def __init__(self) -> None:
        self.records: list[tuple[str, int, str, int]] = []
        self.new_runs: list[RunRow] = []
        self.changed_runs: list[RunRow] = []
        self.new_steps: list[StepRow] = []
        self.changed_steps: list[StepRow] = []


class Rows:
    """What one batch comes to."""

    __slots__ = ("letters", "moved", "new_keys", "refolded", "weeks")

    def __init__(self) -> None:
        self.weeks: dict[int, WeekRows] = {}
        self.new_keys: list[Key] = []
        # Runs that are folded anew and stand among the new, with the week in which they are: their rows of runs and
        # steps are deleted first. Of those whose key changes, for an earlier entry came than all that were known, the
        # records are too.
        self.refolded: list[tuple[str, int]] = []
        self.moved: list[tuple[str, int]] = []
        self.letters: list[Letter] = []

    def of(self, week: int) -> WeekRows:
        """The rows of a week, by its number in `projections.periods.WEEKS`."""
        rows = self.weeks.get(week)
        if rows is None:
            rows = self.weeks[week] = WeekRows()
        return rows


class Week:
    """The statements on the tables of one week."""

    __slots__ = ("change_runs", "change_steps", "load", "name")

    def __init__(self, schema: str, number: int) -> None:
        self.name = WEEKS.name(number)
        self.load = f"select run_id, seq, entries from {schema}.records_{self.name} where run_id = any($1::text[])"
        self.change_runs = f"""
            update {schema}.runs_{self.name} r
               set status = n.status, finished_at = n.finished_at, error = n.error, event_seq = n.event_seq,
                   trigger_type = n.trigger_type, workflow_name = n.workflow_name, workflow_version = n.workflow_version
              from unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::integer[], $6::text[], $7::text[],
                          $8::bigint[])
                   n (run_id, status, finished_at, error, event_seq, trigger_type, workflow_name, workflow_version)
             where r.run_id = n.run_id"""
        self.change_steps = f"""
            update {schema}.steps_{self.name} s
               set status = n.status, attempts = n.attempts, input_seq = n.input_seq, output_seq = n.output_seq,
                   error_seq = n.error_seq, finished_at = n.finished_at
              from unnest($1::text[], $2::integer[], $3::text[], $4::integer[], $5::integer[], $6::integer[],
                          $7::integer[], $8::timestamptz[])
                   n (run_id, position, status, attempts, input_seq, output_seq, error_seq, finished_at)
             where s.run_id = n.run_id and s.position = n.position"""


class Store:
    """The tables in one schema: the live ones, or those of a rebuild."""

    def __init__(self, connection: Connection, schema: str = LIVE) -> None:
        self.connection = connection
        self.schema = schema
        self._weeks: dict[int, Week] = {}
        self._move = f"""
            update {schema}.offsets o set next = m.next
              from unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[]) m (topic, partition, was, next)
             where o.topic = m.topic and o.partition = m.partition and o.next = m.was"""
        # In one statement, for at low load a round trip costs more than what it does.
        self._move_with_keys = f"""
            with keys as (insert into {schema}.run_keys (run_id, week, org_id)
                          select * from unnest($5::text[], $6::integer[], $7::text[]))
            {self._move}"""
        self._keys = f"select run_id, week, org_id from {schema}.run_keys where run_id = any($1::text[])"
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

    async def stored(self, runs: Iterable[str]) -> dict[str, Stored]:
        """What there is of these runs; those of which there is nothing are left out."""
        found: dict[str, Stored] = {}
        by_week: dict[int, list[str]] = {}
        for run_id, week, org_id in await self.connection.fetch(self._keys, list(runs)):
            found[run_id] = Stored(week, org_id, {})
            by_week.setdefault(week, []).append(run_id)

        async def load() -> None:
            for number, of_week in by_week.items():
                for run_id, seq, text in await self.connection.fetch(self._week(number).load, of_week):
                    found[run_id].entries.update(enumerate(orjson.loads(text), seq))

        if by_week:
            await self.with_weeks(by_week, load)
        return found

    def _week(self, number: int) -> Week:
        return self._weeks[number]

    async def with_weeks(self, numbers: Iterable[int], work: Callable[[], Awaitable[None]]) -> None:
        """Do work for which these weeks' tables have to be there; one that was dropped meanwhile is made again."""
        await self._make_weeks(numbers)
        try:
            await work()
        except asyncpg.UndefinedTableError:
            self._weeks.clear()
            await self._make_weeks(numbers)
            await work()

    async def _make_weeks(self, numbers: Iterable[int]) -> None:
        """Make the tables of these weeks where they are missing."""
        for number in numbers:
            if number not in self._weeks:
                begin = WEEKS.begin(number)
                if begin is not None and number < WEEKS.count:
                    await self.connection.execute(f"select {LIVE}.add_week($1, $2)", self.schema, begin.date())
                self._weeks[number] = Week(self.schema, number)

    async def make_day(self, number: int) -> None:
        """Make the table of this day's events, by its number in `projections.periods.DAYS`."""
        begin = DAYS.begin(number)
        if begin is not None and number < DAYS.count:
            await self.connection.execute(f"select {LIVE}.add_day($1)", begin.date())

    async def write(self, rows: Rows, moves: Sequence[Move]) -> None:
        """All of it or nothing, in one transaction. Raises PositionLost when an offset is not what it has to be."""
        gone = [week for _, week in (*rows.refolded, *rows.moved)]
        await self.with_weeks({*rows.weeks, *gone}, lambda: self._write(rows, moves))

    async def _write(self, rows: Rows, moves: Sequence[Move]) -> None:
        async with self.connection.transaction():
            if rows.refolded:
                await self._delete(rows.refolded, ("runs", "steps"))
            if rows.moved:
                await self._delete(rows.moved, RUN_TABLES)
                await self.connection.execute(
                    f"delete from {self.schema}.run_keys where run_id = any($1::text[])", [one for one, _ in rows.moved]
                )
            await self.move_offsets(moves, rows.new_keys)
            for number, of_week in rows.weeks.items():
                await self._write_week(self._week(number), of_week)
            if rows.letters:
                await self.connection.executemany(self._add_letter, rows.letters)

    async def _delete(self, runs: Sequence[tuple[str, int]], tables: Sequence[str]) -> None:
        by_week: dict[int, list[str]] = {}
        for run_id, week in runs:
            by_week.setdefault(week, []).append(run_id)
        for number, of_week in by_week.items():
            for table in tables:
                await self.connection.execute(
                    f"delete from {self.schema}.{table}_{self._week(number).name} where run_id = any($1::text[])",
                    of_week,
                )

    async def move_offsets(self, moves: Sequence[Move], keys: Sequence[Key] = ()) -> None:
        """Within a transaction of the caller's; `keys` are new runs. Raises PositionLost where one is elsewhere."""
        if not moves:
            return
        columns: list[list[Any]] = list(map(list, zip(*moves, strict=True)))
        if keys:
            columns += map(list, zip(*keys, strict=True))
        done = await self.connection.execute(self._move_with_keys if keys else self._move, *columns)
        if int(done.rpartition(" ")[2]) != len(moves):
            message = "the offsets are not where this projector left them"
            raise PositionLost(message)

    async def _write_week(self, week: Week, rows: WeekRows) -> None:
        await self._copy(f"records_{week.name}", RECORD_COLUMNS, rows.records)
        await self._copy(f"runs_{week.name}", RUN_COLUMNS, rows.new_runs)
        await self._copy(f"steps_{week.name}", STEP_COLUMNS, rows.new_steps)
        if rows.changed_runs:
            await self._update_runs(week, rows.changed_runs)
        if rows.changed_steps:
            await self._update_steps(week, rows.changed_steps)

    async def _copy(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            await self.connection.copy_records_to_table(table, schema_name=self.schema, columns=columns, records=rows)

    async def _update_runs(self, week: Week, rows: Sequence[RunRow]) -> None:
        await self.connection.execute(
            week.change_runs,
            [row[0] for row in rows],
            [row[5] for row in rows],
            [row[9] for row in rows],
            [row[10] for row in rows],
            [row[12] for row in rows],
            [row[6] for row in rows],
            [row[3] for row in rows],
            [row[4] for row in rows],
        )

    async def _update_steps(self, week: Week, rows: Sequence[StepRow]) -> None:
        await self.connection.execute(
            week.change_steps,
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
