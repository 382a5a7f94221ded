"""Sending definitions and events: acknowledged by all in-sync replicas before the command ends."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import TYPE_CHECKING, Any

import orjson

from cli.clients import kafka, need_topic, settings_for_people
from cli.errors import USAGE, Failure, kafka_away
from hub.services.records import Record, definition_record
from schemas.events import EVENT_TYPES, SOURCES, entity_of
from schemas.names import DEFINITIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from engine.registry import Registry
    from hub.services.checking import Document
    from runtime.settings import Settings

__all__ = ["Record", "Sent", "delete", "emit", "events_in", "in_force", "new_event", "publish", "published", "send"]

Sent = dict[str, Any]


async def publish(documents: Sequence[Document], look: Callable[[Registry], None] | None = None) -> list[Sent]:
    """Put checked definitions on the definitions topic; what became of each, once Kafka has acknowledged all.

    What is in force already, word for word, is not sent again. Raises Refused, before anything is sent, where a
    version is not higher than the one in force; and what `look` raises, which sees all that will be in force.
    """
    from hub.services.publishing import fresh, told

    settings = settings_for_people()
    await need_topic(settings, DEFINITIONS)
    registry = await in_force(settings)
    new = fresh(registry, documents)
    if look is not None:
        look(registry)
    places = await send(settings, [definition_record(one.name, one.body) for one in new])
    return told(documents, dict(zip((one.name for one in new), places, strict=True)))


async def delete(org: str, workflow_id: str) -> Sent:
    """Put a null on the definitions topic; what was in force until then, once Kafka has acknowledged it.

    A calendar's id has `calendar/` before it. Raises Failure, and sends nothing, where nothing is in force under it.
    """
    from engine.calendars import Calendar
    from hub.services.publishing import in_force_as

    settings = settings_for_people()
    await need_topic(settings, DEFINITIONS)
    gone = in_force_as(await in_force(settings), org, workflow_id)
    if gone is None:
        raise Failure(f"No definition is in force as {org}/{workflow_id}: nothing was deleted.")
    [place] = await send(settings, [definition_record(f"{org}/{workflow_id}", None)])
    state = {} if isinstance(gone, Calendar) else {"state": gone.state}
    return {"org": org, "id": workflow_id, "version": gone.version, **state, "deleted": True, **place}


async def published() -> Registry:
    """All that is in force now. Raises Failure where Kafka can't tell."""
    settings = settings_for_people()
    await need_topic(settings, DEFINITIONS)
    return await in_force(settings)


async def in_force(settings: Settings) -> Registry:
    """What the definitions topic comes down to: the workers fold it in the same way."""
    from aiokafka.structs import TopicPartition

    from engine.registry import Registry
    from runtime.kafka import new_reader, scan

    registry = Registry()
    async with kafka(settings, new_reader(settings)) as reader:
        ends = await reader.end_offsets([TopicPartition(DEFINITIONS, 0)])
        begins = await reader.beginning_offsets(list(ends))
        async for _at, records in scan(reader, {at: (begins[at], end) for at, end in ends.items()}):
            for record in records:
                registry.apply(record.key or b"", record.value)
    return registry


async def send(settings: Settings, records: Sequence[Record]) -> list[Sent]:
    """Send (topic, key, value, headers) in order; where each went. Raises Failure where Kafka does not take one."""
    from aiokafka.errors import KafkaError

    from runtime.kafka import new_producer

    for topic in sorted({record[0] for record in records}):
        await need_topic(settings, topic)
    sent = []
    async with kafka(settings, new_producer(settings)) as producer:
        for topic, key, value, headers in records:
            try:
                place = await producer.send_and_wait(topic, value, key, headers=headers)
            except KafkaError as error:
                raise kafka_away(settings, error) from None
            sent.append({"topic": place.topic, "partition": place.partition, "offset": place.offset})
    return sent


def new_event(kind: str, org: str | None, data: str | None, given: dict[str, str | None]) -> dict[str, Any]:
    """A CloudEvent from the command line: what was not given is filled in. Raises Failure or Refused."""
    if kind not in EVENT_TYPES:
        raise Failure(f"{kind!r} is not an event type; the types are {', '.join(EVENT_TYPES)}.", USAGE)
    if not org:
        raise Failure("An event belongs to an organisation: name it with --org.", USAGE)
    body = _object(data)
    entity = entity_of(kind)
    mine = body.setdefault(entity, {})
    known = mine.get("id") if isinstance(mine, dict) else None
    subject = given.get("subject") or f"{entity}/{known or uuid.uuid4().hex[:8]}"
    if isinstance(mine, dict) and known is None:
        mine["id"] = subject.partition("/")[2]
    return {
        "specversion": "1.0",
        "id": given.get("id") or str(uuid.uuid4()),
        "source": given.get("source") or f"/{SOURCES[kind][0]}",
        "type": kind,
        "subject": subject,
        "time": given.get("time") or _now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "orgid": org,
        "datacontenttype": "application/json",
        "data": body,
    }


def _now() -> dt.datetime:
    """The time by which workers go too."""
    from runtime.clock import Clock
    from runtime.settings import load

    return Clock(load().clock_file).now()


def _object(data: str | None) -> dict[str, Any]:
    from pathlib import Path

    from cli.files import content

    if data is None:
        return {}
    text = content(Path(data[1:])) if data.startswith("@") else data.encode()
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Failure(f"--data is not JSON: {error}.", USAGE) from None
    if not isinstance(body, dict):
        raise Failure("--data is a JSON object, with one object for each entity, such as '{\"alert\": {…}}'.", USAGE)
    return body


def events_in(file: Path) -> list[dict[str, Any]]:
    """The CloudEvents in a file: one JSON object, an array of them, or one a line."""
    from cli.files import content

    text = content(file)
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        try:
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError:
            raise Failure(f"{file}: not JSON: {error}.") from None
    events = found if isinstance(found, list) else [found]
    if not events:
        raise Failure(f"{file}: there is no event in it.")
    return events


async def emit(envelopes: Sequence[dict[str, Any]]) -> list[Sent]:
    """Check events and send each to its module's topic. Raises Refused with every fault, before any is sent."""
    from hub.services.emitting import accepted

    settings = settings_for_people()
    found = accepted(envelopes, settings.max_event_bytes, numbered=len(envelopes) > 1)
    places = await send(settings, [record for _, record in found])
    return [
        {"id": event.id, "type": event.type, "org": event.org, "subject": event.subject, **at}
        for (event, _), at in zip(found, places, strict=True)
    ]
