"""Modules that misbehave, each in its way: the history tells exactly the attempts and waits that the policy says."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from itertools import pairwise
from typing import Any, Final, NamedTuple

import pytest
import pytest_asyncio

from schemas.names import run_id
from tests.chaos.bus import alert, subject_on
from tests.chaos.receiver import Call, Reply
from tests.chaos.stack import Stack, eventually, step, workflow

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]

TIMEOUT: Final = 2.0
"""Seconds that a call may take here (ONESTACK_ACTION_TIMEOUT)."""
ASKED: Final = 2.0
"""Seconds of Retry-After."""
EACH: Final = 8
"""Entities whose calls go wrong in one way, on all partitions."""
INITIAL, MULTIPLIER, CAP, REPEATS = 0.2, 2, 0.4, 3
RETRY: Final = {"max_retries": REPEATS, "initial_interval": "200ms", "multiplier": MULTIPLIER, "max_interval": "400ms"}
TICKET: Final = step("ticket", "create_ticket", title="{{alert.title}}")
NOTE: Final = step("note", "create_note", body="{{alert.title}}", company_id="c-1")
WELL: Final = step("tag", "add_tag", tag="told")
AGAIN: Final = ["step.failed", "run.waiting", "step.started"]


class Way(NamedTuple):
    """A way to misbehave: the definition that meets it, and what the history has to tell of each run."""

    definition: dict[str, Any]
    kinds: list[str]
    steps: list[tuple[str, str, int]]
    """Each step's id, status and attempts."""
    error: dict[str, Any] | None
    """What the last failure tells, of kind and status."""
    status: str
    waits: list[tuple[float, float]]
    """The shortest and the longest that each wait may have been planned, in seconds."""


def _definition(org: str, steps: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return workflow("meet", org, steps, **{"retry": RETRY, **more})


def _planned(*attempts: int) -> list[tuple[float, float]]:
    """What the policy says of the wait after each of these attempts, jitter included."""
    waits = [min(INITIAL * MULTIPLIER ** (attempt - 1), CAP) for attempt in attempts]
    return [(0.8 * wait, 1.2 * wait) for wait in waits]


WAYS: Final = {
    "flaky": Way(
        _definition("flaky", [TICKET, NOTE]),
        ["run.started", *(2 * ["step.started", *AGAIN, *AGAIN, "step.succeeded"]), "run.completed"],
        [("ticket", "succeeded", 3), ("note", "succeeded", 3)],
        None,
        "completed",
        _planned(1, 2, 1, 2),
    ),
    "broken": Way(
        _definition("broken", [TICKET, WELL]),
        ["run.started", "step.started", *(REPEATS * AGAIN), "step.failed", "step.started", "step.succeeded",
         "run.failed"],
        [("ticket", "failed", 1 + REPEATS), ("tag", "succeeded", 1)],
        {"kind": "http", "status": 500},
        "failed",
        _planned(1, 2, 3),
    ),
    "stopping": Way(
        _definition("stopping", [{**TICKET, "on_error": "stop", "retry": {"max_retries": 1}}, WELL]),
        ["run.started", "step.started", *AGAIN, "step.failed", "run.failed"],
        [("ticket", "failed", 2)],
        {"kind": "http", "status": 500},
        "failed",
        _planned(1),
    ),
    "wrong": Way(
        _definition("wrong", [TICKET, WELL]),
        ["run.started", "step.started", "step.failed", "step.started", "step.succeeded", "run.failed"],
        [("ticket", "failed", 1), ("tag", "succeeded", 1)],
        {"kind": "http", "status": 422},
        "failed",
        [],
    ),
    "hanging": Way(
        _definition("hanging", [TICKET, WELL], retry={**RETRY, "max_retries": 1}),
        ["run.started", "step.started", *AGAIN, "step.failed", "step.started", "step.succeeded", "run.failed"],
        [("ticket", "failed", 2), ("tag", "succeeded", 1)],
        {"kind": "timeout"},
        "failed",
        _planned(1),
    ),
    "busy": Way(
        _definition("busy", [TICKET]),
        ["run.started", "step.started", *AGAIN, *AGAIN, "step.succeeded", "run.completed"],
        [("ticket", "succeeded", 3)],
        None,
        "completed",
        [(ASKED, ASKED)] * 2,
    ),
}  # fmt: skip


class Modules:
    """All modules: how a call is answered depends on whose it is, and on how often it came."""

    def __init__(self) -> None:
        self.came: Counter[str] = Counter()
        self.over = asyncio.Event()

    async def __call__(self, call: Call) -> Reply | None:
        self.came[call.key] += 1
        told = call.body.get("title") or call.body.get("body") or ""
        way, times = told.partition("-")[0], self.came[call.key]
        if way == "flaky":
            # No answer at all the second time.
            return {1: Reply(503), 2: Reply(None)}.get(times)
        if way == "busy":
            return Reply(429, {"Retry-After": f"{ASKED:.0f}"}) if times <= 2 else None
        if way == "hanging":
            await self.over.wait()
        return {"broken": Reply(500), "stopping": Reply(500), "wrong": Reply(422)}.get(way)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_stack() -> AsyncIterator[Stack]:
    one = Stack(ONESTACK_ACTION_TIMEOUT=f"{TIMEOUT:g}")
    modules = Modules()
    try:
        await one.start("worker0", "worker1", "projector")
        one.receiver.behave = modules
        yield one
    finally:
        modules.over.set()
        await one.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def stack(module_stack: Stack) -> AsyncIterator[Stack]:
    yield module_stack
    assert set(module_stack.alive().values()) == {None}, f"a process ended by itself: {module_stack.alive()}"


def _events(org: str, prefix: str, count: int = EACH) -> list[dict[str, Any]]:
    """As many on each partition, and so on both workers."""
    subjects = [subject_on(number % 4, org, f"{prefix}-{number}", 4) for number in range(count)]
    return [alert(org, subject, subject) for subject in subjects]


async def _ended(stack: Stack, org: str) -> int:
    found = await stack.statuses(org)
    return sum(found.get(status, 0) for status in ("completed", "failed"))


async def test_the_history_tells_the_attempts_and_the_waits_that_the_policy_says(stack: Stack) -> None:
    await stack.bus.define(*(way.definition for way in WAYS.values()))
    await asyncio.sleep(1)
    events = {org: _events(org, org) for org in WAYS}
    await stack.bus.emit_all([event for some in events.values() for event in some])
    for org in WAYS:
        await eventually(lambda org=org: _ended(stack, org), lambda count: count >= EACH, 60, f"runs of {org}")  # type: ignore[misc]  # mypy does not infer a lambda's default
    for org, way in WAYS.items():
        for event in events[org]:
            await _check(stack, run_id(org, "meet", event["source"], event["id"]), way)
    assert await stack.rows("select * from history.dead_letters") == []


async def _check(stack: Stack, run: str, way: Way) -> None:
    """All that one run's history tells, by the views, and how often its modules were called."""
    (row,) = await stack.rows("select status, error from history.runs where run_id = $1", run)
    steps = await stack.rows(
        "select step_id, status, attempts, error from history.steps where run_id = $1 order by position", run
    )
    found = await stack.rows("select type, at, data from history.entries where run_id = $1 order by seq", run)
    entries = [{"type": one["type"], "at": one["at"], "data": json.loads(one["data"])} for one in found]
    assert [one["type"] for one in entries] == way.kinds, run
    assert row["status"] == way.status
    assert [(one["step_id"], one["status"], one["attempts"]) for one in steps] == way.steps
    for one in steps:
        came = [call for call in stack.receiver.calls if call.key == f"{run}:0:{one['step_id']}"]
        assert len(came) == one["attempts"]
    _check_waits(entries, way.waits)
    if way.error is None:
        assert row["error"] is None
        return
    told = json.loads(steps[0]["error"])
    assert told.items() >= way.error.items()
    assert row["error"] == f"step ticket failed: {told['message']}"
    # What was tried again had failed in the same way, and each attempt's error is told whole.
    failures = [one["data"]["error"] for one in entries if one["type"] == "step.failed"]
    assert failures == [told] * len(failures)
    if told["kind"] == "timeout":
        _check_timeouts(entries)


def _check_waits(entries: list[dict[str, Any]], planned: list[tuple[float, float]]) -> None:
    """Each failure but the last tells when the next attempt is; the run waits for that, and it is no earlier."""
    tried = [at for at, one in enumerate(entries) if one["type"] == "step.failed" and one["data"]["next_try"]]
    assert len(tried) == len(planned)
    for at, (shortest, longest) in zip(tried, planned, strict=True):
        failed, waits, again = entries[at : at + 3]
        until = datetime.fromisoformat(failed["data"]["next_try"])
        assert shortest - 1e-5 <= (until - failed["at"]).total_seconds() <= longest + 1e-5
        assert (waits["data"]["until"], waits["data"]["reason"]) == (failed["data"]["next_try"], "retry")
        assert again["data"]["attempt"] == failed["data"]["attempt"] + 1
        assert again["at"] >= until
    # The next entry after a failure for good is no wait.
    assert sum(one["type"] == "run.waiting" for one in entries) == len(planned)


def _check_timeouts(entries: list[dict[str, Any]]) -> None:
    for started, failed in pairwise(entries):
        if failed["type"] == "step.failed":
            assert (failed["at"] - started["at"]).total_seconds() >= TIMEOUT - 0.01
            assert failed["data"]["error"]["message"].endswith(f"in {TIMEOUT:g} s")


async def test_calls_that_hang_keep_no_other_entity_waiting(stack: Stack) -> None:
    """Neither in the same organisation, by the same action, nor in another."""
    patient = {"max_retries": 20, "initial_interval": "1ms", "max_interval": "1ms"}
    await stack.bus.define(*(workflow("same", org, [TICKET], retry=patient) for org in ("mixed", "elsewhere")))
    await asyncio.sleep(1)
    hanging = _events("mixed", "hanging", 20)
    await stack.bus.emit_all(hanging)

    async def hang() -> int:
        return len({call.body.get("title") for call in stack.receiver.calls} & {event["id"] for event in hanging})

    await eventually(hang, lambda count: count == len(hanging), 30, "calls that hang")
    well = [event for org in ("mixed", "elsewhere") for event in _events(org, "well", 40)]
    await stack.bus.emit_all(well)
    await eventually(
        lambda: _completed(stack, ("mixed", "elsewhere")), lambda count: count >= len(well), 30, "runs beside them"
    )
    # Each of these is tried for 42 s at least, so none of the others can have waited for one to end.
    assert await _ended(stack, "mixed") == 40
    wanted = Counter(event["id"] for event in well)
    assert Counter(call.body["title"] for call in stack.receiver.calls if call.body.get("title") in wanted) == wanted


async def _completed(stack: Stack, orgs: tuple[str, ...]) -> int:
    return sum([(await stack.statuses(org)).get("completed", 0) for org in orgs])
