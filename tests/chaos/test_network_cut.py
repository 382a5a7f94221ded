"""A worker that Kafka can't hear, but that the modules still hear: it must not do what another does in its place."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator
from typing import Final

import pytest

from sandbox.kafka import Kafka
from sandbox.process import free_port
from tests.chaos.proof import BODIES, ORGS, Says, check_history, event, finished, produce
from tests.chaos.receiver import Call
from tests.chaos.stack import Stack, eventually
from tests.chaos.wire import Wire

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

CUT: Final = float(os.environ.get("ONESTACK_CUT_SECONDS", "12"))
RATE: Final = 20.0
EVENTS: Final = int(RATE * (CUT + 18))
SLOW: Final = 0.4
"""Seconds that a module takes to answer. 60 calls a second keep 24 in flight, and with 8 at once a worker has a queue
of commands that it has taken and not begun: those are what it must not perform after the cut."""
MOST_CALLS: Final = 8


@pytest.fixture
async def stack() -> AsyncIterator[tuple[Stack, Wire]]:
    """Two workers: `worker0` reaches the broker over the wire alone, all others directly."""
    wire = Wire()
    one = Stack(ONESTACK_MAX_CALLS=str(MOST_CALLS))
    one.kafka = Kafka(one.folder / "kafka", one.kafka.port, detour=(detour := free_port(), advertised := free_port()))
    try:
        await wire.start(detour, advertised)
        one.up_with = {"worker0": {"ONESTACK_BROKER": f"127.0.0.1:{advertised}"}}
        await one.start("worker0", "worker1", "projector")
        yield one, wire
    finally:
        await one.stop()
        await wire.stop()


async def test_a_worker_that_was_cut_off_does_nothing_that_another_has_done_meanwhile(
    stack: tuple[Stack, Wire], capsys: pytest.CaptureFixture[str]
) -> None:
    product, wire = stack
    seed = int(os.environ.get("ONESTACK_CHAOS_SEED") or random.randrange(10**6))
    say = Says(capsys, f"a worker is cut off from Kafka for {CUT:g} s, seed {seed}")
    dice = random.Random(seed)
    await product.bus.define(*BODIES.values())
    product.receiver.calls.clear()
    product.receiver.behave = _slowly
    events = [event(number, dice) for number in range(EVENTS)]
    sending = asyncio.create_task(produce(product, events, RATE))
    await asyncio.sleep(8)
    in_flight, cut = product.receiver.under_way, time.monotonic()
    wire.cut()
    await asyncio.sleep(CUT)
    wire.mend()
    mended = time.monotonic()
    await sending
    await eventually(lambda: finished(product), lambda done: done >= EVENTS, 180, f"finished; {product.alive()}")
    await check_history(product, events, say)
    _check_calls(product.receiver.calls, cut, mended, in_flight, say)
    lag = await eventually(product.bus.not_committed, lambda found: not found, 30, "committed offsets and ends of logs")
    assert lag == {}


async def _slowly(_call: Call) -> None:
    await asyncio.sleep(SLOW)


def _check_calls(calls: list[Call], cut: float, mended: float, in_flight: int, say: Says) -> None:
    made: dict[str, list[Call]] = {}
    for call in calls:
        made.setdefault(call.key, []).append(call)
    assert len(made) == 3 * EVENTS
    repeated = {key: times for key, times in made.items() if len(times) > 1}
    late = [key for key, times in repeated.items() if any(call.by == "worker0" for call in times[1:])]
    silent = [call for call in calls if call.by == "worker0" and cut + 10 < call.at < mended]
    after = [call for call in calls if call.by == "worker0" and call.at > mended]
    began = [times[0].at - cut for times in repeated.values()]
    say(f"{len(calls)} calls for {len(made)} commands of {ORGS}; {in_flight} were in flight at the cut")
    say(f"{len(repeated)} were repeated, all begun by the worker that was cut off, "
        f"{min(began, default=0):.1f} to {max(began, default=0):.1f} s after the cut")  # fmt: skip
    say(f"the worker that was cut off began {len(after)} calls once it was back")
    assert late == [], "the worker that came back performed what another had performed"
    assert silent == [], "a worker that is cut off went on with calls that others may perform"
    assert all(times[0].by == "worker0" for times in repeated.values())
    assert len(repeated) <= 2 * MOST_CALLS
    assert after, "the worker that was cut off stays stuck"
