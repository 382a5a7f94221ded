"""What so many runs a second need, worked out from the measured figures of one run.

The formulas are those of the manual: processors are the rate times µs a run, over the share of a processor that is to
be used at most; disks are the rate times bytes a run, times how long and how often they are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, Final, NamedTuple

from streams.topics import topics

RATES: Final = (10, 1_000, 100_000)
BUSY: Final = 0.6
"""The share of a processor that is to be used at most: the rest is for peaks, and for catching up after an outage."""
COPIES: Final = 3
"""Of each record, on as many brokers."""
LEAST_PARTITIONS: Final = 12
PARTITIONS_A_WORKER: Final = 2
"""So that twice the workers can share them one day: the number of partitions can't be changed later."""
KEPT_DAYS: Final = 90
"""How long the history keeps completed runs by default."""
EVENT_DAYS: Final = 30
"""And module events."""
ID_BYTES: Final = 150
"""What the ledger takes for each record of a run (measured: 100 to 190, by how full its tables are)."""
ID_SECONDS: Final = 1_800
"""For how long at most: three times ONESTACK_REPEAT_WINDOW."""
RECORDS: Final = 4
"""Of one run in the run log: its start, and one for each of three actions."""
_DAY: Final = 86_400
_GB: Final = 1e9
_MS_A_DAY: Final = _DAY * 1000


class Plan(NamedTuple):
    """What a rate needs. Workers and projectors use one processor each; disks are in GB."""

    rate: int
    workers: int
    worker_mb: int
    partitions: int
    projectors: int
    broker_processors: int
    broker_gb: int
    broker_mb_a_second: float
    postgres_processors: int
    postgres_gb_a_day: float
    postgres_gb: int


def retention_days() -> dict[str, float]:
    """How long each topic keeps its records, as the product creates them; those that are compacted are left out."""
    return {one.name: int(one.config["retention.ms"]) / _MS_A_DAY for one in topics() if "retention.ms" in one.config}


def plan(sizing: Mapping[str, Any], rate: int) -> Plan:
    """What so many runs a second need, by the figures of one run."""
    us, per_run = sizing["us_per_run"], sizing["kafka_bytes_per_run"]
    days = retention_days()
    # The benchmark's own actions have topics like those of all others.
    commands = max(kept for name, kept in days.items() if ".commands." in name)
    kept = sum(size * days.get(name, commands) for name, size in per_run.items()) * rate * _DAY * COPIES
    rows = sizing["postgres_bytes_per_run"]
    a_day = sum(rows.values()) * rate * _DAY
    of_events = sum(size for name, size in rows.items() if name.startswith("events")) * rate * _DAY
    workers = _processors(us["worker"], rate)
    return Plan(
        rate,
        workers,
        ceil(sizing["memory_mb"]["worker"] + rate / workers * RECORDS * ID_BYTES * ID_SECONDS / 1e6),
        max(LEAST_PARTITIONS, PARTITIONS_A_WORKER * workers),
        _processors(us["projector"], rate),
        # A copy costs at most what the first one did.
        _processors(us["kafka"] * COPIES, rate),
        ceil(kept / _GB),
        round(sum(per_run.values()) * rate * COPIES / 1e6, 1),
        _processors(us["postgres"], rate),
        round(a_day / _GB, 1),
        ceil(((a_day - of_events) * KEPT_DAYS + of_events * EVENT_DAYS) / _GB),
    )


def _processors(us: float, rate: int) -> int:
    return max(1, ceil(rate * us / 1e6 / BUSY))


def cells(sizing: Mapping[str, Any], rates: Sequence[int] = RATES) -> list[list[str]]:
    """The rows of the worked example, the first being the headings."""
    plans = [plan(sizing, rate) for rate in rates]
    lines = (
        ("workers, of one processor each", [f"{one.workers:,}" for one in plans]),
        ("MB of memory of each, without waiting runs", [f"{one.worker_mb:,}" for one in plans]),
        (f"partitions of each topic (at least {LEAST_PARTITIONS})", [f"{one.partitions:,}" for one in plans]),
        ("projectors, of one processor each", [f"{one.projectors:,}" for one in plans]),
        (f"processors of the brokers together, {COPIES} copies", [f"{one.broker_processors:,}" for one in plans]),
        ("MB a second that the brokers write", [f"{one.broker_mb_a_second:,}" for one in plans]),
        ("GB on the brokers, as long as the topics keep them", [f"{one.broker_gb:,}" for one in plans]),
        ("processors of Postgres", [f"{one.postgres_processors:,}" for one in plans]),
        ("GB a day in Postgres", [f"{one.postgres_gb_a_day:,}" for one in plans]),
        (
            f"GB in Postgres: runs of {KEPT_DAYS} days, events of {EVENT_DAYS}",
            [f"{one.postgres_gb:,}" for one in plans],
        ),
    )
    return [["runs a second", *(f"{one.rate:,}" for one in plans)], *([name, *values] for name, values in lines)]
