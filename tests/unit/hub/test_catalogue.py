from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from engine.filters import FILTERS
from engine.paths import MISSING, Scope, walk
from engine.templates import compile_value
from hub.services.catalogue import catalogue
from hub.services.catalogue.fields import fields_of, sample_of
from hub.services.catalogue.forms import FORMS, form_of
from schemas.actions import PARAMETERS
from schemas.conditions import Operator
from schemas.events import EVENT_TYPES, entity_of
from schemas.names import ACTIONS
from schemas.templates import built_in

WIDGETS = {"text", "textarea", "template", "duration", "time", "keyvalue", "choice", "list", "secret", "code", "json"}


def test_the_catalogue_names_every_trigger_action_operator_and_filter() -> None:
    told = catalogue()
    assert [one["type"] for one in told["triggers"]] == list(EVENT_TYPES)
    assert [one["action"] for one in told["actions"]] == list(ACTIONS)
    assert {one["op"] for one in told["operators"]} == set(Operator.__args__)  # type: ignore[attr-defined]  # a Literal
    assert {one["name"] for one in told["filters"]} == set(FILTERS)
    Draft202012Validator.check_schema(told["definition_schema"])


def test_a_trigger_is_told_as_on_the_product_page() -> None:
    alert = next(one for one in catalogue()["triggers"] if one["type"] == "alert.triggered")
    assert (alert["title"], alert["description"], alert["source"], alert["entity"]) == (
        "Alert triggered", "A monitoring alert fires", "Security / RMM", "alert",
    )  # fmt: skip
    severity = next(one for one in alert["fields"] if one["path"] == "alert.severity")
    assert severity == {
        "path": "alert.severity", "title": "Severity", "type": "text", "sample": "critical", "description": None,
        "choices": ["critical", "high", "medium", "low", "info"],
    }  # fmt: skip


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_field_has_a_title_and_a_sample_of_its_type(event_type: str) -> None:
    kinds: dict[str, Any] = {
        "text": (str, int), "number": (int, float), "boolean": bool, "time": str, "list": list, "object": dict,
        "any": object,
    }  # fmt: skip
    found = fields_of(event_type)
    assert len({one.path for one in found}) == len(found)
    assert found[0].path == entity_of(event_type)
    for one in found:
        assert one.title[:1] == one.title[:1].upper() != ""
        assert one.sample is None or isinstance(one.sample, kinds[one.type])
        assert one.choices is None or one.sample is None or one.sample in one.choices


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_value_of_a_sample_event_is_a_field(event_type: str) -> None:
    paths = {one.path: one for one in fields_of(event_type)}
    data = sample_of(event_type)["data"]

    def check(value: Any, path: str) -> None:
        assert path in paths
        if paths[path].type == "object" and path != "previous":
            for name, inner in value.items():
                check(inner, f"{path}.{name}")

    for name, value in data.items():
        check(value, name)
    assert walk(data, (entity_of(event_type), "id")) is not MISSING


@pytest.mark.parametrize("action", ACTIONS)
def test_a_form_has_exactly_the_parameters_that_the_action_takes(action: str) -> None:
    info = {one.alias or name: one for name, one in PARAMETERS[action].model_fields.items()}
    form = form_of(action, "Title")
    Draft202012Validator.check_schema(form)
    assert set(form["properties"]) == set(FORMS[action]) == set(info)
    assert set(form["required"]) == {name for name, one in info.items() if one.is_required()}
    for name, told in form["properties"].items():
        assert told["x-onestack-widget"] in WIDGETS
        assert told["title"]
        assert told["description"].endswith(".")
        for choice in told.get("enum", []):
            PARAMETERS[action].__pydantic_validator__.validate_assignment(
                PARAMETERS[action].model_construct(), _attribute(action, name), choice
            )


def _attribute(action: str, name: str) -> str:
    return next(
        attribute for attribute, one in PARAMETERS[action].model_fields.items() if name in (attribute, one.alias)
    )


@pytest.mark.parametrize("template", built_in().values(), ids=list(built_in()))
def test_the_steps_of_the_built_in_templates_fit_the_forms_shape(template: Any) -> None:
    def check(steps: list[dict[str, Any]]) -> None:
        for step in steps:
            if "action" in step:
                assert set(step.get("with", {})) <= set(FORMS[step["action"]])
            check(step.get("then", []) + step.get("else", []))

    check(template.definition["steps"])


def test_the_example_of_every_filter_renders() -> None:
    event = sample_of("alert.triggered")
    event = {**event, "data": {**event["data"], "company": {"contacts": [{"email": "a@b.example"}]}}}
    scope = Scope(event, {"id": "w", "name": "W", "version": 1}, {"id": "r", "started": event["time"]}, {})
    for one in catalogue()["filters"]:
        assert f"| {one['name']}" in one["example"]
        assert compile_value(one["example"], "example").render(scope) not in ("", None, MISSING)


def test_actions_are_called_as_on_the_product_page() -> None:
    told = {one["action"]: one["title"] for one in catalogue()["actions"]}
    assert list(told.values()) == [
        "Create ticket", "Update ticket", "Send notification", "Escalate to On-Call", "Update field", "Run script",
        "Create note", "Add tag", "Webhook", "Delay",
    ]  # fmt: skip
