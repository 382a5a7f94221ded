"""What is on a topic, for tests that look at the wire, and how it is set."""

from __future__ import annotations

import functools
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import TopicPartition

from tests.chaos.stack import eventually


async def read_topic(bootstrap: str, topic: str, partitions: int) -> list[Any]:
    """All records that are on a topic now, by partition, in order."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, fetch_max_wait_ms=10)
    await consumer.start()
    found: list[Any] = []
    try:
        parts = [TopicPartition(topic, n) for n in range(partitions)]
        consumer.assign(parts)
        await consumer.seek_to_beginning(*parts)
        for at, last in (await consumer.end_offsets(parts)).items():
            while await consumer.position(at) < last:
                found += (await consumer.getmany(at, timeout_ms=200)).get(at, [])
    finally:
        await consumer.stop()
    return found


async def own_settings(bootstrap: str, topic: str) -> dict[str, str]:
    """What is set on the topic itself, by name."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        (response,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    finally:
        await admin.close()
    ((_code, _message, _kind, _name, entries),) = response.resources
    return {entry[0]: entry[1] for entry in entries if entry[3] == 1}


async def replace_settings(bootstrap: str, topic: str, settings: dict[str, str]) -> None:
    """Replace what is set on the topic itself; the broker tells so when this returns."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        (response,) = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, settings)])
    finally:
        await admin.close()
    assert [(code, message) for code, message, *_ in response.resources] == [(0, None)]
    # A broker answers once its controller has it, and follows its controller a moment later.
    ask = functools.partial(own_settings, bootstrap, topic)
    await eventually(ask, lambda found: found == settings, 10, f"what is set on {topic}")
