"""Races: what cancels a run comes a few milliseconds behind what starts it, on topics that have no order."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import pytest
import pytest_asyncio

from schemas.names import EVENT_TOPICS, RUNS, run_id
from tests.chaos import oracle
from tests.chaos.oracle import Log, Story, moment
from tests.chaos.receiver import Call
from tests.chaos.stack import Stack, eventually, step, workflow

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="module")]

PAIRS: Final = int(os.environ.get("ONESTACK_CHAOS_PAIRS", "1000"))
A_SECOND: Final = 200
LATEST: Final = 0.05
"""How far behind the second event is, in seconds, at most."""
CLOCK: Final = 0.005
"""How exactly two processes' readings of one clock can be compared, in seconds."""
IN_FLIGHT: Final = 64
"""Calls that a worker has in flight at most (DESIGN.md §9)."""
ACTIONS: Final = [step("ticket", "create_ticket", title="{{event.id}}"), step("tag", "add_tag", tag="done")]
PAUSE: Final = step("wait", "delay", **{"for": "1h"})


class Race(NamedTuple):
    """What starts a run and what cancels it, each with the module whose topic it is on."""

    starts: str
    on: str
    cancels: str
    over: str


DEVICES: Final = Race("device.offline", "rmm", "device.online", "rmm")
ALERTS: Final = Race("alert.triggered", "security", "alert.resolved", "rmm")


class Pair(NamedTuple):
    """Two events about one entity, and how many seconds lie between them."""

    first: dict[str, Any]
    second: dict[str, Any]
    gap: float
    race: Race

    @property
    def run(self) -> str:
        return run_id(self.first["orgid"], "race", self.first["source"], self.first["id"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_stack() -> AsyncIterator[Stack]:
    one = Stack()
    try:
        await one.start("worker0", "worker1", "projector")
        one.receiver.behave = _takes_a_while
        yield one
    finally:
        await one.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def stack(module_stack: Stack) -> AsyncIterator[Stack]:
    module_stack.receiver.calls.clear()
    yield module_stack
    assert set(module_stack.alive().values()) == {None}, f"a process ended by itself: {module_stack.alive()}"


async def _takes_a_while(_call: Call) -> None:
    await asyncio.sleep(0.01 * random.random())


@pytest.mark.parametrize("race", [DEVICES, ALERTS], ids=["one topic", "two topics"])
async def test_a_run_ends_cancelled_with_nothing_begun_after_it_or_completed_before(
    stack: Stack, race: Race, capsys: pytest.CaptureFixture[str]
) -> None:
    org = f"{race.on}-{race.over}"
    pairs, log = await _run(stack, org, race, ACTIONS)
    ends = _check(stack, pairs, log)
    assert stack.receiver.repeated() == {}
    with capsys.disabled():
        print(f"\n  {_told(race, ends, log, await _lags(stack, pairs, log))}", flush=True)


@pytest.mark.parametrize("race", [DEVICES, ALERTS], ids=["one topic", "two topics"])
async def test_a_run_that_waits_first_is_always_cancelled(
    stack: Stack, race: Race, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs, log = await _run(stack, f"waits-{race.on}", race, [PAUSE, *ACTIONS])
    ends = _check(stack, pairs, log)
    assert ends == {"run.cancelled": len(pairs)}
    assert stack.receiver.calls == []
    with capsys.disabled():
        print(f"\n  with a delay first: {_told(race, ends, log, [])}", flush=True)


async def test_the_races_hold_while_a_worker_is_killed(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    def kill() -> None:
        stack.kill("worker0")

    (pairs, log), (waiting, waiting_log) = await asyncio.gather(
        _run(stack, "killed", ALERTS, ACTIONS, halfway=kill),
        _run(stack, "killed-waits", ALERTS, [PAUSE, *ACTIONS]),
    )
    ends = _check(stack, pairs, log)
    assert _check(stack, waiting, waiting_log) == {"run.cancelled": len(waiting)}
    again = sum(len(times) - 1 for times in stack.receiver.repeated().values())
    assert again <= IN_FLIGHT
    with capsys.disabled():
        lags = await _lags(stack, pairs, log)
        print(f"\n  with a kill -9: {_told(ALERTS, ends, log, lags)}; {again} calls came again", flush=True)


# -- what happens -----------------------------------------------------------------------------------------------------


async def _run(
    stack: Stack, org: str, race: Race, steps: list[dict[str, Any]], halfway: Callable[[], None] | None = None
) -> tuple[list[Pair], Log]:
    """Sends the pairs; the runs' log when all have ended."""
    body = workflow("race", org, steps, cancel_on=[{"type": race.cancels}])
    await stack.bus.define({**body, "trigger": {"type": race.starts}})
    await asyncio.sleep(1)
    loop = asyncio.get_running_loop()
    began, pairs, sending = loop.time(), list[Pair](), list[asyncio.Task[None]]()
    for number in range(PAIRS):
        await asyncio.sleep(max(0.0, began + number / A_SECOND - loop.time()))
        pairs.append(pair := _pair(org, race, number))
        sending += [asyncio.create_task(_first(stack, pair)), asyncio.create_task(_second(stack, pair))]
        if number == PAIRS // 2 and halfway is not None:
            halfway()
    await asyncio.gather(*sending)
    await eventually(lambda: stack.statuses(org), _all_ended, 90, f"ended runs of {org}")
    found = await stack.statuses(org)
    log = oracle.read(await stack.bus.records(RUNS), org)
    ends = Counter(story.kinds[-1].removeprefix("run.") for story in log.stories.values())
    assert found == {**ends, "all": PAIRS}
    return pairs, log


def _all_ended(found: dict[str, int]) -> bool:
    return sum(found.get(status, 0) for status in ("cancelled", "completed", "failed")) >= PAIRS


def _pair(org: str, race: Race, number: int) -> Pair:
    """Modules stamp what happened, so the second event says that it came after the first."""
    gap, now = LATEST * random.random(), datetime.now(UTC)
    return Pair(_event(org, race.starts, race.on, number, now.timestamp()),
                _event(org, race.cancels, race.over, number, now.timestamp() + gap), gap, race)  # fmt: skip


def _event(org: str, kind: str, module: str, number: int, at: float) -> dict[str, Any]:
    entity = kind.partition(".")[0]
    return {
        "specversion": "1.0",
        "id": f"{kind}-{number}",
        "source": f"/{module}",
        "type": kind,
        "subject": f"{entity}/e-{number}",
        "time": datetime.fromtimestamp(at, UTC).isoformat(),
        "orgid": org,
        "datacontenttype": "application/json",
        "data": {entity: {"id": f"e-{number}"}},
    }


async def _first(stack: Stack, pair: Pair) -> None:
    await stack.bus.emit(pair.first, EVENT_TOPICS[pair.race.on])


async def _second(stack: Stack, pair: Pair) -> None:
    await asyncio.sleep(pair.gap)
    await stack.bus.emit(pair.second, EVENT_TOPICS[pair.race.over])


# -- what has to hold -------------------------------------------------------------------------------------------------


def _check(stack: Stack, pairs: list[Pair], log: Log) -> Counter[str]:
    """How many runs ended how; fails where one did anything after its end, or another event than its own ended it."""
    assert set(log.stories) == {pair.run for pair in pairs}
    assert log.contradictions == []
    calls: dict[str, list[Call]] = {}
    for call in stack.receiver.calls:
        calls.setdefault(call.key.partition(":")[0], []).append(call)
    ends: Counter[str] = Counter()
    for pair in pairs:
        story, called = log.stories[pair.run], calls.get(pair.run, [])
        # The numbers of a run's entries have no gap, so what is last in this list is the last that it did.
        end = story.kinds[-1]
        ends[end] += 1
        begun = {entry["data"]["command"] for entry in story.of("step.started")}
        assert {call.key for call in called} <= begun, f"{pair}: a call that the log knows nothing of"
        if end == "run.cancelled":
            _check_cancelled(pair, story, called)
        else:
            assert end == "run.completed", f"{pair}: {story.kinds}"
            assert {call.key for call in called} == begun
            assert len(begun) == len(ACTIONS)
    return ends


def _check_cancelled(pair: Pair, story: Story, called: list[Call]) -> None:
    cancelled = story.of("run.cancelled")
    assert len(cancelled) == 1
    assert cancelled[0]["data"]["by"]["event"]["id"] == pair.second["id"]
    late = [call for call in called if call.moment > moment(cancelled[0]) + CLOCK]
    assert late == [], f"{pair}: called after it was cancelled at {cancelled[0]['time']}"


async def _lags(stack: Stack, pairs: list[Pair], log: Log) -> list[float]:
    """By how many seconds completed runs were completed after Kafka had what would have cancelled them."""
    records = await stack.bus.records(EVENT_TOPICS[pairs[0].race.over])
    arrived = {(record.key, record.value): record.timestamp / 1000 for one in records.values() for record in one}
    by_id = {key: at for (key, value), at in arrived.items() if pairs[0].race.cancels.encode() in value}
    found = []
    for pair in pairs:
        if completed := log.stories[pair.run].of("run.completed"):
            key = f"{pair.second['orgid']}/{pair.second['subject']}".encode()
            found.append(moment(completed[0]) - by_id[key])
    return found


def _told(race: Race, ends: Counter[str], log: Log, lags: list[float]) -> str:
    begun = Counter(len(story.of("step.started")) for story in log.stories.values() if "run.cancelled" in story.kinds)
    ways = ", ".join(f"{count} with {steps} begun" for steps, count in sorted(begun.items()))
    late = f"; the latest completion {1000 * max(lags):.0f} ms after its cancelling event" if lags else ""
    return (
        f"{race.starts} ({race.on}), {race.cancels} ({race.over}) 0 to {1000 * LATEST:.0f} ms behind: "
        f"{ends['run.cancelled']} cancelled ({ways}), {ends['run.completed']} completed{late}"
    )
