"""Who is behind: the groups of consumers, each with its topics, and the history."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, TypedDict

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from hub.definitions import DefinitionsTail
from hub.lag import Lag
from runtime.kafka import admin
from runtime.logging import logger
from runtime.settings import Settings

log = logger("hub")

_OURS: Final = "onestack-"
"""What the names of our groups begin with."""
_TOPICS: Final = "onestack."
_SECONDS: Final = 3.0
_KEPT_SECONDS: Final = 5.0
_A_MOMENT: Final = 100
"""Records that are a moment's work: a history that is so far behind still counts as caught up."""

Offsets = dict[TopicPartition, int]


class GroupBehind(TypedDict):
    """A group that reads a topic."""

    group: str
    topic: str
    behind: int


class HistoryBehind(TypedDict):
    """The history."""

    behind: int
    caught_up: bool


class Lagging:
    """Asks Kafka every few seconds, however many want to know, and never for longer than three."""

    def __init__(self, settings: Settings, definitions: DefinitionsTail, lag: Lag) -> None:
        self._settings = settings
        self._definitions = definitions
        self._lag = lag
        self._kept: tuple[float, list[GroupBehind], HistoryBehind] = (0.0, [], HistoryBehind(behind=0, caught_up=False))
        self._asking = asyncio.Lock()

    async def now(self) -> tuple[list[GroupBehind], HistoryBehind]:
        """Who is behind; no groups while Kafka does not tell. Raises Problem 503 while Postgres is away."""
        async with self._asking:
            if self._kept[0] <= time.monotonic():
                groups, history = await asyncio.gather(self._groups(), self._history())
                self._kept = time.monotonic() + _KEPT_SECONDS, groups, history
        return self._kept[1:]

    async def _history(self) -> HistoryBehind:
        found = await self._lag.behind()
        if found is None:
            return HistoryBehind(behind=0, caught_up=False)
        return HistoryBehind(behind=found.total, caught_up=found.total < _A_MOMENT and not found.stuck)

    async def _groups(self) -> list[GroupBehind]:
        reader: Any = self._definitions.reader
        if reader is None:
            return []
        try:
            async with asyncio.timeout(_SECONDS):
                committed = await self._committed()
                everything = sorted({one for offsets in committed.values() for one in offsets})
                ends: Offsets = await reader.end_offsets(everything) if everything else {}
        except (KafkaError, TimeoutError, OSError) as error:
            log.debug("kafka does not tell how far groups have come", error=repr(error))
            return []
        return [
            GroupBehind(group=group, topic=topic, behind=behind)
            for group, offsets in sorted(committed.items())
            for topic, behind in sorted(_behind(offsets, ends).items())
        ]

    async def _committed(self) -> dict[str, Offsets]:
        """How far our groups have come."""
        client = await admin(self._settings)
        try:
            listed: Sequence[Any] = await client.list_consumer_groups()
            names = sorted({str(one[0]) for one in listed if str(one[0]).startswith(_OURS)})
            found: dict[str, Offsets] = {}
            # Asked for each by name: Tansu's answer about all of a group's is none that can be read.
            partitions = _partitions(await client.describe_topics()) if names else []
            for name in names:
                offsets = await client.list_consumer_group_offsets(name, partitions=partitions)
                found[name] = {at: value.offset for at, value in offsets.items() if value.offset >= 0}
        finally:
            await client.close()
        return found


def _partitions(described: Sequence[Any]) -> list[TopicPartition]:
    return [
        TopicPartition(one["topic"], part["partition"])
        for one in described
        if one["topic"].startswith(_TOPICS)
        for part in one["partitions"]
    ]


def _behind(offsets: Offsets, ends: Offsets) -> Counter[str]:
    found = Counter[str]()
    for at, offset in offsets.items():
        found[at.topic] += max(0, ends.get(at, 0) - offset)
    return found
