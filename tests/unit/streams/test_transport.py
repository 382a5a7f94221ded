"""The batch consumer's bookkeeping when a rebalance comes between two lines, on a client that keeps positions."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from aiokafka.structs import TopicPartition
from faust.types import TP

from streams.pace import Pace
from streams.transport import BatchConsumer

AT = TP("onestack.events.rmm", 3)


class Client:
    """Hands out records from its position on, as aiokafka does, and moves it."""

    def __init__(self, end: int) -> None:
        self.position, self.end = 0, end
        self.during_poll: Any = None

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition(*AT)}

    async def getmany(self, *_at: Any, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Any]]:
        if self.during_poll is not None:
            self.during_poll()
            self.during_poll = None
        first, self.position = self.position, self.end
        records = [
            SimpleNamespace(topic=AT.topic, partition=3, offset=n, timestamp=1, timestamp_type=1)
            for n in range(first, self.end)
        ]
        return {TopicPartition(*AT): records} if records else {}

    def seek(self, _at: TopicPartition, offset: int) -> None:
        self.position = offset

    async def seek_to_beginning(self, _at: TopicPartition) -> None:
        self.position = 0


def consumer(client: Client, delivered: list[int]) -> Any:
    made: Any = object.__new__(BatchConsumer)

    async def callback(message: Any) -> None:
        delivered.extend(record.offset for record in message.value)

    made.client, made.callback, made._progress, made._pace = client, callback, {}, Pace()
    made._read_offset = {AT: None}
    made.app = SimpleNamespace(consumer_generation_id=1, should_stop=False)
    made.flow_active = True
    made._get_active_partitions = lambda: {AT}
    return made


async def turn(made: Any) -> None:
    generation = made.app.consumer_generation_id
    for tp, records in (await made._poll(made._pace.next())).items():
        await made._deliver(TP(*tp), records, generation)


async def test_what_a_poll_brings_across_a_rebalance_is_read_again() -> None:
    delivered: list[int] = []
    client = Client(5)
    made = consumer(client, delivered)

    def rebalance() -> None:
        made.app.consumer_generation_id = 2

    client.during_poll = rebalance
    await turn(made)
    assert delivered == []
    await turn(made)
    assert delivered == [0, 1, 2, 3, 4]


async def test_it_is_read_again_from_where_the_partition_stood() -> None:
    delivered: list[int] = []
    client = Client(5)
    made = consumer(client, delivered)
    await turn(made)
    client.end = 9
    client.during_poll = lambda: setattr(made, "flow_active", False)
    await turn(made)
    made.flow_active = True
    await turn(made)
    assert delivered == list(range(9))


async def test_a_full_partition_is_not_polled() -> None:
    delivered: list[int] = []
    made = consumer(Client(5), delivered)
    await turn(made)
    made._progress[AT].records = 10_000
    made.client.end = 9
    async with asyncio.timeout(5):
        await turn(made)
    assert delivered == [0, 1, 2, 3, 4]
