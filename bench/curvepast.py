"""A long history, made of one run: its rows in all tables of the present week and day, copied under other ids.

The present week is the worst case: its indexes are those that the projector writes to, in the random order of run ids.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from bench.errors import BenchError
from runtime.postgres import Connection

_AT_ONCE: Final = 50_000
"""Runs of one transaction: about 10 s of work."""
_TABLES: Final = """
select tableoid::regclass::text as name from history_data.{table} where {key} = $1 limit 1"""
_COLUMNS: Final = """
select attname from pg_attribute
 where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum"""
_NEW: Final = "md5('past-' || g)"


class Model(NamedTuple):
    """The run that is copied, how many rows it is, and the statements that copy it from number $1 to number $2."""

    run: str
    rows: int
    tables: tuple[str, ...]
    statements: tuple[str, ...]


async def model(connection: Connection, *, event: bool = True) -> Model:
    """A completed run, with its event unless there are none. Raises BenchError where it is not there."""
    row = await connection.fetchrow(
        "select r.run_id, r.trigger_event ->> 'id' as event_id from history.runs r where r.status = 'completed' limit 1"
    )
    if row is None:
        raise BenchError("there is no completed run to be copied")
    run, event_id = row["run_id"], row["event_id"]
    tables, statements, rows = [], [], 0
    for table, key, value in (
        ("run_keys", "run_id", run), ("records", "run_id", run), ("steps", "run_id", run), ("runs", "run_id", run),
        *([("events", "event_id", event_id)] if event else []),
    ):  # fmt: skip
        name = await connection.fetchval(_TABLES.format(table=table, key=key), value)
        if name is None:
            # The events are written beside the runs, and may come later.
            raise BenchError(f"the run {run} has no rows in {table} yet")
        columns = [one["attname"] for one in await connection.fetch(_COLUMNS, name)]
        rows += await connection.fetchval(f"select count(*) from {name} where {key} = $1", value)
        tables.append(name)
        statements.append(_statement(name, columns, f"{key} = '{value}'", run, event_id))
    return Model(run, rows, tuple(tables), tuple(statements))


def _statement(table: str, columns: list[str], which: str, run: str, event: str) -> str:
    made = {
        "run_id": _NEW,
        "event_id": "'past-' || g",
        "entity_key": "o.org_id || '/alert/past-' || g",
        "entries": f"replace(o.entries::text, '{run}', {_NEW})::json",
        "event": f"replace(o.event::text, '{event}', 'past-' || g)::json",
        "subject": "'alert/past-' || g",
    }
    names = ", ".join(f'"{one}"' for one in columns)
    values = ", ".join(made.get(one, f'o."{one}"') for one in columns)
    return (
        f"insert into {table} ({names}) select {values} "
        f"from generate_series($1::bigint, $2::bigint) g cross join {table} o where o.{which}"
    )


async def fill(connection: Connection, one: Model, first: int, runs: int, told: Callable[[int], None]) -> None:
    """Copy it from the number `first` on until there are `runs` copies, and leave the database at rest."""
    await connection.execute("set synchronous_commit = off; set jit = off")
    for begin in range(first, runs, _AT_ONCE):
        end = min(begin + _AT_ONCE, runs)
        async with connection.transaction():
            for statement in one.statements:
                await connection.execute(statement, begin, end - 1, timeout=600)
        told(end)
    for table in one.tables:
        await connection.execute(f"vacuum (analyze) {table}", timeout=600)
    await connection.execute("checkpoint", timeout=600)
