"""Kafka from outside, as any client sees it: events and definitions in, the run log and the offsets out."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, Final
from zlib import crc32

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from runtime.kafka import partition_of
from schemas.names import COMMAND_TOPICS, DEFINITIONS, EVENT_TOPICS

ALERTS: Final = EVENT_TOPICS["rmm"]
GROUP: Final = "onestack-worker"
STRUCTURED: Final = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


def alert(org: str, subject: str, id: str, **data: Any) -> dict[str, Any]:
    """An `alert.triggered` event about `alert/{subject}`."""
    return {
        "specversion": "1.0",
        "id": id,
        "source": "/rmm",
        "type": "alert.triggered",
        "subject": f"alert/{subject}",
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "orgid": org,
        "datacontenttype": "application/json",
        "data": {"alert": {"id": subject, "title": id, "severity": "critical", **data}, "company": {"id": "c-1"}},
    }


def key_of(event: dict[str, Any]) -> bytes:
    """The event's entity key."""
    return f"{event['orgid']}/{event['subject']}".encode()


def subject_on(partition: int, org: str, prefix: str, partitions: int) -> str:
    """An alert id whose events belong on this partition."""
    return next(
        name
        for number in range(10_000)
        if partition_of(f"{org}/alert/{(name := f'{prefix}-{number}')}".encode(), partitions) == partition
    )


def crc_partition(key: bytes, partitions: int) -> int:
    """Where librdkafka's default partitioner puts a key."""
    return crc32(key) % partitions


class Bus:
    """A producer, and readers as they are needed."""

    def __init__(self, bootstrap: str, **options: Any) -> None:
        self._options = {"bootstrap_servers": bootstrap, **options}
        self._started = False
        self._producer: AIOKafkaProducer

    async def start(self) -> None:
        self._producer = AIOKafkaProducer(**self._options, acks="all", linger_ms=2)
        self._started = True
        await self._producer.start()

    async def stop(self) -> None:
        if self._started:
            await self._producer.stop()

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]] | None = None,
        partition: int | None = None,
    ) -> None:
        """Send a record and wait until Kafka has it, however long Kafka is away."""
        while True:
            try:
                await self._producer.send_and_wait(topic, value, key, partition=partition, headers=headers or [])
            except (KafkaError, OSError):
                await asyncio.sleep(0.2)
            else:
                return

    async def emit(self, event: dict[str, Any], topic: str = ALERTS) -> None:
        """An event in structured mode, on the partition of its entity."""
        await self.send(topic, key_of(event), json.dumps(event).encode(), STRUCTURED)

    async def emit_all(self, events: list[dict[str, Any]]) -> None:
        """Events at once; returns when Kafka has all."""
        await asyncio.gather(*(self.emit(event) for event in events))

    async def define(self, *definitions: dict[str, Any]) -> None:
        """Publish definitions."""
        for one in definitions:
            await self.send(DEFINITIONS, f"{one['org']}/{one['id']}".encode(), json.dumps(one).encode())

    async def topics(self) -> set[str]:
        """The topics that there are."""
        admin = AIOKafkaAdminClient(**self._options)
        await admin.start()
        try:
            return set(await admin.list_topics())
        finally:
            await admin.close()

    async def short_of_copies(self) -> list[str]:
        """The partitions that have fewer copies in step than they are to have."""
        admin = AIOKafkaAdminClient(**self._options)
        try:
            await admin.start()
            described = await admin.describe_topics()
        except (KafkaError, OSError):
            return ["nobody answers"]
        finally:
            await admin.close()
        return [
            f"{one['topic']}[{part['partition']}]"
            for one in described
            for part in one["partitions"]
            if len(part["isr"]) < len(part["replicas"])
        ]

    async def log(self, topic: str) -> dict[int, list[bytes]]:
        """The value of every record that a topic has now, by partition, in order."""
        return {partition: [one.value for one in records] for partition, records in (await self.records(topic)).items()}

    async def records(self, topic: str) -> dict[int, list[Any]]:
        """Every record that a topic has now, by partition, in order; `timestamp` is when the broker had it, in ms."""
        consumer = AIOKafkaConsumer(**self._options, auto_offset_reset="earliest", fetch_max_wait_ms=50)
        await consumer.start()
        try:
            ends = await self._ends(consumer, [topic])
            consumer.assign(list(ends))
            await consumer.seek_to_beginning(*ends)
            found: dict[int, list[Any]] = {at.partition: [] for at in ends}
            while any([await consumer.position(at) < end for at, end in ends.items()]):
                for at, records in (await consumer.getmany(timeout_ms=200)).items():
                    found[at.partition] += [record for record in records if record.offset < ends[at]]
            return found
        finally:
            await consumer.stop()

    async def not_committed(self) -> dict[str, tuple[int, int]]:
        """Where the workers' committed offsets are not the ends of their logs: (committed, end)."""
        consumer = AIOKafkaConsumer(**self._options)
        admin = AIOKafkaAdminClient(**self._options)
        await consumer.start()
        await admin.start()
        try:
            ends = await self._ends(consumer, [*EVENT_TOPICS.values(), *COMMAND_TOPICS.values(), DEFINITIONS])
            committed = await admin.list_consumer_group_offsets(GROUP)
        finally:
            await admin.close()
            await consumer.stop()
        reached = {at: committed[at].offset if at in committed else 0 for at in ends}
        return {f"{at.topic}[{at.partition}]": (reached[at], end) for at, end in ends.items() if reached[at] != end}

    async def _ends(self, consumer: AIOKafkaConsumer, topics: list[str]) -> dict[TopicPartition, int]:
        partitions = [
            TopicPartition(topic, number) for topic in topics for number in await self._producer.partitions_for(topic)
        ]
        found: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
        return found
