"""What could not be read goes here, with the reason and where it came from (DESIGN.md §3)."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from runtime.kafka import partition_of
from runtime.logging import logger
from runtime.metrics import DEAD_LETTERS as COUNTED
from schemas.names import DEAD_LETTERS

if TYPE_CHECKING:
    import asyncio

    from runtime.kafka import Publisher
    from schemas.errors import Refused

_MOST_BYTES: Final = 16 * 1024
REASONS: Final = ("unreadable", "invalid", "too_large", "internal")
"""Classes of reasons: not what its topic holds at all, a field that is wrong, too many bytes, a bug of ours."""
_BYTES = re.compile(r"has [\d,]+ bytes")


def reason_class(refused: Refused) -> str:
    """Which of `REASONS` this refusal is of."""
    if refused.reason.startswith("internal error"):
        return "internal"
    if _BYTES.search(refused.reason):
        return "too_large"
    return "invalid" if refused.field else "unreadable"


def as_text(raw: bytes | None, most: int = _MOST_BYTES) -> str | None:
    """Bytes as JSON can hold them: text where they are text, else base64; the first `most` bytes of them."""
    if raw is None:
        return None
    start = raw[:most]
    try:
        return start.decode()
    except UnicodeDecodeError as error:
        if len(raw) > most and error.start >= most - 3:
            # The cut went through a character.
            return start[: error.start].decode()
        return base64.b64encode(start).decode()


def letter(record: Any, refused: Refused, at: datetime) -> bytes:
    """The dead letter of a Kafka record."""
    return orjson.dumps(
        {
            "reason": "; ".join(fault.reason if i == 0 else str(fault) for i, fault in enumerate(refused.faults)),
            "field": refused.field,
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "key": as_text(record.key),
            "value": as_text(record.value),
            "at": at.isoformat().replace("+00:00", "Z"),
        }
    )


def put(publisher: Publisher, record: Any, refused: Refused, partitions: int) -> asyncio.Future[None]:
    """Send a record to the dead letters; the future is done when the broker has it."""
    partition = partition_of(record.key, partitions) if record.key else record.partition % partitions
    COUNTED.labels(record.topic, reason_class(refused)).inc()
    # Without the reason, which may quote what was sent: the dead letter has it.
    logger("dead-letters").info("refused", topic=record.topic, partition=record.partition, offset=record.offset,
                                field=refused.field)  # fmt: skip
    # A key of megabytes would leave no room for the letter; nobody looks one up by more than its start.
    key = record.key[:_MOST_BYTES] if record.key else record.key
    return publisher.put(
        DEAD_LETTERS, partition, key, letter(record, refused, datetime.now(UTC)),
        [("content-type", b"application/json")],
    )  # fmt: skip
