from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from prometheus_client import REGISTRY

from projections import measuring
from projections.measuring import Measure
from projections.store import Partition
from runtime.dependencies import KAFKA

AT = TopicPartition("t", 0)


class Consumer:
    """What it knows by its fetches, and what Kafka would answer."""

    def __init__(self, fetched: int, end: int) -> None:
        self.fetched, self.end = fetched, end
        self.away = False
        self.asked = 0

    def highwater(self, _at: TopicPartition) -> int:
        return self.fetched

    async def end_offsets(self, wanted: list[TopicPartition]) -> dict[TopicPartition, int]:
        self.asked += 1
        if self.away:
            raise KafkaConnectionError
        return dict.fromkeys(wanted, self.end)

    async def topics(self) -> set[str]:
        await self.end_offsets([])
        return set()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "_EVERY", 0.001)


async def looks(measure: Measure, consumer: Consumer, position: int) -> tuple[float | None, float | None]:
    """The lag and the seconds behind that it tells."""
    task = asyncio.create_task(measure.run(consumer, lambda: {Partition("t", 0): position, Partition("other", 0): 0}))
    await asyncio.sleep(0.02)
    task.cancel()
    labels = {"group": "test-measure", "topic": "t", "partition": "0"}
    return (
        REGISTRY.get_sample_value("onestack_consumer_lag", labels),
        REGISTRY.get_sample_value("onestack_projection_behind_seconds", {"group": "test-measure"}),
    )


def records(*ages: float) -> list[Any]:
    return [SimpleNamespace(timestamp=int((time.time() - age) * 1000)) for age in ages]


async def test_who_has_written_all_is_not_behind() -> None:
    KAFKA.reached()
    assert await looks(Measure("test-measure", ["t"]), consumer := Consumer(10, 10), 10) == (0, 0)
    assert consumer.asked == 0


async def test_what_is_taken_and_not_written_is_as_old_as_its_first_record_and_its_end_is_asked_for() -> None:
    measure = Measure("test-measure", ["t"])
    measure.took([records(60, 50), records(70)])
    # Taken again after Postgres was away: the oldest counts still.
    measure.took([records(50)])
    # The fetches stand still with the work, so they know less than Kafka.
    lag, behind = await looks(measure, Consumer(12, 500), 10)
    assert lag == 490
    assert behind == pytest.approx(70, abs=5)
    measure.wrote()
    _, behind = await looks(measure, Consumer(500, 500), 500)
    assert behind == 0


async def test_kafka_that_does_not_answer_is_away_and_the_last_that_is_known_is_told() -> None:
    measure, consumer = Measure("test-measure", ["t"]), Consumer(12, 500)
    consumer.away = True
    KAFKA.reached()
    measure.took([records(60)])
    lag, _ = await looks(measure, consumer, 10)
    assert lag == 2
    assert not KAFKA.up
    consumer.away = False
    await looks(measure, consumer, 10)
    assert KAFKA.up
