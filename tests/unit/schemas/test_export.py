from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from schemas.definitions import parse_definition
from schemas.errors import Refused
from schemas.events import EVENT_TYPES, SOURCES, entity_of, from_envelope
from schemas.export import asyncapi, json_schemas, write
from schemas.names import ACTIONS, EVENT_TOPICS

SCHEMAS = json_schemas()


def validator(path: str) -> Draft202012Validator:
    return Draft202012Validator(SCHEMAS[path], format_checker=Draft202012Validator.FORMAT_CHECKER)


def event(kind: str, **data: Any) -> dict[str, Any]:
    entity = entity_of(kind)
    return {
        "specversion": "1.0",
        "id": "ev-1",
        "source": f"/{SOURCES[kind][0]}",
        "type": kind,
        "subject": f"{entity}/x-1",
        "time": "2026-11-23T08:00:00Z",
        "orgid": "acme",
        "data": {entity: {"id": "x-1", "unknown": [1]}, **data},
    }


def definition(**more: Any) -> dict[str, Any]:
    return {
        "id": "alert-to-ticket",
        "org": "acme",
        "version": 3,
        "name": "Alert to Ticket",
        "state": "enabled",
        "trigger": {"type": "alert.triggered"},
        "conditions": {
            "any": [
                {"field": "alert.severity", "op": "equals", "value": "critical"},
                {"not": {"field": "device.id", "op": "exists"}},
            ]
        },
        "steps": [{"id": "ticket", "action": "create_ticket", "with": {"title": "{{alert.title}}"}}],
        **more,
    }


@pytest.mark.parametrize("path", SCHEMAS)
def test_each_document_is_a_json_schema_of_2020_12_that_needs_no_other(path: str) -> None:
    schema = SCHEMAS[path]
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    references = set(re.findall(r'"\$ref": "#/\$defs/([^"]+)"', json.dumps(schema)))
    assert references == set(schema.get("$defs", {}))
    assert json.dumps(schema).count('"$ref"') == len(re.findall(r'"\$ref": "#/\$defs/', json.dumps(schema)))


def test_there_is_a_schema_for_everything_that_others_see() -> None:
    assert {f"events/{kind}.schema.json" for kind in EVENT_TYPES} <= set(SCHEMAS)
    assert {f"actions/{action}.schema.json" for action in ACTIONS} <= set(SCHEMAS)
    assert {f"commands/{action}.schema.json" for action in ACTIONS} <= set(SCHEMAS)
    assert {"definition.schema.json", "calendar.schema.json", "dead-letter.schema.json"} <= set(SCHEMAS)
    assert "run-log-record.schema.json" in SCHEMAS
    assert "entries/step.failed.schema.json" in SCHEMAS


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_an_event_that_is_decoded_fits_its_schema(kind: str) -> None:
    good = event(kind, previous={"status": "New"})
    from_envelope(good)
    validator(f"events/{kind}.schema.json").validate(good)


@pytest.mark.parametrize(
    "bad",
    [
        {**event("alert.triggered"), "subject": "device/d-1"},
        {**event("alert.triggered"), "orgid": "a b"},
        event("alert.triggered", alert={"severity": "high"}),
        event("alert.triggered", alert={"id": "x-1", "severity": "loud"}),
        event("alert.triggered", company=3),
    ],
)
def test_an_event_that_is_refused_does_not_fit_its_schema(bad: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        from_envelope(bad)
    with pytest.raises(ValidationError):
        validator("events/alert.triggered.schema.json").validate(bad)


def steps(action: str, **given: Any) -> list[dict[str, Any]]:
    return [{"id": "one", "action": action, "with": given}]


@pytest.mark.parametrize(
    "good",
    [
        definition(),
        definition(retry={"max_retries": 1, "initial_interval": "250ms"}, cancel_on=[{"type": "alert.resolved"}]),
        definition(steps=steps("update_ticket", fields="{{steps.x}}", ticket_id=42)),
        definition(steps=steps("webhook", url="https://x.example", body={"a": [1]})),
        definition(steps=steps("send_notification", channel="email", to=["a@b.example"], body="x")),
        definition(steps=steps("delay", **{"for": "15m"})),
        definition(steps=steps("update_field", field="status", value=None)),
        definition(conditions={"field": "a.b", "op": "in", "value": "{{alert.tags}}"}),
        {"id": "d", "org": "acme", "version": 1, "state": "draft"},
        definition(state="draft", steps=steps("create_ticket")),
    ],
)
def test_a_definition_that_is_accepted_fits_the_schema(good: dict[str, Any]) -> None:
    parse_definition(good)
    validator("definition.schema.json").validate(good)


@pytest.mark.parametrize(
    "bad",
    [
        definition(colour="red"),
        definition(version=0),
        definition(trigger={"type": "moon.rises"}),
        definition(steps=[]),
        definition(steps=steps("make_coffee")),
        definition(steps=steps("create_ticket")),
        definition(steps=steps("create_ticket", title="x", colour="red")),
        definition(conditions={"field": "a", "op": "equals"}),
        definition(conditions={"field": "a", "op": "in", "value": 3}),
        definition(conditions={"all": []}),
        definition(retry={"initial_interval": "soon"}),
    ],
)
def test_a_definition_that_is_refused_does_not_fit_the_schema(bad: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        parse_definition(bad)
    with pytest.raises(ValidationError):
        validator("definition.schema.json").validate(bad)


def resolve(document: dict[str, Any], pointer: str) -> Any:
    found: Any = document
    for part in pointer.removeprefix("#/").split("/"):
        found = found[part]
    return found


def test_the_asyncapi_document_names_every_topic_and_every_reference_resolves() -> None:
    document = asyncapi(partitions=5)
    assert document["asyncapi"] == "3.0.0"
    assert set(document) == {"asyncapi", "info", "defaultContentType", "channels", "operations", "components"}
    channels = {body["address"]: body for body in document["channels"].values()}
    assert len(channels) == 7 + 1 + 10 + 3
    assert channels["onestack.workflow.definitions"]["bindings"]["kafka"]["partitions"] == 1
    assert channels["onestack.workflow.definitions"]["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"] == [
        "compact"
    ]
    assert channels["onestack.events.rmm"]["bindings"]["kafka"]["partitions"] == 5
    for pointer in re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)):
        assert resolve(document, pointer) is not None


def test_every_asyncapi_operation_has_its_channels_messages() -> None:
    document = asyncapi()
    for body in document["operations"].values():
        assert body["action"] in {"send", "receive"}
        channel = resolve(document, body["channel"]["$ref"])
        assert len(body["messages"]) == len(channel["messages"]) > 0
    assert {body["channel"]["$ref"].removeprefix("#/channels/") for body in document["operations"].values()} == set(
        document["channels"]
    )


def test_every_asyncapi_message_has_a_key_and_a_payload_that_is_a_schema() -> None:
    document = asyncapi()
    for message in document["components"]["messages"].values():
        assert message["bindings"]["kafka"]["key"]["description"]
        Draft202012Validator.check_schema(message["payload"])
    assert set(document["components"]["messages"]) >= {*EVENT_TYPES, "definition", "run-log-record", "dead-letter"}
    alert = [name for name, body in document["channels"].items() if "alert.triggered" in body["messages"]]
    assert alert == ["events.rmm", "events.security"]
    assert set(EVENT_TOPICS) == {"psa", "rmm", "security", "backups", "books", "crm", "hub"}


def test_every_document_is_written_below_the_folder(tmp_path: Path) -> None:
    paths = write(tmp_path / "out")
    assert {path.relative_to(tmp_path / "out").as_posix() for path in paths} == {*SCHEMAS, "asyncapi.json"}
    assert json.loads((tmp_path / "out/definition.schema.json").read_text())["$id"] == "urn:onestack:definition"
