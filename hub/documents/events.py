"""Module events as the API tells and takes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from schemas.events import EVENT_TYPES

Document = dict[str, Any]

_DATA: Final[Document] = {
    "device": {"id": "d-17", "name": "SRV-01", "criticality": 5},
    "company": {"id": "c-1", "name": "Globex"},
}
_ENVELOPE: Final[Document] = {
    "specversion": "1.0",
    "id": "ev-20817",
    "source": "/rmm",
    "type": "device.offline",
    "subject": "device/d-17",
    "time": "2026-11-27T08:00:00Z",
    "orgid": "acme",
    "datacontenttype": "application/json",
    "data": _DATA,
}
_BRIEF: Final[Document] = {
    "id": "ev-20817",
    "source": "/rmm",
    "type": "device.offline",
    "subject": "device/d-17",
    "time": "2026-11-27T08:00:00Z",
    "received_at": "2026-11-27T08:00:00.104000Z",
    "org_id": "acme",
    "title": "SRV-01",
}
_ATTRIBUTE: Final[Document] = {"type": "string", "minLength": 1, "maxLength": 1024, "pattern": r"^[^\x00-\x1f\x7f]+$"}
CLOUD_EVENT: Final[Document] = {
    "type": "object",
    "title": "CloudEvent",
    "description": "A CloudEvent 1.0 in structured mode. `data` has an object for each entity, named by its type.",
    "required": ["specversion", "id", "source", "type", "subject", "data"],
    "properties": {
        "specversion": {"type": "string", "const": "1.0"},
        "id": _ATTRIBUTE | {"description": "With the source it names the event: sent twice, it starts nothing twice."},
        "source": _ATTRIBUTE | {"description": "The module that it comes from, which decides about its topic: /rmm."},
        "type": {"type": "string", "enum": sorted(EVENT_TYPES)},
        "subject": _ATTRIBUTE | {"description": "`{entity}/{id}`, of which `data` has the entity with that id."},
        "orgid": {
            "type": ["string", "null"],
            "description": "The organisation: the caller's, which is filled in where it is missing.",
        },
        "time": {"type": ["string", "null"], "format": "date-time"},
        "datacontenttype": {"type": ["string", "null"]},
        "data": {"type": "object"},
    },
    "examples": [_ENVELOPE],
}
BATCH: Final[Document] = {"type": "array", "items": CLOUD_EVENT, "minItems": 1, "maxItems": 500}


class EventBrief(BaseModel):
    """An event in a list."""

    id: str
    source: str
    type: str
    subject: str = Field(description="What it is about: device/d-17.")
    time: datetime = Field(description="When it happened, as its sender says.")
    received_at: datetime = Field(description="When Kafka took it.")
    org_id: str
    title: str | None = Field(description="What people call the entity; null where the event does not say.")


class EventPage(BaseModel):
    """A page of events, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_BRIEF], "next": None}]})
    items: list[EventBrief]
    next: str | None = Field(description="The cursor of the page that follows.")


class EventDetail(EventBrief):
    """An event whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_BRIEF, "envelope": _ENVELOPE}]})
    envelope: Document = Field(description="The CloudEvent, without what is redacted.")


class SentEvent(BaseModel):
    """An event that Kafka has."""

    id: str
    type: str
    subject: str
    topic: str
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]


class SentEvents(BaseModel):
    """Where the events are, in the order in which they were given."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "id": "ev-20817",
                            "type": "device.offline",
                            "subject": "device/d-17",
                            "topic": "onestack.events.rmm",
                            "partition": 3,
                            "offset": 1017,
                        }
                    ]
                }
            ]
        }
    )
    items: list[SentEvent]
