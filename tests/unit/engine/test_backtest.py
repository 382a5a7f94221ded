from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.backtest import Backtest
from engine.simulate import simulate
from engine.simulation.side import Side
from engine.workflow import Workflow, compile_workflow
from schemas.definitions import parse_definition
from schemas.errors import Refused
from schemas.events import Event, from_envelope

Make = Callable[..., Workflow]
BEGAN = datetime(2026, 11, 20, 8, tzinfo=UTC)
WAIT = {"id": "wait", "action": "delay", "with": {"for": "PT15M"}}
TICKET = {"id": "ticket", "action": "create_ticket", "with": {"title": "{{device.name}}"}}
HIGH = {"field": "device.criticality", "op": "greater_than", "value": 3}


def happens(number: int, minutes: float, kind: str = "device.offline", device: str = "d-1", **data: Any) -> Event:
    return from_envelope(
        {
            "specversion": "1.0",
            "id": f"ev-{number}",
            "source": "/rmm",
            "type": kind,
            "subject": f"device/{device}",
            "time": (BEGAN + timedelta(minutes=minutes)).isoformat(),
            "orgid": "acme",
            "data": {"device": {"id": device, "name": device.upper(), **data}},
        }
    )


def report(draft: Workflow, events: Iterable[Event], in_force: Workflow | None = None, **more: Any) -> dict[str, Any]:
    test = Backtest(draft, in_force, **more)
    for event in events:
        test.see(event)
    return test.report()


def totals(told: dict[str, Any], side: str = "draft") -> dict[str, int]:
    return {name: count for name, count in told["totals"][side].items() if isinstance(count, int) and count}


def test_runs_are_counted_by_day_with_what_each_does(workflow: Make) -> None:
    events = [happens(number, number * 12 * 60, criticality=number) for number in range(8)]
    told = report(workflow(TICKET, conditions=HIGH), events)
    assert totals(told) == {"runs": 4, "skipped": 4, "completed": 4}
    assert [(day["day"], day["events"], day["draft"]["runs"]) for day in told["days"]] == [
        ("2026-11-20", 2, 0),
        ("2026-11-21", 2, 0),
        ("2026-11-22", 2, 2),
        ("2026-11-23", 2, 2),
    ]
    assert told["totals"]["draft"]["actions"] == [{"step": "ticket", "action": "create_ticket", "times": 4}]
    assert told["samples"][0]["event"]["id"] == "ev-4"
    assert told["samples"][0]["draft"]["actions"][0]["input"]["title"] == "D-1"
    assert told["differences"] is None


def test_a_throttle_counts_by_the_times_of_the_events(workflow: Make) -> None:
    draft = workflow(TICKET, throttle={"key": "{{device.id}}", "limit": 2, "per": "PT30M"})
    minutes = [0, 10, 20, 29, 30, 31, 45]
    told = report(draft, [happens(number, at) for number, at in enumerate(minutes)])
    # 0 and 10 run; at 30 the first is a period old, at 45 the second: never more than two in any 30 minutes.
    assert totals(told) == {"runs": 4, "throttled": 3, "completed": 4}
    other = [happens(100 + number, at, device="d-2") for number, at in enumerate(minutes[:2])]
    assert totals(report(draft, other)) == {"runs": 2, "completed": 2}


@given(st.lists(st.integers(0, 300), min_size=1, max_size=60), st.integers(1, 4), st.integers(1, 60))
def test_no_period_ever_has_more_runs_than_the_throttle_lets_through(minutes: list[int], limit: int, per: int) -> None:
    body = {
        "id": "wf",
        "org": "acme",
        "version": 1,
        "name": "x",
        "state": "enabled",
        "steps": [TICKET],
        "trigger": {"type": "device.offline"},
        "throttle": {"key": "all", "limit": limit, "per": f"{per}m"},
    }
    test = Backtest(compile_workflow(parse_definition(body)), samples=1000)
    for number, at in enumerate(sorted(minutes)):
        test.see(happens(number, at))
    began = sorted(datetime.fromisoformat(one["event"]["time"]) for one in test.report()["samples"])
    assert len(began) >= min(limit, len(minutes))
    for first, later in zip(began, began[limit:], strict=False):
        assert later - first >= timedelta(minutes=per)


def test_a_storm_is_suppressed_where_the_installation_limits_it(workflow: Make) -> None:
    events = [happens(number, number / 60, device=f"d-{number}") for number in range(30)]
    assert totals(report(workflow(TICKET), events, storm_limit=10)) == {"runs": 10, "storm": 20, "completed": 10}


def test_waiting_runs_are_cancelled_and_restarted_by_what_came_meanwhile(workflow: Make) -> None:
    draft = workflow(WAIT, TICKET, cancel_on=[{"type": "device.online"}])
    events = [
        happens(1, 0),
        happens(2, 5, "device.online"),
        happens(3, 30),
        happens(4, 50, "device.online"),
        happens(5, 60, device="d-2"),
        happens(6, 61, "device.online", device="d-3"),
    ]
    told = report(draft, events)
    assert totals(told) == {"runs": 3, "completed": 2, "cancelled": 1}
    assert {one["step"]: one["times"] for one in told["totals"]["draft"]["actions"]} == {"wait": 3, "ticket": 2}
    assert told["events"] == 3


def test_what_differs_from_the_version_in_force_is_told_by_kind(workflow: Make) -> None:
    other = {
        "id": "ticket",
        "action": "create_ticket",
        "with": {"title": "{{device.name}}", "priority": "{{device.p}}"},
    }
    draft = workflow(other, version=2, conditions={"field": "device.x", "op": "not_in", "value": [1]})
    in_force = workflow(TICKET, conditions={"field": "device.x", "op": "not_in", "value": [2]})
    data: list[dict[str, Any]] = [{"x": 1}, {"x": 2}, {"x": 3}, {"x": 4, "p": "P1"}]
    told = report(draft, [happens(number, number, **one) for number, one in enumerate(data)], in_force)
    found = told["differences"]
    assert found["only_in_force"]["runs"] == 1
    assert found["only_draft"]["runs"] == 1
    assert (found["same"], found["different_actions"]["runs"]) == (0, 2)
    sample = found["only_in_force"]["samples"][0]
    assert sample["event"]["id"] == "ev-0"
    assert sample["draft"]["verdict"] == "skipped"
    assert sample["draft"]["conditions"]["actual"] == 1
    assert [one["action"] for one in sample["in_force"]["actions"]] == ["create_ticket"]


def test_a_step_that_is_called_otherwise_is_no_difference(workflow: Make) -> None:
    told = report(workflow({**TICKET, "id": "t"}, version=2), [happens(1, 0)], workflow(TICKET))
    assert told["differences"]["same"] == 1


def test_versions_with_different_triggers_are_compared_by_event(workflow: Make) -> None:
    draft = workflow(TICKET, version=2, trigger={"type": "device.online"})
    told = report(draft, [happens(1, 0), happens(2, 1, "device.online")], workflow(TICKET))
    found = told["differences"]
    assert (found["only_draft"]["runs"], found["only_in_force"]["runs"]) == (1, 1)
    assert found["only_in_force"]["samples"][0]["draft"]["verdict"] == "other_trigger"


def test_a_disabled_version_and_a_draft_are_tested_as_if_they_were_enabled(workflow: Make) -> None:
    told = report(workflow(TICKET, state="draft", version=2), [happens(1, 0)], workflow(TICKET, state="disabled"))
    assert (totals(told), totals(told, "in_force")) == ({"runs": 1, "completed": 1}, {"runs": 1, "completed": 1})
    assert told["in_force"] == {"version": 1, "state": "disabled"}


def test_repeats_and_other_organisations_count_nothing(workflow: Make) -> None:
    strange = from_envelope({**happens(2, 0).envelope, "orgid": "globex"})
    told = report(workflow(TICKET), [happens(1, 0), happens(1, 0), happens(1, 400), strange])
    assert (told["events"], totals(told)) == (1, {"runs": 1, "completed": 1})


def test_no_more_runs_wait_than_are_allowed(workflow: Make) -> None:
    draft = workflow(WAIT, TICKET, cancel_on=[{"type": "device.online"}])
    events = [happens(number, 0, device=f"d-{number}") for number in range(50)]
    events += [happens(100 + number, 1, "device.online", device=f"d-{number}") for number in range(50)]
    told = report(draft, events, most_open=10)
    assert totals(told) == {"runs": 50, "completed": 40, "cancelled": 10, "cut_short": 40}


def test_nothing_is_kept_of_what_is_over(workflow: Make) -> None:
    """Bounded memory: after the last run has ended, no event is held but the samples."""
    test = Backtest(workflow(WAIT, TICKET), workflow(WAIT, TICKET))
    for number in range(500):
        test.see(happens(number, number, device=f"d-{number}"))
    test.see(happens(1000, 5000))
    side: Side = test._sides["draft"]
    assert (len(side._open), len(side._by_entity), len(side._due), len(test._waits)) == (1, 1, 1, 0)


def test_a_backtest_of_one_event_does_what_a_simulation_does(workflow: Make) -> None:
    event = happens(1, 0)
    played = simulate(workflow(WAIT, TICKET), event, BEGAN).as_json()
    told = report(workflow(WAIT, TICKET), [event])
    assert told["samples"][0]["draft"]["actions"] == [
        {name: one[name] for name in ("step", "action", "input")} for one in played["steps"]
    ]


def test_a_draft_without_a_trigger_and_a_stranger_in_force_are_refused(workflow: Make) -> None:
    with pytest.raises(Refused, match="trigger"):
        Backtest(workflow(state="draft", trigger=None))
    with pytest.raises(Refused, match="org"):
        Backtest(workflow(), workflow(org="globex"))
