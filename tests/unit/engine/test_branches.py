"""Forks in a run: which way it goes, where the ways meet, what the steps inside are called."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from engine.run import RunState, decide, start
from engine.workflow import Branch, Workflow
from schemas.entries import EntryDict
from schemas.errors import Fault, Refused
from schemas.events import Event
from schemas.outcomes import Failed, Succeeded

Make = Callable[..., Workflow]
EventOf = Callable[..., Event]
Fold = Callable[..., RunState]


def tag(name: str, text: str = "x", **more: Any) -> dict[str, Any]:
    return {"id": name, "action": "add_tag", "with": {"tag": text}, **more}


def when(wanted: int) -> dict[str, Any]:
    return {"field": "device.criticality", "op": "equals", "value": wanted}


def fork(name: str, wanted: int, then: list[Any], otherwise: list[Any] | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"id": name, "if": when(wanted), "then": then}
    return made if otherwise is None else {**made, "else": otherwise}


def went(made: Workflow, event: Event, now: datetime, fold: Fold, outcome: Any = None) -> list[EntryDict]:
    log = start(made, event, now)
    state = fold(log, None, made.body)
    while not state.finished:
        new = decide(made, state, outcome or Succeeded({"id": "T-1"}), now)
        log += new
        state = fold(new, state)
    return log


def paths(log: list[EntryDict]) -> list[str]:
    return [entry["data"]["step"] for entry in log if entry["type"] in {"step.started", "step.condition"}]


@pytest.mark.parametrize(
    ("criticality", "way"),
    [
        (1, ["which", "which.then.a", "which.then.b", "end"]),
        (2, ["which", "which.else.c", "which.else.inner", "which.else.inner.then.d", "which.else.f", "end"]),
    ],
)
def test_a_branch_goes_one_way_and_then_on(
    workflow: Make, event: EventOf, now: datetime, fold: Fold, criticality: int, way: list[str]
) -> None:
    made = workflow(
        fork("which", 1, [tag("a"), tag("b")], [tag("c"), fork("inner", 2, [tag("d")], [tag("e")]), tag("f")]),
        tag("end", "{{steps.a.id}}{{steps.d.id}}"),
    )
    log = went(made, event({"device": {"id": "d-17", "criticality": criticality}}), now, fold)
    assert paths(log) == way
    begun = [entry["data"] for entry in log if entry["type"] in {"step.started", "step.condition"}]
    assert [data["position"] for data in begun] == list(range(len(way)))
    assert [data["id"] for data in begun] == [path.rpartition(".")[2] for path in way]
    assert begun[-1]["input"]["tag"] == "T-1", "steps are asked for by id, wherever they stand"
    assert begun[0]["result"] is (criticality == 1)
    assert log[-1]["type"] == "run.completed"


@pytest.mark.parametrize(
    ("then", "otherwise", "criticality", "way"),
    [
        ([], None, 1, ["which", "end"]),
        ([], [], 2, ["which", "end"]),
        ([tag("a")], None, 2, ["which", "end"]),
        ([], [tag("a")], 1, ["which", "end"]),
        ([], [tag("a")], 2, ["which", "which.else.a", "end"]),
        ([fork("inner", 1, [], [])], [], 1, ["which", "which.then.inner", "end"]),
    ],
)
def test_an_arm_may_be_empty(
    workflow: Make, event: EventOf, now: datetime, fold: Fold, then: Any, otherwise: Any, criticality: int,
    way: list[str],
) -> None:  # fmt: skip
    made = workflow(fork("which", 1, then, otherwise), tag("end"))
    assert paths(went(made, event({"device": {"id": "d-17", "criticality": criticality}}), now, fold)) == way


def test_a_branch_may_be_the_last_step(workflow: Make, event: EventOf, now: datetime, fold: Fold) -> None:
    made = workflow(tag("a"), fork("which", 4, [fork("inner", 4, [tag("b")])]))
    log = went(made, event(), now, fold)
    assert paths(log) == ["a", "which", "which.then.inner", "which.then.inner.then.b"]
    assert log[-1]["type"] == "run.completed"


def test_a_gate_inside_a_branch_ends_the_run(workflow: Make, event: EventOf, now: datetime, fold: Fold) -> None:
    gate = {"id": "g", "condition": when(9)}
    log = went(workflow(fork("which", 4, [tag("a"), gate, tag("b")]), tag("end")), event(), now, fold)
    assert paths(log) == ["which", "which.then.a", "which.then.g"]
    assert log[-1]["type"] == "run.completed"


def test_a_failure_inside_a_branch_goes_on_or_stops_as_it_says(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    failed = Failed({"kind": "http", "message": "422"})
    inside = [tag("a"), tag("b")]
    log = went(workflow(fork("which", 4, inside), tag("end")), event(), now, fold, failed)
    assert paths(log) == ["which", "which.then.a", "which.then.b", "end"]
    assert log[-1]["data"]["error"] == "step which.then.a failed: 422"
    stops = [tag("a", on_error="stop"), tag("b")]
    assert paths(went(workflow(fork("which", 4, stops), tag("end")), event(), now, fold, failed))[-1] == "which.then.a"


def test_the_program_knows_its_steps_by_path(workflow: Make) -> None:
    made = workflow(fork("which", 1, [tag("a")], [tag("b")]), tag("end"))
    which = made.node("which")
    assert isinstance(which, Branch)
    assert [step.path for step in made.steps] == ["which", "which.then.a", "which.else.b", "end"]
    assert [step.at for step in made.steps] == ["steps[0]", "steps[0].then[0]", "steps[0].else[0]", "steps[1]"]
    assert (which.then, which.else_, which.next) == (1, 2, 3)
    assert [step.next for step in made.steps] == [3, 3, 3, -1]
    assert made.node("a") is None


def test_an_id_that_is_another_step_s_path_is_refused(workflow: Make) -> None:
    with pytest.raises(Refused) as caught:
        workflow(fork("which", 1, [tag("a")]), tag("which.then.a"))
    assert caught.value.faults == (Fault("steps[1].id", "'which.then.a' is the path of another step of this workflow"),)


def test_steps_inside_branches_count(workflow: Make) -> None:
    many = [tag(f"t{number}") for number in range(199)]
    assert len(workflow(fork("which", 1, many)).steps) == 200
    with pytest.raises(Refused, match="has 201 steps, those inside branches included; at most 200 are accepted"):
        workflow(fork("which", 1, many), tag("end"))
