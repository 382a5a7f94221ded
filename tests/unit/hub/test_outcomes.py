"""What a run did, in the few words of its row."""

from __future__ import annotations

from typing import Any

from hub.services.outcomes import outcome, wanted_ids

AT = "2026-11-27T08:00:00Z"


def _entries(*told: tuple[str, dict[str, Any]], shadow: bool = False) -> list[dict[str, Any]]:
    started = {
        "workflow": {"id": "w", "name": "W", "version": 1},
        "event": {"id": "ev-1", "type": "device.offline", "subject": "device/d-1", "data": {}},
        "conditions": None,
        "causation_chain": ["w"],
        "shadow": shadow,
    }
    return [
        {"id": f"r:{seq}", "type": kind, "time": AT, "subject": "device/d-1", "orgid": "acme",
         "data": {"generation": 0, **data}}
        for seq, (kind, data) in enumerate([("run.started", started), *told])
    ]  # fmt: skip


def _done(
    position: int, action: str, given: dict[str, Any], output: Any, kind: str = "step.succeeded"
) -> list[tuple[str, dict[str, Any]]]:
    place = {"step": f"s{position}", "position": position, "action": action, "attempt": 1}
    started = ("step.started", {**place, "command": "c", "input": given})
    if kind == "step.failed":
        return [started, (kind, {**place, "error": {"kind": "http", "message": "HTTP 422"}})]
    return [started, (kind, {**place, "output": output})]


def test_a_run_is_told_by_what_its_actions_came_to() -> None:
    entries = _entries(
        ("step.condition", {"step": "urgent", "position": 0, "action": "condition", "result": True, "conditions": {}}),
        *_done(1, "create_ticket", {"title": "Down"}, {"id": "T-7"}),
        *_done(2, "send_notification", {"channel": "email", "to": "jo@acme.example"}, {}),
        *_done(3, "send_notification", {"channel": "teams", "to": "https://chat.example/secret"}, {}),
        *_done(5, "update_field", {"field": "health", "value": "bad"}, {}),
        *_done(4, "webhook", {"url": "https://books.example/in?key=1"}, None),
        ("run.completed", {}),
    )
    assert outcome("r", entries) == (
        "urgent: yes · ticket T-7 · email to jo@acme.example · Teams message · webhook to books.example "
        "· health set to bad"
    )


def test_what_failed_and_what_goes_on_is_told_as_such() -> None:
    waiting = {"step": "s2", "position": 2, "action": "delay", "attempt": 1}
    entries = _entries(
        *_done(0, "add_tag", {"tag": "offline"}, None, "step.failed"),
        *_done(1, "create_note", {"title": "Seen"}, None),
        ("step.started", {**waiting, "command": "c", "input": {"for": "15m"}}),
        ("run.waiting", {"step": "s2", "position": 2, "until": AT, "reason": "delay"}),
    )
    assert outcome("r", entries) == "failed: tag offline · note Seen · now: wait of 15 minutes"


def test_a_run_in_shadow_says_so_and_one_that_did_nothing_says_nothing() -> None:
    skipped = {"step": "s0", "position": 0, "action": "run_script", "reason": "shadow",
               "input": {"script_id": "tidy"}, "output": None}  # fmt: skip
    assert outcome("r", _entries(("step.skipped", skipped), ("run.completed", {}), shadow=True)) == (
        "in shadow: script tidy"
    )
    assert outcome("r", _entries(("run.completed", {}))) == ""
    assert outcome("r", []) == ""


def test_odd_values_are_told_and_a_long_story_is_cut() -> None:
    steps = [_done(at, "create_ticket", {"title": "x" * 300}, "no object") for at in range(9)]
    told = outcome("r", _entries(*[one for step in steps for one in step]))
    assert len(told) <= 240
    assert told.startswith("ticket xxx")
    assert outcome("r", _entries(*_done(0, "webhook", {"url": "https://[bad"}, None))) == "webhook"
    assert outcome("r", _entries(*_done(0, "delay", {"until": "next_business_day"}, None))) == (
        "wait until next business day"
    )


def test_ids_are_read_once_each() -> None:
    assert list(wanted_ids(" a,b,,a ")) == ["a", "b"]
