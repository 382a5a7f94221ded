"""What is on a topic, for tests that look at the wire."""

from __future__ import annotations

from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition


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
