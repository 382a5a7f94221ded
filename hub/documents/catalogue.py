"""The catalogue as the API tells it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

FieldType = Literal["text", "number", "boolean", "time", "list", "object", "any"]


class FieldInfo(BaseModel):
    """A path that a condition's field and a template can name."""

    path: str
    title: str
    type: FieldType
    choices: list[str] | None = Field(description="Its values, where there are only these.")
    sample: Any
    description: str | None


class TriggerInfo(BaseModel):
    """An event type that can start a workflow."""

    type: str
    title: str
    description: str
    source: str
    entity: str
    fields: list[FieldInfo] = Field(description="The event's data, then event.*, workflow.*, run.* and org.")
    sample: dict[str, Any] = Field(description="A whole sample event (CloudEvents 1.0).")


class ActionInfo(BaseModel):
    """What a step can do."""

    action: str
    title: str
    description: str
    schema_: dict[str, Any] = Field(alias="schema", description="JSON Schema of `with`, with hints for a form.")
    output: list[FieldInfo] = Field(description="What it answers: paths below steps.<id>.")
    topic: str


class OperatorInfo(BaseModel):
    """A comparison."""

    op: str
    title: str
    types: list[FieldType] = Field(description="Of the fields for which it makes sense.")
    value: Literal["one", "list", "none"] = Field(description="What it is compared with.")


class FilterInfo(BaseModel):
    """A filter of the template language."""

    name: str
    description: str
    example: str


class Catalogue(BaseModel):
    """What a designer offers; it changes with releases alone."""

    triggers: list[TriggerInfo]
    actions: list[ActionInfo]
    operators: list[OperatorInfo]
    filters: list[FilterInfo]
    definition_schema: dict[str, Any] = Field(description="JSON Schema of a definition.")
