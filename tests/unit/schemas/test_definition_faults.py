from __future__ import annotations

from copy import deepcopy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.definitions import LARGEST, Definition, parse_definition
from schemas.errors import Refused

NOTE = {"id": "note", "action": "create_note", "with": {"body": "Hello"}}
GOOD: dict[str, Any] = {
    "id": "wf",
    "org": "acme",
    "version": 1,
    "name": "A workflow",
    "state": "enabled",
    "trigger": {"type": "device.offline"},
    "steps": [NOTE],
}
LEAF = {"field": "device.name", "op": "equals", "value": "x"}


def definition(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in {**deepcopy(GOOD), **fields}.items() if value is not ...}


def step(action: str, **parameters: Any) -> dict[str, Any]:
    return definition(steps=[{"id": "s", "action": action, "with": parameters}])


def condition(given: Any) -> dict[str, Any]:
    return definition(conditions=given)


def faults(document: Any) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as refused:
        parse_definition(document)
    return [(fault.field, fault.reason) for fault in refused.value.faults]


def faults_if_any(document: Any) -> list[tuple[str, str]]:
    try:
        parse_definition(document)
    except Refused as refused:
        return [(fault.field, fault.reason) for fault in refused.faults]
    return []


def test_a_definition_is_read_from_bytes_text_and_objects() -> None:
    for form in (GOOD, orjson.dumps(GOOD), orjson.dumps(GOOD).decode()):
        read = parse_definition(form)
        assert isinstance(read, Definition)
        assert (read.org, read.id, read.version, read.on_error) == ("acme", "wf", 1, "continue")


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_field_is_named(name: str) -> None:
    assert faults(definition(**{name: ...})) == [(name, "is required")]


@pytest.mark.parametrize(
    ("document", "field", "reason"),
    [
        (definition(version=0), "version", "greater than or equal to 1, not '0'"),
        (definition(version=2**31), "version", "less than or equal to 2147483647"),
        *((definition(version=v), "version", "should be a whole number") for v in ("1", 1.0, 1.5, True, [1], None)),
        (definition(id="a b"), "id", "should begin with a letter or digit"),
        (definition(org="x" * 101), "org", "should begin with a letter or digit"),
        (definition(id=5), "id", "should be text, not '5'"),
        (definition(name=""), "name", "should have at least 1 character"),
        (definition(name="x" * 201), "name", "should have at most 200 characters"),
        (definition(description="x" * 4001), "description", "at most 4000 characters"),
        (definition(state="on"), "state", "should be 'draft', 'shadow', 'enabled' or 'disabled', not 'on'"),
        (definition(owner="me"), "owner", "is not known here"),
        (definition(trigger="device.offline"), "trigger", "should be an object, not 'device.offline'"),
        (definition(trigger={"type": "device.exploded"}), "trigger.type", "'device.exploded' is not an event type"),
        (definition(trigger={"type": "device.offline", "when": 1}), "trigger.when", "is not known here"),
        (definition(on_error="retry"), "on_error", "should be 'continue' or 'stop', not 'retry'"),
        (definition(retry={"max_retries": 21}), "retry.max_retries", "less than or equal to 20"),
        (definition(retry={"initial_interval": "soon"}), "retry.initial_interval", "is not a duration"),
        (definition(retry={"multiplier": 0}), "retry.multiplier", "greater than or equal to 1"),
        (definition(retry={"multiplier": "2"}), "retry.multiplier", "should be a whole number or a number, not '2'"),
        (definition(cancel_on=[{"type": "x"}]), "cancel_on[0].type", "is not an event type"),
        (definition(cancel_on=[{"type": "device.online", "where": {}}]), "cancel_on[0].where.field", "is required"),
        (definition(throttle={"key": "k", "limit": 0, "per": "PT1M"}), "throttle.limit", "greater than or equal to 1"),
        (definition(throttle={"key": "k", "limit": 1, "per": "often"}), "throttle.per", "is not a duration"),
        (definition(steps={}), "steps", "should be a list"),
        (definition(steps=[]), "steps", "should have at least 1 item, not 0"),
        (definition(steps=["note"]), "steps[0]", "should be an object, not 'note'"),
        (definition(steps=[NOTE] * 201), "steps", "should have at most 200 items"),
        (definition(steps=[NOTE, NOTE]), "steps[1].id", "'note' is the id of another step"),
        (definition(steps=[{"id": "s"}]), "steps[0].action", "is required"),
        (definition(steps=[{"action": "create_note"}]), "steps[0].id", "is required"),
        (definition(steps=[{**NOTE, "on_error": "x"}]), "steps[0].on_error", "should be 'continue' or 'stop'"),
        (definition(steps=[{**NOTE, "retry": {"max_retries": -1}}]), "steps[0].retry.max_retries", "greater than"),
        (definition(steps=[{**NOTE, "if": LEAF}]), "steps[0].action", "is not known here"),
        (definition(steps=[{"id": "g", "condition": LEAF}]), "", "needs at least one action"),
        (step("reboot"), "steps[0].action", "'reboot' is not an action; the actions are create_ticket, "),
        (step("create_note", title="x"), "steps[0].with.body", "is required"),
        (step("create_note", body=" "), "steps[0].with.body", "is empty"),
        (step("create_note", body=["x"]), "steps[0].with.body", "should be text"),
        (step("create_note", body="x", colour="red"), "steps[0].with.colour", "is not known here"),
        (step("create_ticket", title="x", priority="P9"), "steps[0].with.priority", "one of P1, P2, P3, P4, not 'P9'"),
        (step("update_ticket", fields={}), "steps[0].with.fields", "at least 1 item"),
        (step("update_ticket", fields="x"), "steps[0].with.fields", "should be an object, not 'x'"),
        (step("escalate_on_call", team="a", severity="bad"), "steps[0].with.severity", "one of critical, high"),
        (step("run_script", script_id="a", parameters=[]), "steps[0].with.parameters", "should be an object"),
        (step("update_field", field="a"), "steps[0].with.value", "is required"),
        (step("add_tag"), "steps[0].with.tag", "is required"),
        (step("send_notification", channel="fax", to="a", body="b"), "steps[0].with.channel", "one of email, push"),
        (step("send_notification", channel="email", to={}, body="b"), "steps[0].with.to", "should be text or a list"),
        (step("send_notification", channel="email", to=[], body="b"), "steps[0].with.to", "at least 1 item"),
        (step("send_notification", channel="email", to=["a", ""], body="b"), "steps[0].with.to[1]", "is empty"),
        (step("webhook", url="ftp://x"), "steps[0].with.url", "should begin with https://"),
        (step("webhook", url="https://"), "steps[0].with.url", "has no host behind its https://"),
        (step("webhook", url="https://x", secret="hunter2"), "steps[0].with.secret", "name it as secret:NAME"),
        (step("webhook", url="https://x", headers={"A": []}), "steps[0].with.headers.A", "should be text"),
        (step("delay"), "steps[0].with", "needs either 'for' or 'until'"),
        (step("delay", **{"for": "soon"}), "steps[0].with.for", "'soon' is not a duration"),
        (condition("x"), "conditions", "should be an object, not 'x'"),
        (condition([]), "conditions", "should be an object"),
        (condition({}), "conditions.field", "is required"),
        (condition({"all": []}), "conditions.all", "at least 1 item"),
        (condition({"all": {}}), "conditions.all", "should be a list"),
        (condition({"all": [LEAF], "any": [LEAF]}), "conditions.any", "is not known here"),
        (condition({**LEAF, "op": "like"}), "conditions.op", "not 'like'"),
        (condition({"field": "a", "op": "equals"}), "conditions", "'equals' needs a value"),
        (condition({"field": "a", "op": "in", "value": "x"}), "conditions", "'in' needs a list as its value"),
        (condition({**LEAF, "case_sensitive": "no"}), "conditions.case_sensitive", "should be true or false"),
        (condition({"not": {"any": [LEAF, {**LEAF, "field": ""}]}}), "conditions.not.any[1].field", "at least 1"),
    ],
)
def test_a_fault_is_told_with_the_path_of_its_field(document: dict[str, Any], field: str, reason: str) -> None:
    told = faults(document)
    assert told[0][0] == field
    assert reason in told[0][1]


def test_a_fault_inside_a_branch_is_told_with_its_path() -> None:
    branch = {"id": "b", "if": LEAF, "then": [{"id": "t", "action": "add_tag"}], "else": [{"id": "t", "action": "x"}]}
    assert faults(definition(steps=[branch]))[0][0] == "steps[0].else[0].action"
    branch["else"] = [{"id": "t", "action": "add_tag", "with": {"tag": "x"}}]
    assert [path for path, _ in faults(definition(steps=[branch]))] == [
        "steps[0].then[0].with.tag",
        "steps[0].else[0].id",
    ]


def test_every_fault_is_told_up_to_twenty() -> None:
    bad = [{"id": f"s{n}", "action": "create_note"} for n in range(30)]
    told = faults(definition(steps=bad))
    assert [path for path, _ in told] == [f"steps[{n}].with.body" for n in range(20)]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"id": "\\udfff"}', "not JSON"),
        (b"[]", "a definition is a JSON object"),
        (b"null", "a definition is a JSON object"),
        (b" " * (LARGEST + 1), "at most 524,288 are accepted"),
        (b'{"steps":' + b"[" * 200 + b"]" * 200 + b"}", "nested deeper than 64 levels"),
    ],
)
def test_what_is_no_definition_at_all_is_refused_as_a_whole(given: bytes, reason: str) -> None:
    ((field, told),) = faults(given)
    assert field == ""
    assert reason in told


def test_templates_fit_any_type_of_parameter() -> None:
    parse_definition(step("update_ticket", fields="{{alert}}"))
    parse_definition(step("create_ticket", title="{{a}}", priority="{{b}}"))
    parse_definition(step("webhook", url="{{a}}"))


def test_numbers_in_text_parameters_are_text() -> None:
    parse_definition(step("create_note", body=5, title=1.5))


def test_a_draft_is_checked_as_far_as_it_goes() -> None:
    draft = {"id": "wf", "org": "acme", "version": 1, "state": "draft"}
    assert parse_definition(draft).steps == []
    parse_definition({**draft, "steps": [{"id": "s", "action": "create_ticket"}]})
    assert faults({**draft, "steps": [{"id": "s", "action": "reboot"}]})[0][0] == "steps[0].action"
    assert faults({**draft, "id": "a b"})[0][0] == "id"
    assert faults({**draft, "steps": [{"id": "s", "action": "add_tag", "with": {"tog": "x"}}]})[0][0] == (
        "steps[0].with.tog"
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(name=st.sampled_from([*GOOD, "conditions", "retry", "cancel_on", "throttle", "on_error"]), wrong=JSON)
def test_whatever_stands_in_a_field_the_refusal_names_it(name: str, wrong: Any) -> None:
    for field, reason in faults_if_any(definition(**{name: wrong})):
        assert field.split(".")[0].split("[")[0] == name
        assert reason


@given(action=st.sampled_from(["create_ticket", "send_notification", "webhook", "update_ticket", "delay"]), wrong=JSON)
def test_whatever_stands_in_with_the_refusal_is_about_that_step(action: str, wrong: Any) -> None:
    for field, _ in faults_if_any(definition(steps=[{"id": "s", "action": action, "with": wrong}])):
        assert field.startswith("steps[0].with")
        assert "function-" not in field
