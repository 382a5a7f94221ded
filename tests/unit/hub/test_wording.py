from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.services.wording import LONGEST, OPERATORS, condition_sentence, sentences, step_sentence, trigger_sentence
from hub.services.words import field, span
from schemas.actions import PARAMETERS
from schemas.conditions import Operator
from schemas.events import EVENT_TYPES
from schemas.templates import built_in

CRITICAL = {"field": "alert.severity", "op": "equals", "value": "critical"}
HIGH = {"field": "{{alert.severity}}", "op": "equals", "value": "high"}
MATTERS = {"field": "device.criticality", "op": "greater_than", "value": 3}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["all", "any", "not", "field", "op", "value", "if", "then", "else", "condition", "with"])
            | st.sampled_from(["id", "action", "steps", "trigger", "conditions", "type", "for", "to", "fields"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


def test_comparisons_of_one_field_are_told_as_one() -> None:
    same = {"any": [CRITICAL, {**HIGH, "field": "alert.severity"}]}
    told = condition_sentence({"all": [same, MATTERS]}, "alert")
    assert told == "severity is critical or high, and device criticality is greater than 3"


def test_groups_inside_groups_stand_in_brackets() -> None:
    either = {"any": [CRITICAL, MATTERS]}
    assert condition_sentence({"all": [either, {"not": either}]}, "alert") == (
        "(severity is critical, or device criticality is greater than 3), "
        "and not (severity is critical, or device criticality is greater than 3)"
    )


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (CRITICAL, "alert severity is critical"),
        ({"not": CRITICAL}, "alert severity is not critical"),
        ({"not": {"not": CRITICAL}}, "alert severity is critical"),
        ({"all": [CRITICAL]}, "alert severity is critical"),
        ({"field": "deal.stage", "op": "equals", "value": "Closed Won"}, "deal stage is “Closed Won”"),
        ({"field": "ticket.status", "op": "in", "value": ["A", "B"]}, "ticket status is A or B"),
        (
            {"not": {"field": "ticket.status", "op": "in", "value": ["Closed", "Resolved"]}},
            "ticket status is neither Closed nor Resolved",
        ),
        ({"field": "ticket.status", "op": "not_in", "value": ["Closed"]}, "ticket status is not Closed"),
        ({"field": "device.id", "op": "exists"}, "device id exists"),
        ({"field": "device.id", "op": "exists", "value": False}, "device id does not exist"),
        ({"not": {"field": "device.id", "op": "exists", "value": False}}, "device id exists"),
        ({"field": "ticket.status", "op": "changed"}, "ticket status has changed"),
        ({"field": "steps.ticket.id", "op": "starts_with", "value": "T"}, "id of step ticket starts with T"),
        ({"field": "{{a.b | downcase}}", "op": "contains", "value": "disk"}, "a b (downcase) contains disk"),
        ({"field": "ticket.priority", "op": "equals", "value": "{{a.b}}"}, "ticket priority is {{a.b}}"),
        ({"field": "ticket.status"}, "ticket status …"),
        ({"op": "equals", "value": 1}, "… is 1"),
        ({"all": []}, "…"),
        (None, "…"),
    ],
)  # fmt: skip
def test_a_condition_reads_as_a_sentence(condition: Any, told: str) -> None:
    assert condition_sentence(condition) == told


@pytest.mark.parametrize(
    ("action", "parameters", "told"),
    [
        ("create_ticket", {"title": "{{alert.title}}", "board": "Alerts", "priority": "P1"},
         "Create ticket “{{alert.title}}” on board Alerts, P1"),
        ("create_ticket", {}, "Create ticket …"),
        ("update_ticket", {"fields": {"status": "Closed", "priority": "P1"}, "ticket_id": "{{ticket.id}}"},
         "Update ticket: status Closed, priority P1"),
        ("update_ticket", {"fields": {"status": "In progress"}, "ticket_id": "T-1"},
         "Update ticket T-1: status “In progress”"),
        ("send_notification", {"channel": "email", "to": "{{device.assigned_technician.email}}"},
         "Email {{device.assigned_technician.email}}"),
        ("send_notification", {"channel": "email", "to": ["a@b.example", "c@d.example"], "subject": "Hello"},
         "Email a@b.example and c@d.example: “Hello”"),
        ("send_notification", {"channel": "slack", "to": "secret:S", "body": "One\ntwo"}, "Post to Slack: “One two”"),
        ("send_notification", {}, "Notify … by …"),
        ("escalate_on_call", {"team": "Network", "severity": "critical"},
         "Escalate to On-Call team Network, severity critical"),
        ("update_field", {"field": "criticality", "value": 5, "entity_type": "{{event.subject_type}}"},
         "Set criticality to 5"),
        ("update_field", {"field": "site", "value": "HQ", "entity_type": "device", "entity_id": "d-1"},
         "Set site of device d-1 to HQ"),
        ("run_script", {"script_id": "restart"}, "Run script restart on the device"),
        ("create_note", {"body": "Seen"}, "Add a note to the company: “Seen”"),
        ("add_tag", {"tag": "vip"}, "Add tag “vip”"),
        ("webhook", {"url": "https://hooks.example/x"}, "Send a webhook to https://hooks.example/x"),
        ("delay", {"for": "PT15M"}, "Wait 15 minutes"),
        ("delay", {"for": "4h", "calendar": "default"}, "Wait 4 hours of business time of calendar default"),
        ("delay", {"until": "next_business_day"}, "Wait until the next business day"),
        ("delay", {"until": "{{ticket.due_at}}"}, "Wait until {{ticket.due_at}}"),
        ("delay", {}, "Wait …"),
    ],
)  # fmt: skip
def test_an_action_reads_as_a_sentence(action: str, parameters: dict[str, Any], told: str) -> None:
    assert step_sentence(action, parameters) == told
    assert step_sentence({"id": "s", "action": action, "with": parameters}) == told


def test_gates_and_branches_read_as_conditions() -> None:
    assert step_sentence({"id": "g", "condition": CRITICAL}, entity="alert") == "Go on only if severity is critical"
    assert step_sentence({"id": "b", "if": CRITICAL, "then": []}, entity="alert") == "If severity is critical"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("PT15M", "15 minutes"), ("1.5h", "1 hour 30 minutes"), ("7d", "1 week"), ("10d", "10 days"),
        ("250ms", "250 milliseconds"), ("PT1S", "1 second"), ("2.5s", "2.5 seconds"), ("{{x}}d", "{{x}}d"), ("", ""),
    ],
)  # fmt: skip
def test_a_duration_is_told_in_words(given: str, told: str) -> None:
    assert span(given) == told


def test_the_triggering_entity_is_not_named_twice() -> None:
    assert field("{{ticket.assignee.email}}", "ticket") == "assignee email"
    assert field("previous.ticket.status", "ticket") == "previous status"
    assert field("ticket", "ticket") == "ticket"


def test_every_operator_event_type_and_action_has_words() -> None:
    assert set(OPERATORS) == set(Operator.__args__)  # type: ignore[attr-defined]  # a Literal's choices
    assert all("…" not in trigger_sentence(one) for one in EVENT_TYPES)
    assert trigger_sentence("alert.triggered") == "When a monitoring alert fires"
    assert all(step_sentence(action, {}) != action for action in PARAMETERS)


def test_every_card_of_a_built_in_template_has_a_whole_sentence() -> None:
    for template in built_in().values():
        told = sentences(template.definition)
        assert "trigger" in told
        assert len(told) > 1
        assert not [sentence for sentence in told.values() if "…" in sentence and len(sentence) < 60], told


def test_steps_are_named_by_their_paths() -> None:
    inner = {"id": "ticket", "action": "create_ticket", "with": {"title": "T"}}
    body = {"trigger": {"type": "alert.triggered"}, "steps": [{"id": "which", "if": CRITICAL, "then": [inner]}]}
    assert sentences(body) == {
        "trigger": "When a monitoring alert fires",
        "which": "If severity is critical",
        "which.then.ticket": "Create ticket “T”",
    }


@given(JSON, st.none() | st.sampled_from(["alert", "ticket"]))
def test_whatever_is_given_a_sentence_of_bounded_length_comes_back(node: Any, entity: str | None) -> None:
    assert len(condition_sentence(node, entity)) <= LONGEST
    assert len(step_sentence(node, entity=entity)) <= LONGEST
    assert all(isinstance(one, str) for one in sentences(node).values())


@given(st.sampled_from(sorted(PARAMETERS)), JSON)
def test_no_action_takes_a_parameter_that_its_sentence_can_not_tell(action: str, parameters: Any) -> None:
    names = [info.alias or name for name, info in PARAMETERS[action].model_fields.items()]
    told = step_sentence(action, dict.fromkeys(names, parameters))
    assert told
    assert len(told) <= LONGEST
