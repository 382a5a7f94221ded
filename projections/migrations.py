"""Bring a database to the tables and views of this version."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Final, NamedTuple

from pydantic import SecretStr

from projections.errors import MigrationError
from projections.periods import DAYS, WEEKS
from runtime.logging import logger
from runtime.postgres import Connection, connect, patiently, trouble

log = logger("migrate")

LOCK: Final = 0x6F73_7765_0001
"""The advisory lock under which migrations are applied, one process at a time."""

_NAME = re.compile(r"(\d{4})_(\w+)\.sql")

_PREPARE = """
create schema if not exists history_data;
create table if not exists history_data.migrations (
    version integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now()
);
"""


_WEEKS_AHEAD: Final = timedelta(weeks=2)
_DAYS_AHEAD: Final = timedelta(days=2)
"""For how long there are tables already: whoever meets another time makes its tables itself."""


class Migration(NamedTuple):
    """One numbered file of `projections/sql`."""

    version: int
    name: str
    sql: str
    checksum: str


def migrations() -> list[Migration]:
    """All migrations of this version, in order."""
    found = []
    for file in resources.files("projections").joinpath("sql").iterdir():
        if match := _NAME.fullmatch(file.name):
            sql = file.read_text(encoding="utf-8")
            checksum = hashlib.sha256(sql.encode()).hexdigest()
            found.append(Migration(int(match[1]), match[2], sql, checksum))
    return sorted(found)


async def migrate(url: str | SecretStr, *, patience: float | None = 30.0) -> list[str]:
    """Apply what is missing, and return its names (`0001_tables`), in order; an empty list when all is there.

    Safe when several processes start at once. While Postgres is away it is waited for, `patience` seconds at most
    (None: for ever). Raises MigrationError when a migration was edited after it had been applied, and asyncpg's
    errors when Postgres refuses one; a refused migration leaves nothing behind.
    """

    async def attempt() -> list[str]:
        connection = await connect(url)
        try:
            return await apply(connection)
        finally:
            await connection.close(timeout=5)

    def say(error: BaseException) -> None:
        log.warning("postgres is away, waiting for it to migrate", error=trouble(error))

    applied: list[str] = await patiently(attempt, patience=patience, on_wait=say)
    return applied


async def apply(connection: Connection) -> list[str]:
    """`migrate` on a connection that the caller holds: all in one transaction."""
    async with connection.transaction():
        if await _is_all_there(connection):
            # Whoever may not make tables, such as the Hub, needs none.
            if await connection.fetchval("select has_function_privilege('history_data.add_day(date)', 'execute')"):
                await make_partitions(connection, datetime.now(UTC))
            return []
        await _become_owner(connection)
        await connection.execute("select pg_advisory_xact_lock($1)", LOCK)
        await connection.execute(_PREPARE)
        rows = await connection.fetch("select version, checksum from history_data.migrations")
        known = {row["version"]: row["checksum"] for row in rows}
        applied = []
        for one in migrations():
            label = f"{one.version:04}_{one.name}"
            if one.version not in known:
                await connection.execute(one.sql)
                await connection.execute(
                    "insert into history_data.migrations (version, name, checksum) values ($1, $2, $3)",
                    one.version,
                    one.name,
                    one.checksum,
                )
                applied.append(label)
            elif known[one.version] != one.checksum:
                message = f"migration {label} was changed after it had been applied to this database"
                raise MigrationError(message)
        await make_partitions(connection, datetime.now(UTC))
        if applied:
            await _keep_apart(connection)
    return applied


async def _is_all_there(connection: Connection) -> bool:
    """Whether nothing is to be applied: then nothing is asked for that only the owner may."""
    if await connection.fetchval("select to_regclass('history_data.migrations')") is None:
        return False
    rows = await connection.fetch("select version, checksum from history_data.migrations")
    known = {row["version"]: row["checksum"] for row in rows}
    return all(known.get(one.version) == one.checksum for one in migrations())


async def _become_owner(connection: Connection) -> None:
    """What is made belongs to the role that owns the rest, where there is one.

    Raises MigrationError where it is somebody else who may make it.
    """
    owner = await connection.fetchval(
        "select r.rolname from pg_namespace n join pg_roles r on r.oid = n.nspowner where n.nspname = 'history_data'"
    )
    if owner is None:
        return
    if not await connection.fetchval("select pg_has_role($1, 'member')", owner):
        user = await connection.fetchval("select current_user")
        message = (
            f"the tables are of an earlier version, and the database user {user} may not change them: run "
            f"'onestack migrate' as a member of {owner} first"
        )
        raise MigrationError(message)
    if owner == "onestack_owner":
        await connection.execute("set local role onestack_owner")


async def _keep_apart(connection: Connection) -> None:
    """See to it that the Hub finds the rows of one organisation at a time in all tables and views, new ones too."""
    if await connection.fetchval("select to_regprocedure('hub_data.lock()')") is None:
        return  # a database of before, brought part of the way
    if (reason := await connection.fetchval("select hub_data.lock()")) is not None:
        log.warning("the Hub will not work on this database, all else does", reason=reason)


async def make_partitions(connection: Connection, now: datetime) -> None:
    """Make the tables of this time and of the next, so that the first batch of a week or a day finds them."""
    for periods, ahead, statement in (
        (WEEKS, _WEEKS_AHEAD, "select history_data.add_week('history_data', $1)"),
        (DAYS, _DAYS_AHEAD, "select history_data.add_day($1)"),
    ):
        for number in range(periods.of(now), periods.of(now + ahead) + 1):
            begin = periods.begin(number)
            if begin is not None and number < periods.count:
                await connection.execute(statement, begin.date())
