"""Who is behind, as Kafka tells it."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from hub.lag import Lag
from hub.parts import Parts
from hub.services import lagging
from hub.services.lagging import Lagging
from runtime.settings import load
from schemas.names import EVENT_TOPICS
from tests.integration.hub.live import Hub, Live

PSA = EVENT_TOPICS["psa"]


async def test_groups_are_told_with_how_far_they_are_behind(live: Live, hub: Hub) -> None:
    org = live.org()
    for number in range(3):
        await hub.parts.publish(PSA, f"{org}/ticket/{number}".encode(), b"{}", partition=1)
    at = TopicPartition(PSA, 1)
    consumer = AIOKafkaConsumer(bootstrap_servers=live.broker.bootstrap, group_id="onestack-late")
    await consumer.start()
    try:
        consumer.assign([at])
        end = (await consumer.end_offsets([at]))[at]
        await consumer.commit({at: end - 2})
        found = await hub.of(org, "Viewer").get("/insight?minutes=5")
    finally:
        await consumer.stop()
    assert {"group": "onestack-late", "topic": PSA, "behind": 2} in found["lag"]
    assert found["projector"].keys() == {"behind", "caught_up"}


async def test_it_is_asked_once_in_a_while(live: Live, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = hub.parts
    one = Lagging(parts.settings, parts.definitions, parts.lag)
    first = await one.now()
    monkeypatch.setattr(lagging, "admin", None)  # whoever asks Kafka now fails
    assert await one.now() == first


class _Reader:
    """Learns a topic only where it is asked for alone, and only when all are asked for: one a round would be late."""

    def __init__(self, topics: set[str]) -> None:
        self.known: set[str] = set()
        self._all_asked = asyncio.Barrier(len(topics))

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return {0} if topic in self.known else None

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        unknown = {at.topic for at in partitions} - self.known
        if len(unknown) > 1:
            await asyncio.Event().wait()
        elif unknown:
            await self._all_asked.wait()
        self.known |= unknown
        return dict.fromkeys(partitions, 7)


async def test_topics_that_are_new_to_it_do_not_make_it_say_that_kafka_is_away(url: str) -> None:
    parts, topics = Parts(load(postgres_url=url)), {"a", "b", "c"}
    parts.definitions.reader = _Reader(topics)
    partitions = [TopicPartition(topic, number) for topic in sorted(topics) for number in (0, 1)]
    assert await Lag(parts.definitions, parts.postgres)._ends(partitions) == dict.fromkeys(partitions, 7)


async def test_without_kafka_there_is_no_failure(url: str, unused_tcp_port: int) -> None:
    parts = Parts(load(postgres_url=url, broker=f"127.0.0.1:{unused_tcp_port}"))
    try:
        assert await Lagging(parts.settings, parts.definitions, parts.lag).now() == (
            [],
            {"behind": 0, "caught_up": False},
        )
    finally:
        await parts.postgres.close()
