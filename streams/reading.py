"""Reads back what this worker's partitions hold, when they are assigned."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiokafka.structs import TopicPartition

from runtime.kafka import scan
from runtime.logging import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiokafka import AIOKafkaConsumer


class ReadBack:
    """A reader of its own, used by one at a time. What keeps Kafka from answering is waited out."""

    def __init__(self) -> None:
        self._reader: AIOKafkaConsumer
        self._busy = asyncio.Lock()
        self._log = logger("read-back")

    def start(self, reader: AIOKafkaConsumer) -> None:
        """Read with this consumer, which is connected."""
        self._reader = reader

    async def stop(self) -> None:
        """Disconnect."""
        await self._reader.stop()

    async def read(
        self, topic: str, partitions: Iterable[int], since: float | None, take: Callable[[Any], None]
    ) -> None:
        """Give each record to `take`, in the order of its partition: from the beginning, or from this time on.

        `since` is in seconds since the epoch. Records may be given again after a failure.
        """
        tps = [TopicPartition(topic, partition) for partition in partitions]
        if not tps:
            return
        async with self._busy:
            for attempt in range(1_000_000):
                try:
                    await self._read(tps, since, take)
                except asyncio.CancelledError:
                    raise
                except Exception as error:  # noqa: BLE001 - whatever keeps Kafka from answering, the partition waits for it
                    if attempt == 0:
                        self._log.warning("can't be read yet; trying again", topic=topic, error=repr(error))
                    await asyncio.sleep(min(0.1 * 2**attempt, 2.0))
                else:
                    return

    async def _read(self, tps: list[TopicPartition], since: float | None, take: Callable[[Any], None]) -> None:
        ends = await self._reader.end_offsets(tps)
        if since is None:
            first = await self._reader.beginning_offsets(tps)
        else:
            found = await self._reader.offsets_for_times(dict.fromkeys(tps, int(since * 1000)))
            first = {tp: at.offset if (at := found.get(tp)) is not None else ends[tp] for tp in tps}
        async for _tp, records in scan(self._reader, {tp: (first[tp], ends[tp]) for tp in tps}):
            for record in records:
                take(record)
            await asyncio.sleep(0)
