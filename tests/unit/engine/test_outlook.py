"""What a run would do from here on, if all goes well."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from engine.outlook import outlook
from engine.run import decide, fold, resume, start
from engine.workflow import compile_workflow
from schemas.definitions import parse_definition
from schemas.events import from_envelope
from schemas.outcomes import Failed, Succeeded

NOW = datetime(2026, 11, 27, tzinfo=UTC)
NOTE: dict[str, Any] = {"action": "create_note", "with": {"body": "x", "company_id": "c-1"}}
STEPS: list[dict[str, Any]] = [
    {"id": "first", **NOTE},
    {"id": "second", "action": "create_ticket", "with": {"title": "t"}, "on_error": "stop"},
    {"id": "wait", "action": "delay", "with": {"for": "7d"}},
    {"id": "which", "if": {"field": "alert.severity", "op": "equals", "value": "high"},
     "then": [{"id": "tag", "action": "add_tag", "with": {"tag": "x"}}], "else": [{"id": "other", **NOTE}]},
]  # fmt: skip


def test_a_resumed_run_does_what_is_missing_and_a_new_one_does_all() -> None:
    body = {"id": "wf", "org": "acme", "version": 1, "name": "WF", "state": "enabled",
            "trigger": {"type": "alert.triggered"}, "steps": STEPS}  # fmt: skip
    workflow = compile_workflow(parse_definition(body))
    event = from_envelope({
        "specversion": "1.0", "id": "e", "source": "/security", "type": "alert.triggered", "subject": "alert/a",
        "orgid": "acme", "data": {"alert": {"id": "a", "title": "T", "severity": "high"}},
    })  # fmt: skip
    entries = start(workflow, event, NOW)
    every = [("first", "create_note"), ("second", "create_ticket"), ("which.then.tag", "add_tag")]
    assert outlook(workflow, None, entries, NOW) == every
    state = fold(None, entries, workflow.body)
    state = fold(state, decide(workflow, state, Succeeded({}), NOW), workflow.body)
    state = fold(state, decide(workflow, state, Failed({"kind": "http", "message": "no"}), NOW), workflow.body)
    assert state.status == "failed"
    again = resume(workflow, state, NOW, by={"person": "Ada"})
    assert outlook(workflow, state, again, NOW) == every[1:]
    assert state.status == "failed"
