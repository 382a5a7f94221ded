from __future__ import annotations

import datetime as dt
from typing import Any

from cli.output import lasted, one_line
from cli.story import tell, tree
from cli.tail import Filter, entries_of, line

BEGAN = dt.datetime(2026, 11, 23, 8, 0, tzinfo=dt.UTC)
TRACE = {
    "all": [
        {"field": "alert.severity", "op": "equals", "value": "critical", "actual": "Critical", "result": True},
        {
            "not": {"field": "device.id", "op": "exists", "actual": None, "missing": True, "result": False},
            "result": True,
        },
        {"field": "alert.title", "op": "greater_than", "value": 3, "actual": "CPU", "result": False, "note": "text"},
    ],
    "result": False,
}


def step(position: int, name: str, **more: Any) -> dict[str, Any]:
    nothing = {"input": None, "output": None, "error": None, "duration_ms": 12.5, "attempts": 1, "status": "succeeded"}
    return {"position": position, "step_id": name, "action": "create_ticket", **nothing, **more}


def run(**more: Any) -> dict[str, Any]:
    return {
        "run_id": "ab12",
        "org_id": "acme",
        "workflow_id": "alert-to-ticket",
        "workflow_name": "Alert to Ticket",
        "workflow_version": 3,
        "status": "failed",
        "trigger_type": "alert.triggered",
        "entity_key": "acme/alert/a-1",
        "trigger_event": {
            "id": "ev-1",
            "source": "/rmm",
            "time": "2026-11-23T07:59:59Z",
            "data": {"alert": {"id": "a-1"}},
        },
        "conditions": TRACE,
        "started_at": BEGAN,
        "finished_at": BEGAN + dt.timedelta(seconds=2),
        "duration_ms": 2000.0,
        "error": "step mail failed: HTTP 500",
        "causation_chain": ["first", "alert-to-ticket"],
        "steps": [
            step(0, "ticket", input={"title": "CPU"}, output={"id": "T-1"}),
            step(1, "gate", action="condition", input=TRACE),
            step(2, "mail", status="failed", attempts=4, error={"kind": "http", "status": 500}),
        ],
        **more,
    }


def test_a_story_tells_the_trigger_the_conditions_and_each_step() -> None:
    told = "\n".join(tell(run()))
    assert "Alert to Ticket (alert-to-ticket, version 3) of acme" in told
    assert "failed after 2.0 s" in told
    assert "Trigger: alert.triggered about alert/a-1" in told
    assert "ev-1 from /rmm at 2026-11-23T07:59:59Z" in told
    assert 'output  {"id":"T-1"}' in told
    assert "✗ mail    create_ticket failed in 12 ms, 4 attempts" in told
    assert 'error   {"kind":"http","status":500}' in told
    assert "caused by first → alert-to-ticket" in told


def test_a_conditions_trace_shows_wanted_and_actual_values() -> None:
    assert list(tree(TRACE, "")) == [
        "✗ all",
        '  ✓ alert.severity equals "critical" (it was "Critical")',
        "  ✓ not",
        "    ✗ device.id exists (it was missing)",
        '  ✗ alert.title greater_than 3 (it was "CPU"; text)',
    ]


def test_a_story_without_conditions_or_steps_says_so() -> None:
    told = list(tell(run(conditions=None, steps=[], finished_at=None, status="running", error=None)))
    assert "Conditions: none, every such event starts a run" in told
    assert "Steps: none began" in told
    assert not any(text.startswith("  finished") for text in told)


def test_long_values_are_shortened_unless_asked_for_whole() -> None:
    long = run(steps=[step(0, "ticket", input={"title": "x" * 500})])
    assert max(len(text) for text in tell(long)) < 200
    assert any("x" * 500 in text for text in tell(long, full=True))


def test_nothing_in_a_value_can_steer_the_terminal() -> None:
    assert one_line("a\x1b[31m\nb") == "a [31m b"
    assert not any("\x1b" in text for text in tell(run(workflow_name="\x1b[2J", error="\x1b[2J")))


def test_durations_are_told_in_their_unit() -> None:
    told = [lasted(given) for given in (None, 0.04, 9.96, 999.0, 1500.0, 600_000.0, 7.2e7, 8.64e8)]
    assert told == ["–", "0.0 ms", "10.0 ms", "999 ms", "1.5 s", "10 min", "20.0 h", "10.0 d"]


def entry(seq: int, kind: str, run_id: str = "ab12", org: str = "acme", **data: Any) -> dict[str, Any]:
    return {
        "id": f"{run_id}:{seq}",
        "type": kind,
        "orgid": org,
        "subject": "alert/a-1",
        "time": "2026-11-23T08:00:00.123456Z",
        "data": data,
    }


def started(run_id: str, workflow: str) -> dict[str, Any]:
    return entry(
        0, "run.started", run_id, workflow={"id": workflow, "name": workflow, "version": 1}, event={"type": "t"}
    )


def test_a_filter_by_workflow_knows_a_run_from_its_first_entry_to_its_last() -> None:
    wanted = Filter(workflow="w")
    log = [started("a", "w"), started("b", "other"), entry(1, "step.started", "a"), entry(1, "step.started", "b")]
    log += [entry(2, "run.completed", "a"), entry(3, "late", "a")]
    assert [wanted.wants(one) for one in log] == [True, False, True, False, True, False]


def test_a_filter_by_organisation_and_run_wants_only_theirs() -> None:
    assert Filter(org="acme", run="ab").wants(entry(0, "x"))
    assert not Filter(org="other").wants(entry(0, "x"))
    assert not Filter(run="zz").wants(entry(0, "x"))


def test_what_is_no_entry_is_left_out_of_the_tail() -> None:
    assert list(entries_of(b'[1, {}, {"id": "a:1"}, {"id": "x", "data": {}}]')) == []
    assert list(entries_of(b"not json")) == list(entries_of(None)) == list(entries_of(b"{}")) == []


def test_an_entry_is_one_line() -> None:
    assert line(started("ab12", "w")) == "08:00:00.123  ab12:0   run.started     acme/alert/a-1  w version 1, by t"
    failed = entry(4, "step.failed", step="mail", action="send_notification", error={"kind": "smtp"})
    assert line(failed).endswith('mail send_notification  {"kind":"smtp"}')
