"""Our pydantic models as one set of JSON Schemas, with what their validators check but pydantic can't tell."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from schemas.actions import PARAMETERS, has_template
from schemas.calendars import CalendarDefinition
from schemas.conditions import WITH_LIST, WITHOUT_VALUE
from schemas.definitions import Definition, Draft
from schemas.entries import DATA, Entry
from schemas.events.types import EVENT_TYPES, entity_of
from schemas.messages import Command, Control, DeadLetter
from schemas.replays import REPLAY_DATA

Schema = dict[str, Any]

TEMPLATE: Final[Schema] = {"type": "string", "pattern": r"\{\{", "description": "A template: {{path | filter}}."}
DURATION: Final = r"^(P.*\d[YMWDHS]|\d{1,12}(\.\d{1,9})?(ms|s|m|h|d|w))$"
_ONE_OF_EVENTS: Final[Schema] = {"enum": list(EVENT_TYPES)}

MODELS: Final[tuple[type[BaseModel], ...]] = tuple(
    dict.fromkeys(
        (
            *EVENT_TYPES.values(),
            Definition,
            Draft,
            CalendarDefinition,
            *PARAMETERS.values(),
            Command,
            Entry,
            *DATA.values(),
            *REPLAY_DATA.values(),
            Control,
            DeadLetter,
        )
    )
)


def definitions_of(prefix: str) -> tuple[dict[type[BaseModel], str], dict[str, Schema]]:
    """The name of each of MODELS, and every schema by name, references written as `prefix` and the name."""
    mode: JsonSchemaMode = "validation"
    refs, top = models_json_schema([(model, mode) for model in MODELS], ref_template=prefix + "{model}")
    names = {model: str(refs[model, mode]["$ref"]).removeprefix(prefix) for model in MODELS}
    schemas: dict[str, Schema] = top["$defs"]
    _tell_definitions(schemas, names, prefix)
    _tell_events(schemas, names)
    return names, schemas


def _tell_definitions(schemas: dict[str, Schema], names: dict[type[BaseModel], str], prefix: str) -> None:
    for name in ("Trigger", "EventMatch"):
        schemas[name]["properties"]["type"].update(_ONE_OF_EVENTS)
    for name, field in (("Retry", "initial_interval"), ("Retry", "max_interval"), ("Throttle", "per")):
        schemas[name]["properties"][field]["pattern"] = DURATION
    # A draft's steps may be unfinished, so only their being objects can be told here.
    schemas[names[Draft]]["properties"]["steps"]["items"] = {"type": "object"}
    schemas["Leaf"]["allOf"] = [
        {"if": _when("op", sorted(WITHOUT_VALUE)), "else": {"required": ["value"]}},
        {
            "if": _when("op", sorted(WITH_LIST)),
            "then": {"properties": {"value": {"anyOf": [{"type": "array"}, TEMPLATE]}}},
        },
    ]
    for action, model in PARAMETERS.items():
        schemas[names[model]] = _parameters(schemas[names[model]], model)
        schemas[names[model]]["description"] = f"`with` of {action}: {(model.__doc__ or '').strip()}"
    step = schemas["ActionStep"]
    step["properties"]["action"]["enum"] = list(PARAMETERS)
    step["allOf"] = [
        {"if": _when("action", [action]), "then": {"properties": {"with": {"$ref": prefix + names[model]}}}}
        for action, model in PARAMETERS.items()
    ]


def _when(field: str, values: list[str]) -> Schema:
    return {"properties": {field: {"enum": values}}, "required": [field]}


def _parameters(schema: Schema, model: type[BaseModel]) -> Schema:
    """An action's parameters: a template may stand for any value, and a number for text."""
    properties = {name: _or_template(one) for name, one in schema.get("properties", {}).items()}
    for name, field in model.model_fields.items():
        if has_template(field.default):
            properties[field.alias or name]["default"] = field.default
    return {**schema, "properties": properties}


def _or_template(schema: Schema) -> Schema:
    if schema.get("type") == "string":
        return {**schema, "type": ["string", "number"]}
    choices = schema.get("anyOf", [])
    if any(one.get("type") == "string" for one in choices):
        return {**schema, "anyOf": [_or_template(one) if one.get("type") == "string" else one for one in choices]}
    if not choices and not set(schema) & {"type", "$ref", "enum"}:
        return schema
    told: Schema = {name: schema[name] for name in ("title", "description", "default") if name in schema}
    rest = {name: value for name, value in schema.items() if name not in told}
    return {**told, "anyOf": [*(rest.pop("anyOf", None) or [rest]), TEMPLATE]}


def _tell_events(schemas: dict[str, Schema], names: dict[type[BaseModel], str]) -> None:
    """The triggering entity is there, and its id is text."""
    for name, model in EVENT_TYPES.items():
        data = schemas[names[model]]
        entity = entity_of(name)
        inside = data["properties"][entity]
        data["properties"][entity] = {"allOf": [inside, {"required": ["id"], "properties": {"id": {"type": "string"}}}]}


def used_by(schema: Schema, schemas: dict[str, Schema], prefix: str) -> dict[str, Schema]:
    """Those of `schemas` that `schema` refers to, directly or through others."""
    found: dict[str, Schema] = {}
    waiting = [schema]
    while waiting:
        for name in _references(waiting.pop(), prefix):
            if name not in found:
                found[name] = schemas[name]
                waiting.append(schemas[name])
    return dict(sorted(found.items()))


def _references(value: Any, prefix: str) -> list[str]:
    if isinstance(value, dict):
        own = value.get("$ref")
        here = [own.removeprefix(prefix)] if isinstance(own, str) and own.startswith(prefix) else []
        return here + [name for one in value.values() for name in _references(one, prefix)]
    return [name for one in value for name in _references(one, prefix)] if isinstance(value, list) else []
