"""Kafka as the Hub uses it: what is sent is acknowledged, and what came of a definition can be waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from engine.registry import Accepted, Deleted, RefusedDefinition, Unchanged
from hub import sending
from hub.parts import Parts
from hub.problems import Problem
from hub.sending import Outgoing, Place
from runtime.kafka import partition_of
from runtime.postgres import Connection
from runtime.settings import Settings, load
from sandbox.broker import Tansu
from schemas.names import DEFINITIONS, EVENT_TOPICS

RMM = EVENT_TOPICS["rmm"]
PARTITIONS = 3


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tansu]:
    found = Tansu(tmp_path_factory.mktemp("broker"))
    found.start()
    yield found
    found.stop()


@pytest.fixture
async def parts(broker: Tansu, url: str) -> AsyncIterator[Parts]:
    settings = load(broker=broker.bootstrap, postgres_url=url, fetch_max_wait_ms=10)

    async def topics() -> None:
        await make_topics(settings)

    async with Parts(settings, topics) as found:
        await found.definitions.wait_ready()
        yield found


async def make_topics(settings: Settings) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(DEFINITIONS, 1, 1), NewTopic(RMM, PARTITIONS, 1)])
    finally:
        await admin.close()


def definition(version: int = 1, **more: Any) -> bytes:
    note = {"id": "note", "action": "create_note", "with": {"body": "{{device.name}}", "company_id": "c-1"}}
    body = {"id": "wf", "org": "acme", "version": version, "name": "WF", "state": "enabled",
            "trigger": {"type": "device.offline"}, "steps": [note]}  # fmt: skip
    return orjson.dumps(body | more)


async def test_a_record_is_where_the_hub_says_it_is(parts: Parts, broker: Tansu) -> None:
    key = b"acme/device/d-17"
    place = await parts.publish(RMM, key, b'{"a": 1}', [("content-type", b"application/json")])
    assert place.topic == RMM
    assert place.partition == partition_of(key, PARTITIONS)
    reader = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, fetch_max_wait_ms=10)
    await reader.start()
    try:
        at = TopicPartition(*place[:2])
        reader.assign([at])
        reader.seek(at, place.offset)
        record = await asyncio.wait_for(reader.getone(), 10)
    finally:
        await reader.stop()
    assert (record.key, record.value, record.headers) == (key, b'{"a": 1}', (("content-type", b"application/json"),))


async def test_several_records_are_sent_in_their_order(parts: Parts) -> None:
    places = await parts.sender.publish_all([Outgoing(RMM, b"acme/device/d-1", b"%d" % n) for n in range(20)])
    assert [place.offset for place in places] == sorted(place.offset for place in places)


async def test_a_record_that_is_too_large_is_refused(parts: Parts) -> None:
    with pytest.raises(Problem) as refused:
        await parts.publish(RMM, b"k", b"x" * 3_000_000)
    assert refused.value.status == 413


async def test_what_came_of_a_definition_is_known_when_it_was_read(parts: Parts) -> None:
    outcomes = []
    for value in (definition(1), definition(1), definition(1, name="Other"), definition(2), b"{", None):
        place = await parts.publish(DEFINITIONS, b"acme/wf", value)
        outcomes.append(await parts.definitions.applied(place.offset))
    assert [type(one) for one in outcomes] == [
        Accepted,
        Unchanged,
        RefusedDefinition,
        Accepted,
        RefusedDefinition,
        Deleted,
    ]
    assert parts.definitions.registry.get("acme", "wf") is None
    assert parts.definitions.position == place.offset + 1


async def test_whoever_listens_hears_of_each_change(parts: Parts) -> None:
    heard: list[tuple[str, str]] = []
    parts.definitions.listeners.append(lambda key, applied: heard.append((key, type(applied).__name__)))
    place = await parts.publish(DEFINITIONS, b"acme/wf", definition())
    await parts.definitions.applied(place.offset)
    assert heard == [("acme/wf", "Accepted")]


async def test_a_hub_that_starts_later_has_what_is_in_force(parts: Parts) -> None:
    await parts.publish(DEFINITIONS, b"acme/wf", definition())
    async with Parts(parts.settings) as later:
        await later.definitions.wait_ready()
        found = later.definitions.registry.get("acme", "wf")
        assert found is not None
        assert found.version == 1


async def test_a_write_is_readable_once_the_projector_has_come_so_far(parts: Parts, connection: Connection) -> None:
    place = Place(RMM, 1, 41)
    await connection.execute(f"insert into history_data.offsets values ('{RMM}', 1, 41)")
    assert not await parts.readable(place, 0.2)
    both = asyncio.gather(parts.readable(place), parts.readable(Place(RMM, 1, 40)), parts.readable(place, 0.05))
    await asyncio.sleep(0.2)
    await connection.execute("update history_data.offsets set next = 42")
    assert tuple(await both) == (True, True, False)


async def test_while_kafka_is_away_a_write_is_a_503_and_all_goes_on_when_it_is_back(
    parts: Parts, broker: Tansu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PATIENCE", 1.0)
    broker.stop()
    with pytest.raises(Problem) as away:
        await parts.publish(RMM, b"acme/device/d-1", b"lost")
    assert (away.value.status, "before you send it again" in away.value.detail) == (503, True)
    monkeypatch.setattr(sending, "PATIENCE", 20.0)
    broker.start()
    await make_topics(parts.settings)
    place = await parts.publish(RMM, b"acme/device/d-1", b"kept")
    assert place.topic == RMM
    # Tansu keeps nothing: the topic was made anew, and with it what is in force.
    place = await parts.publish(DEFINITIONS, b"acme/wf", definition(7))
    assert isinstance(await parts.definitions.applied(place.offset, 20), Accepted)
    async with asyncio.timeout(20):
        while parts.definitions.registry.get("acme", "wf") is None:  # noqa: ASYNC110 - of another task
            await asyncio.sleep(0.05)


async def test_a_hub_starts_while_kafka_and_postgres_are_away(unused_tcp_port: int) -> None:
    nowhere = f"127.0.0.1:{unused_tcp_port}"
    async with Parts(load(broker=nowhere, postgres_url=f"postgresql://x@{nowhere}/x")) as parts:
        with pytest.raises(Problem):
            await parts.definitions.wait_ready(0.2)
        assert not parts.sender.ready
        assert not await parts.readable(Place(RMM, 0, 0), 0.2)
