"""Throttled runs on real workers: exact although the key spans partitions, also where the worker is killed."""

from __future__ import annotations

import pytest

from schemas.names import GUARD
from tests.integration.streams.cluster import Cluster, Run

pytestmark = pytest.mark.timeout(240)
COMPLETED = ["run.started", "step.started", "step.succeeded", "run.completed"]


async def all_told(cluster: Cluster, org: str, count: int) -> list[Run]:
    """The organisation's runs, as soon as so many have ended or were suppressed."""
    runs: list[Run] = []

    async def told() -> bool:
        nonlocal runs
        runs = list((await cluster.runs(org)).values())
        return sum(run.kinds[-1] in {"run.completed", "run.suppressed"} for run in runs) >= count

    await cluster.until(told, f"the end of {count} runs of {org}")
    return runs


async def test_a_throttle_counts_over_all_partitions_and_says_why(cluster: Cluster) -> None:
    await cluster.define("throttled", throttle={"key": "all", "limit": 5, "per": "PT10M"})
    await cluster.emit("throttled", *(f"n{number}" for number in range(40)))
    runs = await all_told(cluster, "throttled", 40)
    completed = [run for run in runs if run.kinds == COMPLETED]
    suppressed = [run for run in runs if run.kinds == ["run.suppressed"]]
    assert (len(completed), len(suppressed)) == (5, 35)
    data = suppressed[0].entries[0]["data"]
    assert data["guard"] == "throttle"
    assert data["reason"].startswith("throttled: at most 5 runs in 10 min for key 'all'; the first of them, run ")


async def test_a_throttle_stays_exact_where_the_worker_is_killed(cluster: Cluster) -> None:
    await cluster.define("killed", throttle={"key": "all", "limit": 5, "per": "PT10M"})

    for number in range(4):
        before = len(await cluster.records(GUARD))
        await cluster.emit("killed", *(f"n{number}-{n}" for n in range(30)))

        async def asked(before: int = before) -> bool:
            return len(await cluster.records(GUARD)) > before

        await cluster.until(asked, "a request to the guard")
        cluster.kill("a")
        await cluster.start("a")
    runs = await all_told(cluster, "killed", 120)
    assert len(runs) == 120
    assert sum(run.kinds == COMPLETED for run in runs) == 5
    assert sum(run.kinds == ["run.suppressed"] for run in runs) == 115
