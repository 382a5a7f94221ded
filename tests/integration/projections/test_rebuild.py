"""A rebuild beside everything that goes on: what it makes, what it says, and that nobody notices the exchange."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.database import Database
from hub.reading import Reads, bound
from projections.checksum import checksums
from projections.errors import Differs, RebuildBusy
from projections.rebuild import LOCK
from projections.shadow import OLD, SHADOW
from runtime.postgres import Connection, connect
from runtime.settings import Settings, load
from sandbox.broker import Tansu
from streams.topics import create
from tests.integration.projections.world import (
    definition,
    processes,
    projecting,
    rebuilt,
    send,
    send_all,
    send_runs,
    start,
    until,
)

pytestmark = pytest.mark.timeout(240)
RUNS = 300


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tansu]:
    """A log of runs, events and definitions, which the tests add to."""
    found = Tansu(tmp_path_factory.mktemp("broker"))
    found.start()
    settings = load(broker=found.bootstrap, partitions=2, fetch_max_wait_ms=10)
    asyncio.run(create(settings))
    asyncio.run(send_all(settings, RUNS))
    yield found
    found.stop()


@pytest.fixture
def settings(broker: Tansu, url: str) -> Settings:
    return load(broker=broker.bootstrap, postgres_url=url, partitions=2, fetch_max_wait_ms=10)


@pytest.fixture
async def lived(settings: Settings, connection: Connection) -> Connection:
    """A history that a projector has made of the log, which then ended."""
    async with projecting(settings):
        await _caught_up(connection)
    return connection


async def _caught_up(connection: Connection) -> None:
    await until(connection, "select count(*) >= $1 from history_data.runs".replace("$1", str(RUNS)), wanted=True)
    await until(connection, f"select count(*) = {RUNS} from history_data.events", wanted=True)
    await until(connection, "select count(*) = 2 from history_data.workflows", wanted=True)


async def test_an_empty_history_is_made_from_the_log(settings: Settings, lived: Connection, empty_url: str) -> None:
    expected, _ = await checksums(lived)
    again = settings.model_copy(update={"postgres_url": type(settings.postgres_url)(empty_url)})
    done, said = await rebuilt(again)
    assert "The history is empty: there is nothing to compare." in said
    assert done.workflows == 2
    fresh = await connect(empty_url)
    assert (await checksums(fresh))[0] == expected
    await fresh.close()


async def test_readers_and_projectors_go_on_through_a_rebuild(settings: Settings, connection: Connection) -> None:
    """Prepared statements are kept, counts never fall, and a view that a later version made is still right."""
    await connection.execute(
        "create view history.later with (security_invoker = true) as "
        "select r.org_id, count(*) as runs from history.runs r group by 1; "
        "select hub_data.lock();"
    )
    reads, database, done = Reads(settings), Database(settings), asyncio.Event()
    counts: list[tuple[int, int]] = []

    async def read() -> None:
        statement = bound("select count(*) as runs, (select count(*) from history.steps) as steps from history.runs r "
                          "where r.org_id = o.org")  # fmt: skip
        while not done.is_set():
            (row,) = await reads.rows(statement, "acme")
            async with database.bound("acme") as one:
                later = await one.fetchval("select runs from history.later")
                counts.append((row["runs"], row["steps"]))
                counts.append((later or 0, row["steps"]))

    async with projecting(settings):
        await _caught_up(connection)
        before = await connection.fetch("select relid from pg_stat_user_tables where schemaname = 'history_data'")
        reader = asyncio.create_task(read())
        writer = asyncio.create_task(send_runs(settings, 0, 400, prefix="beside"))
        _, said = await rebuilt(settings)
        await writer
        await until(connection, "select count(*) from history.runs where run_id like 'beside-%'", 400)
        done.set()
        await reader
    assert "The history is what the log says." in said
    assert counts == sorted(counts)
    assert counts[-1][0] >= RUNS
    after = await connection.fetch("select relid from pg_stat_user_tables where schemaname = 'history_data'")
    assert set(map(tuple, after)) != set(map(tuple, before))
    _, said = await rebuilt(settings, verify_only=True)
    assert said[-1] == "The history is what the log says."
    assert await connection.fetchval("select count(*) from pg_namespace where nspname in ($1, $2)", SHADOW, OLD) == 0
    await reads.stop()
    await database.close()


async def test_what_differs_is_said_and_exchanged_only_where_it_is_accepted(
    settings: Settings, lived: Connection
) -> None:
    expected, _ = await checksums(lived)
    await lived.execute(
        "update history_data.runs set status = 'odd' where run_id = 'run-1'; "
        "update history_data.runs set entity_name = null, caused_by = null, workflow_name = null "
        "where run_id < 'run-15'; "
        "delete from history_data.steps where run_id = 'run-3'; "
        "delete from history_data.events where event_id = 'ev-7'; "
        "insert into history_data.workflows select org_id, 'made-up', version, name, state, trigger_type, definition, "
        "updated_at from history_data.workflows where workflow_id = 'wf'"
    )
    damaged, _ = await checksums(lived)
    with pytest.raises(Differs, match="--accept"):
        await rebuilt(settings)
    assert (await checksums(lived))[0] == damaged
    _, said = await rebuilt(settings, accept=True)
    told = [text for text in said if text.startswith("Differs")]
    assert "Going on with the rebuild that was begun before." in said
    assert "Differs: 1 workflow is in the history and not in the log (for example acme made-up)." in told
    assert "Differs: 1 event is in the log and missing in the history" in " ".join(told)
    assert "Differs: 3 steps are in the log and missing in the history (for example run-3 0)." in told
    assert any("have no workflow name in the history, and the log says it" in text for text in told)
    assert any("another workflow name, status in the history than by the log" in text for text in told)
    assert (await checksums(lived))[0] == expected


async def test_what_the_log_has_no_longer_is_kept(settings: Settings, lived: Connection) -> None:
    """Runs, events and dead letters that stem from an earlier log, in weeks that are exchanged and in others."""
    for table in ("runs", "run_keys", "records", "steps"):
        await lived.execute(
            f"create temporary table old as select * from history_data.{table} where run_id in ('run-0', 'run-2');"
            f"update old set run_id = 'old-' || run_id; "
            f"insert into history_data.{table} select * from old; drop table old"
        )
    await lived.execute(
        "select history_data.add_day(current_date - 1); "
        "insert into history_data.events select event_id || '-old', org_id, type, time, "
        "received_at - interval '1 day', "
        'topic, partition, "offset", event, subject from history_data.events limit 5'
    )
    # Of a log that was longer than this one is.
    await lived.execute(
        "insert into history_data.events select event_id || '-older', org_id, type, time, received_at, topic, "
        'partition, "offset" + 100000, event, subject from history_data.events limit 5'
    )
    await lived.execute("insert into history_data.dead_letters (id, at, reason) values ('x', now(), 'old')")
    expected, _ = await checksums(lived)
    _, said = await rebuilt(settings)
    assert "2 runs are kept that the log no longer has from their beginning." in said
    assert (await checksums(lived))[0] == expected


async def test_a_rebuild_that_is_killed_is_gone_on_with(settings: Settings, lived: Connection, tmp_path: Path) -> None:
    """Killed while it fills, and after the exchange, before it has cleaned up."""
    expected, _ = await checksums(lived)
    for seen in (f"{SHADOW}.offsets", f"{SHADOW}.runs_20261123", f"{OLD}.runs_20261123"):
        process = start(settings, tmp_path / "log", "projector", "--rebuild", "--keep-old")
        try:
            await until(lived, f"select to_regclass('{seen}') is not null", wanted=True)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert (await checksums(lived))[0] == expected
    await rebuilt(settings)
    assert (await checksums(lived))[0] == expected
    assert await lived.fetchval("select count(*) from pg_namespace where nspname in ($1, $2)", SHADOW, OLD) == 0


async def test_one_rebuild_at_a_time(settings: Settings, connection: Connection) -> None:
    await connection.execute("select pg_advisory_lock($1)", LOCK)
    with pytest.raises(RebuildBusy):
        await rebuilt(settings)


async def test_a_killed_projectors_work_is_taken_over(
    settings: Settings, connection: Connection, tmp_path: Path
) -> None:
    """Two share the partitions; one is killed under load, the other has all, and nothing is lost or doubled."""
    with processes(settings, tmp_path / "log", 2) as two:
        await _caught_up(connection)
        writer = asyncio.create_task(send_runs(settings, 0, 400, prefix="killed"))
        await until(connection, "select count(*) > 0 from history.runs where run_id like 'killed-%'", wanted=True)
        two[0].send_signal(signal.SIGKILL)
        await writer
        await send_runs(settings, 400, 100, prefix="killed")
        await until(connection, "select count(*) from history.runs where run_id like 'killed-%'", 500)
        await send(settings, "onestack.workflow.definitions", ("acme/wf", definition("wf", 2)))
        await until(connection, "select version from history.workflows where workflow_id = 'wf'", 2)
        await asyncio.sleep(0.5)
        with contextlib.suppress(RebuildBusy):
            _, said = await rebuilt(settings, verify_only=True)
            assert said[-1] == "The history is what the log says."
