from __future__ import annotations

import asyncio

from streams.lease import Lease


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def settled() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def test_it_is_held_until_the_first_heartbeat_and_for_less_than_a_session_timeout_after_each() -> None:
    clock = Clock()
    lease = Lease(10, clock)
    assert lease.held
    lease.renew(clock.now)
    clock.now += 7.9
    assert lease.held
    clock.now += 0.2
    assert not lease.held


def test_it_counts_from_when_a_heartbeat_was_sent_not_from_its_answer() -> None:
    clock = Clock()
    lease = Lease(10, clock)
    sent = clock.now
    clock.now += 9
    lease.renew(sent)
    assert not lease.held


def test_a_late_answer_to_an_early_heartbeat_takes_nothing_away() -> None:
    clock = Clock()
    lease = Lease(10, clock)
    lease.renew(clock.now)
    lease.renew(clock.now - 6)
    clock.now += 7
    assert lease.held


async def test_calls_wait_until_the_coordinator_is_heard_again() -> None:
    clock = Clock()
    lease = Lease(10, clock)
    lease.renew(clock.now)
    await asyncio.wait_for(lease.hold(), 1)
    clock.now += 60
    calls = [asyncio.create_task(lease.hold()) for _ in range(3)]
    await settled()
    assert (lease.waiting, [call.done() for call in calls]) == (3, [False] * 3)
    lease.renew(clock.now - 9)  # an answer that took too long says nothing of now
    await settled()
    assert lease.waiting == 3
    lease.renew(clock.now)
    await asyncio.wait_for(asyncio.gather(*calls), 1)
    assert lease.waiting == 0


async def test_who_gives_up_waiting_is_forgotten() -> None:
    clock = Clock()
    lease = Lease(10, clock)
    lease.renew(clock.now - 100)
    call = asyncio.create_task(lease.hold())
    await settled()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert lease.waiting == 0
