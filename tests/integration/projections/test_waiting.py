"""What a database may do to the projector that can't be helped: it waits, says so once, and goes on by itself."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from engine.registry import Registry
from projections.migrations import migrate
from projections.projector import Projector
from projections.standing import PARTS
from runtime.postgres import connect
from runtime.settings import Settings, load
from sandbox.broker import Tansu
from sandbox.postgres import Postgres
from streams.topics import create
from tests.integration.projections.world import projecting, rebuilt, send_runs, until

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def settings(tmp_path_factory: pytest.TempPathFactory, url: str) -> AsyncIterator[Settings]:
    broker = Tansu(tmp_path_factory.mktemp("broker"))
    broker.start()
    found = load(broker=broker.bootstrap, postgres_url=url, partitions=2, fetch_max_wait_ms=10)
    await create(found)
    yield found
    broker.stop()


@pytest.fixture
def small_disk(server: Postgres) -> Iterator[Path]:
    """A file system of 40 MB of its own."""
    folder = server.folder / "small"  # where the server may go
    folder.mkdir()
    mounted = os.geteuid() == 0 and shutil.which("mount") is not None
    mounted = (
        mounted
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=40m,mode=0777", "none", str(folder)], check=False, capture_output=True
        ).returncode
    )
    if not mounted:
        pytest.skip("a disk that is full takes a file system of its own, which only root may mount")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def _waits(word: str) -> None:
    for _ in range(600):
        reason = PARTS[Projector.name].reason if Projector.name in PARTS else None
        if reason is not None and word in reason:
            assert PARTS[Projector.name].waiting_since is not None
            return
        await asyncio.sleep(0.1)
    raise AssertionError(word)


async def _goes_on(settings: Settings, runs: int) -> None:
    connection = await connect(settings.postgres_url)
    await until(connection, "select count(*) from history.runs", runs)
    for _ in range(300):
        if PARTS[Projector.name].reason is None:
            break
        await asyncio.sleep(0.1)
    assert PARTS[Projector.name].reason is None
    await connection.close()
    _, said = await rebuilt(settings, verify_only=True)
    assert said[-1] == "The history is what the log says."


async def test_a_full_disk_is_waited_for(settings: Settings, server: Postgres, small_disk: Path) -> None:
    """A real one: the database's tablespace is on a file system without room."""
    place = small_disk / "space"
    place.mkdir()
    os.chown(place, server.data.stat().st_uid, server.data.stat().st_uid)
    admin = await connect(server.url)
    await admin.execute(f"create tablespace small location '{place}'")
    await admin.execute("create database small tablespace small template template0")
    url = server.url.replace("/postgres?", "/small?")
    settings = settings.model_copy(update={"postgres_url": type(settings.postgres_url)(url)})
    await migrate(url)
    filler = await connect(url)
    with capture_logs() as logs:
        async with projecting(settings):
            await send_runs(settings, 0, 10)
            await until(filler, "select count(*) from history.runs", 10)
            file = small_disk / "filler"
            with file.open("wb") as output:
                while True:
                    try:
                        output.write(bytes(64 * 1024))
                        output.flush()
                    except OSError:
                        break
            await send_runs(settings, 10, 1_500)
            await _waits("the disk of the database is full")
            await asyncio.sleep(2.0)
            file.unlink()
            await _goes_on(settings, 1_510)
    said = [one for one in logs if one["event"].startswith("waiting") and "disk" in one["reason"]]
    assert 1 <= len(said) <= 2, said  # the parts for runs and for events are one each
    await filler.close()
    await admin.execute("drop database small with (force)")
    await admin.execute("drop tablespace small")
    await admin.close()


async def test_a_standby_and_a_database_without_connections_are_waited_for(
    settings: Settings, server: Postgres
) -> None:
    connection = await connect(settings.postgres_url)
    name = await connection.fetchval("select current_database()")
    async with projecting(settings):
        await send_runs(settings, 0, 10)
        await until(connection, "select count(*) from history.runs", 10)
        # As a primary that became a standby: what is connected is cut off, and who comes can only read.
        await connection.execute(f"alter database {name} set default_transaction_read_only = on")
        await _cut_off(server, name)
        await send_runs(settings, 10, 10)
        await _waits("can only be read")
        admin = await connect(server.url)
        await admin.execute(f"alter database {name} reset default_transaction_read_only")
        await _goes_on(settings, 20)
        await admin.close()


async def test_a_database_without_a_free_connection_is_waited_for(settings: Settings, server: Postgres) -> None:
    """A user of its own that may have so many connections, all of them taken."""
    admin = await connect(server.url)
    name = settings.postgres_url.get_secret_value().partition(":@/")[2].partition("?")[0]
    await admin.execute("create role crowded login superuser")
    url = settings.postgres_url.get_secret_value().replace("postgres:@", "crowded:@")
    # A superuser is bound by no limit, so everybody's is reached for the user that the projector is.
    await admin.execute(f"alter role crowded nosuperuser connection limit 1; grant all on database {name} to crowded")
    owner = await connect(settings.postgres_url)
    await owner.execute(
        "grant all on schema history, history_data to crowded; "
        "grant all on all tables in schema history_data to crowded; "
        "grant execute on all functions in schema history_data to crowded"
    )
    taken = await connect(url)
    crowded = settings.model_copy(update={"postgres_url": type(settings.postgres_url)(url)})
    async with _only_runs(crowded):
        await send_runs(settings, 0, 10)
        await _waits("has no connection left")
        await taken.close()
        await until(owner, "select count(*) from history.runs", 10)
    await owner.close()
    await admin.execute(f"drop owned by crowded; revoke all on database {name} from crowded")
    await admin.close()


@asynccontextmanager
async def _only_runs(settings: Settings) -> AsyncIterator[None]:
    stop = asyncio.Event()
    work = asyncio.ensure_future(Projector(settings, Registry).run(stop))
    try:
        yield
    finally:
        stop.set()
        await work


async def _cut_off(server: Postgres, name: str) -> None:
    admin = await connect(server.url)
    await admin.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name = 'onestack'"
        " and pid <> pg_backend_pid()",
        name,
    )
    await admin.close()
