"""How far the history is behind, and whether Kafka answers: looked at once a second, beside the work.

Beside it, for the work itself waits while Postgres is away, which is when people want to know.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from projections.store import Partition
from runtime.dependencies import KAFKA
from runtime.lag import LagGauges
from runtime.metrics import PROJECTION_BEHIND, REBALANCES

_EVERY: Final = 1.0
_ASK_SECONDS: Final = 2.0
_LATE: Final = 5.0
"""Seconds behind from which on Kafka is asked for the ends: fetches, which tell them too, stop with the work."""


class Measure:
    """What one follower tells of itself."""

    def __init__(self, group: str, topics: Sequence[str]) -> None:
        self._topics = frozenset(topics)
        self._lag = LagGauges(group)
        self._behind = PROJECTION_BEHIND.labels(group)
        self._rebalances = REBALANCES.labels(group)
        self._oldest: float | None = None
        self._lags_since: float | None = None
        self.waiting = 0
        """Records that are not written yet, as of the last look."""

    def took(self, batches: Iterable[Sequence[Any]]) -> None:
        """These records are to be written now."""
        # Kafka's time, in milliseconds; the first of a partition is its oldest.
        times = [records[0].timestamp for records in batches if records and records[0].timestamp > 0]
        if times:
            oldest = min(times) / 1000
            self._oldest = oldest if self._oldest is None else min(oldest, self._oldest)

    def wrote(self) -> None:
        """What was taken is in the history."""
        self._oldest = None

    def shared_out(self) -> None:
        """The partitions were shared out anew."""
        self._rebalances.inc()

    async def run(self, consumer: Any, positions: Callable[[], Mapping[Partition, int]]) -> None:
        """Keep the gauges up to date until it is cancelled."""
        while True:
            ends: Mapping[TopicPartition, int] = {}
            at = {TopicPartition(*one): next_ for one, next_ in positions().items() if one.topic in self._topics}
            if self.seconds > _LATE and at:
                ends = await _asked(consumer.end_offsets(list(at))) or {}
            elif KAFKA.idle:
                await _asked(consumer.topics())
            self._show({one: max(0, (ends.get(one) or _end(consumer, one)) - next_) for one, next_ in at.items()})
            await asyncio.sleep(_EVERY)

    def _show(self, lag: Mapping[TopicPartition, int]) -> None:
        self._lag.show({(one.topic, one.partition): waiting for one, waiting in lag.items()})
        self.waiting = sum(lag.values())
        if not any(lag.values()):
            self._lags_since = None
        elif self._lags_since is None:
            self._lags_since = time.time()
        self._behind.set(self.seconds)

    @property
    def seconds(self) -> float:
        """How old the oldest record is that is not written, as far as that is known."""
        since = [one for one in (self._oldest, self._lags_since) if one is not None]
        return max(0.0, time.time() - min(since)) if since else 0.0


def _end(consumer: Any, at: TopicPartition) -> int:
    """The end of a partition as of the last fetch; 0 where it is not known or no longer ours."""
    try:
        return consumer.highwater(at) or 0
    except KafkaError:
        return 0


async def _asked(question: Any) -> Any:
    """Kafka's answer, or None where there is none in time."""
    try:
        async with asyncio.timeout(_ASK_SECONDS):
            answer = await question
    except (KafkaError, TimeoutError, OSError):
        KAFKA.away()
        return None
    KAFKA.reached()
    return answer
