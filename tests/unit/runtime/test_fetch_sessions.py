"""What a fetch session asks for and survives, against a broker that keeps sessions as KIP-227 says."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaError, KafkaStorageError
from aiokafka.protocol.fetch import FetchRequest, FetchRequest_v4, FetchRequest_v11
from hypothesis import given
from hypothesis import strategies as st

from runtime.fetch_sessions import FetchSession

Topics = dict[str, dict[int, int]]


class Broker:
    """Remembers one session's partitions; `evict` forgets it, `stateless` never makes one."""

    def __init__(self, version: Any = FetchRequest_v11, *, stateless: bool = False) -> None:
        self.version, self.stateless = version, stateless
        self.session, self.epoch, self.next_id = 0, 0, 100
        self.partitions: dict[tuple[str, int], int] = {}
        self.sizes: list[int] = []
        self.error = 0

    def evict(self) -> None:
        self.session = 0

    async def __call__(self, request: Any) -> Any:
        built = request.build(self.version)
        self.sizes.append(sum(len(partitions) for _, partitions in built.topics))
        if self.error:
            return SimpleNamespace(error_code=self.error, session_id=0)
        if self.version is FetchRequest_v4:
            return SimpleNamespace()
        asked = {(topic, part[0]): part[2] for topic, partitions in built.topics for part in partitions}
        if built.session_id == 0:
            assert built.session_epoch == 0
            self.partitions = asked
            if not self.stateless:
                self.next_id += 1
                self.session, self.epoch = self.next_id, 1
            return SimpleNamespace(error_code=0, session_id=0 if self.stateless else self.session)
        if built.session_id != self.session:
            return SimpleNamespace(error_code=70, session_id=0)
        if built.session_epoch != self.epoch:
            return SimpleNamespace(error_code=71, session_id=0)
        self.epoch += 1
        for topic, partitions in built.forgotten_topics_data:
            for partition in partitions:
                del self.partitions[topic, partition]
        self.partitions.update(asked)
        return SimpleNamespace(error_code=0, session_id=self.session)


def fetch(topics: Topics) -> FetchRequest:
    wanted = [(topic, [(n, offset, 1000) for n, offset in parts.items()]) for topic, parts in topics.items()]
    return FetchRequest(500, 1, 1000, 0, wanted)


def flat(topics: Topics) -> dict[tuple[str, int], int]:
    return {(topic, n): offset for topic, parts in topics.items() for n, offset in parts.items()}


async def test_a_second_fetch_names_only_the_partitions_that_moved() -> None:
    broker, session = Broker(), FetchSession()
    await session.fetch(fetch({"a": {0: 5, 1: 7}, "b": {0: 1}}), broker)
    await session.fetch(fetch({"a": {0: 6, 1: 7}, "b": {0: 1}}), broker)
    await session.fetch(fetch({"a": {0: 6, 1: 7}, "b": {0: 1}}), broker)
    assert broker.sizes == [3, 1, 0]
    assert broker.partitions == {("a", 0): 6, ("a", 1): 7, ("b", 0): 1}


@given(
    st.lists(
        st.tuples(
            st.dictionaries(
                st.sampled_from("ab"), st.dictionaries(st.integers(0, 3), st.integers(0, 2), min_size=1), min_size=1
            ),
            st.sampled_from(["", "", "", "evict", "cancel"]),
        ),
        max_size=20,
    )
)
def test_the_broker_always_has_exactly_what_is_wanted(steps: list[tuple[Topics, str]]) -> None:
    async def live() -> None:
        broker, session = Broker(), FetchSession()
        for topics, event in steps:
            if event == "evict":
                broker.evict()
            if event == "cancel":

                async def seen_but_unanswered(request: Any) -> Any:
                    await broker(request)
                    raise asyncio.CancelledError

                with pytest.raises(asyncio.CancelledError):
                    await session.fetch(fetch(topics), seen_but_unanswered)
            await session.fetch(fetch(topics), broker)
            assert broker.partitions == flat(topics)

    asyncio.run(live())


async def test_a_broker_without_sessions_is_asked_for_everything_each_time() -> None:
    for broker in (Broker(stateless=True), Broker(FetchRequest_v4)):
        session = FetchSession()
        for _ in range(3):
            await session.fetch(fetch({"a": {0: 5, 1: 7}}), broker)
        assert broker.sizes == [2, 2, 2]


async def test_an_error_of_the_broker_is_raised_and_begins_a_new_session() -> None:
    broker, session = Broker(), FetchSession()
    await session.fetch(fetch({"a": {0: 5}}), broker)
    broker.error = KafkaStorageError.errno
    with pytest.raises(KafkaError):
        await session.fetch(fetch({"a": {0: 6}}), broker)
    broker.error = 0
    await session.fetch(fetch({"a": {0: 6}}), broker)
    assert broker.partitions == {("a", 0): 6}
