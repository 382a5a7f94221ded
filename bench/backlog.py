"""How many runs a second: a backlog produced at full speed, timed from its first event to its last row."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, NamedTuple

import orjson
from aiokafka.structs import TopicPartition

from bench.errors import BenchError
from bench.rig import Rig
from bench.usage import Usage
from bench.workload import Event
from runtime.kafka import all_of, new_reader, scan
from schemas.names import RUNS

_COUNT: Final = "select count(*) from history.runs where status = 'completed'"
_STALLED: Final = 60.0  # seconds without a new row, after which the measurement is given up
_LEAST_PAUSE: Final = 0.02
_SHARE: Final = 20  # at most one part in so many of the time goes into counting


class Throughput(NamedTuple):
    """Seconds from just before the first send, CPU seconds within `history_seconds`, memory at its end."""

    runs: int
    produced_seconds: float
    run_log_seconds: float
    history_seconds: float
    cpu_seconds: dict[str, float]
    memory_mb: dict[str, float]


class Logged(NamedTuple):
    """What the run log says of the runs' ends: the first time of each, by the broker's clock in Unix seconds."""

    completed: dict[str, float]
    repeated: int


async def measure(rig: Rig, backlog: list[Event], tick: Callable[[int], None]) -> tuple[Throughput, Logged]:
    """Send the backlog and wait until all of it is in `history.runs`; `tick` is told how many are."""
    before, ends = await completed(rig), await log_ends(rig)
    usage = Usage(rig.pids, "driver")
    wall, begun = time.time(), time.perf_counter()
    producing = asyncio.create_task(_produce(rig, backlog))
    await until_completed(rig, before + len(backlog), lambda count: tick(count - before))
    history = time.perf_counter() - begun
    cpu, memory = usage.cpu(), usage.memory()
    produced = await producing - begun
    logged = await read_log(rig, ends)
    ids = {event.run for event in backlog}
    ours = [at for run, at in logged.completed.items() if run in ids]
    # The broker's clock is this machine's; its stamps are whole milliseconds.
    run_log = max(ours) - wall if ours else float("nan")
    return Throughput(len(backlog), produced, run_log, history, cpu, memory), logged


async def _produce(rig: Rig, backlog: list[Event]) -> float:
    """Send all of it as fast as Kafka takes it; when the last was acknowledged."""
    for future in all_of([rig.send(event) for event in backlog]):
        await future
    return time.perf_counter()


async def completed(rig: Rig) -> int:
    """How many runs are completed in the history."""
    count: int = await rig.postgres.fetchval(_COUNT)
    return count


async def until_completed(rig: Rig, target: int, tick: Callable[[int], None]) -> None:
    """Return as soon as that many runs are seen to be completed. Raises BenchError where nothing moves for long."""
    most, moved = -1, time.monotonic()
    while True:
        asked = time.monotonic()
        count = await completed(rig)
        now = time.monotonic()
        tick(count)
        if count >= target:
            return
        if count > most:
            most, moved = count, now
        elif now - moved > _STALLED:
            raise BenchError(
                f"{count:,} of {target:,} runs are completed in the history, and none more for {_STALLED:.0f} s; "
                f"the run log's last entries of all runs: {await _last_entries(rig)}"
            )
        rig.check()
        await asyncio.sleep(max(_LEAST_PAUSE, _SHARE * (now - asked)))


async def _last_entries(rig: Rig) -> str:
    last: dict[str, str] = {}
    async for record in _log(rig, dict.fromkeys(await log_ends(rig), 0)):
        for one in orjson.loads(record.value or b"[]"):
            last[one["id"].rpartition(":")[0]] = one["type"]
    return ", ".join(f"{count:,} {kind}" for kind, count in Counter(last.values()).most_common()) or "none"


async def log_ends(rig: Rig) -> dict[TopicPartition, int]:
    """Where the run log's partitions end now."""
    reader = new_reader(rig.settings)
    await reader.start()
    try:
        places = [TopicPartition(RUNS, number) for number in range(rig.scenario.partitions)]
        ends: dict[TopicPartition, int] = await reader.end_offsets(places)
        return ends
    finally:
        await reader.stop()


async def read_log(rig: Rig, begins: dict[TopicPartition, int]) -> Logged:
    """When each run was completed, of what the log has from `begins` to its present end."""
    logged, repeated = dict[str, float](), 0
    async for record in _log(rig, begins):
        for run in _ended(record.value or b"[]"):
            repeated += run in logged
            logged.setdefault(run, record.timestamp / 1000)
    return Logged(logged, repeated)


async def _log(rig: Rig, begins: dict[TopicPartition, int]) -> AsyncIterator[Any]:
    ends = await log_ends(rig)
    reader = new_reader(rig.settings)
    await reader.start()
    try:
        async for _at, records in scan(reader, {at: (begin, ends[at]) for at, begin in begins.items()}):
            for record in records:
                yield record
    finally:
        await reader.stop()


def _ended(value: bytes) -> list[str]:
    if b'"run.completed"' not in value:
        return []
    return [one["id"].rpartition(":")[0] for one in orjson.loads(value) if one["type"] == "run.completed"]
