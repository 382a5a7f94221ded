"""One AsyncAPI 3.0 document of all topics: keys, partitions, cleanup, messages, and who sends and reads them."""

from __future__ import annotations

from typing import Any, Final

from schemas.export.messages import Message, messages
from schemas.export.models import definitions_of
from schemas.export.topics import TOPICS, Topic
from schemas.names import DEAD_LETTERS, DEFINITIONS, RUNS

Schema = dict[str, Any]

_PREFIX: Final = "#/components/schemas/"
_BINDING: Final = "0.5.0"
_SENT: Final = {RUNS, DEAD_LETTERS}
"""What the engine alone writes; others read it."""


def asyncapi(partitions: int = 12) -> Schema:
    """The document as JSON. `partitions` is what ONESTACK_PARTITIONS says."""
    names, schemas = definitions_of(_PREFIX)
    kinds = messages(names, _PREFIX)
    shared = [topic for topic in TOPICS if not topic.internal]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "One Stack Workflow Engine",
            "version": "1.0.0",
            "description": "Module events and workflow definitions in; commands, the run log and dead letters out. "
            "The operations are told from the engine's side.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.short: _channel(topic, kinds, partitions) for topic in shared},
        "operations": {name: body for topic in shared for name, body in _operations(topic, kinds).items()},
        "components": {
            "messages": {message.name: _message(message) for message in kinds},
            "schemas": dict(sorted(schemas.items())),
        },
    }


def _channel(topic: Topic, kinds: list[Message], partitions: int) -> Schema:
    held = {one.name: {"$ref": f"#/components/messages/{one.name}"} for one in kinds if topic.name in one.topics}
    kept = {"retention.ms": topic.days * 86_400_000} if topic.days else {}
    return {
        "address": topic.name,
        "description": f"{topic.holds} Key: {topic.key}",
        "messages": held,
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": 1 if topic.one_partition else partitions,
                "topicConfiguration": {"cleanup.policy": [topic.cleanup], **kept, "max.message.bytes": 2_097_152},
                "bindingVersion": _BINDING,
            }
        },
    }


def _operations(topic: Topic, kinds: list[Message]) -> dict[str, Schema]:
    """The engine reads events and requests, sends the log, and does both with commands and definitions."""
    both = topic.name == DEFINITIONS or topic.short.startswith("workflow.commands.")
    ways = ("receive", "send") if both else ("send",) if topic.name in _SENT else ("receive",)
    return {
        f"{way}.{topic.short}": {
            "action": way,
            "channel": {"$ref": f"#/channels/{topic.short}"},
            "summary": topic.holds,
            "messages": [
                {"$ref": f"#/channels/{topic.short}/messages/{one.name}"} for one in kinds if topic.name in one.topics
            ],
        }
        for way in ways
    }


def _message(message: Message) -> Schema:
    key = next(topic.key for topic in TOPICS if topic.name == message.topics[0])
    return {
        "name": message.name,
        "title": message.schema.get("title", message.name),
        "summary": message.summary,
        "contentType": message.content_type,
        "payload": message.schema,
        "bindings": {"kafka": {"key": {"type": "string", "description": key}, "bindingVersion": _BINDING}},
    }
