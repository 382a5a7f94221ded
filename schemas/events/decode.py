"""From a Kafka record to an event: one JSON parse, one validation, and every refusal with its field.

CloudEvents 1.0: structured mode (the whole event is the value) and binary mode (attributes in `ce_*` headers), as the
Kafka protocol binding has them. A structured event is known by its body where the header is missing.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import orjson
from pydantic import ValidationError

from schemas.errors import Refused
from schemas.events.types import EVENT_TYPES, entity_of
from schemas.names import entity_key, is_id

if TYPE_CHECKING:
    from collections.abc import Sequence


_MOST_DEPTH: Final = 64
_LONGEST_ATTRIBUTE: Final = 1024
_VALIDATORS: Final[dict[str, tuple[str, Any]]] = {
    name: (entity_of(name), model.__pydantic_validator__) for name, model in EVENT_TYPES.items()
}


class Event:
    """A module event that was found good. `envelope` is the whole structured CloudEvent, as it came."""

    __slots__ = (
        "causation_chain",
        "data",
        "entity_id",
        "entity_key",
        "entity_type",
        "envelope",
        "id",
        "org",
        "source",
        "subject",
        "time",
        "traceparent",
        "type",
    )

    def __init__(self, envelope: dict[str, Any]) -> None:
        self.envelope = envelope
        self.id: str = envelope["id"]
        self.source: str = envelope["source"]
        self.type: str = envelope["type"]
        self.subject: str = envelope["subject"]
        self.org: str = envelope["orgid"]
        self.time: str | None = envelope.get("time")
        self.data: dict[str, Any] = envelope["data"]
        self.entity_type, _, self.entity_id = self.subject.partition("/")
        self.entity_key = entity_key(self.org, self.subject)
        self.traceparent: str | None = envelope.get("traceparent")
        chain: str = envelope.get("causationchain") or ""
        self.causation_chain: tuple[str, ...] = tuple(chain.split(",")) if chain else ()


def decode(value: bytes | None, headers: Sequence[tuple[str, bytes]] = (), limit: int = 256 * 1024) -> Event:
    """The event in a Kafka record. Raises Refused with the field and the reason where it is none.

    `limit` is in bytes of the record's value.
    """
    if value is None:
        raise Refused.one("", "the record has no value")
    if len(value) > limit:
        raise Refused.one("", f"the event has {len(value):,} bytes; at most {limit:,} are accepted")
    attributes = _binary_attributes(headers)
    body = _parse(value, "data" if attributes else "")
    envelope = {**attributes, "data": body} if attributes else body
    return from_envelope(envelope)


def from_envelope(envelope: object) -> Event:
    """The event in a structured CloudEvent that is parsed already. Raises Refused."""
    if not isinstance(envelope, dict):
        raise Refused.one("", f"a CloudEvent is a JSON object, not {_kind(envelope)}")
    _check_attributes(envelope)
    kind: str = envelope["type"]
    known = _VALIDATORS.get(kind)
    if known is None:
        raise Refused.one("type", f"{kind[:100]!r} is not a known event type")
    entity, validator = known
    data = envelope.get("data")
    if not isinstance(data, dict):
        if "data_base64" in envelope:
            raise Refused.one("data_base64", "is not read here: send the JSON object as data")
        raise Refused.one("data", "is required" if data is None else f"should be a JSON object, not {_kind(data)}")
    try:
        validator.validate_python(data)
    except ValidationError as error:
        raise Refused.from_validation(error, "data") from None
    _check_subject(envelope["subject"], entity, data)
    return Event(envelope)


def _binary_attributes(headers: Sequence[tuple[str, bytes]]) -> dict[str, Any]:
    """The attributes of a binary-mode event, or nothing where the record is not one."""
    if not headers:
        return {}
    found: dict[str, Any] = {}
    content_type = None
    for name, raw in headers:
        if name[:3] == "ce_":
            if raw is None:
                continue
            try:
                found[name[3:]] = raw.decode()
            except UnicodeDecodeError:
                raise Refused.one(name[3:], "the header is not UTF-8 text") from None
        elif name.lower() == "content-type":
            content_type = raw or b""
    if content_type is not None and content_type.lower().startswith(b"application/cloudevents"):
        if b"batch" in content_type:
            raise Refused.one("", "a batch of events in one record is not read: send one event a record")
        return {}
    if not found:
        return {}
    if content_type:
        found["datacontenttype"] = content_type.decode("latin-1")
    return found


def _parse(value: bytes, field: str) -> Any:
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise Refused.one(field, f"not JSON: {error}") from None
    if value.count(b"{") + value.count(b"[") > _MOST_DEPTH and _depth(body) > _MOST_DEPTH:
        raise Refused.one(field, f"nested deeper than {_MOST_DEPTH} levels")
    return body


def _depth(body: object) -> int:
    deepest, level = 0, [body]
    while level and deepest <= _MOST_DEPTH + 1:
        inside: list[object] = []
        for one in level:
            if isinstance(one, dict):
                inside.extend(one.values())
            elif isinstance(one, list):
                inside.extend(one)
        level = [one for one in inside if isinstance(one, dict | list)]
        deepest += 1
    return deepest


def _check_attributes(envelope: dict[str, Any]) -> None:
    _check_required(envelope)
    if envelope["specversion"] != "1.0":
        raise Refused.one("specversion", f"is {envelope['specversion'][:20]!r}; only '1.0' is read")
    if not is_id(envelope["orgid"]):
        raise Refused.one(
            "orgid", "should begin with a letter or digit and have only letters, digits, _ . - (at most 100)"
        )
    if (time := envelope.get("time")) is not None:
        _check_time(time)
    for name in ("traceparent", "causationid", "causationchain", "datacontenttype"):
        given = envelope.get(name)
        if given is not None and not isinstance(given, str):
            raise Refused.one(name, f"should be text, not {_kind(given)}")
    if chain := envelope.get("causationchain"):
        _check_chain(chain)
    media = (envelope.get("datacontenttype") or "application/json").partition(";")[0].strip().lower()
    if media != "application/json" and not media.endswith("+json"):
        raise Refused.one("datacontenttype", f"is {media[:60]!r}; only JSON is read")


def _check_required(envelope: dict[str, Any]) -> None:
    for name in ("specversion", "id", "source", "type", "subject", "orgid"):
        given = envelope.get(name)
        if given is None:
            raise Refused.one(name, "is required")
        if not isinstance(given, str):
            raise Refused.one(name, f"should be text, not {_kind(given)}")
        if not given.strip():
            raise Refused.one(name, "is empty")
        if len(given) > _LONGEST_ATTRIBUTE:
            raise Refused.one(name, f"is longer than {_LONGEST_ATTRIBUTE:,} characters")
        if not given.isprintable():
            raise Refused.one(name, "has control characters")


def _check_chain(chain: str) -> None:
    parts = chain.split(",")
    if len(parts) > 100 or not all(is_id(part) for part in parts):
        raise Refused.one("causationchain", "should be workflow ids with commas between them")


def _check_time(time: object) -> None:
    if not isinstance(time, str):
        raise Refused.one("time", f"should be text, not {_kind(time)}")
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        raise Refused.one("time", f"{time[:40]!r} is not an RFC 3339 time, such as 2026-11-23T08:00:00Z") from None
    if moment.tzinfo is None:
        raise Refused.one("time", f"{time[:40]!r} has no offset from UTC: write 2026-11-23T08:00:00Z")


def _check_subject(subject: str, entity: str, data: dict[str, Any]) -> None:
    kind, slash, identity = subject.partition("/")
    if not slash or not identity or kind != entity:
        raise Refused.one("subject", f"should be {entity}/ and the {entity}'s id, not {subject[:100]!r}")
    if (inside := data[entity].get("id")) is None:
        raise Refused.one(f"data.{entity}.id", "is required")
    if inside != identity:
        raise Refused.one("subject", f"is {subject[:100]!r}, but data.{entity}.id is {str(inside)[:100]!r}")


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    names = {dict: "an object", list: "a list", str: "text", int: "a number", float: "a number"}
    return names.get(type(value), type(value).__name__)
