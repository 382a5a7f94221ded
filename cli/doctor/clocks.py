"""Whether the clocks agree: ours, Postgres', Kafka's and the modules'."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final

import asyncpg
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from cli.doctor.finding import Finding, fault, in_thread, ok, warning
from cli.doctor.targets import MODULES, module_clock, place_of
from runtime.kafka import new_reader, scan, topic_partitions
from runtime.postgres import connect
from runtime.settings import Settings
from schemas.names import RUNS

_WARN: Final = 1.0
_FAULT: Final = 30.0
"""The ledger reads half a minute more than it needs, for clocks that differ: beyond that a repeat may go unseen."""
_TODO: Final = "Set both clocks by NTP (timedatectl, chronyc tracking)."


async def clocks(settings: Settings) -> Sequence[Finding]:
    """How far each clock is from ours, in milliseconds."""
    looks = [_postgres(settings), _kafka(settings), *(_module(name, settings) for name in MODULES)]
    found = [one for findings in await asyncio.gather(*looks) for one in findings]
    return found or [warning("clock", "No other clock could be seen.", "See the findings about what did not answer.")]


def judged(whose: str, skew: float, accuracy: float) -> Finding:
    """What a difference means; what is within the accuracy of the look is none."""
    if abs(skew) <= accuracy:
        return ok(
            "clock",
            f"{whose} clock agrees with ours: within {accuracy * 1000:.0f} ms, which is as well as can be seen.",
        )
    detail = f"{whose} clock is {abs(skew) * 1000:.0f} ms {'ahead of' if skew > 0 else 'behind'} ours"
    detail += f" (to {accuracy * 1000:.0f} ms)."
    beyond = abs(skew) - accuracy
    if beyond >= _FAULT:
        return fault("clock", f"{detail} Repeats may go unseen, and waits end at the wrong time.", _TODO)
    if beyond >= _WARN:
        return warning("clock", f"{detail} Waits end that much too early or late.", _TODO)
    return ok("clock", detail)


async def _postgres(settings: Settings) -> list[Finding]:
    try:
        connection = await connect(settings.postgres_url, timeout=8)
        try:
            sent = time.time()
            there = await connection.fetchval("select extract(epoch from clock_timestamp())::float8", timeout=5)
            came = time.time()
        finally:
            await connection.close(timeout=2)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError):
        return []
    return [judged("Postgres'", there - (sent + came) / 2, (came - sent) / 2)]


async def _kafka(settings: Settings) -> list[Finding]:
    """Kafka stamps records as they come: one from the future tells that its clock is ahead, by at least so much.

    Nothing is produced to see more than that, so a clock that is behind shows only while records come.
    """
    reader = new_reader(settings, request_timeout_ms=8_000)
    try:
        partitions = (await topic_partitions(settings, [RUNS])).get(RUNS, [])
        await reader.start()
        newest = await _newest(reader, partitions)
    except (KafkaError, OSError, ValueError, AssertionError):
        return []
    finally:
        await reader.stop()
    if newest is None:
        return []
    ahead = newest - time.time()
    if ahead > 0:
        return [judged("Kafka's", ahead, 0.0)]
    return [ok("clock", f"Kafka's clock is not ahead of ours: its newest record is {-ahead:.1f} s old.")]


async def _newest(reader: Any, partitions: list[TopicPartition]) -> float | None:
    """When Kafka took the newest record, in seconds since the epoch."""
    if not partitions:
        return None
    ends = await reader.end_offsets(partitions)
    begins = await reader.beginning_offsets(partitions)
    ranges = {at: (end - 1, end) for at, end in ends.items() if end > begins[at]}
    times = [record.timestamp async for _at, records in scan(reader, ranges) for record in records]
    return max(times) / 1000 if times else None


async def _module(name: str, settings: Settings) -> list[Finding]:
    url = getattr(settings, f"{name}_url")
    if not url:
        return []
    try:
        skew = await in_thread(module_clock, place_of(name, "", url))
    except (OSError, ValueError):
        return []
    return [judged(f"The {name} module's", skew, 0.6)] if skew is not None else []
