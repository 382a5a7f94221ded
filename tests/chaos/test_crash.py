"""Crash safety: every process killed with SIGKILL in turn under load, and the broker once; nothing lost or doubled."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import asyncpg
import pytest

from schemas.names import RUNS, run_id
from tests.chaos import oracle
from tests.chaos.bus import alert
from tests.chaos.receiver import IGNORES, Call, Receiver
from tests.chaos.stack import Stack, eventually, step, workflow

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

EVENTS: Final = int(os.environ.get("ONESTACK_CHAOS_EVENTS", "5000"))
RATE: Final = float(os.environ.get("ONESTACK_CHAOS_RATE", "80"))
"""Events a second: what two cores do with ease besides two workers, Kafka, Postgres and 240 module calls a second."""
ORGS: Final = ("acme", "globex")
ENTITIES: Final = 250
REPEATED_EVERY: Final = 20
"""Every so manieth event is sent twice, as producers do that were not sure."""
VICTIMS: Final = ("worker0", "worker1", "projector", "broker", "worker1", "worker0", "projector", "worker0")
IN_FLIGHT: Final = 64
"""Calls that a worker has in flight at most (DESIGN.md §9)."""
STEPS: Final = [
    step("ticket", "create_ticket", title="{{alert.title}}", priority="P1"),
    {"id": "matters", "condition": {"field": "alert.severity", "op": "equals", "value": "critical"}},
    step("tag", "add_tag", tag="{{steps.ticket.id}}"),
    step("note", "create_note", body="{{alert.title}} is {{steps.ticket.id}}"),
]
BODIES: Final = {
    org: workflow("respond", org, STEPS, conditions={"field": "alert.level", "op": "greater_than", "value": 0})
    for org in ORGS
}


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill on the monotonic clock: `before` the signal, and `after` the process was gone."""

    victim: str
    before: float
    after: float


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
    say = _Says(capsys, f"seed {seed} (ONESTACK_CHAOS_SEED repeats it)")
    dice = random.Random(seed)
    await stack.bus.define(*BODIES.values())
    stack.receiver.calls.clear()
    stack.receiver.behave = _takes_a_while
    began = time.monotonic()
    events = [_event(number, dice) for number in range(EVENTS)]
    _, kills = await asyncio.gather(_produce(stack, events), _kill_in_turn(stack, dice, EVENTS / RATE, say))
    await eventually(
        lambda: _finished(stack), lambda done: done >= EVENTS, 240, f"finished runs of {EVENTS}; {stack.alive()}"
    )
    say(f"all finished {time.monotonic() - began - EVENTS / RATE:.1f} s after the last event was due")
    await _check_history(stack, events, say)
    _check_calls(stack.receiver, kills, say)
    await _check_rebuilds(stack, say)
    lag = await eventually(stack.bus.not_committed, lambda found: not found, 30, "committed offsets and ends of logs")
    assert lag == {}
    say("the workers' committed offsets are the ends of their logs")


class _Says:
    """Prints figures past pytest's capture."""

    def __init__(self, capsys: pytest.CaptureFixture[str], first: str) -> None:
        self._capsys = capsys
        self(f"\n  crash test: {first}")

    def __call__(self, line: str) -> None:
        with self._capsys.disabled():
            print(f"  {line}", flush=True)


def _event(number: int, dice: random.Random) -> dict[str, Any]:
    return alert(ORGS[number % 2], f"a-{dice.randrange(ENTITIES)}", f"crash-{number}", level=1 + number % 9)


async def _takes_a_while(call: Call) -> None:
    await asyncio.sleep(0.02 + 0.08 * random.random())


async def _produce(stack: Stack, events: list[dict[str, Any]]) -> None:
    began = time.monotonic()
    sending = []
    for number, event in enumerate(events):
        await asyncio.sleep(max(0.0, began + number / RATE - time.monotonic()))
        sending.append(asyncio.create_task(stack.bus.emit(event)))
        if number % REPEATED_EVERY == 0:
            sending.append(asyncio.create_task(stack.bus.emit(event)))
    await asyncio.gather(*sending)


async def _kill_in_turn(stack: Stack, dice: random.Random, seconds: float, say: _Says) -> list[Kill]:
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


async def _finished(stack: Stack) -> int:
    query = "select count(*) from history.runs where org_id = any($1::text[]) and finished_at is not null"
    return sum([int(row["count"]) for row in await stack.rows(query, list(ORGS))])


# -- what has to hold -------------------------------------------------------------------------------------------------


async def _check_history(stack: Stack, events: list[dict[str, Any]], say: _Says) -> None:
    """Exactly the runs and steps that the events call for, and row by row what the log says."""
    log = await stack.bus.log(RUNS)
    lives = oracle.fold(log, {**BODIES, "probe": workflow("probe", "probe", [])})
    runs, steps, entries = [await _rows(stack, query) for query in (oracle.RUNS, oracle.STEPS, oracle.ENTRIES)]
    ours = [row for row in runs if row["org_id"] in ORGS]
    wanted = {run_id(event["orgid"], "respond", event["source"], event["id"]) for event in events}
    assert len(ours) == len(wanted) == EVENTS
    assert {row["run_id"] for row in ours} == wanted
    assert Counter(row["status"] for row in ours) == {"completed": EVENTS}
    by_run: dict[str, list[tuple[int, str, str]]] = {}
    for row in steps:
        by_run.setdefault(row["run_id"], []).append((row["position"], row["step_id"], row["status"]))
    told = [(position, one["id"], "succeeded") for position, one in enumerate(STEPS)]
    assert [by_run[run] for run in sorted(wanted)] == [told] * EVENTS
    assert oracle.difference(oracle.run_rows(lives), runs) is None
    assert oracle.difference(oracle.step_rows(lives), steps) is None
    assert oracle.difference(oracle.entry_rows(lives), entries) is None
    assert await stack.rows("select * from history.dead_letters") == []
    claimed = sum(len(json.loads(record)) for records in log.values() for record in records)
    say(f"{len(ours)} runs completed of {EVENTS} events, {len(STEPS)} steps each; history and log agree row by row")
    say(f"{claimed} entries in the log, {claimed - len(entries)} of them repeats that the fold left out")


async def _rows(stack: Stack, query: str) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(stack.postgres.url)
    try:
        await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
        return [dict(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


def _check_calls(receiver: Receiver, kills: list[Kill], say: _Says) -> None:
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
        + ", ".join(f"{kill.victim} {_silence(receiver, kill)}" for kill in kills))  # fmt: skip
    assert distinct == 3 * EVENTS
    assert unexplained == []
    assert all(count <= IN_FLIGHT for count in repeats.values())
    ignoring = Counter(call.key for call in receiver.calls if call.module == IGNORES)
    assert {key: receiver.performed[key] for key in ignoring} == ignoring
    others = {call.key for call in receiver.calls if call.module != IGNORES}
    assert all(receiver.performed[key] == 1 for key in others)


def _silence(receiver: Receiver, kill: Kill) -> str:
    times = [kill.before, *(call.at for call in receiver.calls if kill.before < call.at < kill.before + 15)]
    longest = max((later - earlier for earlier, later in pairwise(times)), default=None)
    return "(nothing was left to do)" if longest is None else f"{longest:.1f} s"


async def _check_rebuilds(stack: Stack, say: _Says) -> None:
    """Beside the live projector, and into a database that never had one: the same rows."""
    lived = await _dump(stack, stack.postgres.url)
    await stack.rows("create database again")
    other = stack.postgres.url.replace("/postgres?", "/again?")
    for url in (stack.postgres.url, other):
        began = time.monotonic()
        told = await stack.onestack("projector", "--rebuild", ONESTACK_POSTGRES_URL=url)
        say(f"{told.strip().splitlines()[-1]} ({time.monotonic() - began:.1f} s)")
        again = await _dump(stack, url)
        for view, rows in lived.items():
            assert oracle.checksum(again[view]) == oracle.checksum(rows), oracle.difference(rows, again[view])
    sums = ", ".join(f"{view} {len(rows)} rows {oracle.checksum(rows)}" for view, rows in lived.items())
    say(f"rebuilt row for row: {sums}")


async def _dump(stack: Stack, url: str) -> dict[str, list[str]]:
    return {view: [row["row"] for row in await stack.rows(query, url=url)] for view, query in oracle.DUMPS.items()}
