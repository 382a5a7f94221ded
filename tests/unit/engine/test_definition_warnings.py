"""Warnings about paths and steps that a run won't find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.check import check, check_workflow
from engine.workflow import Workflow
from schemas.definitions import parse_definition
from schemas.errors import Refused

Make = Callable[..., Workflow]


def warned(make: Make, text: str, trigger: str = "device.offline") -> list[tuple[str, str]]:
    step = {"id": "t", "action": "create_ticket", "with": {"title": text}}
    return [(one.field, one.reason) for one in check_workflow(make(step, trigger={"type": trigger}))]


@pytest.mark.parametrize(
    "path",
    [
        "device.name",
        "device.assigned_technician.email",
        "device.tags[0]",
        "device.tags.size",
        "device.name.size",
        "company",
        "company.primary_contact.email",
        "previous.anything.at.all",
        "ticket.assignee.name",
        "conflict.values[0].x",
        "alert.title",
        "event.id",
        "event.data.device.id",
        "event.subject_id",
        "event.data",
        "event",
        "workflow.name",
        "run.started",
        "org",
        "run",
        "ticket.sla.due_at",
        "event.time",
    ],
)
def test_known_paths_are_not_warned_about(workflow: Make, path: str) -> None:
    assert warned(workflow, f"{{{{{path}}}}}") == []


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("device.naem", "device.naem is not a field that device.offline events are known to have"),
        ("devcie.name", "devcie.name is not a field that device.offline events are known to have"),
        ("device.name.first_letter", "device.name.first_letter is not a field"),
        ("device.assigned_technician.phone", "is not a field"),
        ("event.data.device.naem", "is not a field"),
        ("event.tenant", "event.tenant is not an attribute"),
        ("workflow.owner", "workflow.owner is not there: workflow has id, name, version"),
        ("run.ended", "run.ended is not there: run has id, started"),
        ("org.name", "'org' is text"),
        ("steps.nope.id", "no step has the id 'nope'"),
        ("steps.t.id", "the step 't' has not been performed at this point"),
    ],
)
def test_paths_that_cannot_be_are_warned_about_with_their_field(workflow: Make, path: str, reason: str) -> None:
    for text in (f"{{{{{path}}}}}", f"x {{{{{path} | upcase}}}}", f"{{{{'x' | append: {path}}}}}"):
        [(field, told)] = warned(workflow, text)
        assert field == "steps[0].with.title"
        assert reason in told


def test_a_step_refers_to_earlier_actions_only(workflow: Make) -> None:
    made = workflow(
        {"id": "g", "condition": {"field": "steps.a.b.ok", "op": "exists"}},
        {"id": "a.b", "action": "add_tag", "with": {"tag": "{{steps.g.result}}{{steps.last.id}}"}},
        {"id": "last", "action": "add_tag", "with": {"tag": "{{steps.a.b.id}}{{steps['a.b'].id}}{{steps}}"}},
        conditions={"field": "steps.a.b.id", "op": "exists"},
    )
    assert [(one.field, one.reason.partition(": ")[2]) for one in check_workflow(made)] == [
        ("conditions.field", "the step 'a.b' has not been performed at this point"),
        ("steps[0].condition.field", "the step 'a.b' has not been performed at this point"),
        ("steps[1].with.tag", "the step 'g' is a condition and returns nothing"),
        ("steps[1].with.tag", "the step 'last' has not been performed at this point"),
    ]


def test_conditions_are_looked_at_with_their_values(workflow: Make) -> None:
    tree = {"all": [{"field": "device.x", "op": "equals", "value": ["{{device.y}}"]}]}
    assert [one.field for one in check_workflow(workflow(conditions=tree))] == [
        "conditions.all[0].field",
        "conditions.all[0].value",
    ]


def test_a_warning_is_told_once(workflow: Make) -> None:
    assert len(warned(workflow, "{{device.x}} {{device.x}}")) == 1


def test_a_draft_without_a_trigger_is_warned_about_what_is_known(document: Callable[..., dict[str, Any]]) -> None:
    body = document(
        {"id": "t", "action": "add_tag", "with": {"tag": "{{foo.bar}}{{steps.x.y}}"}}, state="draft", trigger=None
    )
    assert [one.reason for one in check(parse_definition(body))] == ["steps.x.y: no step has the id 'x'"]


def test_what_does_not_compile_is_refused(document: Callable[..., dict[str, Any]]) -> None:
    body = document({"id": "t", "action": "add_tag", "with": {"tag": "{{foo bar}}"}})
    with pytest.raises(Refused):
        check(parse_definition(body))


def fork(then: str, otherwise: str) -> dict[str, Any]:
    def ticket(name: str, text: str) -> dict[str, Any]:
        return {"id": name, "action": "create_ticket", "with": {"title": text}}

    return {
        "id": "which",
        "if": {"field": "device.id", "op": "exists"},
        "then": [ticket("a", then)],
        "else": [ticket("b", otherwise)],
    }


def test_paths_inside_branches_are_warned_about_with_their_field(workflow: Make) -> None:
    found = check_workflow(workflow(fork("{{device.naem}}", "{{steps.a.id}} {{steps.nope.id}}")))
    assert [(one.field, one.reason) for one in found] == [
        ("steps[0].then[0].with.title", "device.naem is not a field that device.offline events are known to have"),
        ("steps[0].else[0].with.title", "steps.a.id: the step 'a' has not been performed at this point"),
        ("steps[0].else[0].with.title", "steps.nope.id: no step has the id 'nope'"),
    ]


def test_a_step_may_ask_for_what_a_branch_before_it_may_have_returned(workflow: Make) -> None:
    after = {"id": "t", "action": "create_ticket", "with": {"title": "{{steps.a.id}}{{steps.b.id}}"}}
    assert check_workflow(workflow(fork("x", "y"), after)) == []
    asks = {"id": "t", "action": "create_ticket", "with": {"title": "{{steps.which.id}}"}}
    [found] = check_workflow(workflow(fork("x", "y"), asks))
    assert found.reason == "steps.which.id: the step 'which' is a condition and returns nothing"


def test_what_cancels_is_looked_at_with_its_own_event_and_without_steps(workflow: Make) -> None:
    step = {"id": "t", "action": "create_ticket", "with": {"title": "x"}}
    where = {"any": [{"field": "ticket.status", "op": "exists"}, {"field": "steps.t.id", "op": "exists"},
                     {"field": "ticket.colour", "op": "exists"}]}  # fmt: skip
    made = workflow(
        step,
        cancel_on=[{"type": "device.online"}, {"type": "ticket.updated", "where": where}],
        throttle={"key": "{{device.id}} {{device.colour}}", "limit": 1, "per": "1m"},
    )
    assert [(one.field, one.reason) for one in check_workflow(made)] == [
        ("cancel_on[1].where.any[1].field", "steps.t.id: the step 't' has not been performed at this point"),
        (
            "cancel_on[1].where.any[2].field",
            "ticket.colour is not a field that ticket.updated events are known to have",
        ),
        ("throttle.key", "device.colour is not a field that device.offline events are known to have"),
    ]
