"""The publisher on a producer that takes batches late, not at all at first, or not in that size."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from aiokafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError, RecordTooLargeError
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from runtime import kafka
from runtime.kafka import LARGEST_RECORD, Publisher, all_of, new_producer, partition_of
from runtime.settings import load

Taken = list[tuple[bytes | None, bytes | None]]


class Batch:
    def __init__(self) -> None:
        self.records: Taken = []

    def append(self, *, key: bytes | None, value: bytes | None, timestamp: None, headers: Any) -> object:
        self.records.append((key, value))
        return object()


class Broker:
    """A producer that asks `fault` what happens to each batch: None, or the error; it counts what is under way."""

    def __init__(self, fault: Any = None, delay: Any = None) -> None:
        self.taken: dict[tuple[str, int], Taken] = {}
        self.batches: list[int] = []
        self.most_under_way = 0
        self.stopped = False
        self._under_way: dict[tuple[str, int], int] = {}
        self._fault = fault or (lambda _records: None)
        self._delay = delay or (lambda: 0)

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> asyncio.Future[None]:
        lane = topic, partition
        self._under_way[lane] = self._under_way.get(lane, 0) + 1
        self.most_under_way = max(self.most_under_way, self._under_way[lane])
        return asyncio.ensure_future(self._take(lane, batch))

    async def _take(self, lane: tuple[str, int], batch: Batch) -> None:
        for _ in range(self._delay()):
            await asyncio.sleep(0)
        self._under_way[lane] -= 1
        error = self._fault(batch.records)
        if error is not None:
            raise error
        self.batches.append(len(batch.records))
        self.taken.setdefault(lane, []).extend(batch.records)

    async def stop(self) -> None:
        self.stopped = True


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "_RETRY_SECONDS", (0.0,))


def numbered(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


async def test_what_is_acknowledged_was_taken_in_order() -> None:
    broker = Broker()
    publisher = Publisher(broker)
    sent = [publisher.put("t", 0, b"k", value) for value in numbered(100)]
    await asyncio.gather(*sent)
    assert broker.taken["t", 0] == [(b"k", value) for value in numbered(100)]


async def test_what_comes_while_a_batch_is_under_way_is_the_next_batch() -> None:
    broker = Broker(delay=lambda: 5)
    publisher = Publisher(broker)
    first = publisher.put("t", 0, None, b"0")
    await asyncio.sleep(0)
    later = [publisher.put("t", 0, None, value) for value in numbered(50)]
    await asyncio.gather(first, *later)
    assert broker.batches == [1, 50]


@pytest.mark.parametrize("error", [KafkaError("no"), KafkaTimeoutError(), OSError("gone"), ConnectionResetError()])
async def test_a_batch_is_sent_again_until_it_is_taken(error: Exception) -> None:
    failures = iter([error] * 5)
    broker = Broker(lambda _records: next(failures, None))
    publisher = Publisher(broker)
    sent = publisher.put("t", 0, None, b"first")
    await asyncio.sleep(0)
    after = publisher.put("t", 0, None, b"second")
    await asyncio.gather(sent, after)
    assert [value for _, value in broker.taken["t", 0]] == [b"first", b"second"]


async def test_a_lane_that_fails_does_not_hold_up_another() -> None:
    broker = Broker(lambda records: KafkaError("no") if records[0][1] == b"bad" else None)
    publisher = Publisher(broker)
    stuck = publisher.put("t", 0, None, b"bad")
    await asyncio.gather(*(publisher.put("t", 1, None, b"good"), publisher.put("u", 0, None, b"good")))
    assert not stuck.done()
    await publisher.stop()
    assert broker.stopped


async def test_a_record_that_is_too_large_is_refused_alone() -> None:
    broker = Broker()
    publisher = Publisher(broker)
    before = publisher.put("t", 0, None, b"before")
    large = publisher.put("t", 0, None, b"x" * LARGEST_RECORD)
    headers = publisher.put("t", 0, None, b"", [("h", b"x" * LARGEST_RECORD)])
    after = publisher.put("t", 0, None, b"after")
    for refused in (large, headers):
        with pytest.raises(RecordTooLargeError):
            await refused
    await asyncio.gather(before, after)
    assert [value for _, value in broker.taken["t", 0]] == [b"before", b"after"]


async def test_what_only_the_broker_finds_too_large_is_left_out_and_told() -> None:
    def fault(records: Taken) -> Exception | None:
        return MessageSizeTooLargeError() if any(value == b"large" for _, value in records) else None

    broker = Broker(fault)
    publisher = Publisher(broker)
    sent = [publisher.put("t", 0, None, value) for value in (b"a", b"large", b"b")]
    with pytest.raises(MessageSizeTooLargeError):
        await sent[0]
    await publisher.put("t", 0, None, b"c")
    assert [value for _, value in broker.taken["t", 0]] == [b"a", b"b", b"c"]


async def test_many_bytes_go_out_in_several_batches_none_of_which_a_producer_finds_full() -> None:
    producer = new_producer(load())
    broker = Broker()
    publisher = Publisher(broker)
    header = [("h", b"x" * 400_000)]
    await asyncio.gather(*(publisher.put("t", 0, None, value, header) for value in numbered(8)))
    assert [value for _, value in broker.taken["t", 0]] == numbered(8)
    batch = producer.create_batch()
    for _ in range(max(broker.batches)):
        assert batch.append(key=None, value=b"1", timestamp=None, headers=header) is not None
    await producer.stop()


async def test_flush_waits_for_everything() -> None:
    broker = Broker(delay=lambda: 20)
    publisher = Publisher(broker)
    sent = [publisher.put("t", number % 3, None, b"x") for number in range(30)]
    await publisher.flush()
    assert all(one.done() for one in sent)


async def test_a_waiter_that_gave_up_does_not_stop_the_lane() -> None:
    broker = Broker(delay=lambda: 3)
    publisher = Publisher(broker)
    publisher.put("t", 0, None, b"a").cancel()
    await publisher.put("t", 1, None, b"b")
    await publisher.flush()
    await publisher.put("t", 0, None, b"c")
    assert [value for _, value in broker.taken["t", 0]] == [b"a", b"c"]


@given(seed=st.integers(0, 10**6), count=st.integers(1, 60))
@examples(max_examples=60)
def test_whatever_the_broker_does_each_lane_keeps_its_order_and_loses_nothing(seed: int, count: int) -> None:
    chance = random.Random(seed)

    async def scenario() -> Broker:
        broker = Broker(
            lambda _records: KafkaError("no") if chance.random() < 0.3 else None, delay=lambda: chance.randrange(6)
        )
        publisher = Publisher(broker)
        sent = []
        for number in range(count):
            sent.append(publisher.put("t", chance.randrange(3), b"k", b"%d" % number))
            for _ in range(chance.randrange(3)):
                await asyncio.sleep(0)
        await asyncio.gather(*sent)
        return broker

    broker = asyncio.run(scenario())
    taken = {lane: [int(value or b"") for _, value in records] for lane, records in broker.taken.items()}
    assert sorted(number for numbers in taken.values() for number in numbers) == list(range(count))
    assert all(numbers == sorted(numbers) for numbers in taken.values())
    assert broker.most_under_way == 1


async def test_records_of_one_batch_share_what_is_waited_for() -> None:
    publisher = Publisher(Broker())
    sent = [publisher.put("t", 0, None, b"x") for _ in range(10)]
    assert len(all_of(sent)) == 1
    await asyncio.gather(*sent)
    assert all_of(sent) == []


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        # From Kafka's own tests of its Java client.
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"abc", 479470107),
    ],
)
def test_keys_go_where_kafkas_java_clients_put_them(key: bytes, hashed: int) -> None:
    for partitions in (1, 4, 12, 1000):
        assert partition_of(key, partitions) == (hashed & 0x7FFFFFFF) % partitions
