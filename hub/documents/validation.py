"""What is to be said of a definition that somebody is writing."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from hub.documents.definitions import EXAMPLE
from hub.documents.problem import FaultDocument
from hub.documents.workflows import Cycle


class Validate(BaseModel):
    """A definition to be checked; nothing is saved."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"definition": EXAMPLE}]})
    definition: Annotated[dict[str, Any], Field(description="As far as it is written; `id` may be left out.")]


class Validation(BaseModel):
    """Whether it could be saved and enabled, what is missing, and each step as a sentence."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "valid": True,
                    "ready": False,
                    "faults": [],
                    "missing": [
                        {"field": "steps[0].with.title", "pointer": "/steps/0/with/title", "reason": "is required"}
                    ],
                    "warnings": [],
                    "cycles": [],
                    "definition": {"name": "New", "state": "draft", "steps": []},
                    "yaml": "name: New\nstate: draft\nsteps: []\n",
                    "sentences": {"trigger": "When a monitoring alert fires", "ticket": "Create ticket …"},
                }
            ]
        }
    )
    valid: bool = Field(description="Whether it fits the state that it asks for; a draft may be unfinished.")
    ready: bool = Field(description="Whether it could be enabled as it is.")
    faults: list[FaultDocument] = Field(description="What keeps it from its state.")
    missing: list[FaultDocument] = Field(description="What keeps a draft from being enabled.")
    warnings: list[FaultDocument]
    cycles: list[Cycle]
    definition: dict[str, Any] | None = Field(description="As it was read; null where it could not be.")
    yaml: str | None
    sentences: dict[str, str] = Field(description="By step path, and `trigger` and `conditions`.")
