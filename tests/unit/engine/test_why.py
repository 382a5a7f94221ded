from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import why as reasons
from engine.run import start, suppress
from engine.why import Begun, Verdict, Version, leaves, tell_leaf, why
from engine.workflow import Workflow
from schemas.entries import EntryDict
from schemas.events import Event

Make = Callable[..., Workflow]
Happens = Callable[..., Event]
Document = Callable[..., dict[str, Any]]
HOUR = timedelta(hours=1)
LOW = {"field": "device.criticality", "op": "less_than", "value": 3}


def begun(entries: list[EntryDict], status: str, error: str | None = None) -> Begun:
    return Begun("ab12", status, dict(entries[0]["data"]), error)


@pytest.fixture
def ask(document: Document, event: Happens, now: datetime) -> Callable[..., Verdict]:
    """Asks about one event and versions that are given as fields; each was published an hour after the one before."""

    def asked(*versions: dict[str, Any], run: Begun | None = None, in_force: bool = True, late: int = 0) -> Verdict:
        published = [
            Version(document(version=number, **fields), now + (number - len(versions) + late) * HOUR)
            for number, fields in enumerate(versions, 1)
        ]
        return why(event(), now + HOUR / 2, published, run, in_force=in_force)

    return asked


def test_a_run_is_the_answer_and_newer_versions_are_told(
    ask: Callable[..., Verdict], workflow: Make, event: Happens, now: datetime
) -> None:
    ran = begun(start(workflow(), event(), now), "failed", "step tag failed: HTTP 500")
    found = ask({}, {}, run=ran)
    assert (found.kind, found.status, found.version, found.run_id) == (reasons.RAN, "failed", 1, "ab12")
    assert found.reason == "ran: failed, step tag failed: HTTP 500"
    assert found.note == "version 2 is in force now"
    assert ask({}, run=ran, in_force=False).note == "the workflow has been deleted since"


def test_false_conditions_are_told_with_the_values_that_made_them_false(
    ask: Callable[..., Verdict], workflow: Make, event: Happens, now: datetime
) -> None:
    conditions = {"all": [LOW, {"not": {"field": "device.tags", "op": "contains", "value": "vip"}}]}
    skipped = begun(start(workflow(conditions=conditions), event(), now), "skipped")
    for found in (ask({"conditions": conditions}, run=skipped), ask({"conditions": conditions})):
        assert found.kind == reasons.SKIPPED
        assert [(leaf["field"], leaf["actual"]) for leaf in found.failing] == [
            ("device.criticality", 4),
            ("device.tags", ["vip", "server"]),
        ]
        assert found.reason == (
            "its conditions were false: device.criticality less_than 3 (it was 4); "
            'not device.tags contains "vip" (it was ["vip", "server"])'
        )
    assert ask({"conditions": conditions}).note is not None


def test_a_guards_reason_is_told(ask: Callable[..., Verdict], workflow: Make, event: Happens, now: datetime) -> None:
    entries = suppress(workflow(), event(), now, "throttle", "throttled: at most 1 run")
    found = ask({}, run=begun(entries, "suppressed"))
    assert (found.kind, found.reason) == (reasons.SUPPRESSED, "throttled: at most 1 run")


def test_without_a_run_the_version_of_that_time_is_asked(ask: Callable[..., Verdict]) -> None:
    other = ask({"trigger": {"type": "device.online"}}, {})
    assert other.kind == reasons.UNKNOWN  # version 2, of the right trigger, was in force when the event came
    assert ask({}, {"trigger": {"type": "device.online"}}).kind == reasons.OTHER_TRIGGER
    assert ask({}, {"trigger": {"type": "device.online"}}, late=1).kind == reasons.UNKNOWN
    assert ask({}, {"state": "disabled"}).reason == "version 2 was in force, in state disabled: it starts no runs"
    assert ask({"state": "draft"}).kind == reasons.STATE
    assert ask({}, late=1).kind == reasons.LATER
    assert "version 1, the first, was published at 2026-11-23 09:00:01 UTC" in ask({}, late=1).reason
    assert ask({}, in_force=False).kind == reasons.DELETED


def test_what_the_loop_guard_would_say_is_told_where_the_record_is_gone(
    document: Document, event: Happens, now: datetime
) -> None:
    found = why(event(causationchain="wf"), now, [Version(document(), now)], None)
    assert found.kind == reasons.SUPPRESSED
    assert "wf → wf" in found.reason


LEAF = st.builds(
    lambda result: {"field": "x", "op": "equals", "value": 1, "actual": 2, "result": result}, st.booleans()
)


def _group(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    several = st.lists(inner, min_size=1, max_size=4)
    return st.one_of(
        several.map(lambda found: {"all": found, "result": all(one["result"] for one in found)}),
        several.map(lambda found: {"any": found, "result": any(one["result"] for one in found)}),
        inner.map(lambda found: {"not": found, "result": not found["result"]}),
    )


def _turned(trace: dict[str, Any], blamed: set[int]) -> bool:
    """The tree's result, were each blamed leaf the other way round."""
    if "not" in trace:
        return not _turned(trace["not"], blamed)
    for word, how in (("all", all), ("any", any)):
        if word in trace:
            return how([_turned(one, blamed) for one in trace[word]])
    return bool(trace["result"]) is not (id(trace) in blamed)


@given(st.recursive(LEAF, _group, max_leaves=12))
def test_the_leaves_that_are_blamed_are_the_ones_that_would_have_to_change(trace: dict[str, Any]) -> None:
    blamed = {id(leaf) for leaf in leaves(trace)}
    assert bool(blamed) is not trace["result"]
    assert _turned(trace, blamed)


def test_a_leaf_is_told_in_words() -> None:
    missing = {"field": "a.b", "op": "greater_than", "value": 3, "actual": None, "missing": True, "result": False}
    assert tell_leaf(missing) == "a.b greater_than 3 (it was missing)"
    note = {"field": "a", "op": "less_than", "value": 3, "actual": "x", "note": "text is no number", "result": False}
    assert tell_leaf(note) == 'a less_than 3 (it was "x"; text is no number)'
    assert tell_leaf({"field": "a", "op": "changed", "value": None, "actual": 1, "result": False}) == (
        "a changed (it was 1)"
    )
