"""The tables of a rebuild: a second set, in a schema of its own, with the live ones' columns and indexes.

A week or a day of it is a table that only has to be attached to take the live one's place: a check says that its rows
are of that period, so that Postgres need not read them then. The set survives a crash of the rebuild, which goes on
where its offsets say; it does not survive another version of what makes rows, which begins anew.
"""

# ruff: noqa: S608 - schema and table names are our own constants
from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib import resources
from typing import Final, NamedTuple

from projections.migrations import migrations
from projections.periods import DAYS, RUN_TABLES, WEEKS, Periods
from projections.store import LIVE, Store, Week
from runtime.postgres import Connection

SHADOW: Final = "history_rebuild"
OLD: Final = "history_replaced"
"""Where the tables go whose place was taken."""
WHOLE: Final = ("offsets", "dead_letters", "run_keys", "workflows", "workflow_versions", "calendars")
"""The tables without periods."""
_FOLDING: Final = ("definitions.py", "events.py", "fold.py", "letters.py", "projection.py", "records.py")
_CHECK: Final = "of_period"
_OPTIONS: Final = {
    "records": "toast_tuple_target = 8160",
    "events": "toast_tuple_target = 8160",
    "runs": "fillfactor = 85",
    "steps": "fillfactor = 85",
}


class Period(NamedTuple):
    """One period of a partitioned table: the table of it is `{table}_{name}`."""

    table: str
    number: int

    @property
    def periods(self) -> Periods:
        """What its number counts."""
        return DAYS if self.table == "events" else WEEKS

    @property
    def name(self) -> str:
        """The name of its table, without the schema."""
        return f"{self.table}_{self.periods.name(self.number)}"

    @property
    def bounds(self) -> str:
        """The values of a partition, as `attach partition … for values` takes them."""
        if self.table in {"records", "steps"}:
            return f"in ({self.number})"
        begin, over = self._edges()
        return f"from ({begin or 'minvalue'}) to ({over or 'maxvalue'})"

    @property
    def condition(self) -> str:
        """What holds for all rows of this period."""
        if self.table in {"records", "steps"}:
            return f"week = {self.number}"
        begin, over = self._edges()
        column = "received_at" if self.table == "events" else "started_at"
        parts = [f"{column} >= {begin}" if begin else "", f"{column} < {over}" if over else ""]
        return " and ".join(filter(None, parts))

    def _edges(self) -> tuple[str | None, str | None]:
        begin, over = self.periods.begin(self.number), self.periods.over(self.number)
        return (
            None if begin is None else f"'{begin:%Y-%m-%d} 00:00:00+00'",
            None if over is None else f"'{over:%Y-%m-%d} 00:00:00+00'",
        )


class ShadowStore(Store):
    """Writes a rebuild's tables, and makes those of weeks and days as they are needed."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, SHADOW)
        self._days: set[int] = set()

    async def _make_weeks(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            if number not in self._weeks:
                for table in RUN_TABLES:
                    await make_period(self.connection, Period(table, number))
                self._weeks[number] = Week(SHADOW, number)

    async def make_day(self, number: int) -> None:
        """Make the table of this day's events where it is missing."""
        if number not in self._days:
            await make_period(self.connection, Period("events", number))
            self._days.add(number)


async def make_period(connection: Connection, one: Period) -> None:
    """Make one table of the shadow where it is missing."""
    await connection.execute(
        f"""create table if not exists {SHADOW}.{one.name}
            (like {LIVE}.{one.table} including all, constraint {_CHECK} check ({one.condition}))
            with ({_OPTIONS[one.table]})"""
    )


async def make_shadow(connection: Connection) -> None:
    """Empty tables like the live ones, in the place of whatever an earlier rebuild left."""
    made = [f"create table {SHADOW}.{one} (like {LIVE}.{one} including all)" for one in WHOLE]
    # The runs that are known in part only: few, and asked for while the projector waits.
    made.append(f"create index on {SHADOW}.run_keys (run_id) where org_id is null")
    made.append(f'create table {SHADOW}.kept (run_id text collate "C" primary key)')
    made.append(
        f"create table {SHADOW}.state (made_by text not null, compared boolean not null default false, "
        "old_logs text[] not null default '{}')"
    )
    async with connection.transaction():
        await connection.execute(f"drop schema if exists {SHADOW} cascade; create schema {SHADOW}; {'; '.join(made)}")
        await connection.execute(f"insert into {SHADOW}.state (made_by) values ($1)", made_by())


async def drop(connection: Connection, schema: str) -> None:
    """Drop a schema of tables, some at a time: a transaction has room for so many locks only."""
    rows = await connection.fetch(
        "select c.relname from pg_class c where c.relnamespace = to_regnamespace($1) and c.relkind in ('r', 'p')",
        schema,
    )
    for begin in range(0, len(rows), 50):
        names = ", ".join(f'{schema}."{row["relname"]}"' for row in rows[begin : begin + 50])
        await connection.execute(f"drop table if exists {names} cascade")
    await connection.execute(f"drop schema if exists {schema} cascade")


async def is_ours(connection: Connection) -> bool:
    """Whether there is a shadow that this version has begun, and so can go on with."""
    if await connection.fetchval("select to_regclass($1)", f"{SHADOW}.state") is None:
        return False
    return bool(await connection.fetchval(f"select made_by = $1 from {SHADOW}.state", made_by()))


async def periods(connection: Connection, schema: str, table: str) -> list[Period]:
    """The periods of which that schema has a table, in their order."""
    rows = await connection.fetch(
        "select relname from pg_class where relnamespace = to_regnamespace($1) and relkind = 'r' and relname ~ $2",
        schema,
        f"^{table}_([0-9]{{8}}|past|future)$",
    )
    counted = DAYS if table == "events" else WEEKS
    numbers = sorted(counted.named(row["relname"].removeprefix(f"{table}_")) for row in rows)
    return [Period(table, number) for number in numbers]


def made_by() -> str:
    """What makes the rows: another version of it would mix its rows with those that are there."""
    told = hashlib.sha256(str([one.checksum for one in migrations()]).encode())
    for name in _FOLDING:
        told.update(resources.files("projections").joinpath(name).read_bytes())
    return told.hexdigest()
