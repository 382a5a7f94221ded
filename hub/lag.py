"""How far the history is behind Kafka, and whether it moves."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any, Final, NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from hub.database import Database
from hub.definitions import DefinitionsTail

_NEXT: Final = "select topic, partition, next from history_data.offsets"
_STANDS: Final = 15.0
"""Seconds without a step after which a projector that is behind stands still. It writes many times a second."""
_SECONDS: Final = 2.0


class Behind(NamedTuple):
    """The records that the history does not have yet, by topic, and for how many seconds it has stood still."""

    by_topic: Counter[str]
    stands: float

    @property
    def total(self) -> int:
        """Over all topics."""
        return self.by_topic.total()

    @property
    def stuck(self) -> bool:
        """Whether nobody seems to be at work on it."""
        return self.stands > _STANDS


class Lag:
    """Compares what the projector has stored with where the topics end."""

    def __init__(self, definitions: DefinitionsTail, database: Database) -> None:
        self._definitions = definitions
        self._database = database
        self._seen: dict[TopicPartition, tuple[int, float]] = {}

    async def behind(self) -> Behind | None:
        """How far it is behind now; None while Kafka does not tell. Raises Problem 503 while Postgres is away."""
        async with self._database.unbound() as connection:
            rows = await connection.fetch(_NEXT)
        stored = {TopicPartition(row["topic"], row["partition"]): row["next"] for row in rows}
        ends = await self._ends(list(stored))
        return None if ends is None else self._compare(stored, ends)

    async def _ends(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int] | None:
        reader: Any = self._definitions.reader
        if reader is None:
            return None
        if not partitions:
            return {}
        try:
            async with asyncio.timeout(_SECONDS):
                await _learn(reader, {at.topic for at in partitions})
                found: dict[TopicPartition, int] = await reader.end_offsets(partitions)
        except (KafkaError, TimeoutError, OSError):
            return None
        return found

    def _compare(self, stored: dict[TopicPartition, int], ends: dict[TopicPartition, int]) -> Behind:
        now, stands, by_topic = time.monotonic(), 0.0, Counter[str]()
        for at, position in stored.items():
            waiting = max(0, ends.get(at, 0) - position)
            by_topic[at.topic] += waiting
            before = self._seen.get(at)
            if not waiting or before is None or before[0] != position:
                self._seen[at] = position, now
            else:
                stands = max(stands, now - before[1])
        return Behind(by_topic, stands)


async def _learn(reader: Any, topics: set[str]) -> None:
    """Have a reader know these topics.

    Asked for several that it does not know, it would learn one a round, each behind a fetch that waits.
    """
    unknown = [TopicPartition(topic, 0) for topic in topics if reader.partitions_for_topic(topic) is None]
    await asyncio.gather(*(reader.end_offsets([at]) for at in unknown))
