"""Crash safety: every process killed with SIGKILL in turn under load, and the broker once; nothing lost or doubled."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Final

import pytest

from tests.chaos import oracle
from tests.chaos.proof import BODIES, Kill, Says, check_history, dump, event, finished, produce, silence
from tests.chaos.receiver import IGNORES, Call, Receiver
from tests.chaos.stack import Stack, eventually

# test_cluster.py kills the same processes, on three brokers.
pytestmark = [pytest.mark.kafka, pytest.mark.long, pytest.mark.timeout(600)]

EVENTS: Final = int(os.environ.get("ONESTACK_CHAOS_EVENTS", "5000"))
RATE: Final = float(os.environ.get("ONESTACK_CHAOS_RATE", "80"))
"""Events a second: what two cores do with ease besides two workers, Kafka, Postgres and 240 module calls a second."""
VICTIMS: Final = ("worker0", "worker1", "projector", "broker", "worker1", "worker0", "projector", "worker0")
IN_FLIGHT: Final = 64
"""Calls that a worker has in flight at most (DESIGN.md §9)."""


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    one = Stack()
    try:
        await one.start("worker0", "worker1", "projector")
        yield one
    finally:
        await one.stop()


async def test_nothing_is_lost_or_doubled_when_every_process_is_killed_under_load(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("ONESTACK_CHAOS_SEED") or random.randrange(10**6))
    say = Says(capsys, f"seed {seed} (ONESTACK_CHAOS_SEED repeats it)")
    dice = random.Random(seed)
    await stack.bus.define(*BODIES.values())
    stack.receiver.calls.clear()
    stack.receiver.behave = _takes_a_while
    began = time.monotonic()
    events = [event(number, dice) for number in range(EVENTS)]
    _, kills = await asyncio.gather(produce(stack, events, RATE), _kill_in_turn(stack, dice, EVENTS / RATE, say))
    await eventually(
        lambda: finished(stack), lambda done: done >= EVENTS, 240, f"finished runs of {EVENTS}; {stack.alive()}"
    )
    say(f"all finished {time.monotonic() - began - EVENTS / RATE:.1f} s after the last event was due")
    await check_history(stack, events, say)
    _check_calls(stack.receiver, kills, say)
    await _check_rebuilds(stack, say)
    lag = await eventually(stack.bus.not_committed, lambda found: not found, 30, "committed offsets and ends of logs")
    assert lag == {}
    say("the workers' committed offsets are the ends of their logs")


async def _takes_a_while(call: Call) -> None:
    await asyncio.sleep(0.02 + 0.08 * random.random())


async def _kill_in_turn(stack: Stack, dice: random.Random, seconds: float, say: Says) -> list[Kill]:
    began = time.monotonic()
    kills = []
    for victim in VICTIMS:
        await asyncio.sleep(dice.uniform(0.4, 1.4) * seconds / (len(VICTIMS) + 2))
        in_flight, before = stack.receiver.under_way, time.monotonic()
        if victim == "broker":
            await asyncio.to_thread(stack.kafka.kill)
            kills.append(Kill(victim, before, time.monotonic()))
            await asyncio.to_thread(stack.kafka.start)
        else:
            stack.kill(victim)
            kills.append(Kill(victim, before, time.monotonic()))
        say(f"{before - began:5.1f} s  kill -9 {victim}, {in_flight} calls in flight on both workers")
    return kills


# -- what has to hold -------------------------------------------------------------------------------------------------


def _check_calls(receiver: Receiver, kills: list[Kill], say: Says) -> None:
    """A key is repeated only where its call was in flight when a worker was killed."""
    repeats: Counter[Kill] = Counter()
    unexplained = []
    workers = [kill for kill in kills if kill.victim.startswith("worker")]
    for key, times in receiver.repeated().items():
        for earlier, later in pairwise(times):
            # What was on its way to us when the worker died we read a moment after that.
            causes = [kill for kill in workers if earlier <= kill.after + 1 and kill.before <= later]
            if causes:
                repeats[causes[-1]] += 1
            else:
                unexplained.append((key, earlier, later))
    distinct = len(receiver.moments())
    say(f"{len(receiver.calls)} module calls for {distinct} commands; repeats by worker kill: "
        + ", ".join(f"{kill.victim} {repeats[kill]}" for kill in workers))  # fmt: skip
    say("longest silence at the modules after each kill: "
        + ", ".join(f"{kill.victim} {silence(receiver, kill)}" for kill in kills))  # fmt: skip
    assert distinct == 3 * EVENTS
    assert unexplained == []
    assert all(count <= IN_FLIGHT for count in repeats.values())
    ignoring = Counter(call.key for call in receiver.calls if call.module == IGNORES)
    assert {key: receiver.performed[key] for key in ignoring} == ignoring
    others = {call.key for call in receiver.calls if call.module != IGNORES}
    assert all(receiver.performed[key] == 1 for key in others)


async def _check_rebuilds(stack: Stack, say: Says) -> None:
    """Beside the live projector, and into a database that never had one: the same rows."""
    lived = await dump(stack, stack.postgres.url)
    await stack.rows("create database again")
    other = stack.postgres.url.replace("/postgres?", "/again?")
    for url in (stack.postgres.url, other):
        began = time.monotonic()
        told = await stack.onestack("projector", "--rebuild", ONESTACK_POSTGRES_URL=url)
        say(f"{told.strip().splitlines()[-1]} ({time.monotonic() - began:.1f} s)")
        again = await dump(stack, url)
        for view, rows in lived.items():
            assert oracle.checksum(again[view]) == oracle.checksum(rows), oracle.difference(rows, again[view])
    sums = ", ".join(f"{view} {len(rows)} rows {oracle.checksum(rows)}" for view, rows in lived.items())
    say(f"rebuilt row for row: {sums}")
