"""The agent on the event topics: an event starts a run of every enabled workflow whose conditions it meets."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from engine.run import next_command, start
from runtime.kafka import partition_of
from runtime.logging import logger
from runtime.metrics import EVENT_TO_START, EVENTS, RUNS
from schemas.errors import Refused
from schemas.events import Event, decode
from schemas.names import run_id
from streams import dead_letters
from streams.emit import claim_id, emit, fold, send
from streams.ledger import older

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.run import RunState
    from engine.workflow import Workflow
    from streams.ledger import Ledger
    from streams.parts import Parts

_REFUSED, _FORWARDED, _MATCHED, _UNMATCHED, _REPEATED = (
    EVENTS.labels(result) for result in ("refused", "forwarded", "matched", "unmatched", "repeated")
)
_STARTED = RUNS.labels("started")


async def trigger(parts: Parts, batches: AsyncIterator[Any]) -> None:
    """Take batches as they come; those of one partition in their order, others beside them."""
    last: dict[Any, asyncio.Task[None]] = {}
    async for event in batches:
        tp = event.message.tp
        last[tp] = parts.spawn(_batch(parts, event, last.get(tp)))


async def _batch(parts: Parts, event: Any, before: asyncio.Task[None] | None) -> None:
    records: list[Any] = event.value
    ledger = parts.ledgers[event.message.partition]
    work = _Work(parts, ledger)
    if before is not None and not before.done():
        await asyncio.wait((before,))
    await parts.definitions.ready.wait()
    await ledger.ready.wait()
    await parts.ledgers.reach_back(ledger, older(records))
    if not ledger.open:
        return
    for record in records:
        work.take(record)
    _ = parts.spawn(work.finish(event))


class _Work:
    """One batch on its way: what was claimed, what is to be acknowledged before the batch is."""

    def __init__(self, parts: Parts, ledger: Ledger) -> None:
        self._parts, self._ledger = parts, ledger
        self._claimed: set[str] = set()
        self._sent: list[asyncio.Future[None]] = []
        self._again: list[tuple[Event, str, int, Any]] = []
        self._begun: list[tuple[bytes, RunState, int]] = []

    def take(self, record: Any) -> None:
        try:
            event = decode(record.value, record.headers, self._parts.settings.max_event_bytes)
            self._route(record, event)
        except Refused as refused:
            self._refuse(record, refused)
        except Exception as error:  # noqa: BLE001 - a bug of ours with one event must not stop the stream
            logger("triggers").exception("an event could not be processed", topic=record.topic, offset=record.offset)
            self._refuse(record, Refused.one("", f"internal error: {type(error).__name__}: {error}"[:500]))

    def _refuse(self, record: Any, refused: Refused) -> None:
        _REFUSED.inc()
        self._sent.append(dead_letters.put(self._parts.publisher, record, refused, self._parts.partitions))

    def _route(self, record: Any, event: Event) -> None:
        key = event.entity_key.encode()
        home = partition_of(key, self._parts.partitions)
        if home != record.partition:
            _FORWARDED.inc()
            self._sent.append(
                self._parts.publisher.put(record.topic, home, key, record.value, list(record.headers or ()))
            )
            return
        workflows = self._parts.definitions.registry.by_trigger(event.org, event.type)
        (_MATCHED if workflows else _UNMATCHED).inc()
        for workflow in workflows:
            self._start(record, event, workflow, key)
        if record.timestamp <= self._ledger.filled_at:
            self._recall(record, event, {workflow.id for workflow in workflows})

    def _recall(self, record: Any, event: Event, current: set[str]) -> None:
        """A redelivered event may have started runs of workflows that are disabled or deleted by now."""
        for workflow_id in self._parts.definitions.registry.past(event.org, event.type):
            if workflow_id not in current:
                run = run_id(event.org, workflow_id, event.source, event.id)
                if isinstance(claim := self._ledger.find(f"{run}:0"), int):
                    self._again.append((event, workflow_id, claim, record))

    def _start(self, record: Any, event: Event, workflow: Workflow, key: bytes) -> None:
        run = run_id(event.org, workflow.id, event.source, event.id)
        first = f"{run}:0"
        ledger = self._ledger
        if ledger.has(first):
            _REPEATED.inc()
            claim = ledger.find(first)
            if isinstance(claim, asyncio.Future):
                # A repeat in the same batch would wait for itself: the claim is settled when the batch is finished.
                if first not in self._claimed:
                    self._sent.append(claim)
            elif isinstance(claim, int):
                self._again.append((event, workflow.id, claim, record))
            return
        now = datetime.now(UTC)
        entries = start(workflow, event, now)
        state = fold(None, entries, workflow.body)
        self._sent += emit(self._parts, record.partition, key, entries, state, record.timestamp, now)
        # Claimed only now: what does not fit into a record is refused by `emit`, before anything of it was sent.
        _ = ledger.claim(first, now.timestamp())
        self._claimed.add(first)
        if entries[0]["type"] == "run.started":
            _STARTED.inc()
            EVENT_TO_START.observe(max(0.0, now.timestamp() - record.timestamp / 1000))
            self._begun.append((key, state, record.timestamp))

    async def finish(self, event: Any) -> None:
        """Wait for the broker, then ack the batch."""
        for again in self._again:
            await self._send_again(*again)
        for future in dict.fromkeys(self._sent):
            # Not `await future`: a claim that is given up is cancelled, which must not look like our own end.
            if not future.done():
                await asyncio.wait((future,))
            if not future.cancelled() and (error := future.exception()) is not None:
                logger("triggers").error("a record was refused for its size", error=repr(error))
        for first in self._claimed:
            self._ledger.settle(first)
        if self._ledger.open:
            event.ack()
            for begun in self._begun:
                self._parts.hand_on(self._ledger, *begun)

    async def _send_again(self, event: Event, workflow_id: str, offset: int, record: Any) -> None:
        """A run that stands in the log but whose first command may have been lost with the worker that wrote it."""
        value = await self._parts.ledgers.record(self._ledger, offset)
        if value is None:
            return
        entries = orjson.loads(value)
        past = self._parts.definitions.registry.past(event.org, event.type).get(workflow_id, ())
        pinned = entries[0]["data"].get("digest")
        workflow = next((one for one in past if one.digest == pinned), None)
        if workflow is None:
            logger("triggers").error(
                "a run can't go on: its version of the workflow is gone", org=event.org, workflow=workflow_id
            )
            return
        state = fold(None, entries, workflow.body)
        await send_next(self._parts, self._ledger, event.entity_key.encode(), state, record.timestamp)


async def send_next(parts: Parts, ledger: Ledger, key: bytes, state: RunState, arrived: int) -> None:
    """Send the command that follows from this state, unless its outcome is in the log already."""
    command = next_command(state)
    if command is not None and not ledger.has(claim_id(state)):
        await asyncio.wait((send(parts, ledger.partition, key, command, state, arrived),))
