"""The Kafka clients that all processes use: partitioning, a publisher that batches, a reader of a whole log."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordTooLargeError
from aiokafka.partitioner import murmur2
from aiokafka.structs import TopicPartition

from runtime.dependencies import KAFKA
from runtime.fetch_waits import use_quiet_waits
from runtime.kafka_connection import mend, reason_of
from runtime.kafka_security import security_options
from runtime.logging import logger

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runtime.settings import Settings

LARGEST_RECORD: Final = 2 * 1024 * 1024
"""Bytes of a record at most: `max.message.bytes` of the topics that we create (DESIGN.md §3)."""
_BATCH_BYTES: Final = 512 * 1024
_RETRY_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0)

Headers = list[tuple[str, bytes]]
Record = tuple[bytes | None, bytes | None, Headers]


mend()


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition on which Kafka's Java clients put this key (murmur2).

    Entities come again and again, and aiokafka's murmur2 is Python code that takes 10 µs a key: hence the cache.
    """
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


def client_options(settings: Settings) -> dict[str, Any]:
    """What every client is given: where the brokers are, and how connections to them are secured."""
    return {"bootstrap_servers": settings.brokers, **security_options(settings)}


async def started(client: Any, what: str) -> Any:
    """Start a client, waiting for a Kafka that is away; says so once in the log."""
    log = logger("kafka")
    for attempt in range(1_000_000):
        try:
            await client.start()
        except (KafkaError, OSError) as error:
            KAFKA.away()
            if attempt == 0:
                log.warning("Kafka does not answer; waiting for it", client=what, error=reason_of(error))
            await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
        else:
            KAFKA.reached()
            if attempt:
                log.info("Kafka answers again", client=what)
            return client
    message = "unreachable"
    raise RuntimeError(message)


async def admin(settings: Settings) -> AIOKafkaAdminClient:
    """A started admin client; close it after use."""
    client = AIOKafkaAdminClient(**client_options(settings), request_timeout_ms=15_000)
    try:
        await client.start()
    except BaseException:
        await client.close()
        raise
    return client


def new_producer(settings: Settings, *, request_timeout_ms: int = 20_000) -> AIOKafkaProducer:
    """A producer whose sends are acknowledged by all in-sync replicas."""
    return AIOKafkaProducer(
        **client_options(settings),
        acks="all",
        linger_ms=0,
        max_batch_size=LARGEST_RECORD + 64 * 1024,
        max_request_size=LARGEST_RECORD + 128 * 1024,
        request_timeout_ms=request_timeout_ms,
        retry_backoff_ms=50,
    )


class Publisher:
    """Sends records in batches, in order within a topic's partition, and says when the broker has them.

    A partition's records that come while a batch of it is under way go out together as the next one: no timer, no
    linger. A batch that Kafka does not take is sent again until it does, so a caller waits, but never loses.
    """

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def put(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers | None = None
    ) -> asyncio.Future[None]:
        """Queue a record; the future is done when the broker has acknowledged it.

        The future fails with RecordTooLargeError alone: everything else is waited out.
        """
        lane = self._lanes.get((topic, partition))
        if lane is None:
            lane = self._lanes[topic, partition] = _Lane(self._producer, topic, partition)
        acknowledged = lane.put((key, value, headers or []))
        if not lane.busy:
            lane.busy = True
            task = asyncio.create_task(lane.drain())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return acknowledged

    async def ask(self) -> None:
        """Return when a broker has answered. Raises KafkaError or OSError where none does."""
        await self._producer.client.fetch_all_metadata()

    async def flush(self) -> None:
        """Wait until all that was put is acknowledged."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    async def stop(self) -> None:
        """Give up what is not acknowledged yet and close the producer."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._producer.stop()


class _Lane:
    """One topic's partition: at most one batch under way, so that order is kept whatever fails."""

    __slots__ = ("_acknowledged", "_partition", "_pending", "_producer", "_topic", "busy")

    def __init__(self, producer: AIOKafkaProducer, topic: str, partition: int) -> None:
        self._producer, self._topic, self._partition = producer, topic, partition
        self._pending: list[Record] = []
        self._acknowledged: asyncio.Future[None] | None = None
        self.busy = False

    def put(self, record: Record) -> asyncio.Future[None]:
        if _size(record) > LARGEST_RECORD - 1024:
            refused = asyncio.get_running_loop().create_future()
            refused.set_exception(RecordTooLargeError(f"a record of {_size(record):,} bytes for {self._topic}"))
            return refused
        if self._acknowledged is None:
            self._acknowledged = asyncio.get_running_loop().create_future()
        self._pending.append(record)
        return self._acknowledged

    async def drain(self) -> None:
        try:
            while self._pending:
                records, self._pending = self._pending, []
                acknowledged, self._acknowledged = self._acknowledged, None
                refused = await self._send(records)
                if acknowledged is None or acknowledged.done():
                    continue
                if refused is None:
                    acknowledged.set_result(None)
                else:
                    acknowledged.set_exception(refused)
        finally:
            self.busy = False

    async def _send(self, records: list[Record]) -> KafkaError | None:
        """Send all, in batches; what is returned is why a record was refused for its size, if one was."""
        refused: KafkaError | None = None
        at = 0
        while at < len(records):
            size, end = 0, at
            while end < len(records) and (end == at or size + _size(records[end]) <= _BATCH_BYTES):
                size += _size(records[end])
                end += 1
            try:
                await self._deliver(records[at:end])
            except MessageSizeTooLargeError as error:
                if end - at > 1:
                    for record in records[at:end]:
                        refused = await self._send([record]) or refused
                else:
                    refused = error
            at = end
        return refused

    async def _deliver(self, records: Sequence[Record]) -> None:
        log = logger("kafka")
        failures = 0
        while True:
            batch = self._producer.create_batch()
            for key, value, headers in records:
                batch.append(key=key, value=value, timestamp=None, headers=headers)
            try:
                await (await self._producer.send_batch(batch, self._topic, partition=self._partition))
            except MessageSizeTooLargeError:
                raise
            except (KafkaError, OSError) as error:
                KAFKA.away()
                if failures == 0:
                    log.warning("Kafka did not take a batch; sending it again", topic=self._topic, error=repr(error))
                await asyncio.sleep(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])
                failures += 1
            else:
                KAFKA.reached()
                if failures:
                    log.info("Kafka takes batches again", topic=self._topic)
                return


def _size(record: Record) -> int:
    headers = sum(len(name) * 4 + len(value or b"") + 16 for name, value in record[2])
    return len(record[0] or b"") + len(record[1] or b"") + headers + 64


async def topic_partitions(settings: Settings, topics: Iterable[str]) -> dict[str, list[TopicPartition]]:
    """The partitions of these topics by name; those that do not exist are left out."""
    client = await admin(settings)
    try:
        # All are described: a topic that is asked for by name may be made by that, and a reader without a
        # subscription knows no partitions on Kafka.
        described = await client.describe_topics()
    finally:
        await client.close()
    wanted = set(topics)
    return {
        one["topic"]: [TopicPartition(one["topic"], part["partition"]) for part in one["partitions"]]
        for one in described
        if one["topic"] in wanted
    }


class _Reader(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka has no types
    """A consumer outside any group, which can be stopped as soon as it is started.

    aiokafka's own can't: a task that it begins with and that has not run yet raises CancelledError out of `stop`, as
    if whoever stops it had been cancelled.
    """

    async def start(self) -> None:
        """Connect. Raises KafkaError where no broker answers."""
        await super().start()
        await asyncio.sleep(0)


def new_reader(settings: Settings, **options: Any) -> AIOKafkaConsumer:
    """A consumer outside any group, for reading logs by offset."""
    reader = _Reader(
        **client_options(settings),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=settings.fetch_max_wait_ms,
        max_partition_fetch_bytes=4 * LARGEST_RECORD,
        **options,
    )
    use_quiet_waits(reader)
    return reader


async def scan(reader: AIOKafkaConsumer, ranges: dict[TopicPartition, tuple[int, int]]) -> Any:
    """Yield (partition, records) until each partition was read from the first offset to before the second.

    What a fetch brings beyond that is yielded too: Tansu tells as a partition's end the offset after its last batch's
    *first* record, so whoever reads to the end would miss the rest of that batch.
    """
    left = {at: (first, end) for at, (first, end) in ranges.items() if first < end}
    if not left:
        return
    reader.assign(list(left))
    for at, (first, _end) in left.items():
        reader.seek(at, first)
    while left:
        arrived = await reader.getmany(timeout_ms=200)
        for at, records in arrived.items():
            if at not in left:
                continue
            yield at, records
        for at in list(left):
            # By the position, not by the records: compaction and markers leave offsets without a record.
            if await reader.position(at) >= left[at][1]:
                del left[at]
                reader.pause(at)


def all_of(futures: Iterable[asyncio.Future[None]]) -> list[asyncio.Future[None]]:
    """The distinct futures that are still to be awaited: records of one batch share one, and most are done early."""
    return [one for one in dict.fromkeys(futures) if not one.done() or one.cancelled() or one.exception() is not None]
