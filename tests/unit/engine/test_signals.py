"""What cancels a run or begins it again, at every point of its life."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from engine.run import RunState, Signal, decide, interrupt, next_command, signal_for, start, waits_until
from engine.workflow import Workflow
from schemas.entries import EntryDict
from schemas.events import Event
from schemas.outcomes import Failed, Fired, Outcome, Succeeded

Make = Callable[..., Workflow]
EventOf = Callable[..., Event]
Fold = Callable[..., RunState]

WAIT = {"id": "wait", "action": "delay", "with": {"for": "PT15M"}}
TICKET = {"id": "ticket", "action": "create_ticket", "with": {"title": "{{device.name}}"}}
TAG = {"id": "tag", "action": "add_tag", "with": {"tag": "{{steps.ticket.id | default: 'none'}}"}}
BACK = {"event": {"id": "ev-2", "source": "/rmm", "type": "device.online", "time": "2026-11-23T08:01:00Z",
                  "subject": "device/d-17"}}  # fmt: skip
BUSY = Failed({"kind": "timeout", "message": "no answer in 30 s"}, retryable=True)


def online(event: EventOf, **attributes: Any) -> Event:
    given = {"id": "ev-2", "type": "device.online", "time": "2026-11-23T08:01:00Z", **attributes}
    return event(given.pop("data", None), **given)


def kinds(log: list[EntryDict]) -> list[str]:
    return [entry["type"] for entry in log]


@pytest.fixture
def watching(workflow: Make) -> Workflow:
    return workflow(TICKET, WAIT, TAG, cancel_on=[{"type": "device.online"}], restart_on=[{"type": "device.offline"}])


def test_an_event_of_cancel_on_or_restart_on_is_a_signal(watching: Workflow, event: EventOf) -> None:
    assert watching.watches == {"device.online", "device.offline"}
    trigger = event().envelope
    assert signal_for(watching, trigger, online(event)) == Signal("cancel", BACK)
    again = event(id="ev-3")
    found = signal_for(watching, trigger, again)
    assert found is not None
    assert (found.kind, found.event) == ("restart", again.envelope)
    assert found.by["event"]["id"] == "ev-3"


@pytest.mark.parametrize(
    "attributes",
    [
        {"subject": "device/d-18", "data": {"device": {"id": "d-18"}}},
        {"orgid": "globex"},
        {"type": "backup.failed", "subject": "backup/b-1", "data": {"backup": {"id": "b-1"}}},
    ],
)
def test_what_is_of_another_entity_organisation_or_type_is_none(
    watching: Workflow, event: EventOf, attributes: dict[str, Any]
) -> None:
    assert signal_for(watching, event().envelope, online(event, **attributes)) is None


def test_the_event_that_began_the_run_is_no_signal_to_it(watching: Workflow, event: EventOf) -> None:
    assert signal_for(watching, event().envelope, event()) is None
    assert signal_for(watching, event().envelope, event(source="/security")) is not None


def test_where_is_asked_of_the_new_event(workflow: Make, event: EventOf) -> None:
    made = workflow(
        WAIT,
        cancel_on=[
            {"type": "device.online", "where": {"field": "device.criticality", "op": "equals", "value": 1}},
            {"type": "device.online", "where": {"field": "workflow.name", "op": "equals", "value": "{{device.name}}"}},
        ],
        restart_on=[{"type": "device.online", "where": {"field": "steps.ticket", "op": "exists", "value": False}}],
    )
    trigger = event({"device": {"id": "d-17", "criticality": 1}}).envelope

    def found(**device: Any) -> str | None:
        signal = signal_for(made, trigger, online(event, data={"device": {"id": "d-17", **device}}))
        return None if signal is None else signal.kind

    assert found(criticality=1) == "cancel"
    assert found(name="device OFFLINE") == "cancel"
    assert found(criticality=4) == "restart"


def test_an_event_that_the_workflow_caused_does_not_restart_it_but_may_cancel_it(
    watching: Workflow, event: EventOf
) -> None:
    trigger = event().envelope
    assert signal_for(watching, trigger, event(id="ev-3", causationchain="wf")) is None
    assert signal_for(watching, trigger, event(id="ev-3", causationchain="other")) is not None
    assert signal_for(watching, trigger, online(event, causationchain="wf")) is not None


def test_a_run_that_waits_is_cancelled(watching: Workflow, event: EventOf, now: datetime, fold: Fold) -> None:
    state = fold(start(watching, event(), now), None, watching.body)
    state = fold(decide(watching, state, Succeeded({"id": "T-1"}), now), state)
    assert waits_until(state) is not None
    log = interrupt(watching, state, Signal("cancel", BACK), now)
    assert kinds(log) == ["run.cancelled"]
    assert log[0]["data"] == {"generation": 0, "by": BACK, "step": "wait"}
    after = fold(log, state)
    assert (after.status, after.failed_at, after.failed, after.finished) == ("cancelled", "wait", None, True)
    assert next_command(after) is None
    assert interrupt(watching, after, Signal("cancel", BACK), now) == []
    assert decide(watching, after, Fired(), now) == []


def test_a_timer_that_fires_with_the_signal_fires_no_more(
    watching: Workflow, event: EventOf, now: datetime, fold: Fold
) -> None:
    state = fold(start(watching, event(), now), None, watching.body)
    state = fold(decide(watching, state, Succeeded({"id": "T-1"}), now), state)
    assert kinds(decide(watching, state, Fired(), now, signal=Signal("cancel", BACK))) == ["run.cancelled"]


@pytest.mark.parametrize(
    ("outcome", "recorded"),
    [(Succeeded({"id": "T-1"}), "step.succeeded"), (BUSY, "step.failed"), (Failed(BUSY.error), "step.failed")],
)
@pytest.mark.parametrize("on_error", ["continue", "stop"])
def test_the_outcome_of_a_call_in_flight_is_recorded_before_the_cancellation(
    workflow: Make, event: EventOf, now: datetime, fold: Fold, outcome: Outcome, recorded: str, on_error: str
) -> None:
    made = workflow(TICKET, TAG, on_error=on_error)
    state = fold(start(made, event(), now), None, made.body)
    log = decide(made, state, outcome, now, signal=Signal("cancel", BACK))
    assert kinds(log) == [recorded, "run.cancelled"]
    assert log[1]["data"] == {"generation": 0, "by": BACK, "step": None, "next": "tag"}
    after = fold(log, state)
    assert after.failed_at == ("ticket" if recorded == "step.failed" else "tag")
    if recorded == "step.failed":
        assert log[0]["data"]["next_try"] is None


def test_a_run_that_was_cancelled_before_it_was_seen_begins_nothing(
    watching: Workflow, event: EventOf, now: datetime, fold: Fold
) -> None:
    log = start(watching, event(), now, signal=Signal("cancel", BACK))
    assert kinds(log) == ["run.started", "run.cancelled"]
    assert log[1]["data"] == {"generation": 0, "by": BACK, "step": None, "next": "ticket"}
    after = fold(log, None, watching.body)
    assert (after.status, after.failed_at, after.position) == ("cancelled", "ticket", 0)


def test_a_run_whose_conditions_are_false_is_skipped_rather_than_cancelled(
    workflow: Make, event: EventOf, now: datetime
) -> None:
    made = workflow(TAG, conditions={"field": "nope", "op": "exists"})
    assert kinds(start(made, event(), now, signal=Signal("cancel", BACK))) == ["run.skipped"]


def test_a_restart_begins_at_the_first_step_with_the_new_event(
    watching: Workflow, event: EventOf, now: datetime, fold: Fold
) -> None:
    state = fold(start(watching, event(), now), None, watching.body)
    state = fold(decide(watching, state, Succeeded({"id": "T-1"}), now), state)
    again = event({"device": {"id": "d-17", "name": "SRV-02"}}, id="ev-3")
    signal = signal_for(watching, state.event, again)
    assert signal is not None
    log = interrupt(watching, state, signal, now + timedelta(minutes=1))
    assert kinds(log) == ["run.restarted", "step.started"]
    assert log[0]["data"] == {"generation": 1, "by": signal.by, "event": again.envelope}
    assert log[1]["data"]["input"]["title"] == "SRV-02"
    assert log[1]["data"]["command"] == f"{state.run}:1:ticket"
    after = fold(log, state)
    assert (after.generation, after.steps, after.size, after.position) == (1, {}, 0, 3)
    assert after.event == again.envelope
    assert (after.status, after.started, after.run) == ("running", state.started, state.run)
    assert signal_for(watching, after.event, again) is None, "the event that restarted it last"


def test_a_restart_does_not_look_at_the_conditions_again(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    made = workflow(
        TICKET,
        conditions={"field": "device.criticality", "op": "equals", "value": 4},
        restart_on=[{"type": "device.offline"}],
    )
    state = fold(start(made, event(), now), None, made.body)
    signal = signal_for(
        made, state.event, event({"device": {"id": "d-17", "name": "SRV-01", "criticality": 1}}, id="ev-3")
    )
    assert signal is not None
    assert kinds(interrupt(made, state, signal, now)) == ["run.restarted", "step.started"]


def test_a_restart_forgets_the_failures_before_it(
    watching: Workflow, event: EventOf, now: datetime, fold: Fold
) -> None:
    state = fold(start(watching, event(), now), None, watching.body)
    signal = signal_for(watching, state.event, event(id="ev-3"))
    log = decide(watching, state, Failed(BUSY.error), now, signal=signal)
    assert kinds(log) == ["step.failed", "run.restarted", "step.started"]
    state = fold(log, state)
    assert (state.failed, state.failed_at) == (None, None)
    for outcome in (Succeeded({"id": 1}), Fired(), Succeeded(None)):
        state = fold(decide(watching, state, outcome, now), state)
    assert state.status == "completed"


def test_a_run_that_was_restarted_before_it_was_seen_begins_with_the_new_event(
    watching: Workflow, event: EventOf, now: datetime
) -> None:
    again = event({"device": {"id": "d-17", "name": "SRV-02"}}, id="ev-3")
    signal = signal_for(watching, event().envelope, again)
    log = start(watching, event(), now, signal=signal)
    assert kinds(log) == ["run.started", "run.restarted", "step.started"]
    assert log[0]["data"]["event"]["id"] == "ev-1"
    assert log[2]["data"]["input"]["title"] == "SRV-02"


def test_a_person_s_restart_keeps_the_event(watching: Workflow, event: EventOf, now: datetime, fold: Fold) -> None:
    state = fold(start(watching, event(), now), None, watching.body)
    log = interrupt(watching, state, Signal("restart", {"person": "pia", "reason": "again"}), now)
    assert log[0]["data"]["event"] == event().envelope
    assert log[1]["data"]["input"]["title"] == "SRV-01"
