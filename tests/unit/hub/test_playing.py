from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.simulate import simulate
from engine.simulation.samples import sample_event
from engine.workflow import compile_workflow
from hub.services.calls import call_told
from hub.services.playing import simulation
from hub.services.trying import Failing, answered, changed, outcomes, put, unanswered
from schemas.actions import PARAMETERS
from schemas.definitions import parse_definition
from schemas.errors import Refused
from schemas.templates import built_in, fill

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
NEEDED = {"email": "a@b.example", "list": ["x"], "number": 1, "duration": "1h", "secret": "secret:X"}


def filled(name: str) -> dict[str, Any]:
    template = built_in()[name]
    values = {one.name: NEEDED.get(one.type, "x") for one in template.parameters if one.required}
    return fill(template, values, "acme", state="enabled")


@pytest.mark.parametrize("name", built_in())
def test_every_template_is_played_as_a_story_with_what_it_would_send(name: str) -> None:
    workflow = compile_workflow(parse_definition(filled(name)))
    assert workflow.trigger_type is not None
    told = simulation(
        simulate(workflow, sample_event(workflow.trigger_type, "acme", NOW), NOW).as_json(), workflow.body
    )
    assert told["story"][0].startswith(workflow.trigger_type)
    assert told["story"][-1].endswith(".")
    assert not [sentence for sentence in told["story"] if "…" in sentence and len(sentence) < 60]
    sent = {one["step"] for one in told["steps"] if one["action"] not in ("condition", "delay") and "input" in one}
    assert set(told["requests"]) == sent
    assert all(one["ended"] is not None for one in told["steps"])


def test_a_story_tells_attempts_failures_signals_and_what_was_not_reached() -> None:
    body = {
        "id": "w", "org": "acme", "version": 1, "name": "W", "state": "enabled", "on_error": "stop",
        "trigger": {"type": "alert.triggered"}, "cancel_on": [{"type": "alert.resolved"}],
        "steps": [
            {"id": "ticket", "action": "create_ticket", "with": {"title": "{{alert.title}}"}},
            {"id": "gate", "condition": {"field": "alert.severity", "op": "equals", "value": "critical"}},
            {"id": "tag", "action": "add_tag", "with": {"tag": "x"}},
            {"id": "never", "action": "add_tag", "with": {"tag": "y"}},
        ],
    }  # fmt: skip
    workflow = compile_workflow(parse_definition(body))
    event = sample_event("alert.triggered", "acme", NOW)
    failing = {"ticket": Failing(answered(503), 1), "tag": Failing(unanswered())}
    told = simulation(simulate(workflow, event, NOW, outcomes=outcomes(failing)).as_json(), workflow.body)
    story = told["story"]
    assert story[1] == "ticket: Create ticket “Disk full”: would succeed at attempt 2."
    assert story[2].endswith("gate: severity is critical? Yes.")
    assert story[3].endswith("tag: Add tag “x” to alert a-1: failed after 4 attempts: no answer in time.")
    assert story[4] == "never was not reached: tag failed, with on_error: stop."
    assert story[5].startswith("The run failed after ")


def test_what_is_skipped_or_suppressed_says_so() -> None:
    body = filled("alert-to-ticket")
    workflow = compile_workflow(parse_definition(body))
    low = changed(sample_event("alert.triggered", "acme", NOW), {"alert.severity": "low"})
    told = simulation(simulate(workflow, low, NOW).as_json(), body)
    assert told["story"][1:] == [
        "The conditions did not hold: severity is critical or high.", "So the workflow did not run.",
    ]  # fmt: skip
    looped = sample_event("alert.triggered", "acme", NOW)
    looped.envelope["causationchain"] = "alert-to-ticket"
    again = changed(looped, {})
    assert simulation(simulate(workflow, again, NOW).as_json(), body)["story"][-1].startswith("A guard kept the run")


def test_an_event_is_changed_by_paths_and_stays_an_event() -> None:
    event = sample_event("alert.triggered", "acme", NOW)
    assert changed(event, {"alert.severity": "low", "new.x": 1}).data["new"] == {"x": 1}
    assert event.data["alert"]["severity"] == "critical"
    with pytest.raises(Refused):
        changed(event, {"alert.severity": "awful"})
    with pytest.raises(Refused, match="title is no object"):
        put(event.data, "alert.title.x", 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(PARAMETERS)), st.data())
def test_whatever_parameters_render_to_a_call_is_told_or_none(action: str, data: st.DataObject) -> None:
    names = [info.alias or name for name, info in PARAMETERS[action].model_fields.items()]
    given = data.draw(st.dictionaries(st.sampled_from(names), JSON | st.sampled_from(["email", "slack", "https://[x"])))
    told = call_told(action, given, {"subject": "device/d-1"})
    assert told is None or set(told) == {"method", "url", "body"}
