"""Compiling a definition: what is refused, what is pinned, what a step sends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from engine.paths import Scope
from engine.run import start
from engine.workflow import Pinned, Workflow, compile_workflow
from schemas.definitions import parse_definition
from schemas.errors import Fault, Refused
from schemas.events import Event

Make = Callable[..., Workflow]
EventOf = Callable[..., Event]


def faults(make: Make, *steps: dict[str, Any], **fields: Any) -> list[Fault]:
    with pytest.raises(Refused) as caught:
        make(*steps, **fields)
    return list(caught.value.faults)


TAG = {"id": "tag", "action": "add_tag", "with": {"tag": "x"}}


def test_all_faults_are_told_at_once(workflow: Make) -> None:
    found = faults(
        workflow,
        {"id": "a", "action": "create_ticket", "with": {"title": "{{a b}}", "description": "{% if %}"}},
        {"id": "g", "condition": {"field": "a b", "op": "exists"}},
        {"id": "b", "if": {"field": "c d", "op": "exists"}, "then": [], "else": [{**TAG, "with": {"tag": "{{"}}]},
        cancel_on=[{"type": "device.online", "where": {"field": "e f", "op": "exists"}}],
        restart_on=[{"type": "device.online"}, {"type": "device.online", "where": {"field": "g h", "op": "exists"}}],
        throttle={"key": "{{device.id", "limit": 1, "per": "PT1M"},
        conditions={"field": "x", "op": "equals", "value": "{{y | nope}}"},
    )
    assert {fault.field for fault in found} == {
        "steps[2].if.field",
        "steps[2].else[0].with.tag",
        "cancel_on[0].where.field",
        "restart_on[1].where.field",
        "throttle.key",
        "conditions.value",
        "steps[0].with.title",
        "steps[0].with.description",
        "steps[1].condition.field",
    }


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"throttle": {"key": "k", "limit": 1, "per": "32d"}}, "throttle.per", "is not a period that runs are counted"),
        ({"throttle": {"key": "k", "limit": 1, "per": "0s"}}, "throttle.per", "is not a period that runs are counted"),
        ({"throttle": {"key": "k", "limit": 0, "per": "1m"}}, "throttle.limit", "should be greater than"),
        ({"throttle": {"key": "{{a | nope}}", "limit": 1, "per": "1m"}}, "throttle.key", "'nope' is not a filter"),
        (
            {"cancel_on": [{"type": "device.online", "where": {"field": "a", "op": "equals", "value": "{{"}}]},
            "cancel_on[0].where.value",
            "has '{{' without",
        ),
        ({"restart_on": [{"type": "moon.full"}]}, "restart_on[0].type", "'moon.full' is not an event type"),
        ({"steps": [{"id": "w", "action": "delay", "with": {"for": "x"}}]}, "steps[0].with.for", "'x' is not a dur"),
        ({"steps": [{"id": "w", "action": "delay", "with": {"until": "x"}}]}, "steps[0].with.until", "'x' is not a ti"),
        (
            {"steps": [{"id": "w", "action": "delay", "with": {"until": "business_hours", "calendar": "a b"}}]},
            "steps[0].with.calendar",
            "'a b' is not a calendar's id",
        ),
    ],
)
def test_what_is_out_of_bounds_is_refused_with_its_field(
    document: Callable[..., dict[str, Any]], fields: dict[str, Any], field: str, reason: str
) -> None:
    with pytest.raises(Refused) as caught:
        compile_workflow(parse_definition({**document(), **fields}))
    assert [fault.field for fault in caught.value.faults] == [field]
    assert reason in caught.value.reason


def test_what_watches_and_throttles_is_compiled(workflow: Make, event: EventOf) -> None:
    made = workflow(
        TAG,
        cancel_on=[
            {"type": "device.online"},
            {"type": "device.offline", "where": {"field": "device.id", "op": "exists"}},
        ],
        restart_on=[{"type": "device.offline"}],
        throttle={"key": "{{device.id}}-{{company.id}}", "limit": 2, "per": "PT30M"},
    )
    assert [(watch.type, watch.condition is None) for watch in made.cancel_on] == [
        ("device.online", True),
        ("device.offline", False),
    ]
    assert [watch.type for watch in made.restart_on] == ["device.offline"]
    assert made.watches == {"device.online", "device.offline"}
    assert made.throttle is not None
    assert (made.throttle.limit, made.throttle.per) == (2, timedelta(minutes=30))
    assert made.throttle.key.render(Scope(event().envelope, made.reference, {}, {})) == "d-17-c-1"
    fields = {field for field, _ in made.templates}
    assert {"cancel_on[1].where.field", "throttle.key", "steps[0].with.tag"} <= fields


def test_a_workflow_that_says_nothing_of_it_has_none(workflow: Make) -> None:
    made = workflow(TAG)
    assert (made.cancel_on, made.restart_on, made.watches, made.throttle) == ((), (), frozenset(), None)
    assert (made.shadow, workflow(TAG, state="shadow").shadow) == (False, True)


def test_a_workflow_has_at_most_500_conditions_in_all(workflow: Make) -> None:
    gate = {"condition": {"all": [{"field": "device.id", "op": "exists"}] * 249}}
    assert len(workflow({"id": "a", **gate}, {"id": "b", **gate}, TAG).steps) == 3
    found = faults(workflow, {"id": "a", **gate}, {"id": "b", **gate}, {"id": "c", **gate}, TAG)
    assert found == [Fault("steps[2].condition", "a workflow has at most 500 conditions, groups included")]


def test_the_digest_is_that_of_the_body_whatever_the_order_of_its_keys(
    workflow: Make, document: Callable[..., dict[str, Any]]
) -> None:
    body = document()
    one = compile_workflow(parse_definition(body))
    other = compile_workflow(parse_definition(dict(reversed(body.items()))))
    assert one.digest == other.digest
    assert len(one.digest) == 64
    assert workflow(version=2).digest != one.digest
    assert one.body == body


def test_a_body_compiles_to_the_same_digest_again(workflow: Make) -> None:
    made = workflow(
        {"id": "g", "condition": {"not": {"any": [{"field": "device.id", "op": "exists"}]}}},
        {"id": "n", "action": "send_notification", "with": {"channel": "push", "to": "u-2", "body": "{{device.id}}"}},
        on_error="stop",
        description="why",
    )
    assert compile_workflow(parse_definition(made.body)).digest == made.digest


def test_an_unfinished_draft_is_compiled_as_far_as_it_goes() -> None:
    draft = compile_workflow(parse_definition({"id": "wf", "org": "acme", "version": 1, "state": "draft"}))
    assert draft.trigger_type is None
    assert draft.steps == ()
    half = {
        "id": "wf",
        "org": "acme",
        "version": 1,
        "state": "draft",
        "steps": [{"id": "t", "action": "create_ticket"}],
    }
    assert len(compile_workflow(parse_definition(half)).steps) == 1
    half["steps"] = [{"id": "t", "action": "create_ticket", "with": {"title": "{{"}}]
    with pytest.raises(Refused):
        compile_workflow(parse_definition(half))


def test_pinned_workflows_are_compiled_once_and_forgotten_in_turn(workflow: Make) -> None:
    one, two, three = (workflow(version=version) for version in (1, 2, 3))
    pinned = Pinned(most=2)
    first = pinned.get(one.digest, one.body)
    assert pinned.get(one.digest, one.body) is first
    pinned.get(two.digest, two.body)
    assert pinned.get(one.digest, one.body) is first
    pinned.get(three.digest, three.body)
    assert pinned.get(one.digest, one.body) is first
    pinned.get(two.digest, two.body)
    pinned.get(three.digest, three.body)
    assert pinned.get(one.digest, one.body) is not first


def test_a_body_that_is_not_the_digest_s_is_not_found_by_others(workflow: Make) -> None:
    honest, other = workflow(version=1), workflow(version=2)
    pinned = Pinned()
    assert pinned.get(honest.digest, other.body).version == 2
    assert pinned.get(honest.digest, honest.body).version == 1


def sent(make: Make, event: Event, now: datetime, action: str, **given: Any) -> dict[str, Any]:
    """What the step sends; where it fails before that, the error."""
    entries = start(make({"id": "s", "action": action, "with": given}), event, now)
    if entries[2:]:
        error: dict[str, Any] = entries[2]["data"]["error"]
        return error
    sent: dict[str, Any] = entries[1]["data"]["input"]
    return sent


@pytest.mark.parametrize(
    ("action", "given", "input_"),
    [
        ("create_ticket", {"title": "T"}, {"title": "T", "status": "New", "company_id": "c-1"}),
        (
            "create_ticket",
            {"title": "T", "status": "Open", "company_id": "c-9"},
            {"title": "T", "status": "Open", "company_id": "c-9"},
        ),
        (
            "create_ticket",
            {"title": 42, "board": "{{device.criticality}}"},
            {"title": "42", "board": 4, "status": "New", "company_id": "c-1"},
        ),
        (
            "create_ticket",
            {"title": "T", "description": "{{nope}}"},
            {"title": "T", "description": "", "status": "New", "company_id": "c-1"},
        ),
        ("create_ticket", {"title": "T", "board": None}, {"title": "T", "status": "New", "company_id": "c-1"}),
        (
            "update_ticket",
            {"fields": {"status": "Closed", "points": 3}, "ticket_id": "T-1"},
            {"fields": {"status": "Closed", "points": 3}, "ticket_id": "T-1"},
        ),
        (
            "update_ticket",
            {"fields": "{{device.assigned_technician}}", "ticket_id": "{{device.criticality}}"},
            {"fields": {"id": "u-2", "email": "tech@acme.example"}, "ticket_id": "4"},
        ),
        (
            "update_field",
            {"field": "status", "value": "off"},
            {"field": "status", "value": "off", "entity_type": "device", "entity_id": "d-17"},
        ),
        (
            "update_field",
            {"field": "status", "value": None},
            {"field": "status", "value": None, "entity_type": "device", "entity_id": "d-17"},
        ),
        (
            "update_field",
            {"field": "status", "value": "{{nope}}", "entity_type": "company", "entity_id": "{{company.id}}"},
            {"field": "status", "value": "", "entity_type": "company", "entity_id": "c-1"},
        ),
        (
            "update_field",
            {"field": "n", "value": 3},
            {"field": "n", "value": 3, "entity_type": "device", "entity_id": "d-17"},
        ),
        ("run_script", {"script_id": "restart"}, {"script_id": "restart", "device_id": "d-17"}),
        (
            "run_script",
            {"script_id": "s", "parameters": {"force": True, "n": 2, "host": "{{device.name}}"}},
            {"script_id": "s", "parameters": {"force": True, "n": 2, "host": "SRV-01"}, "device_id": "d-17"},
        ),
        ("create_note", {"body": "B"}, {"body": "B", "company_id": "c-1"}),
        ("add_tag", {"tag": "{{device.tags[0]}}"}, {"tag": "vip", "entity_type": "device", "entity_id": "d-17"}),
        ("escalate_on_call", {"team": "noc", "severity": "{{alert.severity}}"}, {"team": "noc", "severity": ""}),
        (
            "send_notification",
            {"channel": "email", "to": ["{{device.assigned_technician.email}}", "b@x.y"], "body": "B"},
            {"channel": "email", "to": ["tech@acme.example", "b@x.y"], "body": "B"},
        ),
        (
            "webhook",
            {"url": "https://x.example", "body": {"a": "{{device.id}}"}, "headers": {"X-N": 5}},
            {"url": "https://x.example", "body": {"a": "d-17"}, "headers": {"X-N": "5"}},
        ),
    ],
)
def test_parameters_are_rendered_and_defaults_filled_in(
    workflow: Make, event: EventOf, now: datetime, action: str, given: dict[str, Any], input_: dict[str, Any]
) -> None:
    assert sent(workflow, event(), now, action, **given) == input_


def test_a_webhook_sends_the_whole_event_where_it_has_no_body(workflow: Make, event: EventOf, now: datetime) -> None:
    happened = event()
    assert sent(workflow, happened, now, "webhook", url="https://x.example")["body"] == happened.envelope


def test_an_optional_default_that_leads_nowhere_is_left_out(workflow: Make, event: EventOf, now: datetime) -> None:
    assert sent(workflow, event({"company": None}), now, "create_ticket", title="T") == {"title": "T", "status": "New"}


@pytest.mark.parametrize(
    ("action", "given", "message"),
    [
        ("create_ticket", {"title": "{{nope}}"}, "title: is required, but renders to nothing (nope is not there)"),
        ("create_ticket", {"title": " {{nope}} "}, "title: is required, but renders to nothing"),
        (
            "update_ticket",
            {"fields": {"a": 1}},
            "ticket_id: is required, but renders to nothing (ticket.id is not there)",
        ),
        ("update_ticket", {"fields": "{{device.name}}", "ticket_id": "1"}, "fields: should be an object"),
        ("update_ticket", {"fields": {"a": 1}, "ticket_id": "{{device.tags}}"}, "ticket_id: should be an id"),
        ("create_note", {"body": "B", "company_id": "{{company.nope}}"}, "company_id: is required"),
        ("run_script", {"script_id": "s", "device_id": "{{steps.x.id}}"}, "device_id: is required"),
        ("send_notification", {"channel": "email", "to": "{{nope}}", "body": "B"}, "to: is required"),
        ("webhook", {"url": "{{device.url}}"}, "url: is required"),
        ("add_tag", {"tag": "{{device.name | divided_by: 0}}"}, "tag: 'divided_by' by zero"),
        (
            "webhook",
            {"url": "https://x", "headers": {"X": "{{device.stolen}}"}},
            "headers: a secret is named by the definition",
        ),
        (
            "webhook",
            {"url": "https://x", "headers": {"Authorization": "Bearer {{device.stolen}}"}},
            "headers: a secret is named by the definition",
        ),
        (
            "webhook",
            {"url": "https://x", "headers": {"Authorization": "Token secret:{{device.name}}"}},
            "headers: a secret is named by the definition",
        ),
        ("webhook", {"url": "{{device.stolen}}"}, "url: a secret is named by the definition"),
        ("send_notification", {"channel": "teams", "to": "{{device.stolen}}", "body": "B"}, "to: a secret is named"),
        (
            "create_ticket",
            {"title": "{{device.big}}", "description": "{{device.big}}", "board": "{{device.big}}"},
            "have 600,0",
        ),
    ],
)
def test_a_step_that_cannot_be_sent_fails_before_any_call(
    workflow: Make, event: EventOf, now: datetime, action: str, given: dict[str, Any], message: str
) -> None:
    happened = event(
        {"device": {"id": "d-17", "name": "n", "tags": ["a"], "stolen": "secret:KEY", "big": "x" * 200_000}}
    )
    error = sent(workflow, happened, now, action, **given)
    assert error["kind"] == "parameters"
    assert error["message"].startswith(message)


def test_a_secret_that_the_definition_names_beside_a_template_is_kept(
    workflow: Make, event: EventOf, now: datetime
) -> None:
    headers = {"Authorization": "Bearer secret:KEY", "X-Api-Key": "secret:KEY", "X-Device": "{{device.id}}"}
    got = sent(workflow, event(), now, "webhook", url="https://x.example", headers=headers, body="b")
    assert got["headers"] == {**headers, "Authorization": "[redacted]", "X-Device": "d-17"}, "as it is recorded"


def test_what_is_read_as_text_is_sent_as_text(workflow: Make, event: EventOf, now: datetime) -> None:
    got = sent(
        workflow, event(), now, "send_notification",
        channel="email", to="{{device.tags}}", subject="{{device.criticality}}", body="{{device.tags}}",
    )  # fmt: skip
    assert got == {"channel": "email", "to": ["vip", "server"], "subject": "4", "body": '["vip","server"]'}
    headers = {"X-Level": "{{device.criticality}}", "X-Nope": "{{nope}}"}
    assert sent(workflow, event(), now, "webhook", url="https://x.example", headers=headers)["headers"] == {
        "X-Level": "4",
        "X-Nope": "",
    }


def test_recipients_that_render_to_nothing_are_left_out(workflow: Make, event: EventOf, now: datetime) -> None:
    given = {"channel": "email", "body": "B"}
    got = sent(workflow, event(), now, "send_notification", to=["{{nope}}", "b@x.y"], **given)
    assert got["to"] == ["b@x.y"]
    error = sent(workflow, event(), now, "send_notification", to=["{{nope}}"], **given)
    assert error["message"] == "to: is required, but renders to nothing"
