"""What is tried again, how often, and when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policy import RetryPolicy, policy_of
from engine.run import RunState, decide, next_command, start, waits_until
from engine.workflow import Action, Workflow
from schemas.definitions import Retry
from schemas.entries import EntryDict
from schemas.events import Event
from schemas.outcomes import ActionError, Failed, Fired, Succeeded

Make = Callable[..., Workflow]
EventOf = Callable[..., Event]
Fold = Callable[..., RunState]

TICKET = {"id": "ticket", "action": "create_ticket", "with": {"title": "T"}}
TAG = {"id": "tag", "action": "add_tag", "with": {"tag": "offline"}}
ERROR: ActionError = {"kind": "http", "message": "the PSA answered 503", "status": 503, "body": "later"}
BUSY = Failed(ERROR, retryable=True)


def kinds(log: list[EntryDict]) -> list[str]:
    return [entry["type"] for entry in log]


def begun(made: Workflow, event: Event, now: datetime, fold: Fold) -> RunState:
    return fold(start(made, event, now), None, made.body)


def test_a_failure_that_may_pass_waits_and_is_tried_again(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    made = workflow(TICKET, TAG)
    state = begun(made, event(), now, fold)
    failed = decide(made, state, BUSY, now)
    assert kinds(failed) == ["step.failed", "run.waiting"]
    told, waiting = (entry["data"] for entry in failed)
    assert (told["attempt"], told["error"]) == (1, ERROR)
    assert waiting == {
        "generation": 0, "step": "ticket", "id": "ticket", "position": 0, "until": told["next_try"], "reason": "retry",
    }  # fmt: skip
    state = fold(failed, state)
    due = waits_until(state)
    assert due == datetime.fromisoformat(told["next_try"])
    assert due is not None
    assert timedelta(seconds=0.8) <= due - now <= timedelta(seconds=1.2)
    assert (state.status, state.failed, state.finished) == ("waiting", None, False)
    command = next_command(state)
    assert command is not None
    assert (command["action"], command["id"]) == ("delay", f"{state.run}:0:ticket")
    again = decide(made, state, Fired(), due)
    assert kinds(again) == ["step.started"]
    first = start(made, event(), now)[1]["data"]
    assert again[0]["data"] == {**first, "attempt": 2}
    state = fold(again, state)
    command = next_command(state)
    assert command is not None
    assert (state.status, command["action"], command["id"]) == ("running", "create_ticket", first["command"])
    assert waits_until(state) is None
    done = decide(made, state, Succeeded({"id": 1}), due)
    assert done[0]["data"]["attempt"] == 2
    assert kinds(done) == ["step.succeeded", "step.started"]


@pytest.mark.parametrize(
    ("retry", "of_step", "attempts"),
    [
        (None, None, 4),
        ({"max_retries": 1}, None, 2),
        ({"max_retries": 0}, None, 1),
        ({"max_retries": 1}, {"max_retries": 2}, 3),
        (None, {"max_retries": 0}, 1),
        ({"max_retries": 2}, {"initial_interval": "5s"}, 3),
    ],
)
def test_the_last_attempt_fails_for_good(
    workflow: Make, event: EventOf, now: datetime, fold: Fold, retry: Any, of_step: Any, attempts: int
) -> None:
    made = workflow({**TICKET, **({"retry": of_step} if of_step else {})}, TAG, retry=retry)
    state, log = begun(made, event(), now, fold), []
    while state.current is not None and state.current["step"] == "ticket":
        new = decide(made, state, Fired() if waits_until(state) else BUSY, now)
        log += new
        state = fold(new, state)
    failed = [entry["data"] for entry in log if entry["type"] == "step.failed"]
    assert [one["attempt"] for one in failed] == list(range(1, attempts + 1))
    assert [one["next_try"] is None for one in failed] == [False] * (attempts - 1) + [True]
    assert kinds(log)[-2:] == ["step.failed", "step.started"]
    assert state.failed == "step ticket failed: the PSA answered 503"
    assert state.failed_at == "ticket"


def test_on_error_stop_counts_after_the_last_attempt_only(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    made = workflow({**TICKET, "on_error": "stop", "retry": {"max_retries": 1}}, TAG)
    state = begun(made, event(), now, fold)
    for outcome in (BUSY, Fired()):
        state = fold(decide(made, state, outcome, now), state)
    assert kinds(decide(made, state, BUSY, now)) == ["step.failed", "run.failed"]


@pytest.mark.parametrize(
    "failed", [Failed(ERROR), Failed({"kind": "parameters", "message": "no channel"}, retryable=True)]
)
def test_what_no_repeat_can_help_fails_at_once(
    workflow: Make, event: EventOf, now: datetime, fold: Fold, failed: Failed
) -> None:
    made = workflow(TICKET)
    log = decide(made, begun(made, event(), now, fold), failed, now)
    assert kinds(log) == ["step.failed", "run.failed"]
    assert log[0]["data"]["next_try"] is None


def test_an_outcome_that_the_run_does_not_wait_for_does_nothing(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    made = workflow(TICKET)
    state = begun(made, event(), now, fold)
    assert decide(made, state, Fired(), now) == []
    waiting = fold(decide(made, state, BUSY, now), state)
    assert decide(made, waiting, BUSY, now) == []
    assert decide(made, waiting, Succeeded(1), now) == []


def test_the_waits_are_those_of_the_policy_and_the_same_for_all_who_ask() -> None:
    policy = RetryPolicy(5, 1.0, 2.0, 6.0)
    waits = [policy.wait("run:0:s", attempt).total_seconds() for attempt in range(1, 6)]
    for found, wanted in zip(waits, (1, 2, 4, 6, 6), strict=True):
        assert 0.8 * wanted <= found <= 1.2 * wanted
    assert [policy.wait("run:0:s", attempt).total_seconds() for attempt in range(1, 6)] == waits
    assert waits[3] != waits[4], "each attempt has a jitter of its own"
    assert len({policy.wait(f"run-{number}:0:s", 1) for number in range(100)}) > 90
    spread = [policy.wait(f"run-{number}:0:s", 1).total_seconds() for number in range(1000)]
    assert min(spread) < 0.82
    assert max(spread) > 1.18


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [
        (None, 0.8, 1.2),
        (0.0, 0.8, 1.2),
        (-5.0, 0.8, 1.2),
        (float("nan"), 0.8, 1.2),
        (30.0, 30, 30),
        (1e12, 86_400, 86_400),
        (float("inf"), 86_400, 86_400),
    ],
)
def test_the_longer_of_backoff_and_retry_after_is_waited(retry_after: float | None, least: float, most: float) -> None:
    assert least <= RetryPolicy(3, 1.0, 2.0, 60.0).wait("c", 1, retry_after).total_seconds() <= most


def test_a_backoff_longer_than_a_day_is_not_cut_by_a_shorter_retry_after() -> None:
    week = 7 * 86_400.0
    assert RetryPolicy(3, week, 1.0, week).wait("c", 1, 1e9).total_seconds() >= 0.8 * week


@given(st.integers(0, 20), st.floats(0, 1e9), st.floats(1, 100), st.floats(0, 1e8), st.integers(1, 20))
def test_no_policy_overflows(retries: int, initial: float, multiplier: float, cap: float, attempt: int) -> None:
    waited = RetryPolicy(retries, initial, multiplier, cap).wait("c", attempt).total_seconds()
    assert 0 <= waited <= 1.2 * cap + 1e-6


def test_a_step_s_policy_adds_to_its_workflow_s() -> None:
    of_workflow = Retry(max_retries=7, initial_interval="2s", max_interval="10m")
    assert policy_of(None) == RetryPolicy(3, 1.0, 2.0, 60.0)
    assert policy_of(of_workflow) == RetryPolicy(7, 2.0, 2.0, 600.0)
    assert policy_of(of_workflow, Retry(max_retries=1)) == RetryPolicy(1, 2.0, 2.0, 600.0)
    assert policy_of(None, Retry(multiplier=1.5)) == RetryPolicy(3, 1.0, 1.5, 60.0)


def test_the_policy_is_compiled_with_its_step(workflow: Make) -> None:
    made = workflow({**TICKET, "retry": {"initial_interval": "3s"}}, TAG, retry={"max_retries": 1})
    ticket, tag = made.steps
    assert isinstance(ticket, Action)
    assert isinstance(tag, Action)
    assert (ticket.retry.max_retries, ticket.retry.initial) == (1, 3.0)
    assert (tag.retry.max_retries, tag.retry.initial) == (1, 1.0)
