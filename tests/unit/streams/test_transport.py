"""The batch consumer's bookkeeping when a rebalance comes between two lines, on a client that keeps positions."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from aiokafka.structs import TopicPartition
from faust.types import TP

from schemas.names import command_topic
from streams.ahead import MOST_UNCOMMITTED, Ahead
from streams.holding import Held, Holding
from streams.joining import Joining
from streams.pace import MANY, MOST_NEW, MOST_STARTING, Pace, Turn
from streams.transport import BatchConsumer

AT = TP("onestack.events.rmm", 3)


class Client:
    """Hands out records from its position on, as aiokafka does, and moves it."""

    def __init__(self, end: int) -> None:
        self.position, self.end = 0, end
        self.during_poll: Any = None
        self.org = b"acme"

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition(*AT)}

    async def getmany(self, *_at: Any, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Any]]:
        if self.during_poll is not None:
            self.during_poll()
            self.during_poll = None
        first, self.position = self.position, self.end
        records = [
            SimpleNamespace(
                topic=AT.topic,
                partition=3,
                offset=n,
                timestamp=1,
                timestamp_type=1,
                key=self.org + b"/device/d-1",
                value=b"{}",
            )
            for n in range(first, self.end)
        ]
        return {TopicPartition(*AT): records} if records else {}

    def seek(self, _at: TopicPartition, offset: int) -> None:
        self.position = offset

    async def seek_to_beginning(self, _at: TopicPartition) -> None:
        self.position = 0


def _readable(holding: Holding) -> Callable[[Any, int | None], bool]:
    def readable(record: Any, newer: int | None) -> bool:
        if newer is not None:
            holding.hold(Held(record.topic, record.partition, record.offset, newer))
        return newer is None

    return readable


async def turn(made: Any) -> None:
    generation = made.app.consumer_generation_id
    turn = made._pace.next()
    for tp, records in (await made._poll(turn)).items():
        await made._deliver(TP(*tp), records, generation)
    await made._release(turn)


def consumer(client: Client, delivered: list[int]) -> Any:
    made: Any = object.__new__(BatchConsumer)

    async def callback(message: Any) -> None:
        delivered.extend(record.offset for record in message.value)
        made.messages.append(message)

    made.client, made.callback, made._progress, made._pace = client, callback, {}, Pace()
    made._ahead, made._released, made._commands, made._plenty = Ahead(), 0, 0, False
    made.messages, made._unacked_messages = [], set()
    made._read_offset = {AT: None}
    made.app = SimpleNamespace(consumer_generation_id=1, should_stop=False)
    made.flow_active, made._finished = True, Counter()
    holding = Holding()
    made._host = SimpleNamespace(worker_parts=SimpleNamespace(holding=holding, readable=_readable(holding)))
    made._get_active_partitions = lambda: {AT}
    return made


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
    made._progress[AT].records = MOST_UNCOMMITTED
    made.client.end = 9
    async with asyncio.timeout(5):
        await turn(made)
    assert delivered == [0, 1, 2, 3, 4]


async def test_one_event_on_an_idle_worker_is_handed_over_at_once() -> None:
    delivered: list[int] = []
    made = consumer(Client(1), delivered)
    await made._deliver(AT, (await made._poll(Turn.ALL))[TopicPartition(*AT)], 1)
    assert delivered == [0]


async def test_while_runs_are_under_way_so_many_new_ones_start_in_their_turn_and_others_come_before_a_backlog() -> None:
    delivered: list[int] = []
    client = Client(1_000)
    made = consumer(client, delivered)
    made._pace.saw(Turn.ALL, MANY)
    generation = made.app.consumer_generation_id
    await made._deliver(AT, (await made._poll(Turn.EVENTS))[TopicPartition(*AT)], generation)
    client.end, client.org = 1_001, b"globex"
    await made._deliver(AT, (await made._poll(Turn.EVENTS))[TopicPartition(*AT)], generation)
    await made._release(Turn.COMMANDS)
    assert delivered == []
    await made._release(Turn.EVENTS)
    assert len(delivered) == MOST_NEW
    assert 1_000 in delivered


async def test_runs_start_as_fast_as_the_broker_takes_them_and_each_batch_is_committed_with_its_last_record() -> None:
    delivered: list[int] = []
    made = consumer(Client(1_000), delivered)
    await turn(made)
    for _ in range(5):
        await turn(made)
    assert len(delivered) == MOST_STARTING
    while made.messages:
        made.finish(made.messages.pop(0))
        await made._release(Turn.ALL)
    assert delivered == list(range(1_000))
    assert made._progress[AT].committable() == 1_000


async def test_what_waits_over_a_rebalance_is_not_handed_over() -> None:
    delivered: list[int] = []
    made = consumer(Client(1_000), delivered)
    await turn(made)
    before = len(delivered)
    made.flow_active = False
    for message in made.messages:
        made.finish(message)
    await made._release(Turn.ALL)
    assert len(delivered) == before
    made._ahead.clear()
    made.flow_active = True
    await made._release(Turn.ALL)
    assert len(delivered) == before


async def test_from_a_record_on_that_is_newer_than_we_can_read_nothing_of_its_partition_is_handed_over() -> None:
    delivered: list[int] = []
    made = consumer(Client(10), delivered)
    at = TP(command_topic("add_tag"), 3)
    made._read_offset[at] = None
    records: list[Any] = [
        SimpleNamespace(
            topic=at.topic, partition=3, offset=n, timestamp=1, timestamp_type=1, key=b"acme/device/d-1",
            value=b'{"format":%d,"action":"add_tag","state":{"run":"r"}}' % (2 if n == 2 else 1),
        )
        for n in range(4)
    ]  # fmt: skip
    await made._deliver(at, records, 1)
    await made._release(Turn.ALL)
    assert delivered == [0, 1]
    # Not the events of the partition either, nor what comes after on the topic: others go on.
    assert await made._poll(Turn.ALL) == {}
    await made._deliver(at, records[3:], 1)
    await made._deliver(AT, records, 1)
    assert delivered == [0, 1]
    made._host.worker_parts.holding.release([3])
    await turn(made)
    assert delivered == [0, 1, *range(10)]


class Group:
    """A client that was subscribed to some topics, and may be subscribed anew."""

    def __init__(self, topics: set[str]) -> None:
        self.topics, self.listener = topics, None

    def subscription(self) -> frozenset[str]:
        return frozenset(self.topics)

    def subscribe(self, topics: set[str], listener: Any) -> None:
        self.topics, self.listener = topics, listener


async def test_an_app_that_reads_other_topics_takes_over_what_it_is_given_for_them() -> None:
    heard: list[tuple[str, set[Any]]] = []

    class Listener:
        def on_partitions_revoked(self, revoked: Any) -> None:
            heard.append(("revoked", set(revoked)))

        async def on_partitions_assigned(self, assigned: Any) -> None:
            heard.append(("assigned", set(assigned)))

    made: Any = object.__new__(BatchConsumer)
    joining, early, late = Joining(), {TopicPartition("a", 0)}, {TopicPartition("b", 1)}
    made.client, made._listener = Group({"a"}), Listener()
    made._host = SimpleNamespace(worker_parts=SimpleNamespace(joining=joining))
    joining.take(lambda _given: None)
    first = asyncio.create_task(joining.on_partitions_assigned(early))
    await asyncio.sleep(0)
    assert joining.taken
    await made.subscribe(["b"])
    await first
    assert (made.client.topics, made.client.listener) == ({"b"}, joining)
    await joining.on_partitions_revoked(early)
    await joining.on_partitions_assigned(late)
    assert heard == [("assigned", early), ("revoked", early), ("assigned", late)]
    assert not joining.taken
