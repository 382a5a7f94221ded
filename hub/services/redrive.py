"""Sending a dead letter's record again: as it stands in its topic, or corrected, and only where it is good now.

What the workers would refuse is refused here, so that no record goes around in circles; and what is not of the
caller's organisation is not sent, whatever the letter's key says.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, NamedTuple

import orjson
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from engine.registry import RefusedDefinition, Registry
from hub.access import WRITE, Caller
from hub.parts import Parts
from hub.problems import Problem, away
from hub.sending import Outgoing
from hub.services.checking import Document, checked
from hub.services.records import EVENT_HEADERS
from projections.letters import MOST, shown
from runtime.kafka import Headers, new_reader, topic_partitions
from runtime.settings import Settings
from schemas.definitions import read_document
from schemas.errors import Fault, Refused
from schemas.events import decode
from schemas.names import DEFINITIONS, EVENT_TOPICS

_PATIENCE: Final = 10.0
_ARRIVAL: Final = 2.0
"""Seconds in which a record that is there arrives."""
_TOPICS: Final = frozenset({*EVENT_TOPICS.values(), DEFINITIONS})


class Original(NamedTuple):
    """A record as it stands in its topic."""

    key: bytes | None
    value: bytes
    headers: Headers


async def outgoing(parts: Parts, caller: Caller, letter: dict[str, Any], corrected: bytes | None) -> Outgoing:
    """What is to be sent for a letter, found good.

    Raises Problem 409 where nothing may be sent to the letter's topic, 410 where the record is gone, 403 where it is
    of another organisation; Refused with what is wrong with it.
    """
    topic: str = letter["topic"]
    if topic not in _TOPICS:
        what = f"This was refused on {topic}" if topic else "The letter does not say where the record stands"
        raise Problem(409, f"{what}: only events and definitions can be sent again.", title="Can't be sent again")
    if topic == DEFINITIONS and not caller.may(WRITE):
        raise Problem(403, f"Sending a definition needs the permission {WRITE} too.")
    original = await _original(parts.settings, letter)
    if corrected is not None:
        value, key, headers = corrected, None, original.headers if original is not None else []
    elif original is not None:
        value, key, headers = original.value, original.key, original.headers
    else:
        value, key, headers = _stored(letter), None, []
    if topic == DEFINITIONS:
        await parts.definitions.wait_ready()
        # The key is kept only where it fits: with another the record would be refused again.
        name = definition_name(value, caller.org, parts.definitions.registry)
        return Outgoing(topic, name.encode(), value, headers)
    headers = _structured(value, headers)
    event = decode(value, headers, parts.settings.max_event_bytes)
    if event.org != caller.org:
        raise _foreign("orgid", event.org)
    return Outgoing(topic, key or event.entity_key.encode(), value, headers)


def definition_name(value: bytes, org: str, registry: Registry) -> str:
    """The key of a definition or calendar that could be put in force now. Raises Refused, and Problem 403."""
    body = read_document(value)
    named = body.get("org")
    if isinstance(named, str) and named != org:
        raise _foreign("org", named)
    document = checked(Document("", 0, body))
    if document.faults:
        raise Refused(document.faults)
    name, fold = document.name, Registry()
    before = registry.in_force(name)
    if before is not None:
        fold.apply(name, before)  # what only a higher version replaces
    applied = fold.apply(name, value)
    if isinstance(applied, RefusedDefinition):
        raise Refused(applied.faults)
    return name


def as_bytes(value: Any) -> bytes | None:
    """A corrected value as it is sent: text as it is, all else as JSON; None where there is none. Raises Refused."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode()
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise Refused.one("value", f"can't be sent as JSON: {error}") from None


def _structured(value: bytes, headers: Headers) -> Headers:
    """The headers under which a value is read: those of the record, but not of one in binary mode for a whole event."""
    if not any(name.startswith("ce_") for name, _ in headers):
        return headers or list(EVENT_HEADERS)
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError:
        return headers
    return list(EVENT_HEADERS) if isinstance(body, dict) and "specversion" in body else headers


def _stored(letter: dict[str, Any]) -> bytes:
    """The letter's own copy. Raises Problem 410 where it is not whole."""
    text: str | None = letter["value"]
    gone = "The record does not stand in its topic any more"
    if text is None:
        raise Problem(410, f"{gone}, and its letter has no copy: send a corrected value.", title="Gone")
    found = text.encode()
    if len(found) >= MOST - 4:
        # Of a longer one the letter has the beginning, which may end within a character.
        raise Problem(410, f"{gone}, and its letter has only the beginning: send a corrected value.", title="Gone")
    return found


def _foreign(field: str, org: str) -> Problem:
    detail = "It is of another organisation: it can be sent for your own alone."
    return Problem(403, detail, faults=[Fault(field, f"is {org[:100]!r}")])


async def _original(settings: Settings, letter: dict[str, Any]) -> Original | None:
    """The record that the letter is about; None where it is gone. Raises Problem 503 where Kafka does not answer."""
    at = TopicPartition(letter["topic"], letter["partition"])
    try:
        async with asyncio.timeout(_PATIENCE):
            found = await topic_partitions(settings, [at.topic])
            if at not in found.get(at.topic, []) or letter["offset"] < 0:
                return None
            record = await _record(settings, at, letter["offset"])
    except (KafkaError, TimeoutError, OSError) as error:
        raise away("Kafka") from error
    if record is None or record.value is None or shown(record.value) != letter["value"]:
        return None  # a topic that was made anew has another record there
    return Original(record.key, record.value, [(name, value or b"") for name, value in record.headers or ()])


async def _record(settings: Settings, at: TopicPartition, offset: int) -> Any:
    reader = new_reader(settings)
    try:
        await reader.start()
        reader.assign([at])
        if offset < (await reader.beginning_offsets([at]))[at]:
            return None
        reader.seek(at, offset)
        loop = asyncio.get_running_loop()
        until = loop.time() + _ARRIVAL
        while (left := until - loop.time()) > 0:
            for record in (await reader.getmany(at, timeout_ms=int(left * 1000) + 1, max_records=1)).get(at, ()):
                return record if record.offset == offset else None
    finally:
        await reader.stop()
    return None
