"""Dead letters: records that could not be read, and sending them again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

_LETTER: Final[dict[str, Any]] = {
    "id": "0b7c9f4f6f3c4e0fa5b1d7c2e8a90d31",
    "reason": "is required",
    "field": "data.device.id",
    "topic": "onestack.events.rmm",
    "partition": 3,
    "offset": 1017,
    "key": "acme/device/d-17",
    "value": '{"specversion": "1.0", "id": "ev-20817", "data": {"device": {}}}',
    "at": "2026-11-27T08:00:00.104000Z",
}


class DeadLetter(BaseModel):
    """A record that could not be read."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LETTER]})
    id: str
    reason: str = Field(description="Why, as a sentence goes on after the field's name.")
    field: str | None = Field(description="The path of what is wrong; null: all of it.")
    topic: str = Field(description="Where the record stands; empty where the letter does not say.")
    partition: Annotated[int, Field(ge=-1)] = Field(description="-1 where the letter does not say.")
    offset: Annotated[int, Field(ge=-1)] = Field(description="-1 where the letter does not say.")
    key: str | None
    value: str | None = Field(description="The first 16 kB, as base64 where they are not text.")
    at: datetime = Field(description="When it was refused.")


class DeadLetterPage(BaseModel):
    """A page of dead letters, newest first. It may be shorter than asked for, or empty, and still name the next."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_LETTER], "next": None}]})
    items: list[DeadLetter]
    next: str | None = Field(description="The cursor of the page that follows.")


class Redrive(BaseModel):
    """What is sent again: the record as it is, or a corrected value under the key that it should have."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {},
                {
                    "value": {
                        "specversion": "1.0",
                        "id": "ev-20817",
                        "source": "/rmm",
                        "type": "device.offline",
                        "subject": "device/d-17",
                        "orgid": "acme",
                        "data": {"device": {"id": "d-17"}},
                    }
                },
            ]
        },
    )
    value: Any = Field(
        None, description="The corrected value: JSON, or its text. Without one the record is sent as it is."
    )


class Place(BaseModel):
    """Where the record is now."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"topic": "onestack.events.rmm", "partition": 3, "offset": 1020}]}
    )
    topic: str
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]
