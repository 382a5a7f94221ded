"""Learns from the events of others which entities there are, and whose they are: what a real module knows by itself.

A call names no organisation. So a ticket that was made up in an event on the command line would be nobody's, and a
change of it would cause no event.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from runtime.fetch_waits import use_quiet_waits
from schemas.errors import Refused
from schemas.events import decode
from schemas.names import EVENT_TOPICS

if TYPE_CHECKING:
    from sandbox.modules.world import World


class Listener:
    """Reads all event topics from their beginning, and goes on."""

    def __init__(self, bootstrap: str, world: World) -> None:
        self._bootstrap = bootstrap
        self._world = world
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen; topics may come later."""
        self._task = asyncio.create_task(self._listen())
        self._world.listens = True

    async def stop(self) -> None:
        """Listen no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                auto_offset_reset="earliest",
                fetch_max_wait_ms=10,
                metadata_max_age_ms=1_000,
            )
            use_quiet_waits(consumer)
            with contextlib.suppress(KafkaError, OSError):
                try:
                    await consumer.start()
                    consumer.subscribe(list(EVENT_TOPICS.values()))
                    while True:
                        for records in (await consumer.getmany(timeout_ms=1_000)).values():
                            for record in records:
                                self._learn(record)
                finally:
                    await consumer.stop()
            await asyncio.sleep(0.5)

    def _learn(self, record: Any) -> None:
        with contextlib.suppress(Refused):
            event = decode(record.value, record.headers)
            entities = {name: it for name, it in event.data.items() if name != "previous"}
            self._world.meet(event.org, entities)
