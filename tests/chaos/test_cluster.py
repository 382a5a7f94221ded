"""Production's failures on production's cluster: three brokers with TLS, SASL and ACLs, each process killed in turn.

At full size (`make chaos`) 60,000 events and 44 kills; otherwise fewer of both. Figures are printed and, where
ONESTACK_CHAOS_RESULTS names a folder, kept there.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import random
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from bench.host import machine, slug, versions
from tests.chaos.cluster_stack import ClusterStack
from tests.chaos.proof import BODIES, Kill, Says, check_history, event, finished, produce
from tests.chaos.receiver import IGNORES, Call
from tests.chaos.stack import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(3600)]

EVENTS: Final = int(os.environ.get("ONESTACK_CLUSTER_EVENTS", "1500"))
KILLS: Final = int(os.environ.get("ONESTACK_CLUSTER_KILLS", "6"))
RATE: Final = float(os.environ.get("ONESTACK_CLUSTER_RATE", "60"))
"""Events a second; each is a run of three module calls."""
WORKERS: Final = ("worker0", "worker1", "worker2")
PROJECTORS: Final = ("projector0", "projector1")
ANSWER_SECONDS: Final = (0.005, 0.025)
"""How long a module takes to answer, at least and at most."""
CALLS: Final = 3


@dataclass(slots=True)
class Deaths:
    """The kills, and when each killed process was started again (monotonic clock)."""

    kills: list[Kill] = field(default_factory=list)
    again: dict[Kill, float] = field(default_factory=dict)

    def of(self, role: str) -> list[Kill]:
        return [kill for kill in self.kills if kill.victim.startswith(role)]


@pytest.fixture
async def stack() -> AsyncIterator[ClusterStack]:
    one = ClusterStack()
    try:
        await one.start(*WORKERS, *PROJECTORS)
        yield one
    finally:
        await one.stop()


async def test_nothing_is_lost_or_doubled_on_three_brokers_while_everything_is_killed(
    stack: ClusterStack, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("ONESTACK_CHAOS_SEED") or random.randrange(10**6))
    say = Says(capsys, f"three brokers, seed {seed} (ONESTACK_CHAOS_SEED repeats it)")
    dice = random.Random(seed)
    await stack.bus.define(*BODIES.values())
    stack.receiver.calls.clear()
    stack.receiver.behave = _answers
    events = [event(number, dice) for number in range(EVENTS)]
    began = time.monotonic()
    _, deaths = await asyncio.gather(produce(stack, events, RATE), _kill(stack, dice, EVENTS / RATE, say))
    await eventually(
        lambda: finished(stack), lambda done: done >= EVENTS, 300, f"finished runs of {EVENTS}; {stack.alive()}"
    )
    say(f"all finished {time.monotonic() - began - EVENTS / RATE:.1f} s after the last event was due")
    await check_history(stack, events, say)
    _keep(stack, {"seed": seed, "rate": RATE, **_check_calls(stack, deaths, say)})
    lag = await eventually(stack.bus.not_committed, lambda found: not found, 60, "committed offsets and ends of logs")
    assert lag == {}
    say("the workers' committed offsets are the ends of their logs")


async def _answers(_call: Call) -> None:
    await asyncio.sleep(random.uniform(*ANSWER_SECONDS))


def _victims(dice: random.Random, count: int) -> list[str]:
    """By chance, and every kind: half of them workers, no process twice in a row."""
    kinds = [*WORKERS, *WORKERS, *PROJECTORS, "postgres", "broker1", "broker2", "broker3"]
    found: list[str] = []
    while len(found) < count:
        dice.shuffle(kinds)
        found += [one for number, one in enumerate(kinds) if one != (kinds[number - 1] if number else found[-1:])]
    return found[:count]


async def _kill(stack: ClusterStack, dice: random.Random, seconds: float, say: Says) -> Deaths:
    """One after the other, each when the one before is back; no more than one broker is away at a time."""
    deaths, began = Deaths(), time.monotonic()
    for number, victim in enumerate(_victims(dice, KILLS)):
        due = began + seconds * (number + dice.uniform(0.3, 0.9)) / (KILLS + 1)
        await asyncio.sleep(max(0.5, due - time.monotonic()))
        flying, before = stack.receiver.under_way, time.monotonic()
        if victim.startswith("broker"):
            await asyncio.to_thread(stack.cluster.kill, int(victim[-1]))
        elif victim == "postgres":
            await asyncio.to_thread(stack.postgres.kill)
        else:
            stack.processes[victim].kill()
            await asyncio.to_thread(stack.processes[victim].wait)
        kill = Kill(victim, before, time.monotonic())
        deaths.kills.append(kill)
        deaths.again[kill] = time.monotonic()
        if victim.startswith("broker"):
            await asyncio.to_thread(stack.cluster.start_one, int(victim[-1]))
            await _in_sync(stack)
        elif victim == "postgres":
            await stack.restart_postgres()
        else:
            stack.up(victim)
        say(f"{before - began:6.1f} s  kill -9 {victim}, {flying} calls in flight")
    return deaths


async def _in_sync(stack: ClusterStack) -> None:
    """Wait until every partition has all its copies again: a broker more could be lost then."""
    await eventually(stack.bus.short_of_copies, lambda found: not found, 120, "partitions that lack a copy")


# -- what has to hold -------------------------------------------------------------------------------------------------


def _check_calls(stack: ClusterStack, deaths: Deaths, say: Says) -> dict[str, Any]:
    """A call is repeated only where the worker that made it was killed while it was in flight."""
    receiver = stack.receiver
    calls: dict[str, list[Call]] = {}
    for call in receiver.calls:
        calls.setdefault(call.key, []).append(call)
    repeats: Counter[Kill] = Counter()
    unexplained: list[tuple[str, str, float]] = []
    for key, made in calls.items():
        for earlier, later in pairwise(made):
            causes = [
                kill for kill in deaths.of(earlier.by) if earlier.at <= kill.after + 1 and kill.before <= later.at
            ]
            if causes:
                repeats[causes[-1]] += 1
            else:
                unexplained.append((key, earlier.by, later.at - earlier.at))
    workers = deaths.of("worker")
    counts = [repeats[kill] for kill in workers]
    first = [_first_call(receiver.calls, kill, deaths.again[kill]) for kill in workers]
    waits = [one for one in first if one is not None]
    away = Counter(kill.victim.rstrip("0123456789") for kill in deaths.kills)
    say(f"{len(receiver.calls)} module calls for {len(calls)} commands; {sum(away.values())} kills: {dict(away)}")
    say(f"repeated calls by worker kill: median {_median(counts):g}, {sorted(counts)}; by any other: none")
    say(f"from a worker's restart to its first call: median {_median(waits):.2f} s, "
        f"{[round(one, 2) for one in sorted(waits)]}")  # fmt: skip
    assert len(calls) == CALLS * EVENTS
    assert unexplained == [], stack.folder
    ignoring = Counter(call.key for call in receiver.calls if call.module == IGNORES)
    assert {key: receiver.performed[key] for key in ignoring} == ignoring
    assert all(receiver.performed[key] == 1 for key in calls if key not in ignoring)
    return {
        "events": EVENTS,
        "kills": dict(away),
        "repeats_by_worker_kill": sorted(counts),
        "repeats_by_other_kills": 0,
        "first_call_seconds": [round(one, 3) for one in sorted(waits)],
    }


def _median(found: list[Any]) -> float:
    """Not a number where there is none: of few kills no worker may have been, or none have had anything to do after."""
    return float(statistics.median(found)) if found else math.nan


def _first_call(calls: list[Call], kill: Kill, again: float) -> float | None:
    """Seconds from the restart to the first call of that worker; None where it was killed again before, or idle."""
    return next((call.at - again for call in calls if call.by == kill.victim and call.at > kill.after), None)


def _keep(stack: ClusterStack, figures: dict[str, Any]) -> None:
    if folder := os.environ.get("ONESTACK_CHAOS_RESULTS"):
        facts, day = machine(stack.folder), datetime.now(UTC).date()
        kept = {"day": day.isoformat(), "machine": facts, "versions": versions(), **figures}
        (Path(folder) / f"{day}-cluster-{slug(facts)}.json").write_text(json.dumps(kept, indent=2) + "\n")
