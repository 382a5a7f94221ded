"""Built-in workflows as the API tells them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt

from hub.documents.definitions import EXAMPLE, DefinitionDocument
from hub.documents.problem import FaultDocument
from schemas.names import ID_PATTERN


class TemplateParameter(BaseModel):
    """What is filled in before a template is used."""

    name: str
    label: str
    description: str
    type: Literal["text", "email", "number", "duration", "choice", "list", "board", "team", "secret"]
    default: Any
    choices: list[str]
    least: float | None = Field(description="The smallest number that makes sense.")
    required: bool


class Template(BaseModel):
    """A built-in workflow."""

    name: str
    title: str
    summary: str
    description: str
    category: str
    trigger: str
    parameters: list[TemplateParameter]
    definition: DefinitionDocument = Field(
        description="With the defaults, and `<<name>>` where there is none: to be drawn."
    )


class TemplateList(BaseModel):
    """The built-in workflows, by title."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "name": "alert-to-ticket",
                            "title": "Alert to Ticket",
                            "summary": "Creates a PSA ticket when a critical or high-severity alert fires.",
                            "description": "Opens one ticket for a critical or high alert of a device.",
                            "category": "Monitoring",
                            "trigger": "alert.triggered",
                            "parameters": [
                                {
                                    "name": "board",
                                    "label": "Board",
                                    "description": "The PSA board that the ticket is opened on.",
                                    "type": "board",
                                    "default": "Alerts",
                                    "choices": [],
                                    "least": None,
                                    "required": False,
                                }
                            ],
                            "definition": EXAMPLE,
                        }
                    ]
                }
            ]
        }
    )
    items: list[Template]


class Fill(BaseModel):
    """The values of a template's parameters."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"values": {"board": "Alerts"}, "name": "Alert to ticket"}]}
    )
    values: Annotated[
        dict[
            str,
            Annotated[str, Field(max_length=4000)]
            | StrictInt
            | StrictFloat
            | Annotated[list[str], Field(max_length=100)],
        ],
        Field(max_length=50, description="By the parameter's name; those left out take their defaults."),
    ] = Field(default_factory=dict)
    id: Annotated[str, Field(pattern=ID_PATTERN)] | None = Field(None, description="By default the template's name.")
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="By default the template's title."
    )


class Filled(BaseModel):
    """A definition made from a template; it is not saved."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"definition": EXAMPLE, "warnings": []}]})
    definition: DefinitionDocument
    warnings: list[FaultDocument]
