"""Definitions and calendars: every worker folds the whole topic, and one of them guards it.

The definitions topic is the table: compacted, one partition, in one order. Each worker reads it from its beginning and
folds it with the engine's pure `Registry`, so all come to the same definitions, a worker has all that were there when
it started before its first event, and a change is in force as soon as it is read. The agent (one worker has the topic's
only partition) says what was refused: it writes the dead letter, then publishes what is in force under that key again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from engine.registry import Accepted, AcceptedCalendar, RefusedDefinition, Registry
from runtime.logging import logger
from runtime.metrics import DEFINITIONS_REFUSED
from schemas.errors import Refused
from schemas.names import DEFINITIONS
from streams import dead_letters

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiokafka import AIOKafkaConsumer

    from streams.parts import Parts

_AT = TopicPartition(DEFINITIONS, 0)
_RESTORED = ("restored", b"1")
_LONGEST_KEY = 16 * 1024
"""Nothing is in force under a longer key, and a record that is all key has no room for the mark of a restored one."""


class Definitions:
    """This worker's copy of the table, kept up to date."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.ready = asyncio.Event()
        self._refused: dict[int, RefusedDefinition] = {}
        self._next = 0
        self._moved = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._log = logger("definitions")

    def start(self, reader: AIOKafkaConsumer) -> None:
        """Begin to read with this consumer, which is connected; `ready` is set when all that is there is in force."""
        self._task = asyncio.create_task(self._follow(reader))

    async def stop(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def verdict(self, offset: int) -> RefusedDefinition | None:
        """Why the record at this offset was refused, or None where it was not; waits until it is folded."""
        async with self._moved:
            await self._moved.wait_for(lambda: self._next > offset)
        return self._refused.pop(offset, None)

    async def _follow(self, reader: AIOKafkaConsumer) -> None:
        try:
            reader.assign([_AT])
            while True:
                try:
                    await reader.seek_to_beginning(_AT) if self._next == 0 else reader.seek(_AT, self._next)
                    await self._read(reader)
                except (KafkaError, OSError) as error:
                    self._log.warning("definitions can't be read; trying again", error=repr(error))
                    await asyncio.sleep(0.2)
        finally:
            await reader.stop()

    async def _read(self, reader: AIOKafkaConsumer) -> None:
        end = (await reader.end_offsets([_AT]))[_AT]
        while True:
            if not self.ready.is_set() and await reader.position(_AT) >= end:
                self._log.info("definitions are in force", count=len(self.registry))
                self.ready.set()
            arrived = await reader.getmany(timeout_ms=200 if not self.ready.is_set() else 1000)
            for record in arrived.get(_AT, ()):
                self._fold(record)
            async with self._moved:
                self._next = max(self._next, await reader.position(_AT))
                self._moved.notify_all()

    def _fold(self, record: Any) -> None:
        try:
            verdict = self.registry.apply(record.key or b"", record.value)
        except Exception as error:  # noqa: BLE001 - a bug of ours in one definition must not stop the others
            self._log.exception("a definition could not be folded", offset=record.offset)
            verdict = RefusedDefinition((Refused.one("", f"internal error: {error!r}").faults), None)
        if isinstance(verdict, RefusedDefinition):
            self._refused[record.offset] = verdict
        elif isinstance(verdict, Accepted):
            workflow = verdict.workflow
            self._log.info("in force", org_id=workflow.org, workflow_id=workflow.id, workflow_version=workflow.version)
        elif isinstance(verdict, AcceptedCalendar):
            calendar = verdict.calendar
            self._log.info("in force", org_id=calendar.org, calendar_id=calendar.id, calendar_version=calendar.version)


async def guard(parts: Parts, batches: AsyncIterator[Any]) -> None:
    """The agent on the definitions topic: dead letters, and what is in force once more."""
    async for event in batches:
        for record in event.value:
            verdict = await parts.definitions.verdict(record.offset)
            if verdict is not None:
                await _refuse(parts, record, verdict)
        event.ack()


async def _refuse(parts: Parts, record: Any, verdict: RefusedDefinition) -> None:
    if _RESTORED not in record.headers:
        DEFINITIONS_REFUSED.inc()
        await dead_letters.put(parts.publisher, record, Refused(verdict.faults), parts.partitions)
    if record.key and len(record.key) <= _LONGEST_KEY:
        in_force = parts.definitions.registry.in_force(record.key)
        await parts.publisher.put(DEFINITIONS, 0, record.key, in_force, [_RESTORED])
