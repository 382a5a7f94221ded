"""Records as they go to Kafka: what is sent, where to, and under which key; who sends them brings the producer."""

from __future__ import annotations

from typing import Any, Final

import orjson

from schemas.calendars import KIND
from schemas.errors import Refused
from schemas.events import SOURCES, Event, decode
from schemas.names import DEFINITIONS, EVENT_TOPICS

Record = tuple[str, bytes, bytes | None, list[tuple[str, bytes]]]
"""Topic, key, value (None is a null), headers."""
EVENT_HEADERS: Final = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
CALENDAR: Final = f"{KIND}/"
"""What a calendar's id has before it where it is named beside workflows."""


def event_record(envelope: object, limit: int) -> tuple[Event, Record]:
    """An event, found good, and the record of its module's topic that holds it. Raises Refused.

    `limit` is how many bytes an event may have at most.
    """
    try:
        value = orjson.dumps(envelope)
    except orjson.JSONEncodeError as error:
        raise Refused.one("", f"can't be sent as JSON: {error}") from None
    # Read as a worker will read it: what is good only until it was written is found out here.
    event = decode(value, EVENT_HEADERS, limit)
    return event, (topic_of(event), event.entity_key.encode(), value, list(EVENT_HEADERS))


def topic_of(event: Event) -> str:
    """The topic of the module that the event says it comes from, else of the one that such events come from."""
    module = event.source.strip("/").partition("/")[0]
    return EVENT_TOPICS[module if module in EVENT_TOPICS else SOURCES[event.type][0]]


def definition_record(name: str, body: dict[str, Any] | None) -> Record:
    """A definition or calendar under its key, `org/id` or `org/calendar/id`; without a body the null that deletes."""
    return (DEFINITIONS, name.encode(), None if body is None else orjson.dumps(body), [])
