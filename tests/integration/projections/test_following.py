"""The projector's parts on a real broker: events and runs from Kafka into Postgres, and what is old out of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from engine.redaction import Redaction
from engine.registry import Registry
from projections.event_projector import EventProjector
from projections.housekeeping import Housekeeping
from projections.projector import Projector
from runtime.postgres import Connection, connect
from runtime.settings import Settings, load
from sandbox.broker import Tansu
from schemas.names import DEFINITIONS, EVENT_TOPICS, RUNS
from streams.topics import create

Part = Callable[[asyncio.Event], Awaitable[None]]


def event(number: int) -> bytes:
    return orjson.dumps(
        {
            "specversion": "1.0", "id": f"ev-{number}", "source": "/rmm", "type": "device.offline",
            "subject": "device/d-1", "orgid": "acme", "data": {"device": {"id": "d-1", "api_key": "hunter2"}},
        }
    )  # fmt: skip


def skipped(run: str, at: datetime) -> bytes:
    data = {"workflow": {"id": "wf"}, "event": {"type": "t"}, "conditions": None}
    entry = {"id": f"{run}:0", "type": "run.skipped", "orgid": "acme", "subject": "d/1", "time": at.isoformat()}
    return orjson.dumps([{**entry, "data": data}])


@asynccontextmanager
async def running(*parts: Part) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.ensure_future(part(stop)) for part in parts]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def until(connection: Connection, query: str, wanted: Any) -> None:
    found = None
    for _ in range(600):
        found = await connection.fetchval(query)
        if found == wanted:
            return
        await asyncio.sleep(0.1)
    assert found == wanted


async def send(settings: Settings, topic: str, *values: bytes, key: bytes = b"acme/device/d-1") -> None:
    producer = AIOKafkaProducer(bootstrap_servers=settings.brokers)
    await producer.start()
    for value in values:
        await producer.send_and_wait(topic, value, key=key)
    await producer.stop()


@pytest.mark.timeout(240)
async def test_events_and_runs_go_their_own_ways_into_the_history(
    tmp_path: Path, url: str, connection: Connection
) -> None:
    broker = Tansu(tmp_path / "broker")
    broker.start()
    try:
        settings = load(broker=broker.bootstrap, postgres_url=url, partitions=2, fetch_max_wait_ms=10)
        await create(settings)
        await _story(settings, connection)
    finally:
        broker.stop()


async def _story(settings: Settings, connection: Connection) -> None:
    redact = Redaction().redact_event
    now = datetime.now(UTC)
    await send(settings, EVENT_TOPICS["rmm"], *(event(n) for n in range(3)), b"{")
    await send(settings, EVENT_TOPICS["psa"], event(3))
    await send(settings, RUNS, skipped("old", now - timedelta(days=20)), skipped("new", now))
    await send(settings, DEFINITIONS, b"{}", key=b"acme/calendar/office")
    events, runs = (
        "select count(*) from history.events",
        "select string_agg(run_id, ' ' order by run_id) from history.runs",
    )
    async with running(Projector(settings, Registry).run, EventProjector(settings, redact).run):
        await until(connection, events, 4)
        await until(connection, runs, "new old")
        await until(connection, "select calendar_id from history.calendars", "office")
        assert "hunter2" not in (await connection.fetchval("select string_agg(event::text, '') from history.events"))
    # It goes on where it stood, whoever kept the place of the group.
    await send(settings, EVENT_TOPICS["rmm"], event(4))
    async with running(EventProjector(settings, redact).run, Housekeeping(settings, first_after=0.0).run):
        await until(connection, events, 5)
        await until(connection, runs, "new")
    assert await connection.fetchval("select count(distinct event_id) from history.events") == 5


async def test_housekeeping_waits_for_a_postgres_that_is_away(tmp_path: Path) -> None:
    settings = load(postgres_url=f"postgresql://user:@/db?host={tmp_path}")
    async with running(Housekeeping(settings, first_after=0.0, every=0.01).run):
        await asyncio.sleep(0.1)


async def test_housekeeping_makes_the_tables_to_come(url: str) -> None:
    connection = await connect(url)
    await connection.execute("drop table " + ", ".join(await _days(connection)))
    async with running(Housekeeping(load(postgres_url=url), first_after=0.0).run):
        for _ in range(300):
            if len(await _days(connection)) == 3:
                break
            await asyncio.sleep(0.1)
    assert len(await _days(connection)) == 3
    await connection.close()


async def _days(connection: Connection) -> list[str]:
    rows = await connection.fetch(
        "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'history_data.events'::regclass"
    )
    return [row["name"] for row in rows if row["name"][-1].isdigit()]
