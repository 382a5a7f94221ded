"""Runs that are suppressed: by the loop guard, which draws the chain, and by the guards that count."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from engine.run import Rules, RunState, decide, next_command, start, suppress
from engine.workflow import Workflow
from schemas.events import Event
from schemas.outcomes import Succeeded

Make = Callable[..., Workflow]
EventOf = Callable[..., Event]
Fold = Callable[..., RunState]


@pytest.mark.parametrize(
    ("chain", "rules", "reason"),
    [
        (None, Rules(), None),
        ("a,b", Rules(), None),
        ("a,b,c,d", Rules(), None),
        ("wf", Rules(), "wf → wf: a chain of causes runs wf at most once"),
        ("a,wf,b", Rules(), "a → wf → b → wf: a chain of causes runs wf at most once"),
        (
            "a,b,c,d,e",
            Rules(),
            "a → b → c → d → e → wf: a chain of causes has at most 5 workflows, this one would have 6",
        ),
        ("a", Rules(chain_limit=1), "a → wf: a chain of causes has at most 1 workflows, this one would have 2"),
        ("a,wf,b", Rules(chain_repeats=2), None),
        (
            "wf,a,wf",
            Rules(chain_repeats=2),
            "wf → a → wf → wf: a chain of causes runs wf at most 2 times",
        ),
        (None, Rules(chain_limit=0), None),
    ],
)
def test_a_chain_that_is_too_long_or_comes_back_is_suppressed_and_drawn(
    workflow: Make, event: EventOf, now: datetime, fold: Fold, chain: str | None, rules: Rules, reason: str | None
) -> None:
    made = workflow()
    happened = event(causationchain=chain)
    log = start(made, happened, now, rules)
    if reason is None:
        assert [entry["type"] for entry in log] == ["run.started", "step.started"]
        return
    assert [entry["type"] for entry in log] == ["run.suppressed"]
    data = log[0]["data"]
    assert (data["guard"], data["reason"]) == ("loop", reason)
    assert data["causation_chain"] == [*str(chain).split(","), "wf"]
    assert data["event"] == happened.envelope
    state = fold(log, None, made.body)
    assert (state.status, state.finished, next_command(state)) == ("suppressed", True, None)
    assert decide(made, state, Succeeded(1), now) == []


def test_conditions_come_before_the_loop_guard(workflow: Make, event: EventOf, now: datetime) -> None:
    made = workflow(conditions={"field": "nope", "op": "exists"})
    assert start(made, event(causationchain="wf"), now)[0]["type"] == "run.skipped"


def test_a_person_may_start_it_all_the_same(workflow: Make, event: EventOf, now: datetime) -> None:
    assert start(workflow(), event(causationchain="wf"), now, forced=True)[0]["type"] == "run.started"


@pytest.mark.parametrize("guard", ["throttle", "storm"])
def test_a_counting_guard_s_verdict_is_one_entry(
    workflow: Make, event: EventOf, now: datetime, fold: Fold, guard: Any
) -> None:
    made = workflow(conditions={"field": "device.criticality", "op": "equals", "value": 4})
    started = start(made, event(), now)[0]
    log = suppress(made, event(), now, guard, "1 run of d-17 in PT30M at most")
    assert len(log) == 1
    assert log[0] == {
        **started,
        "type": "run.suppressed",
        "data": {**started["data"], "guard": guard, "reason": "1 run of d-17 in PT30M at most"},
    }
    assert fold(log, None, made.body).status == "suppressed"


def test_the_entry_that_ends_a_storm_has_its_sum(workflow: Make, event: EventOf, now: datetime) -> None:
    log = suppress(workflow(), event(), now, "storm", "over", run="r-1", summary={"suppressed": 9980})
    assert log[0]["data"]["summary"] == {"suppressed": 9980}
    assert log[0]["id"] == "r-1:0"
