"""A worker is given its partitions before there is an app: nothing of it is lost, and the app hears it in order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.structs import TopicPartition

from streams.joining import Joining

GIVEN = (TopicPartition("onestack.events.rmm", 0), TopicPartition("onestack.events.rmm", 3))


class Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # its base has no types
    def __init__(self) -> None:
        self.heard: list[tuple[str, set[Any]]] = []

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> Any:
        self.heard.append(("revoked", set(revoked)))
        return asyncio.sleep(0)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self.heard.append(("assigned", set(assigned)))


async def join(joining: Joining) -> None:
    """As aiokafka tells of it when it joins for the first time."""
    await joining.on_partitions_revoked(())
    await joining.on_partitions_assigned(GIVEN)


async def test_what_is_given_before_there_is_an_app_is_taken_over_at_once_and_told_to_it_in_order() -> None:
    joining, taken, listener = Joining(), [], Listener()
    joining.take(lambda given: taken.append(set(given)))
    waiting = asyncio.create_task(join(joining))
    await asyncio.sleep(0)
    assert (taken, joining.taken, waiting.done()) == ([set(GIVEN)], True, False)
    joining.hear(listener)
    await waiting
    assert listener.heard == [("revoked", set()), ("assigned", set(GIVEN))]
    assert taken == [set(GIVEN)]
    assert joining.taken


async def test_what_was_given_before_anybody_could_take_it_over_is_taken_over_then() -> None:
    joining, taken = Joining(), []
    waiting = asyncio.create_task(join(joining))
    await asyncio.sleep(0)
    assert not joining.taken
    joining.take(lambda given: taken.append(set(given)))
    assert (taken, joining.taken) == ([set(GIVEN)], True)
    joining.give_up()
    await waiting


async def test_once_there_is_an_app_it_takes_over_what_is_given_and_gives_back_what_is_taken_away() -> None:
    joining, taken, listener = Joining(), [], Listener()
    joining.take(lambda given: taken.append(set(given)))
    first = asyncio.create_task(join(joining))
    await asyncio.sleep(0)
    joining.hear(listener)
    await first
    await joining.on_partitions_revoked(GIVEN)
    await joining.on_partitions_assigned(GIVEN[:1])
    assert listener.heard[2:] == [("revoked", set(GIVEN)), ("assigned", set(GIVEN[:1]))]
    assert (len(taken), joining.taken) == (1, False)


async def test_an_app_that_listens_before_the_group_answers_hears_each_thing_once() -> None:
    joining, listener = Joining(), Listener()
    joining.hear(listener)
    await join(joining)
    assert listener.heard == [("revoked", set()), ("assigned", set(GIVEN))]
    assert not joining.taken


async def test_where_nobody_will_listen_the_client_is_not_held_up() -> None:
    joining = Joining()
    waiting = asyncio.create_task(join(joining))
    await asyncio.sleep(0)
    joining.give_up()
    await asyncio.wait_for(waiting, 5)


async def test_a_wait_that_is_cancelled_leaves_the_next_one_to_be_told() -> None:
    joining, listener = Joining(), Listener()
    waiting = asyncio.create_task(join(joining))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    again = asyncio.create_task(join(joining))
    await asyncio.sleep(0)
    joining.hear(listener)
    await again
    assert listener.heard[-1] == ("assigned", set(GIVEN))


async def test_the_time_of_joining_is_that_of_the_news_however_late_they_are_heard() -> None:
    joining = Joining()
    waiting = asyncio.create_task(join(joining))
    await asyncio.sleep(0)
    joined = joining.joined
    await asyncio.sleep(0.02)
    joining.give_up()
    await waiting
    assert joining.joined == joined
