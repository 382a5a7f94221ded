"""The definitions in force, as every worker has them: read from the topic itself, so that a write can be waited for."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from engine.registry import Applied, Registry
from hub.problems import away
from runtime.kafka import new_reader, started
from runtime.logging import logger
from runtime.settings import Settings
from schemas.names import DEFINITIONS

log = logger("hub")

PATIENCE: Final = 10.0
_REMEMBERED: Final = 10_000
"""Outcomes of records: whoever wrote one asks within seconds."""
_AT: Final = TopicPartition(DEFINITIONS, 0)

Heard = Callable[[str, Applied], None]
"""Called with a record's key and with what came of it."""


class DefinitionsTail:
    """Follows the definitions topic outside any group, from its beginning. `registry` is what is in force."""

    def __init__(self, settings: Settings) -> None:
        self.registry = Registry()
        self.listeners: list[Heard] = []
        self.reader: Any = None
        """The consumer while it reads, for others who only want to know where topics end."""
        self._settings = settings
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._next = 0
        self._moved = asyncio.Event()
        self._outcomes: OrderedDict[int, Applied] = OrderedDict()

    @property
    def ready(self) -> bool:
        """Whether the topic was read to its end once."""
        return self._ready.is_set()

    @property
    def position(self) -> int:
        """The offset after the last record that was read."""
        return self._next

    async def start(self) -> None:
        """Begin to read."""
        self._task = asyncio.create_task(self._follow(), name="hub-definitions")

    async def stop(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=1.0)

    async def wait_ready(self, patience: float = PATIENCE) -> None:
        """Return once the topic was read to its end. Raises Problem 503 where Kafka does not answer in time."""
        try:
            async with asyncio.timeout(patience):
                await self._ready.wait()
        except TimeoutError:
            raise away("Kafka") from None

    async def applied(self, offset: int, patience: float = PATIENCE) -> Applied | None:
        """What came of the record at this offset, once it was read; None where that is long past.

        Raises Problem 503 where it does not arrive in time.
        """
        try:
            async with asyncio.timeout(patience):
                while self._next <= offset:
                    await self._moved.wait()
        except TimeoutError:
            raise away("Kafka") from None
        return self._outcomes.get(offset)

    async def _follow(self) -> None:
        pause = 0.1
        while True:
            reader = new_reader(self._settings)
            try:
                await started(reader, "hub-definitions")
                pause = 0.1
                self.reader = reader
                await self._read(reader)
            except (KafkaError, OSError) as error:
                log.warning("the definitions topic can't be read; trying again", error=str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
            finally:
                self.reader = None
                await asyncio.wait({asyncio.create_task(reader.stop())}, timeout=1.0)

    async def _read(self, reader: Any) -> None:
        """Read from the beginning; what is in force is exchanged once the topic's present end is reached."""
        reader.assign([_AT])
        begin = (await reader.beginning_offsets([_AT]))[_AT]
        end = (await reader.end_offsets([_AT]))[_AT]
        reader.seek(_AT, begin)
        fold, position = Registry(), begin
        caught_up = position >= end
        while True:
            if caught_up and fold is not self.registry:
                self.registry = fold
                self._stand(position)
                self._ready.set()
            records = (await reader.getmany(_AT, timeout_ms=500)).get(_AT, [])
            for record in records:
                if record.offset < position:
                    log.warning("the definitions topic was made anew; reading it from its beginning")
                    return
                applied = fold.apply(record.key or b"", record.value)
                position = record.offset + 1
                self._note(record, applied, tell=caught_up)
            position = max(position, await reader.position(_AT))
            if caught_up and records:
                self._stand(position)
            caught_up = caught_up or position >= end

    def _note(self, record: Any, applied: Applied, *, tell: bool) -> None:
        self._outcomes[record.offset] = applied
        while len(self._outcomes) > _REMEMBERED:
            self._outcomes.popitem(last=False)
        if tell:
            for heard in self.listeners:
                heard((record.key or b"").decode(errors="replace"), applied)

    def _stand(self, position: int) -> None:
        self._next = position
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
