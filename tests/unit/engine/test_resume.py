"""A failed or cancelled run goes on; a run is run again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from engine.run import RunState, Signal, decide, evolve, interrupt, next_command, resume, start
from engine.workflow import Workflow
from schemas.entries import EntryDict
from schemas.errors import Refused
from schemas.events import Event
from schemas.names import rerun_id
from schemas.outcomes import Failed, Fired, Succeeded

Make = Callable[..., Workflow]
EventOf = Callable[..., Event]
Fold = Callable[..., RunState]

BY = {"person": "pia", "reason": "the PSA is back"}
CANCEL = Signal("cancel", {"person": "pia", "reason": "wrong customer"})
FAILURE = Failed({"kind": "http", "message": "the PSA answered 422", "status": 422})


def tag(name: str, text: str = "x") -> dict[str, Any]:
    return {"id": name, "action": "add_tag", "with": {"tag": text}}


WAIT = {"id": "wait", "action": "delay", "with": {"for": "PT15M"}}


def kinds(log: list[EntryDict]) -> list[str]:
    return [entry["type"] for entry in log]


def lived(made: Workflow, event: Event, now: datetime, fold: Fold, *outcomes: Any) -> RunState:
    state = fold(start(made, event, now), None, made.body)
    for outcome in outcomes:
        log = interrupt(made, state, outcome, now) if isinstance(outcome, Signal) else decide(made, state, outcome, now)
        state = fold(log, state)
    return state


def test_a_failed_run_goes_on_from_its_first_failed_step(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    made = workflow(tag("a"), tag("b"), tag("c", "{{steps.b.n}}"), tag("d"), WAIT)
    outcomes = (Succeeded({"n": 1}), FAILURE, Succeeded({"n": 3}), FAILURE, Fired())
    state = lived(workflow(tag("a"), tag("b"), tag("c"), tag("d"), WAIT), event(), now, fold, *outcomes)
    assert (state.status, state.failed_at) == ("failed", "b")
    log = resume(made, state, now, by=BY)
    assert kinds(log) == ["run.resumed", "step.started"]
    assert log[0]["data"] == {
        "generation": 1, "by": BY, "from": "b", "workflow": made.reference, "digest": made.digest,
    }  # fmt: skip
    assert (log[1]["data"]["step"], log[1]["data"]["position"]) == ("b", 5)
    assert log[1]["data"]["command"] == f"{state.run}:1:b"
    assert log[1]["data"]["attempt"] == 1
    for entry in log:
        state = evolve(state, entry, made.body)
    assert (state.generation, state.failed, state.failed_at, state.workflow) == (1, None, None, made.body)
    assert state.digest == made.digest
    rest = decide(made, state, Succeeded({"n": 2}), now)
    assert [entry["data"]["step"] for entry in rest if entry["type"] == "step.started"] == ["d"], "c was performed"
    state = fold(rest, state)
    rest = decide(made, state, Succeeded({"n": 4}), now)
    assert kinds(rest) == ["step.succeeded", "run.completed"], "it has waited already"


def test_a_cancelled_run_goes_on_from_the_step_that_was_cancelled(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    made = workflow(tag("a"), WAIT, tag("b"))
    state = lived(made, event(), now, fold, Succeeded(1), CANCEL)
    log = resume(made, state, now, by=BY)
    assert kinds(log) == ["run.resumed", "step.started", "run.waiting"]
    assert log[1]["data"]["step"] == "wait"


def test_a_run_that_was_cancelled_between_two_steps_goes_on_with_the_next(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    gate = {"id": "g", "condition": {"field": "steps.a.n", "op": "equals", "value": 1}}
    made = workflow(tag("a"), gate, tag("b"))
    state = lived(made, event(), now, fold)
    state = fold(decide(made, state, Succeeded({"n": 1}), now, signal=CANCEL), state)
    log = resume(made, state, now, by=BY)
    assert kinds(log) == ["run.resumed", "step.condition", "step.started"]
    assert log[0]["data"]["from"] == "g"
    assert [entry["data"]["position"] for entry in log[1:]] == [1, 2]


def test_a_run_that_was_cancelled_after_its_last_step_completes(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    made = workflow(tag("a"))
    state = lived(made, event(), now, fold)
    state = fold(decide(made, state, Succeeded(1), now, signal=CANCEL), state)
    assert (state.status, state.failed_at) == ("cancelled", None)
    assert kinds(resume(made, state, now, by=BY)) == ["run.resumed", "run.completed"]


def test_a_run_may_go_on_from_a_named_step_inside_a_branch(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    branch = {"id": "which", "if": {"field": "device.id", "op": "exists"}, "then": [tag("a"), tag("b")]}
    made = workflow(branch, tag("c"), on_error="stop")
    state = lived(made, event(), now, fold, FAILURE)
    assert state.failed_at == "which.then.a"
    log = resume(made, state, now, by=BY, step="which.then.b")
    assert [entry["data"].get("step") for entry in log] == [None, "which.then.b"]
    state = fold(log, state)
    assert kinds(decide(made, state, Succeeded(1), now)) == ["step.succeeded", "step.started"]


def test_a_resumed_run_may_fail_and_be_resumed_again(workflow: Make, event: EventOf, now: datetime, fold: Fold) -> None:
    made = workflow(tag("a"), tag("b"))
    state = lived(made, event(), now, fold, FAILURE, Succeeded(1))
    for generation in (1, 2):
        state = fold(resume(made, state, now, by=BY), state)
        command = next_command(state)
        assert command is not None
        assert command["id"] == f"{state.run}:{generation}:a"
        state = fold(decide(made, state, FAILURE, now), state)
        assert (state.status, state.failed_at) == ("failed", "a")


@pytest.mark.parametrize(
    ("outcomes", "status"), [((), "running"), ((Succeeded(1),), "waiting"), ((Succeeded(1), Fired()), "completed")]
)
def test_only_failed_and_cancelled_runs_are_resumed(
    workflow: Make, event: EventOf, now: datetime, fold: Fold, outcomes: Any, status: str
) -> None:
    made = workflow(tag("a"), WAIT)
    state = lived(made, event(), now, fold, *outcomes)
    with pytest.raises(Refused, match=f"status: is {status}: only a failed or cancelled run can be resumed"):
        resume(made, state, now, by=BY)


def test_what_is_not_in_the_workflow_is_refused(workflow: Make, event: EventOf, now: datetime, fold: Fold) -> None:
    state = lived(workflow(tag("a"), on_error="stop"), event(), now, fold, FAILURE)
    newer = workflow(tag("b"), version=2)
    with pytest.raises(Refused, match="step: 'a' is no step of version 2 of wf"):
        resume(newer, state, now, by=BY)
    with pytest.raises(Refused, match="step: 'x' is no step"):
        resume(newer, state, now, by=BY, step="x")
    with pytest.raises(Refused, match="workflow: is other, but the run is one of wf"):
        resume(workflow(tag("a"), id="other"), state, now, by=BY)
    assert kinds(resume(newer, state, now, by=BY, step="b")) == ["run.resumed", "step.started"]


def test_a_rerun_is_a_new_run_that_names_the_old(workflow: Make, event: EventOf, now: datetime, fold: Fold) -> None:
    made = workflow(tag("a", "{{run.id}}"))
    old = start(made, event(), now)
    run = rerun_id("0" * 32, "request-1")
    log = start(made, event(), now, run=run, rerun_of="0" * 32)
    assert log[0]["id"] == f"{run}:0"
    assert log[0]["data"] == {**old[0]["data"], "rerun_of": "0" * 32}
    assert log[1]["data"]["input"]["tag"] == run
    assert log[1]["data"]["command"] == f"{run}:0:a"
    assert fold(log, None, made.body).run == run
