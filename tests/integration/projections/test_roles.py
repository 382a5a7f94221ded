"""Each role really connected: what it can do is what it has to, and all else is tried and refused."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from hub.database import Database
from hub.expiry import EXPIRE
from projections.errors import MigrationError
from projections.events import EventLog
from projections.migrations import migrate
from projections.projection import Projection
from projections.retention import Keep, remove_old
from projections.roles import add_reporting_user, make_roles, remove_reporting_user, reporting_users
from projections.shadow import ShadowStore, make_shadow
from projections.store import Partition, Store
from projections.swap import exchange
from runtime.postgres import Connection, connect
from runtime.settings import load
from sandbox.postgres import Postgres
from schemas.names import EVENT_TOPICS, RUNS
from tests.integration.projections.test_projection import log_of, numbered
from tests.integration.projections.world import event, redact

LOGIN_SCRIPT = Path(__file__).parents[3] / "deploy" / "postgres" / "logins.sh"
DENIED = asyncpg.InsufficientPrivilegeError
LOGINS = {"projector_1": "onestack_projector", "hub_1": "onestack_hub_service", "migrator": "onestack_owner"}


def at(url: str, user: str) -> str:
    return url.replace("postgres:@", f"{user}:@")


@pytest.fixture
async def roles(connection: Connection) -> AsyncIterator[Connection]:
    """A database with roles, and a login for each; the superuser's connection."""
    await make_roles(connection)
    await make_roles(connection)
    for login, role in LOGINS.items():
        await connection.execute(f"create role {login} login in role {role}")
    yield connection
    for user in await reporting_users(connection):
        await remove_reporting_user(connection, user["name"])
    for login in LOGINS:
        await connection.execute(f"drop owned by {login}; drop role {login}")


async def _fill(connection: Connection, org: str) -> None:
    projection = Projection(Store(connection))
    projection.positions = await projection.store.positions([Partition(RUNS, 0)])
    values = [value.replace(b'"acme"', f'"{org}"'.encode()) for value in log_of(f"{org}-run", 1)]
    await projection.project(numbered(values, projection.positions[Partition(RUNS, 0)]))
    topic = EVENT_TOPICS["rmm"]
    log = EventLog(projection.store, redact, 100_000)
    log.positions = await projection.store.positions([Partition(topic, 0)])
    first = log.positions[Partition(topic, 0)]
    await log.add([_Event(topic, 0, first, None, event(f"{org}-ev", org))], datetime.now(UTC))


class _Event:
    timestamp = 1_795_420_800_000
    headers = ()

    def __init__(self, topic: str, partition: int, offset: int, key: bytes | None, value: bytes) -> None:
        self.topic, self.partition, self.offset, self.key, self.value = topic, partition, offset, key, value


async def _refused(connection: Connection, *statements: str) -> None:
    for statement in statements:
        with pytest.raises((DENIED, asyncpg.ReadOnlySQLTransactionError)):
            await connection.execute(statement)


async def test_the_projector_writes_the_history_and_nothing_else(roles: Connection, url: str) -> None:
    assert await migrate(at(url, "projector_1")) == []
    one = await connect(at(url, "projector_1"))
    await _fill(one, "acme")
    await one.execute("select history_data.add_week('history_data', '2031-01-06')")
    day = timedelta(days=1)
    keep = Keep(day, day, day, day, {})
    removed = await remove_old(one, keep, datetime.now(UTC) + timedelta(days=4000))
    assert removed.runs == {"failed": 1}
    assert "runs_20261123" in removed.tables
    assert await roles.fetchval("select count(*) from history.runs") == 0
    await _refused(
        one,
        "drop table history_data.offsets",
        "create table history_data.mine ()",
        "create table public.mine ()",
        "create temporary table mine ()",
        "alter table history_data.runs disable row level security",
        "select * from hub_data.api_keys",
        "insert into hub_data.reporting_users values ('projector_1', 'acme')",
        "update history_data.migrations set version = 0",
        "select history_data.drop_partitions(array['offsets'])",
        "select history_data.add_partition('history_data', 'runs', 'x', 'default', 'fillfactor = 85')",
        "set role onestack_owner",
        "set role onestack_hub",
        "create role another",
        "copy history_data.offsets to program 'id'",
    )
    await one.close()


async def test_a_projector_of_a_newer_version_says_who_has_to_migrate(roles: Connection, url: str) -> None:
    await roles.execute("delete from history_data.migrations where version = 7")
    with pytest.raises(MigrationError, match="projector_1 may not change them: run 'onestack migrate'"):
        await migrate(at(url, "projector_1"))


async def test_what_the_owner_migrates_belongs_to_the_owner(roles: Connection, url: str) -> None:
    await roles.execute(
        "delete from history_data.migrations where version >= 7; "
        "drop view history.replays, history.replay_runs, history.workflow_health, history.health_checks; "
        "drop table history_data.workflow_findings, history_data.health_checks; "
        "drop function hub_data.lock; alter function hub_data.lock_before_health rename to lock; "
        "drop view history.lost_definitions, history.stranded_runs; "
        "drop table history_data.marks, history_data.lost_logs, history_data.lost_definitions, "
        "hub_data.reporting_users; "
        "drop function history_data.drop_partitions, hub_data.grant_roles, hub_data.make_roles, "
        "hub_data.reporting_guard, hub_data.add_reporting_user, hub_data.remove_reporting_user; "
        "drop function hub_data.reporting_org cascade"
    )
    assert await migrate(at(url, "migrator"))
    owners = await roles.fetch(
        "select distinct relowner::regrole::text from pg_class where relnamespace = any(array["
        "'history', 'history_data', 'hub_data']::regnamespace[])"
    )
    assert [row[0] for row in owners] == ["onestack_owner"]


async def test_the_owner_rebuilds_and_everybody_goes_on(roles: Connection, url: str) -> None:
    one, owner = await connect(at(url, "projector_1")), await connect(at(url, "migrator"))
    await _fill(one, "acme")
    await make_shadow(owner)
    shadow = Projection(ShadowStore(owner))
    shadow.positions = await shadow.store.positions([Partition(RUNS, 0)])
    await shadow.project(numbered(log_of("acme-run", 1)))
    await exchange(owner)
    await _fill(one, "globex")
    assert await roles.fetchval("select count(*) from history.runs") == 2
    database = Database(load(postgres_url=at(url, "hub_1")))
    async with database.bound("acme") as hub:
        assert [row["org_id"] for row in await hub.fetch("select * from history.runs")] == ["acme"]
    await database.close()
    assert await roles.fetchval("select count(*) from pg_class where relowner = 'migrator'::regrole") == 0
    await one.close()
    await owner.close()


async def test_the_hub_works_with_a_user_of_its_own(roles: Connection, url: str) -> None:
    await _fill(roles, "acme")
    await _fill(roles, "globex")
    database = Database(load(postgres_url=at(url, "hub_1")))
    assert await migrate(at(url, "hub_1")) == []
    async with database.unbound() as one:
        assert await one.fetchval("select hub_data.guard()") is None
        assert len(await one.fetch("select distinct org_id from history_data.runs")) == 2
        await one.execute(EXPIRE)
        await one.fetch("select * from hub_data.api_keys")
        await _refused(
            one,
            "select * from history_data.runs",
            "select * from history.runs",
            "update hub_data.api_keys set role = 'Owner'",
            "insert into hub_data.api_keys (id) values ('x')",
            "delete from history_data.runs",
            "set role onestack_owner",
        )
    async with database.bound("acme") as one:
        assert [row["org_id"] for row in await one.fetch("select * from history.runs")] == ["acme"]
    await database.close()


@pytest.fixture
async def reporter(roles: Connection, url: str) -> AsyncIterator[Connection]:
    """A reporting user of acme, in a history of two organisations."""
    await _fill(roles, "acme")
    await _fill(roles, "globex")
    await roles.execute("analyze")
    await add_reporting_user(roles, "acme_reads", "acme", "a long enough password")
    await add_reporting_user(roles, "globex_reads", "globex", "a long enough password")
    one = await connect(at(url, "acme_reads"))
    yield one
    await one.close()


async def test_a_reporting_user_reads_every_view_of_one_organisation(roles: Connection, reporter: Connection) -> None:
    views = [
        row["name"]
        for row in await roles.fetch(
            "select oid::regclass::text as name from pg_class where relnamespace = 'history'::regnamespace"
        )
    ]
    assert len(views) >= 9
    found = {view: [str(tuple(row)) for row in await reporter.fetch(f"select * from {view}")] for view in views}
    assert [len(found[view]) for view in ("history.runs", "history.steps", "history.entries", "history.events")] == [
        1, 3, 7, 1,
    ]  # fmt: skip
    assert not [row for rows in found.values() for row in rows if "globex" in row]
    assert await reporter.fetchval("show statement_timeout") == "30s"


async def test_what_later_versions_keep_apart_is_so_for_reporting_users_too(
    roles: Connection, reporter: Connection
) -> None:
    for name, mine in (
        ("later", "org_id = current_setting('onestack.org', true)"),
        ("odd", "org_id = current_setting('x')"),
    ):
        await roles.execute(
            f"create table history_data.{name} (org_id text);"
            f"insert into history_data.{name} values ('acme'), ('globex');"
            f"alter table history_data.{name} enable row level security;"
            f"create policy everyone on history_data.{name} using (true);"
            f"create policy hub on history_data.{name} as restrictive to onestack_hub using ({mine});"
            f"create view history.{name} as select * from history_data.{name}; select hub_data.lock();"
        )
    assert [row["org_id"] for row in await reporter.fetch("select * from history.later")] == ["acme"]
    # What could be chosen by a setting is not to be had at all.
    await _refused(reporter, "select * from history.odd")


async def test_a_reporting_user_can_neither_widen_that_nor_write(roles: Connection, reporter: Connection) -> None:
    async def seen() -> set[Any]:
        return {row["org_id"] for row in await reporter.fetch("select org_id from history.runs")}

    await _refused(
        reporter,
        "set role onestack_hub", "set role onestack_projector", "set role globex_reads", "set role postgres",
        "set session authorization globex_reads",
        "select * from history_data.runs", "select * from history_data.run_keys",
        "select * from history_data.runs_20261123", "select * from history_data.offsets",
        "select * from hub_data.api_keys", "select * from hub_data.reporting_users",
        "select hub_data.add_reporting_user('x', 'globex', '')",
        "select hub_data.make_roles()",
        "select pg_read_file('postgresql.conf')", "copy (select 1) to '/tmp/x'", "copy (select 1) to program 'id'",
        "select * from pg_authid", "select * from pg_statistic", "select lo_create(0)",
    )  # fmt: skip
    # What a user may set changes nothing of it.
    for statement in (
        "set onestack.org = 'globex'", "set role onestack_reporting", "select set_config('row_security', 'off', false)",
        "select set_config('onestack.org', 'globex', false)", "set search_path = history_data, history",
        "set default_transaction_read_only = off",
    ):  # fmt: skip
        await reporter.execute(statement)
        if "row_security" in statement:
            with pytest.raises(DENIED):
                await seen()
            await reporter.execute("set row_security = on")
        assert await seen() == {"acme"}
    await _refused(
        reporter,
        "delete from history.runs", "update history.workflows set org_id = 'x'", "create table public.mine ()",
        "create temporary table mine ()", "create schema mine", "create function public.f() returns int language sql "
        "as 'select 1'", "select history_data.add_week('history_data', '2031-01-06')", "select lo_create(0)",
        "select history_data.drop_partitions(array['runs_20261123'])", "alter role acme_reads bypassrls",
    )  # fmt: skip
    assert (
        await reporter.fetchval("select count(*) from pg_stats where schemaname in ('history_data', 'hub_data')") == 0
    )
    # A function that tells each row it is shown is not shown another organisation's.
    told = await reporter.fetch("select run_id from history.runs where run_id::text ~ '.' or 1 / length(org_id) = 2")
    assert [row["run_id"] for row in told] == ["acme-run"]
    assert await roles.fetchval("select count(*) from history.runs") == 2


async def test_a_reporting_user_is_removed_with_its_sessions(roles: Connection, reporter: Connection, url: str) -> None:
    with pytest.raises(asyncpg.RaiseError, match="no name for a reporting user"):
        await add_reporting_user(roles, "onestack_owner", "acme", "x")
    with pytest.raises(asyncpg.RaiseError, match="is no reporting user"):
        await remove_reporting_user(roles, "projector_1")
    await remove_reporting_user(roles, "acme_reads")
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)):
        await reporter.fetch("select 1")
    with pytest.raises((asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidPasswordError)):
        await connect(at(url, "acme_reads"))
    assert [user["name"] for user in await reporting_users(roles)] == ["globex_reads"]


async def test_a_password_is_kept_as_postgres_keeps_it(roles: Connection, reporter: Connection) -> None:
    kept = await roles.fetchval("select rolpassword from pg_authid where rolname = 'acme_reads'")
    assert re.fullmatch(r"SCRAM-SHA-256\$4096:[^$]{24}\$[^:]{44}:.{44}", kept)
    await asyncio.sleep(0)
    assert await reporter.fetchval("select 1") == 1


async def test_the_logins_of_compose_may_do_their_work_and_no_more(
    connection: Connection, server: Postgres, url: str, tmp_path: Path
) -> None:
    database = url.partition(":@/")[2].partition("?")[0]
    socket = parse_qs(urlsplit(url).query)["host"][0]
    for name in ("projector_password", "hub_password"):
        (tmp_path / name).write_text(f"it's {name}")
    names = {"SECRETS": str(tmp_path), "POSTGRES_USER": "postgres", "POSTGRES_DB": database, "PGHOST": socket}
    names["PATH"] = f"{server.psql.parent}:{os.environ['PATH']}"
    done = await asyncio.create_subprocess_exec(LOGIN_SCRIPT, env={**os.environ, **names})
    assert await done.wait() == 0
    try:
        await make_roles(connection)
        projector, hub = await connect(at(url, "projector_1")), await connect(at(url, "hub_1"))
        await _fill(projector, "acme")
        await _refused(projector, "select * from hub_data.api_keys")
        await hub.execute("begin; set local role onestack_hub; set local onestack.org = 'acme'")
        assert await hub.fetchval("select count(*) from history.runs") == 1
        await hub.execute("rollback")
        await _refused(hub, "delete from history_data.runs")
        kept = await connection.fetch("select rolpassword from pg_authid where rolname in ('projector_1', 'hub_1')")
        assert all(row["rolpassword"].startswith("SCRAM-SHA-256$") for row in kept)
        await projector.close()
        await hub.close()
    finally:
        for login in ("projector_1", "hub_1"):
            await connection.execute(f"drop owned by {login}; drop role {login}")
