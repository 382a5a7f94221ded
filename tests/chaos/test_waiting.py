"""Runs that wait, many of them, while workers are killed: each wakes once, none early, and what it costs is told."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import psutil
import pytest

from schemas.names import RUNS, TIMERS, run_id
from tests.chaos import oracle
from tests.chaos.bus import alert
from tests.chaos.oracle import Story, moment
from tests.chaos.stack import Stack, eventually, step, workflow

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

ASKED_FOR: Final = os.environ.get("ONESTACK_CHAOS_WAITING", "")
"""How many wait: 50,000 shows what is bounded by nothing else than how many there are, and takes three minutes."""
IN_MEMORY, ON_DISK = (int(ASKED_FOR), int(ASKED_FOR)) if ASKED_FOR else (8_000, 2_000)
WORKERS: Final = ("worker0", "worker1")
VICTIMS: Final = ("worker0", "worker1", "worker0")
ORG: Final = "patient"
BEGUN_A_SECOND: Final = 1_500
"""Runs that two cores begin in a second besides Kafka and Postgres: on a machine as fast all wait before one wakes."""
CALL_EVERY: Final = 20
"""Every so manieth run calls a module when it wakes."""
IN_FLIGHT: Final = 64
"""Calls that a worker has in flight at most (DESIGN.md §9)."""
STEPS: Final = [
    step("wait", "delay", **{"for": "{{alert.pause}}"}),
    {
        "id": "which",
        "if": {"field": "alert.calls", "op": "equals", "value": True},
        "then": [step("tag", "add_tag", tag="{{alert.id}}")],
    },
]
SLEEPS: Final = ["run.started", "step.started", "run.waiting"]
WAKES: Final = ["step.succeeded", "step.condition"]
CALLS: Final = ["step.started", "step.succeeded"]


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill on the clock of the log: `before` the signal, and `after` the process was gone."""

    victim: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Wake:
    """How one wait ended, in seconds since the epoch: when it was due, when it was decided, when the log had it."""

    partition: int
    due: float
    decided: float
    logged: float


@dataclass(frozen=True, slots=True)
class Plan:
    """How many runs wait, and when they are due: all between `first` and `last` (seconds since the epoch)."""

    count: int
    first: float
    last: float


@pytest.mark.parametrize(
    ("store", "count"), [pytest.param("memory", IN_MEMORY, marks=pytest.mark.long), ("rocksdb", ON_DISK)]
)
async def test_each_waiting_run_wakes_once_and_never_early_while_workers_are_killed(
    store: str, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("ONESTACK_CHAOS_SEED") or random.randrange(10**6))
    stack, dice, told = Stack(ONESTACK_TIMER_STORE=store), random.Random(seed), list[str]()
    stack.variables["ONESTACK_DATA_DIR"] = str(stack.folder / "data")
    try:
        await stack.start(*WORKERS, "projector")
        await _lived_through(stack, count, dice, told)
    finally:
        with capsys.disabled():
            print(f"\n  {count} waiting runs, store {store}, seed {seed} (ONESTACK_CHAOS_SEED repeats it)")
            print("".join(f"  {line}\n" for line in told), end="", flush=True)
        await stack.stop()


async def _lived_through(stack: Stack, count: int, dice: random.Random, told: list[str]) -> None:
    await stack.bus.define(workflow("sleep", ORG, STEPS))
    # In force on both workers once a probe that was sent after it has run.
    await stack.working()
    stack.receiver.calls.clear()
    without = _memory(stack)
    first = time.time() + 5 + count / BEGUN_A_SECOND
    plan = Plan(count, first, first + max(9.0, count / 750))
    began = time.time()
    events = await _begin(stack, plan, dice)
    await eventually(lambda: _waiting(stack), lambda found: found >= count, 120, f"waiting runs of {count}")
    told.append(f"all wait {time.time() - began:.1f} s after the first event")
    told.append(_cost("RSS of both workers", count, without, _memory(stack)))
    kills = await _kill(stack, plan, dice)
    await eventually(
        lambda: stack.statuses(ORG), lambda now: now.get("completed", 0) >= count, 120, f"completed of {count}"
    )
    wakes = await _check(stack, events, plan, told)
    _figures(wakes, kills, told)
    _check_calls(stack, events, kills, told)


async def _begin(stack: Stack, plan: Plan, dice: random.Random) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    for at in range(0, plan.count, 500):
        batch = []
        for number in range(at, min(at + 500, plan.count)):
            pause = f"{max(1, round(1000 * (dice.uniform(plan.first, plan.last) - time.time())))}ms"
            calls = number % CALL_EVERY == 0
            # Now and then two runs are about one entity.
            batch.append(alert(ORG, f"a-{number - number % 50 % 2}", f"sleep-{number}", pause=pause, calls=calls))
        await stack.bus.emit_all(batch)
        events += batch
    return events


async def _waiting(stack: Stack) -> int:
    """How many runs wait or have woken."""
    found = await stack.statuses(ORG)
    return found["all"] - found.get("running", 0)


async def _kill(stack: Stack, plan: Plan, dice: random.Random) -> list[Kill]:
    """Three kills, one in each third of the time in which runs wake; each is up again at once."""
    kills = []
    third = (plan.last - plan.first) / len(VICTIMS)
    for number, victim in enumerate(VICTIMS):
        at = plan.first + third * (number + dice.uniform(0.05, 0.3))
        await asyncio.sleep(max(0.0, at - time.time()))
        before = time.time()
        stack.kill(victim)
        kills.append(Kill(victim, before, time.time()))
    return kills


def _memory(stack: Stack) -> int:
    """The resident memory of both workers, in bytes."""
    return sum(psutil.Process(stack.processes[name].pid).memory_info().rss for name in WORKERS)


def _cost(what: str, count: int, without: int, with_them: int) -> str:
    a_run = (with_them - without) / count
    return f"{what}: {without / 1e6:.0f} MB, {with_them / 1e6:.0f} MB with {count} waiting: {a_run:,.0f} bytes each"


# -- what has to hold -------------------------------------------------------------------------------------------------


async def _check(stack: Stack, events: list[dict[str, Any]], plan: Plan, told: list[str]) -> list[Wake]:
    """Each event has one run, which woke once, not early, and completed; nothing waits any more."""
    log = oracle.read(await stack.bus.records(RUNS), ORG)
    runs = {run_id(ORG, "sleep", event["source"], event["id"]): event for event in events}
    assert set(log.stories) == set(runs)
    wakes = [_wake(run, log.stories[run], calls=event["data"]["alert"]["calls"]) for run, event in runs.items()]
    assert log.contradictions == []
    told.append(f"{len(wakes)} woke once each, none early; {log.repeats} entries came again and told nothing new")
    assert await stack.statuses(ORG) == {"completed": plan.count, "all": plan.count}
    assert await stack.rows("select * from history.dead_letters") == []
    await eventually(lambda: _kept(stack), lambda kept: not kept, 30, "timers without a tombstone")
    return wakes


def _wake(run: str, story: Story, *, calls: bool) -> Wake:
    assert story.kinds == [*SLEEPS, *WAKES, *(CALLS if calls else ()), "run.completed"], f"{run}: {story.kinds}"
    until, woken = story.entries[2]["data"]["until"], story.entries[3]
    due, decided, logged = oracle.instant(until), moment(woken), story.logged[3]
    assert due <= decided, f"{run}: was due at {until}, and woke at {woken['time']}"
    # The broker's stamps have milliseconds.
    assert due <= logged + 0.001, f"{run}: was due at {until}, and the broker had the end of its wait at {logged}"
    return Wake(story.partition, due, decided, logged)


async def _kept(stack: Stack) -> set[bytes]:
    """What stands on the timers topic: the runs that a worker would read back."""
    there = {record.key: record.value for records in (await stack.bus.records(TIMERS)).values() for record in records}
    return {key for key, value in there.items() if value is not None and not key.startswith(b"definition:")}


def _check_calls(stack: Stack, events: list[dict[str, Any]], kills: list[Kill], told: list[str]) -> None:
    """A module is called once for each run that calls; again only where a worker was killed during the call."""
    calling = [event for event in events if event["data"]["alert"]["calls"]]
    keys = {f"{run_id(ORG, 'sleep', event['source'], event['id'])}:0:which.then.tag" for event in calling}
    received = Counter(call.key for call in stack.receiver.calls)
    assert set(received) == keys
    again = received.total() - len(keys)
    told.append(f"{len(keys)} of them made a call; {again} calls came again after a kill")
    assert again <= IN_FLIGHT * len(kills)


# -- what it took -----------------------------------------------------------------------------------------------------


def _figures(wakes: list[Wake], kills: list[Kill], told: list[str]) -> None:
    disturbed = [_recovery(wakes, kill, told) for kill in kills]
    calm = [one for one in wakes if not any(begin <= one.due <= end for begin, end in disturbed)]
    told.append(f"lateness in undisturbed time, {len(calm)} runs, in ms: "
                f"decided {_spread([one.decided - one.due for one in calm])}; "
                f"in the log {_spread([one.logged - one.due for one in calm])}")  # fmt: skip


def _recovery(wakes: list[Wake], kill: Kill, told: list[str]) -> tuple[float, float]:
    """Tells how long partitions were silent; the time from the kill until all that was overdue had woken."""
    back = {}
    for partition in {one.partition for one in wakes}:
        later = [one.logged for one in wakes if one.partition == partition and one.logged > kill.after + 0.01]
        if later and any(one.due < min(later) for one in wakes if one.partition == partition and one.due > kill.after):
            back[partition] = min(later)
    # The dead one's are those that were silent the longest; the other worker's went on.
    silent = {partition: at for partition, at in back.items() if at - kill.before > 0.5}
    overdue = [one for one in wakes if kill.before <= one.due <= silent.get(one.partition, 0)]
    if not overdue:
        told.append(f"kill -9 {kill.victim}: nothing was due on its partitions until it was back")
        return kill.before, kill.after + 2
    first = min(silent.values()) - kill.before
    told.append(f"kill -9 {kill.victim}: first wake on its {len(silent)} partitions after {first:.2f} s, "
                f"on the last after {max(silent.values()) - kill.before:.2f} s; {len(overdue)} were overdue, "
                f"late by (in ms) {_spread([one.logged - one.due for one in overdue])}")  # fmt: skip
    return kill.before, max(one.logged for one in overdue)


def _spread(seconds: Sequence[float]) -> str:
    if not seconds:
        return "nothing to tell"
    ordered = sorted(1000 * one for one in seconds)
    at = {percent: ordered[max(0, -(-len(ordered) * percent // 100) - 1)] for percent in (50, 99)}
    return f"p50 {at[50]:.0f}, p99 {at[99]:.0f}, most {ordered[-1]:.0f}"
