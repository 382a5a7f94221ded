"""Reads that many ask for at once: bound to one organisation each, shared only before they begin, and never lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from hub.problems import Problem
from hub.reading import Reads, bound
from runtime.postgres import Connection
from runtime.settings import load
from tests.integration.hub.past import Past, definition, event

UNNAMED = bound("select run_id, org_id from history_data.runs")
SLOW = bound("select pg_sleep(0.3), count(*) as runs from history_data.runs where org_id = o.org")


@pytest.fixture
async def reads(url: str) -> AsyncIterator[Reads]:
    found = Reads(load(postgres_url=url), 2)
    yield found
    await found.stop()


@pytest.fixture
async def past(connection: Connection) -> Past:
    return await Past(connection).begin()


async def test_a_statement_that_forgets_the_organisation_finds_the_callers_alone(reads: Reads, past: Past) -> None:
    for org in ("acme", "globex"):
        await past.run(definition(org), event("e", org=org))
    for org in ("acme", "globex", "acme"):
        assert {row["org_id"] for row in await reads.rows(UNNAMED, org)} == {org}
    assert await reads.rows(UNNAMED, "nobody") == []
    assert await reads.rows("select org_id from history_data.runs where $1::text is not null", "acme") == []


async def test_organisations_that_ask_at_once_never_see_each_others_rows(reads: Reads, past: Past) -> None:
    orgs = [f"org-{number}" for number in range(6)]
    for org in orgs:
        await past.run(definition(org), event("e", org=org))

    async def look(org: str) -> None:
        for _ in range(20):
            assert {row["org_id"] for row in await reads.rows(UNNAMED, org)} == {org}

    await asyncio.gather(*(look(org) for org in orgs))


async def test_a_query_is_shared_until_it_begins_and_never_after(reads: Reads, past: Past) -> None:
    first = asyncio.create_task(reads.rows(SLOW, "acme"))
    await asyncio.sleep(0.1)
    await past.run(definition(), event("e"))
    later = [asyncio.create_task(reads.rows(SLOW, "acme")) for _ in range(3)]
    assert [row["runs"] for row in await first] == [0]
    assert [[row["runs"] for row in one] for one in await asyncio.gather(*later)] == [[1]] * 3
    assert reads.joined == 2


async def test_who_hangs_up_takes_the_answer_from_nobody(reads: Reads) -> None:
    one, other = (asyncio.create_task(reads.rows(SLOW, "acme")) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    assert len(await other) == 1


async def test_a_connection_that_was_closed_meanwhile_is_made_again(reads: Reads, connection: Connection) -> None:
    await reads.rows(UNNAMED, "acme")
    ended = await connection.fetchval(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'onestack-hub-reads'"
    )
    assert ended == 1
    assert await reads.rows(UNNAMED, "acme") == []


async def test_a_fault_of_a_statement_is_the_askers_and_the_next_query_goes_on(reads: Reads) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        await reads.rows(bound("select * from nowhere"), "acme")
    assert await reads.rows(UNNAMED, "acme") == []


async def test_while_postgres_is_away_everybody_who_asks_is_told(unused_tcp_port: int) -> None:
    reads = Reads(load(postgres_url=f"postgresql://postgres@127.0.0.1:{unused_tcp_port}/postgres"))
    asked: list[Any] = await asyncio.gather(
        *(reads.rows(UNNAMED, org) for org in ("a", "b", "a")), return_exceptions=True
    )
    assert all(isinstance(one, Problem) and one.status == 503 for one in asked)
    await reads.stop()


async def test_nothing_can_be_written_there(reads: Reads) -> None:
    with pytest.raises(Problem) as refused:
        await reads.rows("update history_data.runs set error = $1::text returning run_id", "acme")
    assert isinstance(refused.value.__cause__, asyncpg.ReadOnlySQLTransactionError)
