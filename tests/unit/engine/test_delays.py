"""Waiting: for a duration, until a time, within business hours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.run import Calendar, Rules, RunState, decide, next_command, start, waits_until
from engine.workflow import Workflow
from schemas.entries import EntryDict
from schemas.events import Event
from schemas.outcomes import Fired

Make = Callable[..., Workflow]
EventOf = Callable[..., Event]
Fold = Callable[..., RunState]

TAG = {"id": "tag", "action": "add_tag", "with": {"tag": "late"}}


class Closing:
    """Opens at 9 on the next day, whatever is asked; business time passes half as fast."""

    def next_open(self, at: datetime) -> datetime:
        return (at + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)

    def next_day(self, at: datetime) -> datetime:
        return self.next_open(at) + timedelta(days=1)

    def after(self, at: datetime, business: timedelta) -> datetime:
        return at + 2 * business


class Never(Closing):
    def next_open(self, at: datetime) -> datetime:
        raise ValueError("no business hours within ten years")


def calendars(org: str, name: str) -> Calendar | None:
    return {("acme", "default"): Closing(), ("acme", "night"): Closing(), ("acme", "never"): Never()}.get((org, name))


RULES = Rules(calendar=calendars)


def wait(**given: Any) -> dict[str, Any]:
    return {"id": "wait", "action": "delay", "with": given}


def kinds(log: list[EntryDict]) -> list[str]:
    return [entry["type"] for entry in log]


def test_a_delay_begins_waits_and_goes_on(workflow: Make, event: EventOf, now: datetime, fold: Fold) -> None:
    made = workflow(wait(**{"for": "PT15M"}), {**TAG, "with": {"tag": "{{steps.wait.until}}"}})
    log = start(made, event(), now)
    assert kinds(log) == ["run.started", "step.started", "run.waiting"]
    due = now + timedelta(minutes=15)
    assert log[1]["data"]["input"] == {"for": "PT15M"}
    assert log[2]["data"] == {
        "generation": 0, "step": "wait", "id": "wait", "position": 0,
        "until": "2026-11-23T08:15:01.000250Z", "reason": "delay",
    }  # fmt: skip
    state = fold(log, None, made.body)
    assert (state.status, waits_until(state)) == ("waiting", due)
    command = next_command(state)
    assert command is not None
    assert (command["action"], command["id"]) == ("delay", f"{state.run}:0:wait")
    on = decide(made, state, Fired(), due + timedelta(milliseconds=80))
    assert kinds(on) == ["step.succeeded", "step.started"]
    assert on[0]["data"]["output"] == {"until": "2026-11-23T08:15:01.000250Z"}
    assert on[1]["data"]["input"]["tag"] == "2026-11-23T08:15:01.000250Z"
    after = fold(on, state)
    assert (after.status, waits_until(after)) == ("running", None)
    assert after.steps["wait"] == {"until": "2026-11-23T08:15:01.000250Z"}


@pytest.mark.parametrize(
    ("given", "due"),
    [
        ({"for": "15m"}, timedelta(minutes=15)),
        ({"for": "250ms"}, timedelta(milliseconds=250)),
        ({"for": "90d"}, timedelta(days=90)),
        ({"for": "{{device.wait}}"}, timedelta(hours=2)),
        ({"for": "{{device.criticality}}h"}, timedelta(hours=4)),
        ({"for": "{{nope | default: '3s'}}"}, timedelta(seconds=3)),
    ],
)
def test_for_takes_a_duration_or_what_renders_to_one(
    workflow: Make, event: EventOf, now: datetime, given: Any, due: timedelta
) -> None:
    happened = event({"device": {"id": "d-17", "criticality": 4, "wait": "PT2H"}})
    log = start(workflow(wait(**given)), happened, now)
    assert datetime.fromisoformat(log[2]["data"]["until"]) == now + due


@pytest.mark.parametrize(
    ("given", "due"),
    [
        ({"until": "2026-11-24T09:00:00Z"}, datetime(2026, 11, 24, 9, tzinfo=UTC)),
        ({"until": "2026-11-24T09:00:00+05:30"}, datetime(2026, 11, 24, 3, 30, tzinfo=UTC)),
        ({"until": "2026-12-01"}, datetime(2026, 12, 1, tzinfo=UTC)),
        ({"until": "{{device.back_at}}"}, datetime(2026, 11, 25, 7, 0, 0, 500_000, tzinfo=UTC)),
        ({"until": "business_hours"}, datetime(2026, 11, 24, 9, tzinfo=UTC)),
        ({"until": "next_business_day"}, datetime(2026, 11, 25, 9, tzinfo=UTC)),
        ({"until": "{{device.when}}"}, datetime(2026, 11, 24, 9, tzinfo=UTC)),
        ({"until": "business_hours", "calendar": "night"}, datetime(2026, 11, 24, 9, tzinfo=UTC)),
        ({"until": "business_hours", "calendar": "{{device.calendar}}"}, datetime(2026, 11, 24, 9, tzinfo=UTC)),
        ({"until": "2026-11-30T22:00:00Z", "calendar": "night"}, datetime(2026, 12, 1, 9, tzinfo=UTC)),
        ({"for": "PT1H", "calendar": "default"}, datetime(2026, 11, 23, 10, 0, 1, 250, tzinfo=UTC)),
    ],
)
def test_until_takes_a_time_or_business_time(
    workflow: Make, event: EventOf, now: datetime, given: Any, due: datetime
) -> None:
    device = {"id": "d-17", "back_at": "2026-11-25t07:00:00.5z", "when": "business_hours", "calendar": "night"}
    log = start(workflow(wait(**given)), event({"device": device}), now, RULES)
    assert datetime.fromisoformat(log[2]["data"]["until"]) == due


def test_the_calendar_that_is_meant_is_recorded(workflow: Make, event: EventOf, now: datetime) -> None:
    log = start(workflow(wait(until="business_hours")), event(), now, RULES)
    assert log[1]["data"]["input"] == {"until": "business_hours", "calendar": "default"}
    assert start(workflow(wait(**{"for": "1s"})), event(), now, RULES)[1]["data"]["input"] == {"for": "1s"}


@pytest.mark.parametrize("given", [{"until": "2026-11-23T08:00:00Z"}, {"until": "2020-02-29"}, {"for": "0s"}])
def test_what_is_past_is_not_waited_for(workflow: Make, event: EventOf, now: datetime, given: Any) -> None:
    log = start(workflow(wait(**given), TAG), event(), now)
    assert kinds(log) == ["run.started", "step.started", "step.succeeded", "step.started"]
    assert log[2]["data"]["attempt"] == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"for": "{{device.name}}"}, "for: 'SRV-01' is not a duration: write PT15M, or a number with ms, s, m, h"),
        ({"for": "{{device.criticality}}"}, "for: '4' is not a duration"),
        ({"for": "{{device.tags}}"}, 'for: \'["vip","server"]\' is not a duration'),
        ({"for": "{{nope}}"}, "for: is required, but renders to nothing (nope is not there)"),
        ({"for": "{{device.criticality}}000w"}, "for: '4000w' is longer than ten years"),
        ({"until": "{{nope}}"}, "until: is required, but renders to nothing (nope is not there)"),
        ({"until": "{{device.name}}"}, "until: 'SRV-01' is not a time: write it as in RFC 3339"),
        ({"until": "{{device.criticality}}"}, "until: '4' is not a time"),
        ({"until": "2026-13-{{device.criticality}}1"}, "until: '2026-13-41' is not a time"),
        ({"until": "9999-12-31T23:59:59-12:00"}, "until: '9999-12-31T23:59:59-12:00' is not a time"),
        ({"until": "2099-01-01"}, "until: is more than ten years away"),
        ({"until": "business_hours", "calendar": "eu"}, "calendar: there is no calendar 'eu' in this organisation"),
        ({"for": "1h", "calendar": "{{device.criticality}}"}, "calendar: there is no calendar '4' in"),
        ({"until": "business_hours", "calendar": "never"}, "until: no business hours within ten years"),
    ],
)
def test_what_is_no_time_fails_the_step_and_says_why(
    workflow: Make, event: EventOf, now: datetime, given: Any, message: str
) -> None:
    if given.get("until", "").startswith("9999"):
        given = {"until": "{{device.at}}"}
    happened = event({"device": {"id": "d-17", "name": "SRV-01", "criticality": 4, "tags": ["vip", "server"],
                                 "at": "9999-12-31T23:59:59-12:00"}})  # fmt: skip
    log = start(workflow(wait(**given), TAG), happened, now, RULES)
    assert kinds(log) == ["run.started", "step.started", "step.failed", "step.started"]
    error = log[2]["data"]["error"]
    assert error["kind"] == "parameters"
    assert error["message"].startswith(message)


def test_an_organisation_does_not_wait_by_another_s_calendar(workflow: Make, event: EventOf, now: datetime) -> None:
    made = workflow(wait(until="business_hours"), org="globex")
    log = start(made, event(orgid="globex"), now, RULES)
    assert log[2]["data"]["error"]["message"] == "calendar: there is no calendar 'default' in this organisation"
