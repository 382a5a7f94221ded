from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from streams.slots import Slots


async def turns(times: int = 3) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


async def taken(slots: Slots, share: str, count: int) -> list[asyncio.Task[None]]:
    """As many acquisitions of a share; those that are done have a slot."""
    tasks = [asyncio.create_task(slots.acquire(share)) for _ in range(count)]
    await turns()
    return tasks


async def ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_one_share_alone_gets_three_quarters() -> None:
    slots = Slots(64)
    tasks = await taken(slots, "a", 100)
    assert sum(task.done() for task in tasks) == 48
    assert (slots.in_flight, slots.waiting) == (48, 52)
    await ended(tasks)


@pytest.mark.parametrize("limit", [4, 8, 64])
async def test_a_hungry_share_gets_a_slot_at_once_while_another_hogs(limit: int) -> None:
    slots = Slots(limit)
    hogs = await taken(slots, "hog", 10 * limit)
    hungry = await taken(slots, "hungry", 1)
    assert hungry[0].done()
    await ended(hogs)


async def test_shares_take_turns_so_that_a_late_one_waits_for_one_round_at_most() -> None:
    slots = Slots(4)
    hogs = await taken(slots, "hog", 20)
    others = await taken(slots, "other", 20)
    late = await taken(slots, "late", 1)
    assert not late[0].done()
    for share in ("hog", "other", "hog"):
        slots.release(share)
        await turns()
    assert late[0].done()
    await ended([*hogs, *others])


async def test_within_a_share_who_came_first_is_served_first() -> None:
    slots, order = Slots(1), []
    await slots.acquire("a")

    async def one(number: int) -> None:
        await slots.acquire("a")
        order.append(number)
        slots.release("a")

    tasks = [asyncio.create_task(one(number)) for number in range(10)]
    await turns()
    slots.release("a")
    await asyncio.gather(*tasks)
    assert order == list(range(10))
    assert slots.in_flight == 0


async def test_cancelling_who_waits_takes_no_slot() -> None:
    slots = Slots(1)
    await slots.acquire("a")
    (waiting,) = await taken(slots, "a", 1)
    await ended([waiting])
    slots.release("a")
    assert (slots.in_flight, slots.waiting) == (0, 0)


async def test_cancelling_who_was_just_served_gives_the_slot_back() -> None:
    slots = Slots(1)
    await slots.acquire("a")
    first, second = await taken(slots, "a", 2)
    slots.release("a")  # hands the slot to the first, which has not woken up yet
    first.cancel()
    await turns()
    assert first.cancelled()
    assert second.done()
    slots.release("a")
    assert slots.in_flight == 0


@given(seed=st.integers(0, 10**6), limit=st.integers(1, 9), shares=st.integers(1, 4))
@examples(max_examples=80)
def test_whatever_happens_the_limit_holds_everyone_is_served_and_no_slot_is_lost(
    seed: int, limit: int, shares: int
) -> None:
    chance = random.Random(seed)

    async def scenario() -> None:
        slots, held, most = Slots(limit), Counter[str](), 0
        served = 0

        async def work(share: str) -> None:
            nonlocal most, served
            await slots.acquire(share)
            held[share] += 1
            most = max(most, held.total())
            try:
                await turns(chance.randrange(4))
            finally:
                held[share] -= 1
                served += 1
                slots.release(share)

        tasks = []
        for _ in range(60):
            tasks.append(asyncio.create_task(work(f"s{chance.randrange(shares)}")))
            await turns(chance.randrange(3))
            if chance.random() < 0.2:
                chance.choice(tasks).cancel()
            assert slots.in_flight <= limit
        done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20)
        assert most <= limit
        assert served + sum(isinstance(one, asyncio.CancelledError) for one in done) >= 60
        assert (slots.in_flight, slots.waiting) == (0, 0)

    asyncio.run(scenario())


@given(seed=st.integers(0, 10**6), limit=st.integers(4, 16))
@examples(max_examples=40)
def test_a_single_hungry_share_never_waits_behind_a_single_hog(seed: int, limit: int) -> None:
    chance = random.Random(seed)

    async def scenario() -> None:
        slots = Slots(limit)
        hogs = await taken(slots, "hog", 5 * limit)
        for _ in range(40):
            if chance.random() < 0.5 and slots.in_flight:
                slots.release("hog")
                await turns()
            (hungry,) = await taken(slots, "hungry", 1)
            assert hungry.done()
            slots.release("hungry")
            await turns()
        await ended(hogs)

    asyncio.run(scenario())
