"""What runs did, in a few words each."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

MOST = 100
"""Runs of one question."""


class Outcomes(BaseModel):
    """What runs did."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"outcomes": {"4f0c9d2be37b8a51c6f1f0a4d1f7e2aa": "ticket T-1007 · email to jo@acme.example"}}]
        }
    )
    outcomes: dict[str, str] = Field(
        description="By run id: the ways that it took and the actions that it performed. A run that did nothing yet, "
        "or that is not known, is left out."
    )
