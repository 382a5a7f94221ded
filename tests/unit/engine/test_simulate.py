from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules import Rules
from engine.run import evolve
from engine.simulate import MOST_SIGNALS, Simulation, simulate
from engine.simulation.samples import sample_event
from engine.workflow import Workflow, compile_workflow
from schemas.definitions import parse_definition
from schemas.errors import Refused
from schemas.events import EVENT_TYPES, Event
from schemas.outcomes import Call, Failed, Outcome, Succeeded
from tests.unit.engine import strategies

Make = Callable[..., Workflow]
Happens = Callable[..., Event]
WAIT = {"id": "wait", "action": "delay", "with": {"for": "PT15M"}}
TICKET = {"id": "ticket", "action": "create_ticket", "with": {"title": "{{device.name}} is offline"}}
NOTE = {"id": "note", "action": "create_note", "with": {"body": "see {{steps.ticket.id}}"}}
MINUTE = timedelta(minutes=1)


def kinds(played: Simulation) -> list[str]:
    return [entry["type"] for entry in played.entries]


def step(played: Simulation, name: str) -> dict[str, Any]:
    (found,) = [one for one in played.as_json()["steps"] if one["step"] == name]
    return dict(found)


def online(event: Happens, number: int = 1, **attributes: Any) -> Event:
    return event(id=f"on-{number}", type="device.online", time=None, **attributes)


def fails(name: str, *, times: int = 100, status: int = 503) -> Callable[[Call], Outcome]:
    asked = 0

    def answer(call: Call) -> Outcome:
        nonlocal asked
        if call.step != name:
            return Succeeded({"id": f"made-by-{call.step}"})
        asked += 1
        if asked > times:
            return Succeeded({"id": "late"})
        return Failed({"kind": "http", "message": f"HTTP {status}", "status": status}, retryable=status >= 500)

    return answer


def test_a_delay_passes_in_virtual_time_and_what_follows_sees_what_was_made(
    workflow: Make, event: Happens, now: datetime
) -> None:
    played = simulate(workflow(WAIT, TICKET, NOTE), event(), now)
    assert played.status == "completed"
    assert played.ended - played.started == 15 * MINUTE
    assert step(played, "ticket")["input"]["title"] == "SRV-01 is offline"
    assert step(played, "note")["input"]["body"] == "see imagined-ticket-ticket"
    assert step(played, "wait")["waits"] == [
        {"from": "2026-11-23T08:00:01.000250Z", "until": "2026-11-23T08:15:01.000250Z", "reason": "delay"}
    ]


def test_the_entries_are_a_run_log_that_folds_to_the_state_told(workflow: Make, event: Happens, now: datetime) -> None:
    made = workflow(WAIT, TICKET, NOTE)
    played = simulate(made, event(), now, outcomes=fails("ticket", times=2))
    state = None
    for entry in played.entries:
        state = evolve(state, entry, made.body)
    assert state == played.state
    assert played.as_json() == simulate(made, event(), now, outcomes=fails("ticket", times=2)).as_json()


def test_a_step_that_fails_is_tried_again_as_the_policy_says(workflow: Make, event: Happens, now: datetime) -> None:
    made = workflow(TICKET, NOTE, retry={"max_retries": 2, "initial_interval": "PT10S", "multiplier": 2})
    played = simulate(made, event(), now, outcomes=fails("ticket"))
    attempts = step(played, "ticket")["attempts"]
    assert [one["attempt"] for one in attempts] == [1, 2, 3]
    assert [one["next_try"] is None for one in attempts] == [False, False, True]
    assert 24 <= (played.ended - played.started).total_seconds() <= 36  # 10 and 20 s, each 0.8 to 1.2 times as long
    assert played.status == "failed"
    assert step(played, "note")["status"] == "succeeded"
    assert ("steps[1].with.body", "steps.ticket.id") in [(one.field, one.path) for one in played.missing]


def test_what_no_repeat_can_help_is_tried_once(workflow: Make, event: Happens, now: datetime) -> None:
    played = simulate(workflow(TICKET, NOTE, on_error="stop"), event(), now, outcomes=fails("ticket", status=422))
    assert len(step(played, "ticket")["attempts"]) == 1
    assert played.as_json()["not_reached"] == [
        {"step": "note", "action": "create_note", "why": "ticket failed, with on_error: stop"}
    ]
    assert played.as_json()["reason"] == "step ticket failed: HTTP 422"


def test_an_event_of_cancel_on_ends_the_wait(workflow: Make, event: Happens, now: datetime) -> None:
    made = workflow(WAIT, TICKET, cancel_on=[{"type": "device.online"}])
    played = simulate(made, event(), now, signals=[(5 * MINUTE, online(event))])
    assert played.status == "cancelled"
    assert played.ended == now + 5 * MINUTE
    assert kinds(played) == ["run.started", "step.started", "run.waiting", "run.cancelled"]
    assert step(played, "wait")["status"] == "cancelled"
    assert [one.effect for one in played.signals] == ["cancel"]
    assert played.as_json()["not_reached"][0]["why"] == "the run was cancelled"


def test_an_event_that_came_before_keeps_everything_from_beginning(
    workflow: Make, event: Happens, now: datetime
) -> None:
    made = workflow(TICKET, cancel_on=[{"type": "device.online"}])
    played = simulate(made, event(), now, signals=[(timedelta(0), online(event))])
    assert kinds(played) == ["run.started", "run.cancelled"]


def test_a_call_in_flight_is_finished_and_recorded_before_the_cancel(
    workflow: Make, event: Happens, now: datetime
) -> None:
    made = workflow(TICKET, NOTE, cancel_on=[{"type": "device.online"}])
    played = simulate(made, event(), now, signals=[(MINUTE, online(event))], takes=2 * MINUTE)
    assert kinds(played) == ["run.started", "step.started", "step.succeeded", "run.cancelled"]
    assert played.ended == now + 2 * MINUTE


@pytest.mark.parametrize(
    ("after", "attributes", "fields", "why"),
    [
        (MINUTE, {"subject": "device/d-2", "data": {"device": {"id": "d-2"}}}, {}, "it is about another entity"),
        (MINUTE, {}, {"cancel_on": [{"type": "alert.resolved"}]}, "no cancel_on or restart_on names device.online"),
        (
            MINUTE,
            {},
            {"cancel_on": [{"type": "device.online", "where": {"field": "device.name", "op": "equals", "value": "x"}}]},
            "its 'where' is false",
        ),
        (60 * MINUTE, {}, {}, "the run had ended"),
    ],
)
def test_an_event_that_does_nothing_is_told_with_the_reason(
    workflow: Make,
    event: Happens,
    now: datetime,
    after: timedelta,
    attributes: dict[str, Any],
    fields: dict[str, Any],
    why: str,
) -> None:
    made = workflow(WAIT, TICKET, **({"cancel_on": [{"type": "device.online"}]} | fields))
    played = simulate(made, event(), now, signals=[(after, online(event, **attributes))])
    assert played.status == "completed"
    assert [one.effect for one in played.signals] == [why]


def test_a_restart_begins_again_with_the_new_events_data(workflow: Make, event: Happens, now: datetime) -> None:
    made = workflow(WAIT, TICKET, restart_on=[{"type": "device.online"}])
    again = online(event, data={"device": {"id": "d-17", "name": "RENAMED"}})
    played = simulate(made, event(), now, signals=[(5 * MINUTE, again)])
    assert played.ended == now + 20 * MINUTE
    assert step(played, "ticket")["input"]["title"] == "RENAMED is offline"
    assert [one["generation"] for one in played.as_json()["steps"]] == [0, 1, 1]


def test_templates_see_what_the_log_redacts(workflow: Make, event: Happens, now: datetime) -> None:
    seen: list[Call] = []

    def answer(call: Call) -> Outcome:
        seen.append(call)
        return Succeeded({})

    made = workflow({"id": "tag", "action": "add_tag", "with": {"tag": "{{device.api_key}}"}})
    played = simulate(
        made, event(data={"device": {"id": "d-17", "api_key": "s3cr3t"}}), now, outcomes=answer
    )  # fmt: skip
    assert [call.input["tag"] for call in seen] == ["s3cr3t"]
    assert "s3cr3t" not in str(played.entries)


def test_branches_gates_and_conditions_say_why_a_step_was_not_reached(
    workflow: Make, event: Happens, now: datetime
) -> None:
    critical = {"field": "device.criticality", "op": "greater_than", "value": 4}
    tag = {"action": "add_tag", "with": {"tag": "x"}}
    made = workflow(
        {"id": "which", "if": critical, "then": [{"id": "a", **tag}], "else": [{"id": "b", **tag}]},
        {"id": "gate", "condition": critical},
        {"id": "c", **tag},
    )
    played = simulate(made, event(), now)
    assert played.as_json()["not_reached"] == [
        {"step": "which.then.a", "action": "add_tag", "why": "which was false"},
        {"step": "c", "action": "add_tag", "why": "gate was false"},
    ]
    skipped = simulate(workflow(TICKET, conditions=critical), event(), now)
    assert skipped.status == "skipped"
    assert skipped.as_json()["conditions"] == {**critical, "actual": 4, "result": False}
    assert skipped.as_json()["not_reached"][0]["why"] == "the conditions were false"


def test_missing_paths_are_told_with_the_field_and_what_it_came_to(
    workflow: Make, event: Happens, now: datetime
) -> None:
    inner = {"id": "tag", "action": "add_tag", "with": {"tag": "{{device.nmae}}-{{company.name}}"}}
    yes = {"field": "device.name", "op": "exists"}
    played = simulate(workflow({"id": "if", "if": yes, "then": [inner]}), event(), now)
    assert [tuple(one) for one in played.missing] == [
        ("steps[0].then[0].with.tag", "device.nmae", "if.then.tag", "-Globex")
    ]
    # A default that the event lacks is left out, and no mistake of the definition.
    assert simulate(workflow(TICKET), event(data={"company": {}}), now).missing == ()


def test_the_loop_guard_and_the_throttles_key_are_told(workflow: Make, event: Happens, now: datetime) -> None:
    played = simulate(workflow(TICKET), event(causationchain="wf"), now)
    assert played.status == "suppressed"
    assert "wf → wf" in played.as_json()["reason"]
    throttled = workflow(TICKET, throttle={"key": "{{device.id}}", "limit": 2, "per": "PT1M"})
    assert simulate(throttled, event(), now).throttle == {"key": "d-17", "limit": 2, "per_s": 60.0}


def test_a_shadow_tells_what_it_would_have_sent(workflow: Make, event: Happens, now: datetime) -> None:
    played = simulate(workflow(TICKET, NOTE, state="shadow"), event(), now)
    assert [one["status"] for one in played.as_json()["steps"]] == ["skipped", "skipped"]
    assert step(played, "note")["input"]["body"] == "see imagined-ticket-ticket"


@pytest.mark.parametrize(
    ("field", "attributes", "fields", "signals"),
    [
        ("event.type", {"type": "device.online"}, {}, 0),
        ("event.orgid", {"orgid": "globex"}, {}, 0),
        ("trigger", {}, {"state": "draft", "trigger": None}, 0),
        ("signals", {}, {}, MOST_SIGNALS + 1),
    ],
)
def test_what_can_not_be_played_is_refused_by_field(
    workflow: Make,
    event: Happens,
    now: datetime,
    field: str,
    attributes: dict[str, Any],
    fields: dict[str, Any],
    signals: int,
) -> None:
    with pytest.raises(Refused) as refused:
        simulate(workflow(TICKET, **fields), event(**attributes), now, signals=[(MINUTE, online(event))] * signals)
    assert refused.value.field == field


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_there_is_a_sample_of_every_event_type(kind: str, now: datetime) -> None:
    sample = sample_event(kind, "acme", now)
    assert (sample.type, sample.org) == (kind, "acme")
    assert sample.envelope == sample_event(kind, "acme", now).envelope


def _parts(steps: list[dict[str, Any]], prefix: str = "") -> list[str]:
    found = []
    for one in steps:
        found.append(prefix + one["id"])
        for arm in ("then", "else"):
            found += _parts(one.get(arm, []), f"{prefix}{one['id']}.{arm}.")
    return found


@given(strategies.definitions(), st.lists(strategies.OUTCOMES, max_size=30), st.lists(st.integers(0, 4000), max_size=4))
def test_every_simulation_ends_and_tells_of_each_step_or_why_it_was_not_reached(
    body: dict[str, Any], outcomes: list[Outcome], seconds: list[int]
) -> None:
    answers = iter(outcomes)
    signals = [
        (
            timedelta(seconds=after),
            strategies.event(2 + number, status="Open" if after % 2 else "Closed", kind="ticket.updated"),
        )
        for number, after in enumerate(seconds)
    ]
    made = compile_workflow(parse_definition(body))
    rules = Rules(calendar=strategies.calendars)
    played = simulate(
        made,
        strategies.event(),
        strategies.NOW,
        outcomes=lambda _call: next(answers, Succeeded({"id": "x"})),
        signals=signals,
        rules=rules,
        takes=timedelta(seconds=1),
    )
    told = played.as_json()
    assert played.status in {"completed", "failed", "cancelled", "skipped"}
    assert kinds(played)[-1] == f"run.{played.status}"
    assert [entry["id"].rpartition(":")[2] for entry in played.entries] == [str(n) for n in range(len(played.entries))]
    times = [entry["time"] for entry in played.entries]
    assert times == sorted(times)
    began, not_reached = ([one["step"] for one in told[name]] for name in ("steps", "not_reached"))
    assert sorted({*began, *not_reached}) == sorted(_parts(body["steps"]))
    assert not {*began} & {*not_reached}
    assert all(one["finished"] is not None for one in told["steps"])
    assert strategies.HIDDEN not in str({**told, "event": None})
