"""Migrations on a real Postgres."""

from __future__ import annotations

import asyncio

import pytest

from projections.errors import MigrationError
from projections.migrations import migrate, migrations
from runtime.postgres import connect

COLUMNS = {
    "runs": "run_id org_id workflow_id workflow_name workflow_version status trigger_type entity_key trigger_event "
    "conditions started_at finished_at duration_ms error causation_chain",
    "steps": "run_id position step_id action status attempts input output error started_at finished_at duration_ms",
    "entries": "run_id seq type at data",
    "workflows": "org_id workflow_id version name state trigger_type definition updated_at",
    "dead_letters": "reason field topic partition offset key value at",
    "run_details": "run_id org_id generation rerun_of shadow guard waits_until",
    "events": "org_id event_id source type subject entity_key time received_at topic partition offset event",
    "workflow_versions": "org_id workflow_id version digest state definition published_at",
    "calendars": "org_id calendar_id definition updated_at",
}


async def test_an_empty_database_gets_all_and_then_nothing_more(empty_url: str) -> None:
    assert await migrate(empty_url) == [f"{one.version:04}_{one.name}" for one in migrations()]
    assert await migrate(empty_url) == []


async def test_processes_that_start_at_once_migrate_once(empty_url: str) -> None:
    applied = await asyncio.gather(*(migrate(empty_url) for _ in range(6)))
    assert sum(len(one) for one in applied) == len(migrations())


async def test_a_migration_that_was_edited_afterwards_is_refused(url: str) -> None:
    connection = await connect(url)
    await connection.execute("update history_data.migrations set checksum = 'other' where version = 1")
    await connection.close()
    with pytest.raises(MigrationError, match="0001_tables was changed"):
        await migrate(url)


async def test_a_postgres_that_stays_away_is_told_after_the_patience(tmp_path: object) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - its text is the system's
        await migrate(f"postgresql://user:@/db?host={tmp_path}", patience=0.2)


@pytest.mark.parametrize("view", COLUMNS)
async def test_the_views_have_the_documented_columns(view: str, url: str) -> None:
    connection = await connect(url)
    found = await connection.fetch(
        "select column_name from information_schema.columns where table_schema = 'history' and table_name = $1 "
        "order by ordinal_position",
        view,
    )
    await connection.close()
    assert [row["column_name"] for row in found] == COLUMNS[view].split()
