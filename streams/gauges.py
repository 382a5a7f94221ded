"""The gauges of a worker, brought up to date once a second, and its counters at 0 from the start."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from aiokafka.errors import KafkaError

from runtime import metrics
from runtime.dependencies import KAFKA
from runtime.lag import LagGauges
from schemas.names import CONTROL, DEFINITIONS, EVENT_TOPICS, GUARD, TIMERS, command_topic
from streams.app import GROUP
from streams.dead_letters import REASONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.app import App
    from streams.parts import Parts
    from streams.transport import BatchConsumer

_EVERY: Final = 1.0
_PROBE_SECONDS: Final = 2.0


def begin_at_zero(actions: Iterable[str]) -> None:
    """Have every series whose labels are known: a rate can't tell what happened before a series was there."""
    topics = (*EVENT_TOPICS.values(), *map(command_topic, actions), command_topic("delay"), CONTROL, GUARD)
    for topic in (*topics, DEFINITIONS):
        metrics.RECORDS_DONE.labels(topic)
    for topic in (*topics, DEFINITIONS, TIMERS):
        for reason in REASONS:
            metrics.DEAD_LETTERS.labels(topic, reason)
    metrics.REBALANCES.labels(GROUP)
    KAFKA.watch()


async def observe(app: App, parts: Parts) -> None:
    """Keep the gauges up to date until it is cancelled."""
    lag = LagGauges(GROUP)
    while True:
        await asyncio.sleep(_EVERY)
        look(parts)
        if app.started:
            lag.show(cast("BatchConsumer", app.consumer).lag())
        if KAFKA.idle:
            await _probe(parts)


def look(parts: Parts) -> None:
    """Bring the gauges up to date that need no one else."""
    metrics.CALLS_IN_FLIGHT.set(parts.slots.in_flight)
    metrics.CALLS_LIMIT.set(parts.slots.limit)
    metrics.CALLS_WAITING.set(parts.slots.waiting)
    metrics.TIMERS_WAITING.set(parts.timers.waiting)
    metrics.TIMERS_OVERDUE.set(parts.timers.overdue)
    metrics.STORMS.set(parts.guards.storms)
    metrics.DEFINITIONS_IN_FORCE.set(len(parts.definitions.registry))
    recovering = parts.recovering
    metrics.PARTITIONS.labels("recovering").set(recovering)
    metrics.PARTITIONS.labels("ready").set(len(parts.ledgers) - recovering)


async def _probe(parts: Parts) -> None:
    """Ask Kafka whether it is there."""
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            await parts.publisher.ask()
    except (KafkaError, TimeoutError, OSError):
        KAFKA.away()
    else:
        KAFKA.reached()
