"""The database: whether it answers, is of this version, keeps up, and has room."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import asyncpg
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from cli.doctor.finding import Finding, fault, ok, warning
from cli.errors import address_of
from projections.migrations import migrations
from projections.projector import Projector
from runtime.kafka import new_reader, scan, topic_partitions
from runtime.postgres import connect
from runtime.settings import Settings

_STATE: Final = """
select current_setting('server_version') as version, current_user as who,
  (select rolsuper from pg_roles where rolname = current_user) as super,
  (select ssl from pg_stat_ssl where pid = pg_backend_pid()) or inet_server_addr() is null
    or inet_server_addr() <<= '127.0.0.0/8' or inet_server_addr() <<= '::1/128' as safe,
  (select count(*) from pg_stat_activity where backend_type = 'client backend') as used,
  current_setting('max_connections')::int as most, pg_database_size(current_database()) as bytes,
  to_regclass('history_data.migrations') is not null as prepared, pg_is_in_recovery() as standby,
  current_setting('default_transaction_read_only') as read_only"""
_PLACE: Final = "See to it that it runs, and that ONESTACK_POSTGRES_URL leads to it with a user that may enter."
_OLD: Final = 60.0


def _away(settings: Settings, error: BaseException) -> Finding:
    where = address_of(settings.postgres_url.get_secret_value())
    return fault("database", f"Postgres at {where} does not answer: {type(error).__name__}.", _PLACE)


async def database(settings: Settings) -> Sequence[Finding]:
    """Server, user, tables and room."""
    check = "database"
    try:
        connection = await connect(settings.postgres_url, timeout=8)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        return [_away(settings, error)]
    try:
        row = await connection.fetchrow(_STATE, timeout=8)
        found = [*_server(row), *await _tables(connection, row)]
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        return [fault(check, f"Postgres does not answer what it is asked: {type(error).__name__}.", _PLACE)]
    finally:
        await connection.close(timeout=2)
    return found


def _server(row: Any) -> list[Finding]:
    check, found = "database", []
    size = row["bytes"] / 1024**2
    found.append(ok(check, f"Postgres {row['version']} answers; the database has {size:,.0f} MB."))
    if row["standby"] or row["read_only"] == "on":
        todo = "Let ONESTACK_POSTGRES_URL lead to the primary."
        found.append(fault(check, "This Postgres takes no writes: it is a standby, or set to read only.", todo))
    if row["super"]:
        todo = "Give each process a role of its own that is no superuser: onestack_projector, onestack_hub."
        found.append(warning(check, f"{row['who']} is a superuser, which nothing here needs to run.", todo))
    if not row["safe"]:
        todo = "Write ?sslmode=verify-full into ONESTACK_POSTGRES_URL."
        found.append(warning(check, "The connection to Postgres is not encrypted.", todo))
    if row["used"] >= row["most"] * 0.8:
        detail = f"{row['used']} of {row['most']} connections are taken."
        found.append(warning(check, detail, "See pg_stat_activity for whose they are, or raise max_connections."))
    return found


async def _tables(connection: Any, row: Any) -> list[Finding]:
    wanted = migrations()[-1].version
    if not row["prepared"]:
        return [fault("tables", "The tables are not there.", "Run 'onestack migrate', or start a projector.")]
    known = {one["version"]: one["checksum"] for one in
             await connection.fetch("select version, checksum from history_data.migrations")}  # fmt: skip
    if missing := [one for one in migrations() if one.version not in known]:
        names = ", ".join(f"{one.version:04}_{one.name}" for one in missing)
        return [fault("tables", f"Migrations are missing: {names}.", "Run 'onestack migrate'.")]
    if edited := [one for one in migrations() if known[one.version] != one.checksum]:
        detail = f"Migration {edited[0].version:04}_{edited[0].name} is not the one that was applied here."
        return [fault("tables", detail, "Use the release that this database was made with, or a newer one.")]
    if (newest := max(known)) > wanted:
        detail = f"The tables are those of migration {newest}; this release knows {wanted}. It goes on with them."
        return [warning("tables", detail, "Finish the upgrade, or the downgrade, that is under way.")]
    return [ok("tables", f"The tables are those of migration {wanted}, which is this release's.")]


async def history_lag(settings: Settings) -> Sequence[Finding]:
    """How far the history is behind the log, in records and in time."""
    check = "history"
    try:
        connection = await connect(settings.postgres_url, timeout=8)
        try:
            rows = await connection.fetch("select topic, partition, next from history_data.offsets", timeout=8)
        finally:
            await connection.close(timeout=2)
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return [fault(check, "There is no history yet.", "Run 'onestack migrate', or start a projector.")]
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        return [_away(settings, error)]
    reader = new_reader(settings, request_timeout_ms=8_000)
    try:
        await reader.start()
        at = await _positions(settings, reader, rows)
        behind = await _behind(reader, at)
        oldest = await _oldest(reader, at, behind)
    except (KafkaError, OSError, ValueError, AssertionError) as error:
        detail = f"How far the history is behind is not known: Kafka does not tell ({type(error).__name__})."
        return [warning(check, detail, "See the finding about the broker.")]
    finally:
        await reader.stop()
    total = sum(behind.values())
    if not total:
        return [ok(check, "The history has come as far as Kafka.")]
    age = max(0.0, time.time() - oldest) if oldest else 0.0
    detail = f"The history is {total:,} records and {age:.0f} s behind Kafka."
    if age < _OLD:
        return [ok(check, detail)]
    todo = "See whether a projector runs, and its /readyz for what it waits for."
    return [(fault if age > 10 * _OLD else warning)(check, detail, todo)]


async def _positions(settings: Settings, reader: Any, rows: Sequence[Any]) -> dict[TopicPartition, int]:
    """Where the projectors go on. The database names only what they have read from; what they begin with counts too."""
    stored = {TopicPartition(row["topic"], row["partition"]): row["next"] for row in rows}
    found = await topic_partitions(settings, {*Projector.topics, *(one.topic for one in stored)})
    there = [one for partitions in found.values() for one in partitions]
    own = [one for one in there if one.topic in Projector.topics]
    begins: dict[TopicPartition, int] = await reader.beginning_offsets(own)
    return begins | {one: stored[one] for one in there if one in stored}


async def _behind(reader: Any, at: dict[TopicPartition, int]) -> dict[TopicPartition, int]:
    ends = await reader.end_offsets(list(at))
    return {one: waiting for one, next_ in at.items() if (waiting := max(0, ends[one] - next_))}


async def _oldest(reader: Any, at: dict[TopicPartition, int], behind: dict[TopicPartition, int]) -> float | None:
    """When the oldest record came that the history does not have, in seconds since the epoch."""
    if not behind:
        return None
    begins = await reader.beginning_offsets(list(behind))
    times = []
    for one in sorted(behind, key=lambda one: -behind[one])[:4]:
        first = max(at[one], begins[one])
        async for _at, records in scan(reader, {one: (first, first + 1)}):
            times += [record.timestamp / 1000 for record in records[:1]]
            break
    return min(times, default=None)
