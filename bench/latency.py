"""How long one run takes on an idle system: one event at a time."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from aiokafka.structs import TopicPartition

from bench.errors import BenchError
from bench.rig import Rig
from bench.workload import Event
from runtime.kafka import new_reader
from schemas.names import RUNS

POLL_SECONDS: Final = 0.001
_LONGEST: Final = 30.0  # seconds for one run, after which the measurement is given up
_COMPLETED: Final = b'"run.completed"'
_IS_THERE: Final = "select 1 from history.runs where run_id = $1 and status = 'completed'"


class Latency(NamedTuple):
    """Milliseconds from just before the send: until the log's reader had `run.completed`, until the row was seen."""

    run_log_ms: list[float]
    history_ms: list[float]


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least so many percent of the values do not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99, to the hundredth."""
    return {f"p{percent}": round(percentile(values, percent), 2) for percent in (50, 95, 99)}


async def measure(rig: Rig, sent: Sequence[Event], warm_up: int, tick: Callable[[], None]) -> Latency:
    """The latencies of these runs, one after the other, but for the first `warm_up`; `tick` is called after each."""
    partitions = rig.scenario.partitions
    reader = new_reader(rig.settings)
    await reader.start()
    try:
        places = [TopicPartition(RUNS, number) for number in range(partitions)]
        reader.assign(places)
        await reader.seek_to_end(*places)
        statement = await rig.postgres.prepare(_IS_THERE)
        found = Latency([], [])
        for number, event in enumerate(sent):
            try:
                async with asyncio.timeout(_LONGEST):
                    logged, seen = await _one(rig, reader, statement, event)
            except TimeoutError:
                rig.check()
                raise BenchError(f"a run was not in the history after {_LONGEST:.0f} s") from None
            if number >= warm_up:
                found.run_log_ms.append(logged * 1000)
                found.history_ms.append(seen * 1000)
            tick()
        return found
    finally:
        await reader.stop()


async def _one(rig: Rig, reader: Any, statement: Any, event: Event) -> tuple[float, float]:
    begun = time.perf_counter()
    sent = rig.send(event)
    await _completed(reader, event.run.encode())
    logged = time.perf_counter() - begun
    # Asked only from here on: the projector reads the same record, and questions before would slow down both.
    while await statement.fetchval(event.run) is None:  # noqa: ASYNC110 - the row is another process's
        await asyncio.sleep(POLL_SECONDS)
    seen = time.perf_counter() - begun
    await sent
    return logged, seen


async def _completed(reader: Any, run: bytes) -> None:
    while True:
        for records in (await reader.getmany(timeout_ms=1000)).values():
            if any(_COMPLETED in record.value and run in record.value for record in records):
                return
