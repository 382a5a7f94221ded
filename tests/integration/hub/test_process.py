"""The Hub as a process: it starts whatever is away, says so, and ends in order."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.database import ROLE
from runtime.postgres import Connection
from sandbox.broker import Tansu
from sandbox.process import end, free_port, spawn, tail
from schemas.names import DEFINITIONS
from tests.integration.hub.conftest import SECRET

PATIENCE = 60.0
Start = Callable[..., "Running"]


class Running:
    """A process, and how to ask it."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, port: int) -> None:
        self.process, self.log, self.port = process, log, port

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def until(self, met: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if found := met():
                    return found
            except httpx.TransportError:
                assert self.process.poll() is None, tail(self.log)
            assert time.monotonic() < deadline, f"{what} did not happen: {tail(self.log)}"
            time.sleep(0.05)

    def status(self) -> int:
        return httpx.get(self.url("/readyz")).status_code

    def ready(self) -> dict[str, Any]:
        found: dict[str, Any] = self.until(lambda: httpx.get(self.url("/readyz")).json(), "an answer")
        return found


@pytest.fixture
def start(tmp_path: Path, url: str, unused_tcp_port: int) -> Iterator[Start]:
    """`start(**settings)`: a Hub, by default on a Postgres that is there and a Kafka that is not."""
    running: list[Running] = []

    def run(**settings: str) -> Running:
        port = free_port()
        usual = {"hub_port": str(port), "broker": f"127.0.0.1:{unused_tcp_port}", "postgres_url": url,
                 "development_sign_in": SECRET, "fetch_max_wait_ms": "10", "partitions": "2"}  # fmt: skip
        env = {name: value for name, value in os.environ.items() if not name.startswith("ONESTACK_")}
        env |= {f"ONESTACK_{name.upper()}": value for name, value in (usual | settings).items()}
        log = tmp_path / f"hub-{len(running)}.log"
        found = Running(spawn([sys.executable, "-m", "cli.main", "hub"], log, env=env), log, port)
        running.append(found)
        return found

    yield run
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Tansu]:
    found = Tansu(tmp_path / "broker")
    found.start()
    yield found
    found.stop()


async def test_it_starts_without_kafka_and_works_once_kafka_is_there(
    start: Start, broker: Tansu, connection: Connection
) -> None:
    port = int(broker.bootstrap.rpartition(":")[2])
    broker.stop()
    hub = start(broker=broker.bootstrap)
    assert (await asyncio.to_thread(hub.ready))["parts"]["kafka"]["state"] == "away"
    async with httpx.AsyncClient(base_url=hub.url("/api/v1")) as client:
        signed = await client.post("/session/development", json={"org": "acme", "role": "Owner"})
        assert signed.status_code == 200
        assert (await client.get("/audit")).json() == {"items": [], "next": None}
    assert broker.port == port
    broker.start()
    await asyncio.to_thread(hub.until, lambda: hub.ready()["parts"]["kafka"]["state"] == "ready", "Kafka")
    assert hub.ready()["parts"]["projector"]["state"] == "ready"
    assert hub.status() == 200


async def test_it_says_that_the_projector_stands_still(start: Start, broker: Tansu, connection: Connection) -> None:
    from aiokafka import AIOKafkaProducer

    hub = start(broker=broker.bootstrap)
    await asyncio.to_thread(hub.until, lambda: hub.status() == 200, "readiness")
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
    await producer.start()
    for _ in range(3):
        await producer.send_and_wait(DEFINITIONS, b"{}", b"acme/wf", partition=0)
    await producer.stop()
    await connection.execute("insert into history_data.offsets values ($1, 0, 0)", DEFINITIONS)
    at_work = hub.ready()["parts"]["projector"]
    assert (at_work["state"], "behind" in at_work["detail"]) == ("ready", True)
    stuck = await asyncio.to_thread(
        hub.until, lambda: (r := hub.ready()["parts"]["projector"])["state"] == "behind" and r, "the lag"
    )
    assert "onestack projector" in stuck["todo"]
    assert hub.status() == 503
    await connection.execute("update history_data.offsets set next = 3")
    assert hub.status() == 200


async def test_it_says_that_postgres_does_not_keep_organisations_apart(start: Start, connection: Connection) -> None:
    hub = start()
    part: dict[str, Any] = {"state": "ready"}
    async with asyncio.timeout(PATIENCE):
        while part["state"] == "ready":
            # As long as it starts, the Hub mends this by itself.
            await connection.execute("alter table history_data.runs disable row level security")
            part = (await asyncio.to_thread(hub.ready))["parts"]["organisations"]
    assert (part["state"], "history_data.runs" in part["detail"], ROLE in part["todo"]) == ("refused", True, True)


def test_it_does_not_start_where_anyone_could_sign_in(start: Start) -> None:
    for more in ({"hub_host": "0.0.0.0"}, {"jwks": "https://id.example/jwks"}):
        hub = start(**more)
        assert hub.process.wait(PATIENCE) == 1
        assert "ONESTACK_DEVELOPMENT_SIGN_IN" in tail(hub.log, 1)
        assert SECRET not in hub.log.read_text()


def test_an_address_that_is_taken_is_told_in_a_sentence(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        hub = start(hub_port=str(taken.getsockname()[1]))
        assert hub.process.wait(PATIENCE) == 1
    assert "ONESTACK_HUB_PORT" in tail(hub.log, 1)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
async def test_told_to_stop_it_finishes_what_is_in_flight_and_takes_no_more(
    start: Start, connection: Connection, sign: signal.Signals
) -> None:
    hub = start()
    await asyncio.to_thread(hub.ready)
    async with httpx.AsyncClient(base_url=hub.url("/api/v1"), timeout=PATIENCE) as client:
        await client.post("/session/development", json={"org": "acme", "role": "Owner"})
        # A write that has to wait for a lock is in flight.
        async with connection.transaction():
            await connection.execute("lock table hub_data.api_keys in access exclusive mode")
            under_way = asyncio.create_task(
                client.post("/keys", json={"name": "late", "role": "Viewer"}, headers={"x-onestack": "1"})
            )
            await _waiting(connection)
            hub.process.send_signal(sign)
            await asyncio.to_thread(hub.until, lambda: not answers(hub.port), "the end of listening")
        assert (await under_way).status_code == 201
    assert await asyncio.to_thread(end, hub.process, sign, 12) == 0
    assert await connection.fetchval("select outcome from hub_data.audit") == "done"
    assert "the hub has stopped" in tail(hub.log, 1)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


async def _waiting(connection: Connection) -> None:
    """Until somebody waits for our lock."""
    async with asyncio.timeout(PATIENCE):
        while not await connection.fetchval("select exists (select from pg_locks where not granted)"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_told_to_stop_it_ends_the_streams_that_are_open(start: Start, connection: Connection) -> None:
    hub = start()
    await asyncio.to_thread(hub.ready)
    async with httpx.AsyncClient(base_url=hub.url("/api/v1"), timeout=PATIENCE) as client:
        await client.post("/session/development", json={"org": "acme", "role": "Viewer"})
        async with client.stream("GET", "/stream") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            hub.process.send_signal(signal.SIGTERM)
            async for _ in stream.aiter_raw():
                pass
    assert await asyncio.to_thread(end, hub.process, signal.SIGTERM, 12) == 0
    assert "the hub has stopped" in tail(hub.log, 1)
