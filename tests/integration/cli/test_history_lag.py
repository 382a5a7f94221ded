"""What the doctor tells of a history that nobody has written to yet, and of a reader that has nothing to do."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic

from cli.doctor.database import history_lag
from runtime.kafka import admin, new_reader
from runtime.settings import Settings, load
from sandbox.broker import Tansu
from schemas.names import DEFINITIONS, RUNS


@pytest.fixture
async def settings(tmp_path_factory: pytest.TempPathFactory, url: str) -> AsyncIterator[Settings]:
    with Tansu(tmp_path_factory.mktemp("tansu")) as broker:
        yield load(broker=broker.bootstrap, postgres_url=url, fetch_max_wait_ms=10)


async def test_a_reader_is_stopped_as_soon_as_it_is_started(settings: Settings) -> None:
    reader = new_reader(settings)
    await reader.start()
    await reader.stop()


async def test_where_there_is_nothing_to_read_the_history_is_not_behind(settings: Settings) -> None:
    (found,) = await history_lag(settings)
    assert (found.level, found.detail) == ("ok", "The history has come as far as Kafka.")


@pytest.mark.parametrize(("age", "level"), [(5, "ok"), (120, "warning"), (3600, "fault")])
async def test_what_no_projector_has_begun_to_read_counts_as_behind(settings: Settings, age: int, level: str) -> None:
    client = await admin(settings)
    await client.create_topics([NewTopic(name, 2, 1) for name in (DEFINITIONS, RUNS)])
    await client.close()
    producer = AIOKafkaProducer(bootstrap_servers=settings.brokers)
    await producer.start()
    for partition in (0, 1, 1):
        when = int((time.time() - age) * 1000)
        await producer.send_and_wait(RUNS, b"{}", key=b"acme/run", partition=partition, timestamp_ms=when)
    await producer.stop()
    (found,) = await history_lag(settings)
    assert found.detail.startswith("The history is 3 records and ")
    assert (found.level, bool(found.todo)) == (level, level != "ok")
