"""What stands on the topics, message by message: CloudEvent envelopes around data, and the plain JSON records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schemas.actions import PARAMETERS
from schemas.calendars import CalendarDefinition
from schemas.definitions import Definition, Draft
from schemas.entries import DATA
from schemas.events.types import EVENT_TYPES, SOURCES, entity_of
from schemas.messages import Command, Control, DeadLetter
from schemas.names import (
    COMMAND_TOPICS,
    CONTROL,
    DEAD_LETTERS,
    DEFINITIONS,
    ENTRY_SOURCE,
    EVENT_TOPICS,
    ID_PATTERN,
    RUNS,
)
from schemas.replays import REPLAY_DATA

if TYPE_CHECKING:
    from pydantic import BaseModel

Schema = dict[str, Any]

_CLOUDEVENT: Final = "application/cloudevents+json"
_BATCH: Final = "application/cloudevents-batch+json"
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}


class Message(NamedTuple):
    """One kind of record: its name, the topics that hold it, its content type, and its schema."""

    name: str
    summary: str
    topics: tuple[str, ...]
    content_type: str
    schema: Schema


def messages(names: dict[type[BaseModel], str], prefix: str) -> list[Message]:
    """Every kind of record, references to models written as `prefix` and the model's name."""

    def ref(model: type[BaseModel]) -> Schema:
        return {"$ref": prefix + names[model]}

    return [
        *(_event(kind, ref(model), _first_line(model)) for kind, model in EVENT_TYPES.items()),
        Message(
            "definition",
            "A workflow's definition; a record without value deletes it.",
            (DEFINITIONS,),
            "application/json",
            {
                "title": "Workflow definition",
                "if": {"properties": {"state": {"const": "draft"}}, "required": ["state"]},
                "then": ref(Draft),
                "else": ref(Definition),
            },
        ),
        Message(
            "calendar",
            "An organisation's business hours and holidays; a record without value deletes it.",
            (DEFINITIONS,),
            "application/json",
            {"title": "Business calendar", **ref(CalendarDefinition)},
        ),
        *(_command(action, ref(Command)) for action in PARAMETERS),
        run_log([entry(kind, ref(model), _first_line(model)) for kind, model in {**DATA, **REPLAY_DATA}.items()]),
        Message(
            "control",
            "A request to cancel, resume or re-run a run, or a guard's verdict.",
            (CONTROL,),
            "application/json",
            {"title": "Control request", **ref(Control)},
        ),
        Message(
            "dead-letter",
            "A record that could not be read.",
            (DEAD_LETTERS,),
            "application/json",
            {"title": "Dead letter", **ref(DeadLetter)},
        ),
    ]


def _event(kind: str, data: Schema, summary: str) -> Message:
    topics = tuple(EVENT_TOPICS[module] for module in SOURCES[kind])
    return Message(kind, summary, topics, _CLOUDEVENT, _event_schema(kind, data, summary))


def _event_schema(kind: str, data: Schema, summary: str) -> Schema:
    entity = entity_of(kind)
    return {
        "title": kind,
        "description": summary,
        "type": "object",
        "required": ["specversion", "id", "source", "type", "subject", "orgid", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "minLength": 1, "description": "Unique among the events of this source and org."},
            "source": {"type": "string", "minLength": 1, "examples": [f"/{SOURCES[kind][0]}"]},
            "type": {"const": kind},
            "subject": {
                "type": "string",
                "pattern": f"^{entity}/.+$",
                "description": f"{entity}/ and the id of the {entity} in data.",
            },
            "time": {**_TIME, "description": "RFC 3339, with an offset from UTC."},
            "orgid": {"type": "string", "pattern": ID_PATTERN, "description": "The organisation."},
            "datacontenttype": {"type": "string", "examples": ["application/json"]},
            "data": data,
            "traceparent": {"type": "string", "description": "W3C trace context."},
            "causationid": {"type": "string", "description": "The run that caused the event."},
            "causationchain": {"type": "string", "description": "Workflow ids, with commas between them."},
        },
    }


def _command(action: str, command: Schema) -> Message:
    schema = {
        "title": f"Command {action}",
        "allOf": [command, {"properties": {"action": {"const": action}}}],
    }
    return Message(
        f"command.{action}",
        f"Perform {action}; carries its run's whole state.",
        (COMMAND_TOPICS[action],),
        "application/json",
        schema,
    )


def entry(kind: str, data: Schema, summary: str) -> Schema:
    """One run-log entry's schema."""
    return {
        "title": kind,
        "description": summary,
        "type": "object",
        "required": ["specversion", "id", "source", "type", "subject", "orgid", "time", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "pattern": r"^[A-Za-z0-9_-]+:\d+$", "description": "{run id}:{seq}."},
            "source": {"const": ENTRY_SOURCE},
            "type": {"const": kind},
            "subject": {"type": "string", "description": "The entity, such as device/d-17."},
            "orgid": {"type": "string", "pattern": ID_PATTERN},
            "time": _TIME,
            "formatversion": {
                "type": "integer",
                "minimum": 1,
                "default": 1,
                "description": "Of the format; absent in version 1. Do not read on where it is newer than you know.",
            },
            "data": data,
        },
    }


def run_log(entries: list[Schema]) -> Message:
    """A record of the run log: the entries of one decision."""
    schema: Schema = {
        "title": "Run-log record",
        "description": "The entries that one decision made, in order.",
        "type": "array",
        "minItems": 1,
        "items": {"oneOf": entries},
    }
    return Message("run-log-record", "The entries that one decision made.", (RUNS,), _BATCH, schema)


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]
