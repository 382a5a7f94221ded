"""The drill of docs/how-to/back-up-and-restore.md: the history is lost, or the log, or the database is restored.

By the commands that the page names, on embedded parts.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from runtime.postgres import Connection, connect
from runtime.settings import Settings, load
from sandbox.broker import Tansu
from sandbox.postgres import Postgres
from schemas.names import DEFINITIONS, EVENT_TOPICS
from streams.topics import create
from tests.integration.projections.world import (
    definition,
    environment,
    event,
    projecting,
    send,
    send_all,
    send_runs,
    until,
)

pytestmark = pytest.mark.timeout(240)
RUNS = 60
SUMS = "history", "checksum", "--json"


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Any:
    found = Tansu(tmp_path_factory.mktemp("broker"))
    found.start()
    yield found
    found.stop()


@pytest.fixture
async def settings(broker: Tansu, url: str) -> Settings:
    """A log, and the history that a projector has made of it."""
    found = load(broker=broker.bootstrap, postgres_url=url, partitions=2, fetch_max_wait_ms=10)
    await create(found)
    await send_all(found, RUNS)
    connection = await connect(url)
    async with projecting(found):
        await _counted(connection, RUNS, RUNS)
        await until(connection, "select count(*) from history.workflows", 2)
    await connection.close()
    return found


async def _counted(connection: Connection, runs: int, events: int) -> None:
    await until(connection, "select count(*) from history.runs", runs)
    await until(connection, "select count(*) from history.events", events)


async def onestack(settings: Settings, *arguments: str) -> str:
    """What the command prints; it has to succeed."""

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cli", *arguments]
        return subprocess.run(command, env=environment(settings), check=False, capture_output=True, text=True)

    done = await asyncio.to_thread(run)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def tables_of(settings: Settings) -> Any:
    return json.loads(await onestack(settings, *SUMS))["tables"]


async def test_the_history_is_lost_and_made_again_from_the_log(settings: Settings, server: Postgres) -> None:
    before = await tables_of(settings)
    assert before["runs"]["rows"] == before["events"]["rows"] == RUNS
    admin = await connect(server.url)
    name = settings.postgres_url.get_secret_value().partition(":@/")[2].partition("?")[0]
    await admin.execute(f"drop database {name} with (force)")
    await admin.execute(f"create database {name} template template0")
    await admin.close()
    assert "Rebuilt from" in await onestack(settings, "projector", "--rebuild")
    assert await tables_of(settings) == before


@pytest.mark.parametrize("longer", [False, True], ids=["shorter", "longer"])
async def test_the_log_is_lost_and_the_history_goes_on(
    settings: Settings, broker: Tansu, connection: Connection, *, longer: bool
) -> None:
    """Also where the new log is longer by the time than the old one was, and its offsets tell nothing."""
    old = await connection.fetch("select * from history.runs order by run_id")
    broker.kill()
    broker.start()
    await create(settings)
    more = 3 * RUNS if longer else 5
    await send_runs(settings, 0, more, prefix="new")
    events = ((f"acme/device/{n}", event(f"new-{n}")) for n in range(more))
    await send(settings, EVENT_TOPICS["rmm"], *events)
    with capture_logs() as logs:
        async with projecting(settings):
            await _counted(connection, RUNS + more, RUNS + more)
            # Workflows that are gone with their topic, and one that somebody deletes there by name.
            await until(connection, "select count(*) from history.lost_definitions", 2)
            await send(settings, DEFINITIONS, ("acme/other", None))
            await until(connection, "select count(*) from history.lost_definitions", 1)
            await onestack(settings, "publish", "--from-history")
            await until(connection, "select string_agg(workflow_id, ' ') from history.workflows", "wf")
            await until(connection, "select count(*) from history.lost_definitions", 0)
            await send(settings, DEFINITIONS, ("acme/wf", definition("wf", 2)))
            await until(connection, "select version from history.workflows", 2)
    said = " ".join(one["event"] for one in logs)
    assert "it was made anew, reading it from its beginning" in said
    assert "definitions are missing in their topic" in said
    assert "will not go on" in said
    # What was under way then, and nothing else: two of five kinds of runs in the test's log.
    stranded = json.loads(await onestack(settings, "history", "stranded", "--json"))
    assert len([one for one in stranded if one["run_id"].startswith("run-")]) == RUNS // 5 * 2
    kept = await connection.fetch("select * from history.runs where run_id like 'run-%' order by run_id")
    assert kept == old
    # A rebuild reads the new log, and keeps what stems from the old one.
    before = await tables_of(settings)
    told = await onestack(settings, "projector", "--rebuild")
    assert f"{RUNS} runs are kept that the log no longer has" in told
    assert await tables_of(settings) == before


async def test_a_restored_dump_goes_on_where_it_was_made(
    settings: Settings, server: Postgres, connection: Connection, tmp_path: Path
) -> None:
    url, other = settings.postgres_url.get_secret_value(), server.url.replace("/postgres?", "/restored?")
    async with projecting(settings):
        await send_runs(settings, 0, 30, prefix="during")
        # While the projector writes: a dump is of one moment.
        await _program(server, "pg_dump", "--format=custom", f"--file={tmp_path / 'dump'}", f"--dbname={url}")
        await send_runs(settings, 0, 30, prefix="after")
        await _counted(connection, RUNS + 60, RUNS)
    admin = await connect(server.url)
    await admin.execute("create database restored template template0")
    await _program(server, "pg_restore", "--exit-on-error", f"--dbname={other}", str(tmp_path / "dump"))
    restored = settings.model_copy(update={"postgres_url": type(settings.postgres_url)(other)})
    again = await connect(other)
    assert await again.fetchval("select count(*) from history.runs") < RUNS + 60
    async with projecting(restored):
        await _counted(again, RUNS + 60, RUNS)
    assert await tables_of(restored) == await tables_of(settings)
    assert await again.fetchval("select hub_data.guard()") is None
    await again.close()
    await admin.execute("drop database restored with (force)")
    await admin.close()


async def _program(server: Postgres, name: str, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(server.psql.parent / name, *arguments)
    assert await process.wait() == 0
