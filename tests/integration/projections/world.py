"""A broker with a log, and what writes and reads its history."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer

from engine.redaction import Redaction
from engine.registry import Registry
from projections.event_projector import EventProjector
from projections.projector import Projector
from projections.rebuild import Options, Rebuilt, rebuild
from runtime.postgres import Connection
from runtime.settings import Settings
from schemas.names import DEFINITIONS, EVENT_TOPICS, RUNS
from tests.integration.projections.test_projection import log_of

redact = Redaction().redact_event


def event(name: str, org: str = "acme") -> bytes:
    return orjson.dumps(
        {
            "specversion": "1.0", "id": name, "source": "/rmm", "type": "device.offline",
            "subject": "device/d-1", "orgid": org, "data": {"device": {"id": "d-1"}},
        }
    )  # fmt: skip


def definition(name: str, version: int = 1) -> bytes:
    note = {"id": "note", "action": "create_note", "with": {"body": "{{device.name}}", "company_id": "c-1"}}
    return orjson.dumps(
        {
            "id": name, "org": "acme", "version": version, "name": name, "state": "enabled",
            "trigger": {"type": "device.offline"}, "steps": [note],
        }
    )  # fmt: skip


async def send(settings: Settings, topic: str, *records: tuple[str, bytes | None]) -> None:
    """Send (key, value) in this order, and wait until the broker has all."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.brokers)
    await producer.start()
    sent = [await producer.send(topic, value, key=key.encode()) for key, value in records]
    await asyncio.gather(*sent)
    await producer.stop()


async def send_runs(settings: Settings, first: int, count: int, prefix: str = "run") -> None:
    records = [
        (f"acme/alert/a-{number}", value)
        for number in range(first, first + count)
        for value in log_of(f"{prefix}-{number}", number % 5)
    ]
    await send(settings, RUNS, *records)


async def send_all(settings: Settings, runs: int) -> None:
    """Runs, events and two definitions."""
    await send_runs(settings, 0, runs)
    await send(settings, EVENT_TOPICS["rmm"], *((f"acme/device/{n}", event(f"ev-{n}")) for n in range(runs)))
    await send(settings, DEFINITIONS, ("acme/wf", definition("wf")), ("acme/other", definition("other")))


@asynccontextmanager
async def projecting(settings: Settings) -> AsyncIterator[None]:
    """A projector in this process."""
    stop = asyncio.Event()
    parts = [Projector(settings, Registry).run(stop), EventProjector(settings, redact).run(stop)]
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def rebuilt(settings: Settings, **options: Any) -> tuple[Rebuilt, list[str]]:
    """Rebuild in this process; what came of it and what was said."""
    said: list[str] = []
    return await rebuild(settings, Registry, redact, Options(**options), said.append), said


def environment(settings: Settings) -> dict[str, str]:
    return os.environ | {
        "ONESTACK_BROKER": settings.broker,
        "ONESTACK_POSTGRES_URL": settings.postgres_url.get_secret_value(),
        "ONESTACK_PARTITIONS": str(settings.partitions),
        "ONESTACK_FETCH_MAX_WAIT_MS": "10",
        "ONESTACK_METRICS_PORT": "0",
    }


def start(settings: Settings, log: Path, *arguments: str, **more: str) -> subprocess.Popen[bytes]:
    """`onestack …` as a process of its own."""
    command = [sys.executable, "-m", "cli", *arguments]
    with log.open("ab") as output:
        return subprocess.Popen(command, env=environment(settings) | more, stdout=output, stderr=output)


@contextmanager
def processes(settings: Settings, log: Path, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many projectors; they are killed in the end."""
    found = [start(settings, log, "projector") for _ in range(count)]
    try:
        yield found
    finally:
        for process in found:
            process.send_signal(signal.SIGKILL)
            process.wait()


async def until(connection: Connection, query: str, wanted: Any, *, patience: float = 60.0) -> None:
    """Ask until it is so."""
    found = None
    for _ in range(int(patience * 10)):
        found = await connection.fetchval(query)
        if found == wanted:
            return
        await asyncio.sleep(0.1)
    assert found == wanted
