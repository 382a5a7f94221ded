"""Dead letters as rows: those that were published, and those that the projector makes of a record it can't fold."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from projections.errors import Poison
from projections.records import Arrived, is_time, read_json, visible

MOST: Final = 16 * 1024
"""Bytes of a refused value that its dead letter keeps (DESIGN.md §3)."""


class Letter(NamedTuple):
    """One row of `history_data.dead_letters`."""

    id: str
    reason: str | None
    field: str | None
    topic: str | None
    partition: int | None
    offset: int | None
    key: str | None
    value: str | None
    at: datetime


def shown(raw: bytes | None, most: int = MOST) -> str | None:
    """The start of the raw value as text, as base64 where it is not text."""
    if raw is None:
        return None
    start = raw[:most]
    try:
        text = start.decode()
    except UnicodeDecodeError as error:
        cut_within_character = len(raw) > most and error.start >= len(start) - 3
        try:
            text = start[: error.start].decode() if cut_within_character else base64.b64encode(start).decode()
        except UnicodeDecodeError:
            text = base64.b64encode(start).decode()
    return visible(text)


def stamp(milliseconds: int) -> datetime:
    """A Kafka timestamp as a time; 1970 where the record has none."""
    try:
        return datetime.fromtimestamp(max(milliseconds, 0) / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _identity(topic: str, partition: int, offset: int, key: str | None, value: str | None) -> str:
    # The content is part of it, for a topic that was made anew counts its offsets from 0 again.
    told = "\n".join((topic, str(partition), str(offset), repr(key), repr(value)))
    return hashlib.blake2b(told.encode("utf-8", "replace"), digest_size=16).hexdigest()


def of_poison(record: Arrived, poison: Poison) -> Letter:
    """The letter about a record that can't be folded."""
    key, value = shown(record.key, 1024), shown(record.value)
    return Letter(
        _identity(record.topic, record.partition, record.offset, key, value),
        visible(poison.reason), visible(poison.field), record.topic, record.partition, record.offset, key, value,
        stamp(record.timestamp),
    )  # fmt: skip


def of_record(record: Arrived) -> Letter:
    """The letter that a record of the dead-letter topic is; one that can't be read is a letter about itself."""
    try:
        found, _ = read_json(record.value or b"")
        if not isinstance(found, dict):
            raise Poison("not a JSON object")
    except Poison as poison:
        return of_poison(record, poison)
    topic, partition, offset = found.get("topic"), found.get("partition"), found.get("offset")
    key, value = _text(found.get("key")), _text(found.get("value"))
    at = found.get("at")
    if isinstance(topic, str) and _whole(partition, 31) and _whole(offset, 63):
        source = topic, int(partition), int(offset)  # type: ignore[arg-type]
    else:
        source, partition, offset = (record.topic, record.partition, record.offset), None, None
    return Letter(
        _identity(*source, key, value), _text(found.get("reason")), _text(found.get("field")), _text(topic),
        partition, offset, key, value, datetime.fromisoformat(str(at)) if is_time(at) else stamp(record.timestamp),
    )  # fmt: skip


def _whole(value: Any, bits: int) -> bool:
    return type(value) is int and 0 <= value < 2**bits


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)
