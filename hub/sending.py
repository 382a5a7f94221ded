"""Writing to Kafka for one request: the record is acknowledged by all in-sync replicas, or the caller is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordTooLargeError

from hub import spans
from hub.problems import Problem, away
from runtime.kafka import Headers, new_producer, partition_of, started
from runtime.logging import logger
from runtime.settings import Settings
from schemas.names import DEFINITIONS

log = logger("hub")

PATIENCE: Final = 10.0
"""Seconds for which a request waits for Kafka."""
_ANSWER_SECONDS: Final = 2.0


class Place(NamedTuple):
    """Where a record is."""

    topic: str
    partition: int
    offset: int


class Outgoing(NamedTuple):
    """A record to be sent; without a partition it goes to that of its key."""

    topic: str
    key: bytes
    value: bytes | None
    headers: Headers | None = None
    partition: int | None = None


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

    async def answers(self) -> bool:
        """Whether Kafka answers now."""
        if not self.ready:
            return False
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._producer.client.fetch_all_metadata()
        except (KafkaError, TimeoutError, OSError):
            return False
        return True

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
        (place,) = await self.publish_all([Outgoing(topic, key, value, headers, partition)])
        return place

    async def publish_all(self, records: Sequence[Outgoing]) -> list[Place]:
        """`publish` of several, in their order within each partition; none is waited for before the next is sent."""
        places: list[Place] = []
        try:
            async with asyncio.timeout(PATIENCE):
                await self._ready.wait()
                pause = 0.05
                while True:
                    sent, failed = await self._try(records[len(places) :])
                    places += sent
                    if failed is None:
                        return places
                    log.warning("kafka did not take a record; sending it again", error=repr(failed))
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, 1.0)
        except (MessageSizeTooLargeError, RecordTooLargeError):
            raise Problem(413, "Kafka does not take a record of this size.") from None
        except (KafkaError, TimeoutError, OSError) as error:
            detail = "Kafka did not acknowledge this within 10 s; look whether it was taken before you send it again."
            raise away("Kafka", detail) from error

    async def _try(self, records: Sequence[Outgoing]) -> tuple[list[Place], Exception | None]:
        """Where the records before the first that failed are, and why that one did.

        What stands behind it is sent again with it, so that the order holds; whoever reads knows a repeat by its id.
        """
        places: list[Place] = []
        try:
            sent = [await self._send(one) for one in records]
            for one in await asyncio.gather(*sent, return_exceptions=True):
                if isinstance(one, BaseException):
                    raise one
                places.append(Place(one.topic, one.partition, one.offset))
        except (MessageSizeTooLargeError, RecordTooLargeError):
            raise
        except KafkaError as error:
            return places, error
        return places, None

    async def _send(self, record: Outgoing) -> Any:
        partition = record.partition
        if partition is None:
            partition = 0
            if record.topic != DEFINITIONS:
                partition = partition_of(record.key, len(await self._producer.partitions_for(record.topic)))
        headers = record.headers or []
        if (traced := spans.sending(record.topic, partition)) is None:
            return await self._producer.send(
                record.topic, record.value, record.key, partition=partition, headers=headers
            )
        context, span = traced
        sent = await self._producer.send(
            record.topic, record.value, record.key, partition=partition, headers=[*headers, *context]
        )
        sent.add_done_callback(span.done)
        return sent
