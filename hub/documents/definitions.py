"""Definitions in requests and answers; what they may hold is checked by `schemas.definitions`, whose words are told."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, GetJsonSchemaHandler, RootModel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from schemas.definitions import Definition, Draft, Id

State = Literal["draft", "shadow", "enabled", "disabled"]

EXAMPLE: Final[dict[str, Any]] = {
    "id": "alert-to-ticket",
    "name": "Alert to ticket",
    "description": "Opens a ticket for a critical or high alert.",
    "state": "enabled",
    "trigger": {"type": "alert.triggered"},
    "conditions": {"field": "alert.severity", "op": "in", "value": ["critical", "high"]},
    "steps": [
        {
            "id": "ticket",
            "action": "create_ticket",
            "with": {"title": "{{alert.title}}", "board": "Alerts", "priority": "P1"},
        }
    ],
}


class WholeDefinition(Definition):
    """A workflow that is enabled, in shadow or disabled: whole."""

    id: Id | None = Field(None, description="Without one it is made from the name.")  # type: ignore[assignment]
    org: Id | None = Field(None, description="The caller's organisation; another one is refused.")  # type: ignore[assignment]
    version: Annotated[int, Field(ge=1, le=2_147_483_647)] | None = Field(  # type: ignore[assignment]
        None, description="Left out of account: the Hub counts."
    )
    state: Literal["shadow", "enabled", "disabled"]


class UnfinishedDefinition(Draft):
    """A draft, which may be unfinished."""

    id: Id | None = Field(None, description="Without one it is made from the name.")  # type: ignore[assignment]
    org: Id | None = Field(None, description="The caller's organisation; another one is refused.")  # type: ignore[assignment]
    version: Annotated[int, Field(ge=1, le=2_147_483_647)] | None = Field(  # type: ignore[assignment]
        None, description="Left out of account: the Hub counts."
    )
    state: Literal["draft"] = "draft"


class WrittenDefinition(RootModel[WholeDefinition | UnfinishedDefinition]):
    """A definition; `id`, `org` and `version` may be left out."""


class DefinitionInput(RootModel[dict[str, Any]]):
    """A definition as it is sent: any JSON object here, for the engine tells its faults better than a schema does."""

    @classmethod
    def __get_pydantic_json_schema__(cls, _: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """What the engine accepts."""
        found = handler(WrittenDefinition.__pydantic_core_schema__)
        return {**handler.resolve_ref_schema(found), "examples": [EXAMPLE]}


DefinitionDocument = Annotated[
    dict[str, Any],
    Field(description="A definition (DESIGN.md §5): the schema is in the catalogue.", examples=[EXAMPLE]),
]
"""A definition in an answer."""
