"""SIGTERM with slow calls in flight: the process ends in time, commits, and nothing that was finished is done again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from runtime.kafka import client_options
from runtime.settings import Settings
from streams.app import GROUP
from tests.chaos.bus import alert
from tests.chaos.receiver import Call
from tests.chaos.stack import Stack, eventually, step, workflow

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

SLOW: Final = 30.0
"""Seconds that the slow module takes, five times what a worker waits for."""
SLOW_RUNS: Final = 40
QUICK_RUNS: Final = 600


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    one = Stack(ONESTACK_SESSION_TIMEOUT="30")
    try:
        await one.start("worker0", "projector")
        yield one
    finally:
        await one.stop()


async def _members(stack: Stack) -> list[str]:
    admin = AIOKafkaAdminClient(**client_options(Settings(broker=stack.kafka.bootstrap)))
    await admin.start()
    try:
        (described,) = await admin.describe_consumer_groups([GROUP])
        return [member[0] for group in described.groups for member in group[5]]
    finally:
        await admin.close()


async def test_a_worker_ends_in_time_with_slow_calls_in_flight_and_repeats_no_finished_call(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    await stack.bus.define(
        workflow("slow", "slow", [step("tag", "add_tag", tag="slow")]),
        workflow(
            "quick", "quick", [step("ticket", "create_ticket", title="quick"), step("tag", "add_tag", tag="quick")]
        ),
    )
    stack.receiver.calls.clear()
    let_go = asyncio.Event()
    answered: dict[str, float] = {}

    async def behave(call: Call) -> None:
        if "slow" in str(call.body):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(let_go.wait(), SLOW)
        else:
            await asyncio.sleep(0.1)
        answered[call.key] = time.monotonic()

    stack.receiver.behave = behave
    await stack.bus.emit_all([alert("slow", f"s-{n}", f"s-{n}") for n in range(SLOW_RUNS)])
    await stack.bus.emit_all([alert("quick", f"q-{n}", f"q-{n}") for n in range(QUICK_RUNS)])
    await eventually(_count(stack), lambda count: count >= SLOW_RUNS + 100, 60, "calls in flight")
    in_flight = stack.receiver.under_way
    began = time.monotonic()
    code = await asyncio.to_thread(stack.end, "worker0")
    took, done = time.monotonic() - began, set(answered)
    assert code == 0, "it ends by itself within 10 s"
    members = await _members(stack)
    assert len(members) == 1, "a static member keeps its place until its session ends"
    stack.up("worker0")
    await eventually(_count(stack), lambda count: count > SLOW_RUNS + 100, 60, "calls of the next")
    let_go.set()
    await stack.completed("quick", QUICK_RUNS)
    await stack.completed("slow", SLOW_RUNS)
    repeated = stack.receiver.repeated()
    assert not set(repeated) & done, "what was answered before the end is not performed again"
    assert len(repeated) <= in_flight
    with capsys.disabled():
        print(f"\n  worker with {in_flight} calls in flight, {SLOW_RUNS} of them of {SLOW:.0f} s: exit {code} after "
              f"{took:.1f} s; {len(repeated)} calls that had not ended were made again")  # fmt: skip
    assert await eventually(stack.bus.not_committed, lambda found: not found, 30, "committed offsets") == {}


async def test_a_worker_without_a_name_leaves_the_group_as_it_ends(stack: Stack) -> None:
    stack.up("worker1", ONESTACK_INSTANCE="")
    await eventually(lambda: _members(stack), lambda found: len(found) == 2, 60, "two members")
    await stack.working()
    assert await asyncio.to_thread(stack.end, "worker1") == 0
    await eventually(lambda: _members(stack), lambda found: len(found) == 1, 10, "one member")
    # Not after the session timeout of 30 s: the other has all partitions at once.
    await stack.working(20)
    # Nor does a Kafka that is away keep anyone from ending.
    await asyncio.to_thread(stack.kafka.kill)
    await eventually(lambda: stack.part("worker0", "kafka"), lambda state: state == "away", 30, "Kafka is missed")
    codes = [await asyncio.to_thread(stack.end, name) for name in ("worker0", "projector")]
    assert codes == [0, 0]


def _count(stack: Stack) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        return len(stack.receiver.calls)

    return count
