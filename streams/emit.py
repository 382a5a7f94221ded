"""What a decision puts on the topics: one run-log record, and the command that follows from the new state.

The command is sent when the broker has the record. Were both sent at once, a kill could part them: a command would go
on with a decision that the log does not have, while what led to it is delivered again and maybe decided on otherwise,
as the event that cancels the run may have come meanwhile. The other way round nothing is lost: what led to the decision
is acknowledged only after the command, and finds the decision in the log when it is delivered again. Nor does it take
longer, for the command is performed here as soon as the record is there (`Parts.hand_on`), beside its way to Kafka.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from engine.run import next_command
from runtime.kafka import LARGEST_RECORD
from runtime.metrics import EVENT_TO_FINISH, RETRIES, RUNS, SUPPRESSED
from schemas.errors import Refused
from schemas.names import ACTIONS, RUN_ENDS, command_topic
from schemas.names import RUNS as RUN_LOG
from streams import spans

if TYPE_CHECKING:
    from datetime import datetime

    from engine.run import RunState
    from runtime.kafka import Headers
    from runtime.tracing import Span
    from schemas.entries import EntryDict
    from streams.parts import Parts

ARRIVED: Final = "arrived"
"""Header of a command: when the event arrived in Kafka, in milliseconds since the epoch, for the latency metrics."""
ENTRY: Final = "entry"
"""Header of a command: its claim in the ledger, so that one that was performed already need not be parsed."""
MADE: Final = "made"
"""Header of a command: when it was made, in milliseconds since the epoch; nothing can have come of it before."""
Sent = list[asyncio.Future[None]]
"""Done when the broker has what a decision put on the topics: its record first, and what follows from it."""
_LARGEST: Final = LARGEST_RECORD - 16 * 1024
BATCH_HEADERS: Final = [("content-type", b"application/cloudevents-batch+json")]
_ENDED: Final = {f"run.{end}": RUNS.labels(end) for end in RUN_ENDS}
_SUPPRESSED: Final = {guard: SUPPRESSED.labels(guard) for guard in ("loop", "throttle", "storm")}
_WAITING: Final = RUNS.labels("waiting")
_RETRIES: Final = {action: RETRIES.labels(action) for action in ACTIONS if action != "delay"}


def emit(
    parts: Parts, partition: int, key: bytes, entries: list[EntryDict], state: RunState, arrived: int, now: datetime
) -> Sent:
    """Queue a decision's record and, behind it, the next command; the futures are done when the broker has each.

    Raises Refused, with nothing queued, where one of them is larger than a record may be.
    """
    put = parts.publisher.put
    record, command = orjson.dumps(entries), next_command(state)
    value = orjson.dumps(command) if command is not None else b""
    if (size := max(len(record), len(value))) > _LARGEST:
        raise Refused.one("", f"what comes of it has {size:,} bytes; a record may have {_LARGEST:,}")
    span = spans.current()
    if span is None:
        decided = put(RUN_LOG, partition, key, record, BATCH_HEADERS)
    else:
        context, sending = spans.logging(span, RUN_LOG, partition)
        decided = put(RUN_LOG, partition, key, record, [*BATCH_HEADERS, *context])
        decided.add_done_callback(sending.done)
    if (ended := _ENDED.get(entries[-1]["type"])) is not None:
        ended.inc()
        if (guard := entries[-1]["data"].get("guard")) in _SUPPRESSED:
            _SUPPRESSED[guard].inc()
        EVENT_TO_FINISH.observe(max(0.0, now.timestamp() - arrived / 1000))
    elif command is not None:
        if state.status == "waiting":
            _count_wait(entries[-1], state)
        following = _Following(command_topic(command["action"]), key, value, state, arrived, span)
        return [decided, _follow(parts, partition, decided, following)]
    return [decided]


def _count_wait(entry: EntryDict, state: RunState) -> None:
    if entry["data"].get("reason") != "retry":
        _WAITING.inc()
    elif state.current is not None and (retries := _RETRIES.get(state.current["action"])) is not None:
        retries.inc()


class _Following(NamedTuple):
    """A command that is to be sent when the decision that it follows from is in the log."""

    topic: str
    key: bytes
    value: bytes
    state: RunState
    arrived: int
    span: Span | None


def _follow(parts: Parts, partition: int, decided: asyncio.Future[None], command: _Following) -> asyncio.Future[None]:
    """Send a command, and begin it here, as soon as the decision is in the log; done when the broker has it."""
    followed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(sent: asyncio.Future[None]) -> None:
        if sent.cancelled():
            followed.cancel()
        elif followed.done():
            return
        elif (error := sent.exception()) is not None:
            followed.set_exception(error)
        else:
            followed.set_result(None)

    def go_on(_: asyncio.Future[None]) -> None:
        if decided.cancelled() or decided.exception() is not None:
            followed.cancel()
            return
        state, span = command.state, command.span
        put = _put(parts, command.topic, partition, command.key, command.value, state, command.arrived, span)
        put.add_done_callback(settle)
        parts.hand_on(parts.ledgers[partition], command.key, command.state, command.arrived)

    decided.add_done_callback(go_on)
    return followed


def send(
    parts: Parts, partition: int, key: bytes, command: dict[str, Any], state: RunState, arrived: int
) -> asyncio.Future[None]:
    """Queue a command alone: one that may have been lost with the worker that made it."""
    topic = command_topic(command["action"])
    return _put(parts, topic, partition, key, orjson.dumps(command), state, arrived, spans.current())


def _put(
    parts: Parts, topic: str, partition: int, key: bytes, value: bytes, state: RunState, arrived: int, span: Span | None
) -> asyncio.Future[None]:
    made = time.time_ns() // 1_000_000
    headers: Headers = [(ARRIVED, b"%d" % arrived), (ENTRY, claim_id(state).encode()), (MADE, b"%d" % made)]
    if span is None:
        return parts.publisher.put(topic, partition, key, value, headers)
    context, sending = spans.commanding(span, topic, partition, state)
    put = parts.publisher.put(topic, partition, key, value, headers + context)
    put.add_done_callback(sending.done)
    return put


def claim_id(state: RunState) -> str:
    """What the ledger calls the next decision of this run: the id of the entry that it will begin with."""
    return f"{state.run}:{state.seq}"
