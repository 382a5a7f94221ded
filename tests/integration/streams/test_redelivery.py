"""Workers that die, join and leave in the middle of their work: nothing lost, and nothing known as done done again."""

from __future__ import annotations

import orjson
import pytest

from schemas.names import DEFINITIONS
from tests.integration.streams.cluster import MAX_CALLS, Cluster, Run, definition

pytestmark = pytest.mark.timeout(240)
COMPLETED = ["run.started", "step.started", "step.succeeded", "run.completed"]


def slow(count: int) -> list[str]:
    return [f"slow{number}" for number in range(count)]


async def calls(cluster: Cluster, count: int) -> None:
    before = len(cluster.hub.calls)

    async def came() -> bool:
        return len(cluster.hub.calls) >= before + count

    await cluster.until(came, f"{count} calls")


def check(runs: dict[str, Run], names: list[str]) -> None:
    assert sorted(run.name for run in runs.values()) == sorted(names)
    assert all(run.kinds == COMPLETED for run in runs.values())


async def test_after_a_kill_all_runs_end_and_what_the_log_tells_is_not_performed_again(cluster: Cluster) -> None:
    await cluster.define("kill")
    names = slow(300)
    await cluster.emit("kill", *names)
    repeated_most = 0
    for number in range(2):
        await calls(cluster, 60)
        cluster.kill("a")
        done = {f"{run}:0:note" for run, one in (await cluster.runs("kill")).items() if "step.succeeded" in one.kinds}
        performed = cluster.hub.count()
        repeated_most += MAX_CALLS
        await cluster.start("a")
        if number == 0:
            assert done
        await calls(cluster, 1)
        after = cluster.hub.count()
        assert {key for key in done if after[key] > performed[key]} == set()
        assert cluster.counted("a", "onestack_commands_repeated_total") > 0
    runs = await cluster.finished("kill", len(names))
    check(runs, names)
    counted = cluster.hub.count()
    extra = sum(counted[f"{run}:0:note"] - 1 for run in runs)
    assert 0 <= extra <= repeated_most


async def test_workers_that_join_and_leave_in_the_middle_of_a_batch_lose_and_double_nothing(cluster: Cluster) -> None:
    await cluster.define("rebalance")
    names = slow(900)
    await cluster.emit("rebalance", *names)
    await calls(cluster, 50)
    await cluster.start("b")
    await calls(cluster, 50)
    await cluster.stop("b")
    runs = await cluster.finished("rebalance", len(names))
    check(runs, names)
    counted = cluster.hub.count()
    # Nobody died: at most what was in flight on a partition when it changed hands is performed by both.
    extra = sum(counted[f"{run}:0:note"] - 1 for run in runs)
    assert extra <= 2 * MAX_CALLS


async def test_events_that_many_workflows_listen_to_are_evaluated_by_each_over_a_rebalance_and_a_kill(
    cluster: Cluster,
) -> None:
    many, events = 700, 6
    wanted = {"field": "device.name", "op": "equals", "value": "nobody"}
    records = []
    for number in range(many):
        body = {**definition("fan"), "id": f"wf-{number}", "conditions": wanted}
        records.append((f"fan/wf-{number}".encode(), orjson.dumps(body), 0))
    await cluster.send(DEFINITIONS, *records)
    await cluster.define("last")
    await cluster.emit("fan", *(f"n{number}" for number in range(events)))

    async def skipped(count: int) -> bool:
        return len(await cluster.runs("fan")) >= count

    await cluster.until(lambda: skipped(many))
    await cluster.start("b")
    cluster.kill("a")
    await cluster.until(lambda: skipped(many * events))
    runs = await cluster.runs("fan")
    assert len(runs) == many * events
    assert {run.kinds[0] for run in runs.values()} == {"run.skipped"}
