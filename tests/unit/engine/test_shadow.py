"""Shadow runs: everything but the actions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
import pytest

from engine.imagine import imagine
from engine.run import RunState, Signal, decide, interrupt, next_command, start
from engine.workflow import Workflow
from schemas.actions import PARAMETERS
from schemas.entries import EntryDict
from schemas.events import Event
from schemas.outcomes import Fired

Make = Callable[..., Workflow]
EventOf = Callable[..., Event]
Fold = Callable[..., RunState]

TICKET = {"id": "ticket", "action": "create_ticket", "with": {"title": "{{device.name}} is offline"}}
NOTE = {"id": "note", "action": "create_note", "with": {"body": "see {{steps.ticket.id}}"}}
WAIT = {"id": "wait", "action": "delay", "with": {"for": "PT15M"}}


def kinds(log: list[EntryDict]) -> list[str]:
    return [entry["type"] for entry in log]


def test_each_action_is_skipped_with_what_it_would_have_sent(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    made = workflow(
        TICKET, {"id": "g", "condition": {"field": "steps.ticket.id", "op": "exists"}}, NOTE, state="shadow"
    )
    log = start(made, event(), now)
    assert kinds(log) == ["run.started", "step.skipped", "step.condition", "step.skipped", "run.completed"]
    assert log[0]["data"]["shadow"] is True
    assert log[1]["data"] == {
        "generation": 0, "step": "ticket", "id": "ticket", "position": 0, "action": "create_ticket",
        "reason": "shadow", "input": {"title": "SRV-01 is offline", "status": "New", "company_id": "c-1"},
        "output": {
            "title": "SRV-01 is offline", "status": "New", "company_id": "c-1", "id": "imagined-ticket-ticket",
        },
    }  # fmt: skip
    assert log[3]["data"]["input"]["body"] == "see imagined-ticket-ticket"
    state = fold(log, None, made.body)
    assert (state.status, state.position, next_command(state)) == ("completed", 3, None)
    assert state.steps["ticket"]["id"] == "imagined-ticket-ticket"
    assert state.size == sum(len(orjson.dumps(output)) for output in state.steps.values())


def test_an_enabled_workflow_s_run_says_nothing_of_shadow(workflow: Make, event: EventOf, now: datetime) -> None:
    assert "shadow" not in start(workflow(TICKET), event(), now)[0]["data"]


def test_delays_are_waited_for_so_that_a_cancel_counts(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    made = workflow(WAIT, TICKET, state="shadow", cancel_on=[{"type": "device.online"}])
    log = start(made, event(), now)
    assert kinds(log) == ["run.started", "step.started", "run.waiting"]
    state = fold(log, None, made.body)
    assert kinds(interrupt(made, state, Signal("cancel", {}), now)) == ["run.cancelled"]
    assert kinds(decide(made, state, Fired(), now)) == ["step.succeeded", "step.skipped", "run.completed"]


def test_what_would_have_failed_before_any_call_fails(workflow: Make, event: EventOf, now: datetime) -> None:
    odd = {"id": "odd", "action": "add_tag", "with": {"tag": "{{nope}}"}}
    log = start(workflow(odd, TICKET, state="shadow"), event(), now)
    assert kinds(log) == ["run.started", "step.started", "step.failed", "step.skipped", "run.failed"]
    log = start(workflow(odd, TICKET, state="shadow", on_error="stop"), event(), now)
    assert kinds(log) == ["run.started", "step.started", "step.failed", "run.failed"]


def test_skipped_and_suppressed_runs_of_a_shadow_say_so_too(workflow: Make, event: EventOf, now: datetime) -> None:
    made = workflow(TICKET, state="shadow", conditions={"field": "nope", "op": "exists"})
    assert start(made, event(), now)[0]["data"]["shadow"] is True


def test_one_decision_of_a_shadow_fits_into_a_record(workflow: Make, event: EventOf, now: datetime) -> None:
    hooks = [{"id": f"h{number}", "action": "webhook", "with": {"url": "https://x.example"}} for number in range(199)]
    log = start(workflow(*hooks, TICKET, state="shadow"), event({"dump": "x" * 60_000}), now)
    assert len(log) == 202
    assert len(orjson.dumps(log)) < 1_000_000
    assert log[1]["data"]["input"]["body"]["data"]["dump"] == "x" * 60_000
    assert log[150]["data"]["input"] == {"truncated": True, "bytes": len(orjson.dumps(log[1]["data"]["input"]))}


@pytest.mark.parametrize("action", sorted(set(PARAMETERS) - {"delay"}))
def test_every_action_has_an_answer_that_is_always_the_same(action: str) -> None:
    given: dict[str, Any] = {"ticket_id": "T-1", "entity_id": "d-17", "fields": {"status": "Closed"}, "tag": "vip"}
    answer = imagine(action, given, "s")
    assert answer == imagine(action, given, "s")
    assert isinstance(answer, dict)
    if action != "webhook":
        assert answer["id"]


def test_what_changes_something_answers_with_what_it_changed() -> None:
    assert imagine("update_ticket", {"ticket_id": "T-1", "fields": {"status": "Closed"}}, "s") == {
        "id": "T-1",
        "status": "Closed",
    }
    assert imagine("update_field", {"entity_id": "d-1", "field": "owner", "value": 3}, "s") == {"id": "d-1", "owner": 3}
    assert imagine("add_tag", {"entity_id": "d-1", "tag": "vip"}, "s") == {"id": "d-1", "tags": ["vip"]}
