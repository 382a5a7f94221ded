"""Row-level security: whatever a bound connection asks, it finds the rows of one organisation."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest

from hub.database import Database
from projections.migrations import migrate
from runtime.postgres import Connection, connect
from runtime.settings import load
from sandbox.postgres import Postgres

ORGS = ("acme", "globex")
# What has nothing of any organisation, and what the Hub's role may not even look at.
OF_NOBODY = {"history_data.offsets", "history_data.lost_logs"}
CLOSED = {"history_data.migrations", "history_data.marks", "hub_data.reporting_users"}

_FILL = """
insert into history_data.run_keys
select '{org}-run-' || n, history_data.week_of('2026-11-23'::timestamptz + n * interval '5 days'), '{org}'
  from generate_series(1, 4) n;
insert into history_data.runs
select '{org}-run-' || n, '{org}', '{org}-wf', '{org} workflow', 1,
       case n when 4 then 'running' else 'completed' end, 'alert.triggered', '{org}/alert/a-' || n,
       '2026-11-23'::timestamptz + n * interval '5 days', null, null, array['{org}-wf'], 0
  from generate_series(1, 4) n;
insert into history_data.records
select '{org}-run-' || n, 0, '[{{"id": "{org}-run-0", "type": "run.started", "time": "2026-11-23T00:00:00Z",
       "data": {{"event": {{"org": "{org}"}}, "conditions": {{"all": []}}}}}}]',
       history_data.week_of('2026-11-23'::timestamptz + n * interval '5 days')
  from generate_series(1, 4) n;
insert into history_data.steps
select '{org}-run-' || n, 0, 'ticket', 'create_ticket', 'succeeded', 1, null, null, null, now(), now(),
       history_data.week_of('2026-11-23'::timestamptz + n * interval '5 days')
  from generate_series(1, 4) n;
insert into history_data.workflows values ('{org}', '{org}-wf', 1, 'n', 'enabled', 't', '{{}}', now());
insert into history_data.workflow_versions values ('{org}', '{org}-wf', 1, 'digest', 'enabled', '{{}}', now());
insert into history_data.calendars values ('{org}', '{org}-hours', '{{}}', now());
insert into history_data.events
values ('{org}-ev', '{org}', 't', now(), now(), 'topic', 0, 0, '{{"subject": "alert/a"}}');
insert into history_data.dead_letters values ('{org}-letter', 'why', '', 't', 0, 0, '{org}/alert/a', 'v', now());
insert into history_data.lost_definitions values ('{org}', 'workflow', '{org}-gone', '{{}}', now());
insert into hub_data.api_keys (id, org_id, name, hash, permissions, created_by)
values ('{org}', '{org}', 'n', '', '{{}}', 'p');
insert into hub_data.audit (org_id, person, kind, action, target, details)
values ('{org}', 'p', 'token', 'a', 't', '{{}}');
insert into hub_data.idempotency (org_id, caller, key, request) values ('{org}', 'c', 'k', '');
insert into history_data.workflow_findings
values ('{org}', '{org}-wf', 'not_run', '', 'low', 'It has not run.', '{{}}', '{{}}', now(), now());
insert into history_data.health_checks values ('{org}', now());
insert into history_data.run_keys values ('replay-{org}', history_data.week_of('2026-11-23'), '{org}');
insert into history_data.records
values ('replay-{org}', 0, '[{{"type": "replay.started", "time": "2026-11-23T00:00:00Z",
        "data": {{"workflow": "{org}-wf", "run_ids": ["{org}-run-1"]}}}}]', history_data.week_of('2026-11-23'));
"""


@pytest.fixture
async def filled(connection: Connection) -> Connection:
    for week in ("2026-11-23", "2026-11-30", "2026-12-07"):
        await connection.execute(f"select history_data.add_week('history_data', '{week}')")
    for org in ORGS:
        await connection.execute(_FILL.format(org=org))
    await connection.execute("""
        insert into history_data.dead_letters values ('nobody', 'why', '', 't', 0, 0, null, 'v', now());
        insert into history_data.records values ('lost', 0, '[]', history_data.week_of('2026-11-23'));
        insert into history_data.offsets values ('topic', 0, 1);
        insert into history_data.lost_logs values ('onestack.workflow.runs', '2027-01-01');
    """)
    return connection


async def relations(connection: Connection) -> list[str]:
    """All tables and views there are, each partitioned table as one."""
    rows = await connection.fetch("""
        select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname in ('history', 'history_data', 'hub_data') and c.relkind in ('r', 'p', 'v', 'm', 'f')
           and not c.relispartition
         order by 1""")
    return [row["name"] for row in rows]


async def rows_of(connection: Connection, relation: str) -> list[str]:
    schema, _, name = relation.partition(".")
    columns = await connection.fetch(
        """select quote_ident(attname) as name from pg_attribute
            where attrelid = format('%I.%I', $1::text, $2::text)::regclass and attnum > 0 and not attisdropped
              and has_column_privilege(current_user, attrelid, attnum, 'select')""",
        schema, name,
    )  # fmt: skip
    if not columns:
        raise asyncpg.InsufficientPrivilegeError(relation)
    wanted = ", ".join(row["name"] for row in columns)
    return [
        row[0] for row in await connection.fetch(f"select to_json(t)::text from (select {wanted} from {relation}) t")
    ]


async def test_a_query_without_a_where_finds_one_organisation_in_every_table_and_view(
    filled: Connection, database: Database
) -> None:
    seen: dict[str, Any] = {}
    for relation in await relations(filled):
        async with database.bound("acme", write=True) as bound:
            try:
                seen[relation] = await rows_of(bound, relation)
            except asyncpg.InsufficientPrivilegeError:
                seen[relation] = None
    assert {relation for relation, rows in seen.items() if rows is None} == CLOSED
    for relation, rows in seen.items():
        if rows is not None and relation not in OF_NOBODY:
            assert rows, f"{relation} has no row in this test, which so shows nothing"
            assert all("acme" in row and "globex" not in row for row in rows), relation
    assert len(seen["history_data.runs"]) == len(seen["history.steps"]) == 4
    assert len(seen["history.entries"]) == 5  # of these four runs, and of a replay


async def test_partitions_and_tables_of_a_rebuild_cannot_be_asked_directly(
    filled: Connection, database: Database
) -> None:
    rows = await filled.fetch("select oid::regclass::text as name from pg_class where relispartition and relkind = 'r'")
    assert len(rows) > 10
    for row in rows:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.bound("acme") as bound:
                await bound.fetch(f"select * from {row['name']}")


async def test_an_organisation_can_write_nothing_in_another_name(filled: Connection, database: Database) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with database.bound("acme", write=True) as bound:
            await bound.execute(
                "insert into hub_data.idempotency (org_id, caller, key, request) values ('globex', 'c', 'x', '')"
            )
    async with database.bound("acme", write=True) as bound:
        assert await bound.execute("update hub_data.audit set outcome = 'done'") == "UPDATE 1"
        assert await bound.execute("delete from hub_data.idempotency") == "DELETE 1"
    for forbidden in (
        "delete from hub_data.audit",
        "update hub_data.audit set person = 'somebody else'",
        "select hash from hub_data.api_keys",
        "delete from history_data.runs",
        "insert into history_data.workflows values ('acme', 'x', 1, 'n', 'enabled', 't', '{}', now())",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.bound("acme", write=True) as bound:
                await bound.execute(forbidden)


async def test_a_bound_connection_can_only_read_unless_it_is_to_write(filled: Connection, database: Database) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with database.bound("acme") as bound:
            await bound.execute("delete from hub_data.idempotency")


async def test_nothing_of_a_bound_transaction_is_left_for_the_next_request(
    filled: Connection, database: Database
) -> None:
    async with database.bound("acme") as bound:
        assert await bound.fetchval("select current_user") == "onestack_hub"
    with pytest.raises(asyncpg.UndefinedTableError):
        async with database.bound("acme") as bound:
            await bound.fetch("select * from history.nothing")
    with pytest.raises(TimeoutError):
        async with database.bound("acme") as bound, asyncio.timeout(0.05):
            await bound.fetch("select pg_sleep(5)")
    for _ in range(4):
        async with database.unbound() as unbound:
            assert await unbound.fetchval("select current_user") != "onestack_hub"
            assert await unbound.fetchval("select coalesce(current_setting('onestack.org', true), '')") == ""
            assert await unbound.fetchval("select count(distinct org_id) from history.runs") == 2
    async with database.bound("globex") as bound:
        assert await bound.fetchval("select min(org_id) from history.runs") == "globex"


async def test_without_an_organisation_the_role_sees_nothing(filled: Connection) -> None:
    await filled.execute("set role onestack_hub")
    for relation in await relations(filled):
        if relation not in OF_NOBODY | CLOSED:
            assert await rows_of(filled, relation) == [], relation


@pytest.mark.parametrize("org", ["", "a'b", "a b", "-a", "acme'; reset role; --", "a" * 101])
async def test_what_is_no_id_is_no_organisation(database: Database, org: str) -> None:
    with pytest.raises(ValueError, match="no organisation"):
        async with database.bound(org):
            pass


async def test_a_reader_of_the_views_from_before_reads_on(filled: Connection, url: str, server: Postgres) -> None:
    await filled.execute("""
        create role reader_of_views nologin;
        grant usage on schema history, history_data to reader_of_views;
        grant select on all tables in schema history, history_data to reader_of_views;
        set role reader_of_views;
    """)
    assert await filled.fetchval("select count(*) from history.runs where trigger_event is not null") == 8
    assert await filled.fetchval("select count(*) from history.dead_letters") == 3
    await filled.execute("reset role; drop owned by reader_of_views; drop role reader_of_views")


async def test_a_view_or_a_table_that_keeps_nobody_apart_is_told(connection: Connection) -> None:
    assert await connection.fetchval("select hub_data.guard()") is None
    await connection.execute("create view history.careless as select * from history_data.runs")
    assert await connection.fetchval("select hub_data.guard()") is None, "nobody may look at it"
    await connection.execute("grant select on history.careless to onestack_hub")
    assert "history.careless" in await connection.fetchval("select hub_data.guard()")
    assert await connection.fetchval("select hub_data.lock()") is None
    assert await connection.fetchval("select hub_data.guard()") is None, "a migration's end mends it"
    await connection.execute("alter table history_data.runs disable row level security")
    assert "history_data.runs" in await connection.fetchval("select hub_data.guard()")


async def test_where_the_role_may_not_be_made_all_but_the_hub_works(tmp_path: Path) -> None:
    """A database whose owner may make no roles, on a server that has none for the Hub yet."""
    server = await asyncio.to_thread(Postgres(tmp_path, settings={"fsync": "off"}).start)
    try:
        superuser = await connect(server.url)
        await superuser.execute("create role poor login")
        await superuser.execute("create database poor owner poor")
        url = server.url.replace("/postgres?", "/poor?").replace("//postgres:", "//poor:")
        assert (await migrate(url))[-1] >= "0005_hub"
        poor = await connect(url)
        assert await poor.fetchval("select current_user") == "poor"
        assert await poor.fetchval("select count(*) from history.runs") == 0
        assert await poor.fetchval("select hub_data.guard()") == "there is no role onestack_hub"
        assert "poor may not make it" in await poor.fetchval("select hub_data.lock()")
        hub = Database(load(postgres_url=url))
        with pytest.raises(asyncpg.PostgresError):
            async with hub.bound("acme"):
                pass

        await superuser.execute("create role onestack_hub nologin")
        assert await poor.fetchval("select hub_data.lock()") == "poor may not take the role onestack_hub"
        await superuser.execute("grant onestack_hub to poor")
        assert await poor.fetchval("select hub_data.lock()") is None
        assert await poor.fetchval("select hub_data.guard()") is None
        async with hub.bound("acme") as bound:
            assert await bound.fetchval("select count(*) from history.runs") == 0
        await hub.close()
        await poor.close()
        await superuser.close()
    finally:
        await asyncio.to_thread(server.stop)


async def test_databases_of_one_server_can_be_brought_up_at_once(server: Postgres, connection: Connection) -> None:
    await connection.execute("create role crowd login createrole createdb")
    names = [f"crowd_{number}" for number in range(6)]
    for name in names:
        await connection.execute(f"create database {name} owner crowd")
    urls = [server.url.replace("/postgres?", f"/{name}?").replace("//postgres:", "//crowd:") for name in names]
    await connection.execute("grant onestack_hub to crowd with admin option; revoke onestack_hub from crowd")
    await connection.execute("grant onestack_hub to crowd with admin true, set false")
    await asyncio.gather(*map(migrate, urls))
    for each, name in zip(urls, names, strict=True):
        one = await connect(each)
        assert await one.fetchval("select hub_data.guard()") is None
        await one.close()
        await connection.execute(f"drop database {name}")
    await connection.execute("drop owned by crowd cascade; drop role crowd")


async def test_the_parts_of_one_run_are_found_by_index(filled: Connection, database: Database) -> None:
    for org in ORGS:
        await filled.execute(_MANY, org)
    await filled.execute("analyze history_data.runs, history_data.records, history_data.steps")
    for asked in (
        "select * from history.steps where run_id = 'acme-many-2'",
        "select * from history.entries where run_id = 'acme-many-2'",
        "select * from history.run_details where run_id = 'acme-many-2'",
    ):
        async with database.bound("acme") as bound:
            (plan,) = orjson.loads(await bound.fetchval(f"explain (analyze, format json) {asked}"))
        scans = [node for node in _nodes(plan["Plan"]) if node["Node Type"] == "Seq Scan" and node["Actual Rows"] > 100]
        assert scans == [], asked


_MANY = """
with added as (
    insert into history_data.runs
    select $1 || '-many-' || n, $1, $1 || '-wf', 'n', 1, 'completed', 't', $1 || '/alert/a-' || n,
           '2026-11-23'::timestamptz + n * interval '1 minute', null, null, array[$1], 0
      from generate_series(1, 20000) n returning run_id, started_at
), keys as (
    insert into history_data.run_keys select run_id, history_data.week_of(started_at), $1 from added
), records as (
    insert into history_data.records
    select run_id, 0, '[{"type": "run.started", "data": {}}]', history_data.week_of(started_at) from added
)
insert into history_data.steps
select run_id, 0, 's', 'add_tag', 'succeeded', 1, null, null, null, started_at, null, history_data.week_of(started_at)
  from added
"""


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in _nodes(child))]
