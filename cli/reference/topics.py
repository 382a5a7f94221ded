"""docs/reference/topics.md."""

from __future__ import annotations

from cli.reference.text import code, fields, page, table
from schemas.entries import DATA
from schemas.export.models import definitions_of
from schemas.export.topics import TOPICS
from schemas.messages import Command, Control, DeadLetter

_INTRO = """
Workers create the topics that are missing, and so does `onestack topics create`; `onestack schemas` writes one AsyncAPI
3 document of all of them. All but the definitions topic have the same number of partitions (`ONESTACK_PARTITIONS`) and,
for events, commands and the run log, the same key: so everything about one entity is on one partition, in order.
Records of up to 2 MB are taken; events of up to `ONESTACK_MAX_EVENT_BYTES`. Each has `ONESTACK_REPLICATION` copies;
with three or more, two must have a record before it is acknowledged (`min.insync.replicas`). `onestack topics check`
compares all of that with the cluster, and `onestack topics apply` mends what is a setting of a topic.
"""
_RUN_LOG = """
## The run log

A record is a JSON array of the entries that one decision made (`application/cloudevents-batch+json`). Each entry is a
CloudEvent whose `id` is `{run id}:{seq}`; `seq` counts from 0 in its run. Where two entries claim one `seq`, the first
in the log is the truth. The run id is made from organisation, workflow id, event source and event id.
"""
_COMMANDS = """
## Commands

A command carries its run's whole state, so whoever holds it can decide what comes next. They are the engine's own: read
them to look on, but do not write them.
"""
_CONTROL = """
## Control

What people ask of a run; `onestack cancel`, `resume` and `rerun` write it. The key is the run's entity key. A request
that can't be met is a dead letter with the reason.
"""
_LETTERS = """
## Dead letters

Whatever could not be read, with the reason and where it came from; keyed as what it came from.
"""


def topics() -> str:
    """The topics, and the records that are the engine's own."""
    names, schemas = definitions_of("#/$defs/")
    rows = [
        (
            code(topic.name),
            f"The engine's own: {topic.holds[:1].lower()}{topic.holds[1:]}" if topic.internal else topic.holds,
            topic.key,
            "1" if topic.one_partition else "as set",
            f"{topic.cleanup}, {topic.days} days" if topic.days else topic.cleanup,
        )
        for topic in sorted(TOPICS, key=lambda topic: topic.internal)
    ]
    entries = [
        (code(name), (model.__doc__ or "").strip(), ", ".join(code(field) for field in model.model_fields))
        for name, model in DATA.items()
    ]
    return page(
        "Topics",
        _INTRO,
        table(("topic", "holds", "key", "partitions", "cleanup"), rows),
        _RUN_LOG,
        table(("type", "means", "data"), entries),
        _COMMANDS,
        fields(schemas[names[Command]]),
        _CONTROL,
        fields(schemas[names[Control]]),
        _LETTERS,
        fields(schemas[names[DeadLetter]]),
    )
