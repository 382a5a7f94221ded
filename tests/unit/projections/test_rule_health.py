"""Judging workflows from plain values: comparisons, what keeps events out, and fights."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from projections.health.conditions import (
    Comparison,
    comparisons,
    field_of,
    keeps_out,
    leaf_text,
    may_come,
    never_came,
    values_of,
)
from projections.health.facts import Facts, Seen, Trace, Write
from projections.health.fights import fights, rivals, writes_of
from projections.health.judge import judge

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def leaf(field: str = "alert.severity", value: Any = "crit", op: str = "equals", **more: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value, **more}


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("alert.severity", "alert.severity"),
        ("{{ alert.severity }}", "alert.severity"),
        ("{{alert.severity | lower}}", None),
        ("event.type", None),
        ("steps.ticket.id", None),
        ("alert", None),
        ("{{a.b}}{{c.d}}", None),
        (None, None),
    ],
)
def test_a_field_is_a_path_in_the_events_data(field: Any, found: str | None) -> None:
    assert field_of(field) == found


def test_comparisons_are_those_with_written_down_values_wherever_they_stand() -> None:
    definition = {
        "conditions": {"all": [leaf(), {"any": [leaf(op="in", value=["a", "b"])]}, {"not": leaf(value="never")},
                               leaf(value="{{device.id}}"), leaf(op="greater_than", value=3)]},
        "steps": [
            {"id": "gate", "condition": leaf("device.kind", "server")},
            {"id": "which", "if": leaf("device.os", "linux"), "then": [{"id": "in", "condition": leaf("a.b", 1)}]},
        ],
    }  # fmt: skip
    found = {one.path: one.text for one in comparisons(definition)}
    assert found == {
        "conditions.all[0]": "alert.severity equals crit",
        "conditions.all[1].any[0]": 'alert.severity in ["a", "b"]',
        "steps.gate.condition": "device.kind equals server",
        "steps.which.if": "device.os equals linux",
        "steps.which.then.in.condition": "a.b equals 1",
    }


@pytest.mark.parametrize(
    ("values", "case_sensitive", "never"),
    [(["HIGH"], False, False), (["HIGH"], True, True), ([3.0], False, False), (["crit"], False, True),
     (["crit", "low"], False, False)],
)  # fmt: skip
def test_a_value_came_as_the_engine_compares_it(values: list[Any], case_sensitive: bool, never: bool) -> None:
    one = Comparison("", "alert.severity", "in", values, case_sensitive)
    assert never_came(one, Counter({"high": 2, "low": 1, "3": 1})) is never


def test_a_valid_severity_may_come_and_a_misspelt_one_may_not() -> None:
    for field, value, may in (("alert.severity", "critical", True), ("alert.severity", "crit", False),
                              ("ticket.priority", "p1", True), ("alert.title", "critical", False)):  # fmt: skip
        assert may_come(Comparison("", field, "equals", [value], False)) is may


def test_values_are_counted_and_a_list_is_none() -> None:
    events = [{"data": {"a": {"b": value}}} for value in ("x", "x", 1, None)] + [{"data": {}}, {}]
    assert values_of(events, "a.b") == {"x": 2, "1": 1}
    assert values_of([{"data": {"a": {"b": ["x"]}}}], "a.b") is None


def test_what_keeps_an_event_out_is_found_with_its_place() -> None:
    false, true = {**leaf(), "result": False, "actual": "low"}, {**leaf("a.b", 1), "result": True, "actual": 1}
    trace = {"all": [true, {"any": [false, false], "result": False}, {"not": true, "result": False}], "result": False}
    found = [(path, leaf_text(one)) for path, one in keeps_out(trace)]
    assert found == [
        ("conditions.all[1].any[0]", "alert.severity equals crit"),
        ("conditions.all[1].any[1]", "alert.severity equals crit"),
        ("conditions.all[2].not", "not a.b equals 1"),
    ]
    assert list(keeps_out(None)) == []


def facts(**more: Any) -> Facts:
    long_ago = NOW - timedelta(days=60)
    return Facts("wf", "WF", 1, "alert.triggered", {"conditions": leaf()}, long_ago, long_ago, NOW - timedelta(days=30),
                 **more)  # fmt: skip


def test_events_that_different_conditions_keep_out_are_told_as_such() -> None:
    def trace(number: int) -> Trace:
        first = {**leaf("a.b", 1), "result": number % 2 == 0, "actual": 0}
        second = {**leaf("a.c", 2), "result": number % 2 == 1, "actual": 0}
        return Trace(f"r{number}", NOW - timedelta(hours=number), {"all": [first, second], "result": False})

    one = facts(skipped=700, traces=[trace(number) for number in range(500)], ran=0)
    [found] = judge(one, None, NOW)
    assert found.sentence == (
        "700 of 700 events in 30 days were skipped, no two of them always by the same comparison; most by "
        "`a.c equals 2`, `a.b equals 1` (the latest 500 of them were looked at)"
    )
    assert found.about == ""


def test_one_run_or_one_suppressed_event_is_enough_that_nothing_is_always_filtered() -> None:
    assert list(judge(facts(skipped=500, ran=1, ran_in_window=1), None, NOW)) == []
    assert [one.finding for one in judge(facts(skipped=500, suppressed=1), None, NOW)] == ["not_run"]


def test_a_field_of_many_values_may_have_any() -> None:
    def seen(distinct: int) -> Seen:
        events = [{"data": {"alert": {"severity": f"s{number % distinct}"}}} for number in range(100)]
        return Seen(events, False, NOW, ("r1",))

    busy = facts(ran=5, ran_in_window=5)
    assert [one.finding for one in judge(busy, seen(20), NOW)] == ["value_never_came"]
    assert list(judge(busy, seen(21), NOW)) == []
    few = Seen([{"data": {}}] * 19, False, NOW)
    assert list(judge(busy, few, NOW)) == []
    [nowhere] = judge(busy, Seen([{"data": {}}] * 20, False, NOW), NOW)
    assert nowhere.sentence.startswith("It compares a field that none of 20 alert.triggered events in 30 days had")


def write(minute: float, workflow: str, value: Any, entity: str = "ticket/t-1", field: str = "status") -> Write:
    return Write(NOW + timedelta(minutes=minute), f"{workflow}-{minute}", workflow, entity, field, value)


@pytest.mark.parametrize(
    "writes",
    [
        [write(0, "a", "x"), write(1, "b", "y")],
        [write(0, "a", "x"), write(1, "a", "y"), write(2, "a", "x")],
        [write(0, "a", "x"), write(1, "b", "x"), write(2, "a", "x")],
        [write(0, "a", "x"), write(1, "b", "y"), write(2, "a", "z")],
        [write(0, "a", "x"), write(1, "b", "y"), write(61, "a", "x")],
        [write(0, "a", "x"), write(1, "b", "y", "ticket/t-2"), write(2, "a", "x")],
        [write(0, "a", "x"), write(1, "b", "y", field="board"), write(2, "a", "x")],
        [write(0, "a", "x"), write(1, "b", "y"), write(2, "c", "x")],
    ],
)
def test_what_only_looks_like_a_fight_is_none(writes: list[Write]) -> None:
    assert fights(writes) == []


def test_a_fight_is_told_of_both_and_is_grave_when_it_goes_on() -> None:
    once = [write(0, "a", "x"), write(1, "b", "y"), write(2, "a", "x")]
    assert [(one.workflow_id, one.severity, one.about) for one in fights(once)] == [
        ("a", "medium", "status b"), ("b", "medium", "status a"),
    ]  # fmt: skip
    on = [write(number, "ab"[number % 2], "xy"[number % 2]) for number in range(5)]
    assert {one.severity for one in fights(list(reversed(on)))} == {"high"}


def test_what_steps_set_is_read_of_definitions_and_inputs() -> None:
    sets = {"id": "s", "action": "update_field", "with": {"field": "status", "value": 1}}
    ticket = {"id": "t", "action": "update_ticket", "with": {"fields": {"status": "x", "board": "y"}}}
    other = {"id": "u", "action": "update_field", "with": {"field": "{{alert.field}}", "value": 1}}
    found = rivals({"a": {"steps": [sets]}, "b": {"steps": [{"id": "w", "if": {}, "then": [ticket]}]},
                    "c": {"steps": [other]}})  # fmt: skip
    assert found == {"a": {"status"}, "b": {"status"}}
    rendered = {"field": "status", "value": 1, "entity_type": "ticket", "entity_id": "t-1"}
    assert list(writes_of("update_field", rendered)) == [("ticket/t-1", "status", 1)]
    assert list(writes_of("update_ticket", {"ticket_id": "t-1", "fields": {"status": "x"}})) == [
        ("ticket/t-1", "status", "x")
    ]
    assert list(writes_of("update_field", {"truncated": True, "bytes": 5})) == []
