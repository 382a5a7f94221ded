"""How a run goes: from the event to its end, one outcome at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import orjson
import pytest

from engine.errors import FoldError
from engine.evolve import APPLIERS, BEGINNINGS
from engine.run import RunState, call_of, decide, evolve, next_command, start, state_from_json, state_to_json
from engine.run import fold as fold_all
from engine.workflow import Workflow
from schemas.entries import DATA, Entry, EntryDict
from schemas.events import Event
from schemas.names import run_id, traceparent
from schemas.outcomes import Failed, Outcome, Succeeded

Make = Callable[..., Workflow]
EventOf = Callable[..., Event]
Fold = Callable[..., RunState]

TICKET = {"id": "ticket", "action": "create_ticket", "with": {"title": "{{device.name}} is offline"}}
NOTE = {"id": "note", "action": "create_note", "with": {"body": "see {{steps.ticket.id}}"}}
TAG = {"id": "tag", "action": "add_tag", "with": {"tag": "offline"}}
ODD = {"id": "odd", "action": "add_tag", "with": {"tag": "{{nope}}"}}
FAILURE = Failed({"kind": "http", "message": "the PSA answered 500", "status": 500, "body": "oops"})


def gate(wanted: int, name: str = "matters") -> dict[str, Any]:
    return {"id": name, "condition": {"field": "device.criticality", "op": "greater_than", "value": wanted}}


def live(
    made: Workflow, event: Event, now: datetime, fold: Fold, *outcomes: Outcome
) -> tuple[list[EntryDict], RunState]:
    log = start(made, event, now)
    state = fold(log, None, made.body)
    for outcome in outcomes:
        new = decide(made, state, outcome, now)
        log += new
        state = fold(new, state)
    return log, state


def kinds(log: list[EntryDict]) -> list[str]:
    return [entry["type"] for entry in log]


def test_a_run_performs_its_steps_in_order_and_completes(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    made = workflow(TICKET, NOTE, TAG)
    log, state = live(made, event(), now, fold, Succeeded({"id": "T-1"}), Succeeded(None), Succeeded([1]))
    assert kinds(log) == [
        "run.started",
        "step.started",
        "step.succeeded",
        "step.started",
        "step.succeeded",
        "step.started",
        "step.succeeded",
        "run.completed",
    ]
    assert [entry["data"]["input"] for entry in log if entry["type"] == "step.started"][1]["body"] == "see T-1"
    assert state.status == "completed"
    assert state.steps == {"ticket": {"id": "T-1"}, "note": None, "tag": [1]}
    assert next_command(state) is None


def test_entries_are_cloud_events_numbered_from_0(workflow: Make, event: EventOf, now: datetime, fold: Fold) -> None:
    log, _ = live(workflow(TICKET), event(), now, fold, Succeeded({}))
    run = run_id("acme", "wf", "/rmm", "ev-1")
    assert [entry["id"] for entry in log] == [f"{run}:{seq}" for seq in range(4)]
    for entry in log:
        Entry.model_validate(entry)
        DATA[entry["type"]].model_validate(entry["data"])
        assert (entry["subject"], entry["orgid"]) == ("device/d-17", "acme")
        assert entry["time"] == "2026-11-23T08:00:01.000250Z"


def test_the_first_entry_tells_workflow_event_conditions_and_chain(
    workflow: Make, event: EventOf, now: datetime
) -> None:
    happened = event(causationchain="wf-a,wf-b")
    made = workflow(TAG, conditions={"field": "device.criticality", "op": "equals", "value": 4}, version=7)
    first = start(made, happened, now)[0]["data"]
    assert first == {
        "generation": 0,
        "workflow": {"id": "wf", "name": "Device offline", "version": 7},
        "digest": made.digest,
        "event": happened.envelope,
        "conditions": {"field": "device.criticality", "op": "equals", "value": 4, "actual": 4, "result": True},
        "causation_chain": ["wf-a", "wf-b", "wf"],
    }


def test_a_run_whose_conditions_are_false_is_one_skipped_entry(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    made = workflow(TAG, conditions={"field": "device.criticality", "op": "equals", "value": 1})
    log, state = live(made, event(), now, fold)
    assert kinds(log) == ["run.skipped"]
    assert log[0]["data"]["conditions"]["result"] is False
    assert (state.status, next_command(state)) == ("skipped", None)
    assert decide(made, state, Succeeded(1), now) == []


def test_the_same_event_starts_the_same_run_and_another_event_another(
    workflow: Make, event: EventOf, now: datetime
) -> None:
    made = workflow(TAG)
    assert start(made, event(), now) == start(made, event(), now)
    ids = {start(made, event(**which), now)[0]["id"] for which in ({}, {"id": "ev-2"}, {"source": "/security"})}
    assert len(ids) == 3


def test_times_are_written_in_utc(workflow: Make, event: EventOf, now: datetime) -> None:
    elsewhere = now.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert start(workflow(TAG), event(), elsewhere) == start(workflow(TAG), event(), now)
    assert start(workflow(TAG), event(), now.replace(microsecond=0))[0]["time"] == "2026-11-23T08:00:01.000000Z"


def test_a_gate_that_is_true_lets_the_run_pass(workflow: Make, event: EventOf, now: datetime, fold: Fold) -> None:
    log, state = live(workflow(TICKET, gate(3), NOTE), event(), now, fold, Succeeded({"id": 1}), Succeeded({}))
    assert kinds(log)[2:5] == ["step.succeeded", "step.condition", "step.started"]
    assert log[3]["data"] == {
        "generation": 0,
        "step": "matters",
        "id": "matters",
        "position": 1,
        "action": "condition",
        "result": True,
        "conditions": {"field": "device.criticality", "op": "greater_than", "value": 3, "actual": 4, "result": True},
    }
    assert [entry["data"]["position"] for entry in log if entry["type"] == "step.started"] == [0, 2]
    assert state.status == "completed"


def test_a_gate_that_is_false_ends_the_run_as_completed(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    log, state = live(workflow(TICKET, gate(9), NOTE), event(), now, fold, Succeeded({"id": 1}))
    assert kinds(log)[3:] == ["step.condition", "run.completed"]
    assert state.status == "completed"


def test_gates_at_either_end_need_no_call(workflow: Make, event: EventOf, now: datetime, fold: Fold) -> None:
    log, state = live(workflow(gate(1, "a"), gate(2, "b"), TAG, gate(3, "c")), event(), now, fold, Succeeded(None))
    assert kinds(log) == [
        "run.started",
        "step.condition",
        "step.condition",
        "step.started",
        "step.succeeded",
        "step.condition",
        "run.completed",
    ]
    assert state.position == 4
    log, state = live(workflow(gate(9), TAG), event(), now, fold)
    assert kinds(log) == ["run.started", "step.condition", "run.completed"]
    assert state.status == "completed"


def test_a_gate_can_ask_what_an_earlier_step_returned(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    asks = {"id": "asks", "condition": {"field": "steps.ticket.priority", "op": "equals", "value": "P1"}}
    made = workflow(TICKET, asks, TAG)
    assert live(made, event(), now, fold, Succeeded({"priority": "p1"}))[1].current is not None
    assert live(made, event(), now, fold, Succeeded({"priority": "p2"}))[1].status == "completed"
    assert live(made, event(), now, fold, FAILURE)[1].status == "failed"


def test_after_a_failed_action_the_run_goes_on_and_ends_failed(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    log, state = live(workflow(TICKET, TAG), event(), now, fold, FAILURE, Succeeded({}))
    assert kinds(log)[2:] == ["step.failed", "step.started", "step.succeeded", "run.failed"]
    failed = log[2]["data"]
    assert failed["error"] == FAILURE.error
    assert (failed["attempt"], failed["next_try"]) == (1, None)
    assert log[-1]["data"]["error"] == "step ticket failed: the PSA answered 500"
    assert state.status == "failed"
    assert "ticket" not in state.steps


def test_the_first_failure_names_the_run_s_error(workflow: Make, event: EventOf, now: datetime, fold: Fold) -> None:
    later = Failed({"kind": "timeout", "message": "no answer in 30 s"})
    log, state = live(workflow(TICKET, TAG), event(), now, fold, FAILURE, later)
    assert log[-1]["data"]["error"] == state.failed == "step ticket failed: the PSA answered 500"


def test_a_gate_that_is_false_after_a_failure_ends_the_run_failed(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    assert live(workflow(TICKET, gate(9), TAG), event(), now, fold, FAILURE)[1].status == "failed"


@pytest.mark.parametrize(
    ("of_workflow", "of_step", "stops"),
    [
        ("continue", None, False),
        (None, None, False),
        ("stop", None, True),
        ("stop", "continue", False),
        ("continue", "stop", True),
    ],
)
def test_on_error_stop_ends_the_run_at_once_and_a_step_overrides_its_workflow(
    workflow: Make, event: EventOf, now: datetime, fold: Fold, of_workflow: str, of_step: str, stops: bool
) -> None:
    step = {**TICKET, **({"on_error": of_step} if of_step else {})}
    log, state = live(workflow(step, TAG, on_error=of_workflow), event(), now, fold, FAILURE)
    assert kinds(log)[2:] == (["step.failed", "run.failed"] if stops else ["step.failed", "step.started"])
    assert state.finished is stops


def test_a_step_that_cannot_be_rendered_fails_without_a_call(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    log, state = live(workflow(ODD, TAG), event(), now, fold)
    assert kinds(log) == ["run.started", "step.started", "step.failed", "step.started"]
    assert log[1]["data"]["input"] == {}
    assert log[2]["data"]["error"]["kind"] == "parameters"
    assert state.current is not None
    assert state.current["step"] == "tag"
    assert kinds(live(workflow(ODD, TAG, on_error="stop"), event(), now, fold)[0])[1:] == [
        "step.started",
        "step.failed",
        "run.failed",
    ]
    assert live(workflow(ODD), event(), now, fold)[1].failed == (
        "step odd failed: tag: is required, but renders to nothing (nope is not there)"
    )


def test_a_command_carries_the_state_and_an_id_made_of_run_generation_and_step(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    made = workflow(TICKET)
    log, state = live(made, event(), now, fold)
    command = next_command(state)
    assert command is not None
    assert command["id"] == log[1]["data"]["command"] == f"{state.run}:0:ticket"
    assert (command["format"], command["action"]) == (1, "create_ticket")
    assert command["state"]["workflow"] == made.body
    assert state_from_json(orjson.loads(orjson.dumps(command))["state"]) == state


def test_a_call_tells_the_action_all_it_may_know(workflow: Make, event: EventOf, now: datetime, fold: Fold) -> None:
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    happened = event(causationchain="wf-a", traceparent=given)
    _, state = live(workflow(TICKET), happened, now, fold)
    call = call_of(state)
    assert call.input == {"title": "SRV-01 is offline", "status": "New", "company_id": "c-1"}
    assert call.event == happened.envelope
    assert call.causation == f"{state.run};wf-a,wf"
    assert (call.org, call.workflow_id, call.step, call.action) == ("acme", "wf", "ticket", "create_ticket")
    assert (call.entity_type, call.entity_id) == ("device", "d-17")
    assert call.traceparent == traceparent(state.run, call.command_id, given)
    assert call.traceparent.startswith("00-0af7651916cd43dd8448eb211c80319c-")


def test_there_is_no_call_without_a_step_in_progress(workflow: Make, event: EventOf, now: datetime, fold: Fold) -> None:
    _, state = live(workflow(TAG), event(), now, fold, Succeeded(None))
    with pytest.raises(ValueError, match="no step in progress"):
        call_of(state)


def test_an_output_over_64_kb_is_noted_and_not_carried(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    log, state = live(workflow(TICKET, NOTE), event(), now, fold, Succeeded({"id": "T-1", "dump": "x" * 70_000}))
    start_of = '{"id":"T-1","dump":"' + "x" * 2028
    assert log[2]["data"]["output"] == {"truncated": True, "bytes": 70_022, "start": start_of}
    assert state.steps["ticket"]["truncated"] is True
    assert call_of(state).input["body"] == "see "


def test_outputs_over_512_kb_in_all_are_not_carried(workflow: Make, event: EventOf, now: datetime, fold: Fold) -> None:
    made = workflow(*[{**TAG, "id": f"t{index}"} for index in range(12)])
    _, state = live(made, event(), now, fold, *[Succeeded("x" * 60_000)] * 12)
    kept = [one for one in state.steps.values() if isinstance(one, str)]
    assert len(kept) == 8
    assert state.size < 512 * 1024
    assert len(orjson.dumps(state_to_json(state))) < 1_000_000


def test_a_long_error_is_cut(workflow: Make, event: EventOf, now: datetime, fold: Fold) -> None:
    log, _ = live(workflow(TAG), event(), now, fold, Failed({"kind": "smtp", "message": "x" * 10_000}))
    assert len(log[2]["data"]["error"]["message"]) == 2000
    assert len(log[3]["data"]["error"]) == 1000


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("output", [deep(65), deep(300), "\ud800", 2**70, {"x": object()}, {1: 2}])
def test_an_output_that_no_command_could_carry_is_noted_with_the_reason(
    workflow: Make, event: EventOf, now: datetime, fold: Fold, output: Any
) -> None:
    log, state = live(workflow(TICKET, TAG), event(), now, fold, Succeeded(output))
    assert log[2]["data"]["output"]["truncated"] is True
    assert log[2]["data"]["output"]["reason"]
    assert orjson.dumps(next_command(state))


def test_the_deepest_output_that_is_kept_can_be_sent_on(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    inside = {"a": {"a": {"a": {"a": "{{steps.ticket}}"}}}}
    script = {"id": "s", "action": "run_script", "with": {"script_id": "x", "parameters": inside}}
    _, state = live(workflow(TICKET, script), event(), now, fold, Succeeded(deep(64)))
    assert orjson.loads(orjson.dumps(next_command(state)))["state"]["steps"]["ticket"] == deep(64)


def test_an_error_is_kept_as_json_can_hold_it(workflow: Make, event: EventOf, now: datetime, fold: Fold) -> None:
    odd = Failed({"kind": "http", "message": "half \ud800 a pair", "body": "x" * 9000})
    log, _ = live(workflow(TAG), event(), now, fold, odd)
    error = orjson.loads(orjson.dumps(log))[2]["data"]["error"]
    assert error["message"] == "half ? a pair"
    assert len(error["body"]) == 2000
    assert live(workflow(TAG), event(), now, fold, Failed({}))[0][2]["data"]["error"] == {
        "kind": "internal",
        "message": "internal",
    }


@pytest.mark.parametrize("outcome", [FAILURE, Succeeded({"id": 1})])
def test_an_outcome_does_not_change_what_it_was_given(
    workflow: Make, event: EventOf, now: datetime, fold: Fold, outcome: Outcome
) -> None:
    made = workflow(TICKET, TAG)
    _, state = live(made, event(), now, fold)
    before = orjson.dumps(state_to_json(state))
    fold(decide(made, state, outcome, now), state)
    assert orjson.dumps(state_to_json(state)) == before
    assert FAILURE.error["message"] == "the PSA answered 500"


def test_each_step_may_work_its_templates_afresh(workflow: Make, event: EventOf, now: datetime) -> None:
    """Steps that fail one after the other in one decision do not use up each other's bound."""
    heavy = {"action": "add_tag", "with": {"tag": "{{big | upcase | downcase | upcase | downcase | slice: 9, 0}}" * 2}}
    made = workflow(*[{"id": f"s{index}", **heavy} for index in range(8)])
    log = start(made, event({"big": "x" * 200_000}), now)
    errors = {entry["data"]["error"]["message"] for entry in log if entry["type"] == "step.failed"}
    assert errors == {"tag: is required, but renders to nothing"}


def test_an_entry_that_the_state_has_changes_nothing(workflow: Make, event: EventOf, now: datetime, fold: Fold) -> None:
    log, state = live(workflow(TICKET, TAG), event(), now, fold, Succeeded({"id": 1}))
    assert fold(log, state) == state


def test_what_does_not_follow_is_refused(workflow: Make, event: EventOf, now: datetime, fold: Fold) -> None:
    log, state = live(workflow(TICKET, TAG), event(), now, fold)
    other = start(workflow(TAG), event(id="ev-2"), now)
    with pytest.raises(FoldError, match="is not of run"):
        evolve(state, other[0])
    with pytest.raises(FoldError, match="does not begin a run"):
        evolve(None, log[1])
    unknown: EntryDict = {**log[1], "id": f"{state.run}:2", "type": "run.teleported"}
    with pytest.raises(FoldError, match=r"run\.teleported"):
        evolve(state, unknown)
    gap: EntryDict = {**log[1], "id": f"{state.run}:9"}
    with pytest.raises(FoldError, match="leaves a gap after 1"):
        evolve(state, gap)


def test_folding_a_record_is_folding_its_entries(workflow: Make, event: EventOf, now: datetime) -> None:
    made = workflow(TICKET, TAG)
    log = start(made, event(), now)
    state = fold_all(None, log, made.body)
    assert state == evolve(evolve(None, log[0], made.body), log[1])
    before = orjson.dumps(state_to_json(state))
    new = decide(made, state, Succeeded({"id": 1}), now)
    after = fold_all(state, [*log, *new, *new])
    assert after == evolve(evolve(state, new[0]), new[1])
    assert orjson.dumps(state_to_json(state)) == before
    assert fold_all(after, log) is after
    with pytest.raises(FoldError, match="no entries and no state"):
        fold_all(None, [])


def test_a_command_of_the_version_before_this_one_is_gone_on_with(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    made = workflow(TICKET, TAG)
    _, state = live(made, event(), now, fold)
    old = orjson.loads(orjson.dumps(state_to_json(state)))
    del old["failed_at"]
    old["cursor"] = [0]
    for name in ("id", "until", "cut"):
        del old["current"][name]
    there = state_from_json(old)
    assert there == state
    assert call_of(there).input["title"] == "SRV-01 is offline"
    assert decide(made, there, Succeeded(1), now) == decide(made, state, Succeeded(1), now)
    with pytest.raises(KeyError):
        state_from_json({name: value for name, value in old.items() if name != "steps"})


def test_a_log_of_the_version_before_this_one_is_folded(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    log, state = live(workflow(TICKET, TAG), event(), now, fold, Succeeded({"id": 1}), FAILURE)
    for entry in log:
        entry["data"].pop("id", None)
    assert fold(log, None, state.workflow) == state


def test_a_state_that_stands_at_no_action_of_its_workflow_is_an_error(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    _, state = live(workflow(TICKET), event(), now, fold)
    with pytest.raises(FoldError, match="stands at 'ticket', which is no action"):
        decide(workflow(TAG), state, Succeeded(1), now)
    state = state.copy()
    state.current = {**(state.current or {}), "cut": True}
    with pytest.raises(ValueError, match="stands at 'ticket'"):
        call_of(state, workflow(TAG))


def test_every_entry_type_that_the_schemas_know_can_be_folded_or_begins_a_run() -> None:
    assert set(DATA) == set(APPLIERS) | set(BEGINNINGS)
