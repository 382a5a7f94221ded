"""The agent on the event topics: an event starts a run of every enabled workflow whose conditions it meets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from runtime.kafka import partition_of
from runtime.logging import logger
from runtime.metrics import EVENTS
from schemas.errors import Refused
from schemas.events import decode
from streams import dead_letters
from streams.signals import Mark
from streams.starting import Starts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from schemas.events import Event
    from streams.ledger import Ledger
    from streams.parts import Parts

_REFUSED, _FORWARDED, _MATCHED, _UNMATCHED = (
    EVENTS.labels(result) for result in ("refused", "forwarded", "matched", "unmatched")
)


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
    await parts.known(ledger, records)
    if not ledger.open:
        return
    whole = True
    for record in records:
        whole = await work.take(record)
        if not whole:
            break
    _ = parts.spawn(work.starts.finish(event, whole=whole))


class _Work:
    """One batch on its way."""

    def __init__(self, parts: Parts, ledger: Ledger) -> None:
        self._parts, self._ledger = parts, ledger
        self.starts = Starts(parts, ledger)

    async def take(self, record: Any) -> bool:
        """Do all that comes of a record; false where the partition went away meanwhile."""
        self.starts.record = record
        try:
            event = decode(record.value, record.headers, self._parts.settings.max_event_bytes)
            return await self._route(record, event)
        except Refused as refused:
            self._refuse(record, refused)
        except Exception as error:  # noqa: BLE001 - a bug of ours with one event must not stop the stream
            logger("triggers").exception("an event could not be processed", topic=record.topic,
                                         partition=record.partition, offset=record.offset)  # fmt: skip
            self._refuse(record, Refused.one("", f"internal error: {type(error).__name__}: {error}"[:500]))
        return True

    def _refuse(self, record: Any, refused: Refused) -> None:
        _REFUSED.inc()
        self.starts.sent.append(dead_letters.put(self._parts.publisher, record, refused, self._parts.partitions))

    async def _route(self, record: Any, event: Event) -> bool:
        parts, key = self._parts, event.entity_key.encode()
        home = partition_of(key, parts.partitions)
        if home != record.partition:
            _FORWARDED.inc()
            self.starts.sent.append(
                parts.publisher.put(record.topic, home, key, record.value, list(record.headers or ()))
            )
            return True
        registry = parts.definitions.registry
        waiting = parts.timers.waiting_for(record.partition, key)
        restarted = self._signal(record, event, key) if waiting or event.type in registry.watched(event.org) else ()
        workflows = registry.by_trigger(event.org, event.type)
        (_MATCHED if workflows else _UNMATCHED).inc()
        for workflow in workflows:
            # An event that starts a waiting run again is not also the beginning of another one of its workflow.
            if workflow.id not in restarted:
                self.starts.of_event(workflow, event, key, record.timestamp)
                if self.starts.tired and not await self.starts.breathe():
                    return False
        if record.timestamp <= self._ledger.filled_at:
            self._recall(record, event, {workflow.id for workflow in workflows})
        return True

    def _signal(self, record: Any, event: Event, key: bytes) -> set[str]:
        """Remember what may end or restart runs, and do so with those that wait; the workflows that began again."""
        parts, ledger = self._parts, self._ledger
        mark = Mark(record.timestamp, event, topic=record.topic, offset=record.offset)
        written = parts.signals.remember(parts.publisher, ledger.partition, key, mark)
        interrupted, restarted = parts.timers.interrupt(ledger, key)
        self.starts.sent += [*([written] if written is not None else []), *interrupted]
        return restarted

    def _recall(self, record: Any, event: Event, current: set[str]) -> None:
        for workflow_id, versions in self._parts.definitions.registry.past(event.org, event.type).items():
            if workflow_id not in current:
                self.starts.recall(event, workflow_id, versions, record.timestamp)
