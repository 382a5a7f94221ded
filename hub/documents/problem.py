"""Problems (RFC 9457) as the API tells them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class FaultDocument(BaseModel):
    """One thing that is wrong with a request."""

    field: str = Field(description="The path of the field, such as `steps[1].with.title`; empty: all of it.")
    pointer: str = Field(description="The same as a JSON pointer (RFC 6901), such as `/steps/1/with/title`.")
    reason: str = Field(description="Why, as a sentence goes on after the field's name.")


class ProblemDocument(BaseModel):
    """Why a request was not answered as asked."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Refused",
                    "status": 422,
                    "detail": "steps[1].with.title: is required",
                    "instance": "/api/v1/workflows",
                    "faults": [
                        {"field": "steps[1].with.title", "pointer": "/steps/1/with/title", "reason": "is required"}
                    ],
                }
            ]
        },
    )

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    faults: list[FaultDocument] | None = None
