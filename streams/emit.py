"""What a decision puts on the topics: one run-log record, and the command that follows from the new state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from engine.run import next_command
from runtime.kafka import LARGEST_RECORD
from runtime.metrics import EVENT_TO_FINISH, RUNS
from schemas.errors import Refused
from schemas.names import RUNS as RUN_LOG
from schemas.names import command_topic

if TYPE_CHECKING:
    import asyncio
    from datetime import datetime

    from engine.run import RunState
    from schemas.entries import EntryDict
    from streams.parts import Parts

ARRIVED: Final = "arrived"
"""Header of a command: when the event arrived in Kafka, in milliseconds since the epoch, for the latency metrics."""
ENTRY: Final = "entry"
"""Header of a command: its claim in the ledger, so that one that was performed already need not be parsed."""
_LARGEST: Final = LARGEST_RECORD - 16 * 1024
_BATCH_HEADERS: Final = [("content-type", b"application/cloudevents-batch+json")]
_ENDED: Final = {
    "run.completed": RUNS.labels("completed"),
    "run.failed": RUNS.labels("failed"),
    "run.cancelled": RUNS.labels("cancelled"),
    "run.skipped": RUNS.labels("skipped"),
    "run.suppressed": RUNS.labels("suppressed"),
}


def emit(
    parts: Parts, partition: int, key: bytes, entries: list[EntryDict], state: RunState, arrived: int, now: datetime
) -> list[asyncio.Future[None]]:
    """Queue a decision's record and the next command; the futures are done when the broker has both.

    Raises Refused, with nothing queued, where one of them is larger than a record may be.
    """
    put = parts.publisher.put
    record, command = orjson.dumps(entries), next_command(state)
    value = orjson.dumps(command) if command is not None else b""
    if (size := max(len(record), len(value))) > _LARGEST:
        raise Refused.one("", f"what comes of it has {size:,} bytes; a record may have {_LARGEST:,}")
    sent = [put(RUN_LOG, partition, key, record, _BATCH_HEADERS)]
    if (ended := _ENDED.get(entries[-1]["type"])) is not None:
        ended.inc()
        EVENT_TO_FINISH.observe(max(0.0, now.timestamp() - arrived / 1000))
    elif command is not None:
        sent.append(put(command_topic(command["action"]), partition, key, value, _command_headers(state, arrived)))
    return sent


def send(
    parts: Parts, partition: int, key: bytes, command: dict[str, Any], state: RunState, arrived: int
) -> asyncio.Future[None]:
    """Queue a command alone: one that may have been lost with the worker that made it."""
    topic = command_topic(command["action"])
    return parts.publisher.put(topic, partition, key, orjson.dumps(command), _command_headers(state, arrived))


def _command_headers(state: RunState, arrived: int) -> list[tuple[str, bytes]]:
    return [(ARRIVED, b"%d" % arrived), (ENTRY, claim_id(state).encode())]


def claim_id(state: RunState) -> str:
    """What the ledger calls the next decision of this run: the id of the entry that it will begin with."""
    return f"{state.run}:{state.seq}"
