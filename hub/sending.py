"""Writing to Kafka for one request: the record is acknowledged by all in-sync replicas, or the caller is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordTooLargeError

from hub.problems import Problem, away
from runtime.kafka import Headers, new_producer, partition_of, started
from runtime.settings import Settings
from schemas.names import DEFINITIONS

PATIENCE: Final = 10.0
"""Seconds for which a request waits for Kafka."""


class Place(NamedTuple):
    """Where a record is."""

    topic: str
    partition: int
    offset: int


class Sender:
    """A producer that is started in the background, so that the Hub starts while Kafka is away."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: Any = None
        self._ready = asyncio.Event()
        self._starting: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        """Whether Kafka has answered."""
        return self._ready.is_set()

    async def start(self) -> None:
        """Begin to connect."""
        self._starting = asyncio.create_task(self._start(), name="hub-producer")

    async def _start(self) -> None:
        # The client is patient; what it holds back must not outlive the request that is told of a failure.
        self._producer = new_producer(self._settings, request_timeout_ms=int(PATIENCE * 1000))
        await started(self._producer, "hub")
        self._ready.set()

    async def stop(self) -> None:
        """Close the producer; what is not acknowledged yet gets a second."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        if self._producer is not None:
            stopping = asyncio.create_task(self._producer.stop())
            await asyncio.wait({stopping}, timeout=1.0)
            if stopping.done() and not stopping.cancelled():
                stopping.exception()

    async def publish(
        self, topic: str, key: bytes, value: bytes | None, headers: Headers | None = None, partition: int | None = None
    ) -> Place:
        """Send one record, on the partition of its key, and return where it is once all replicas have it.

        Raises Problem: 503 where Kafka does not acknowledge it within 10 s, 413 where it is too large for the topic.
        """
        (place,) = await self.publish_all([(topic, key, value, headers, partition)])
        return place

    async def publish_all(
        self, records: Sequence[tuple[str, bytes, bytes | None, Headers | None, int | None]]
    ) -> list[Place]:
        """`publish` of several, in their order within each partition; none is waited for before the next is sent."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._ready.wait()
                sent = [await self._send(*one) for one in records]
                done = await asyncio.gather(*sent)
        except (MessageSizeTooLargeError, RecordTooLargeError):
            raise Problem(413, "Kafka does not take a record of this size.") from None
        except (KafkaError, TimeoutError, OSError) as error:
            detail = "Kafka did not acknowledge this within 10 s; look whether it was taken before you send it again."
            raise away("Kafka", detail) from error
        return [Place(one.topic, one.partition, one.offset) for one in done]

    async def _send(
        self, topic: str, key: bytes, value: bytes | None, headers: Headers | None, partition: int | None
    ) -> Any:
        if partition is None:
            partition = 0
            if topic != DEFINITIONS:
                partition = partition_of(key, len(await self._producer.partitions_for(topic)))
        acknowledged = await self._producer.send(topic, value, key, partition=partition, headers=headers or [])
        with contextlib.suppress(AttributeError):
            acknowledged.add_done_callback(_seen)
        return acknowledged


def _seen(acknowledged: Any) -> None:
    """A failure that comes when nobody waits any longer was told as a timeout already."""
    if not acknowledged.cancelled():
        acknowledged.exception()
