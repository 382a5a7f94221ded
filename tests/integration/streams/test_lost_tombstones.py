"""Waits of which a part was lost with the worker that ended them: their tombstone, or all but what ended them."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest

from runtime.kafka import partition_of
from schemas.names import SIGNALS, TIMERS, run_id
from tests.integration.streams.cluster import PARTITIONS, RMM, Cluster, Run, event

pytestmark = pytest.mark.timeout(240)
STEPS = [
    {"id": "wait", "action": "delay", "with": {"for": "1h"}},
    {"id": "note", "action": "create_note", "with": {"body": "{{device.name}}", "company_id": "c-1"}},
]


async def _run(cluster: Cluster, org: str, run: str, kind: str) -> Run:
    """The run as soon as it has an entry of this type."""

    async def there() -> bool:
        return kind in (await cluster.runs(org)).get(run, Run({})).kinds

    await cluster.until(there, f"{kind} of {run}")
    return (await cluster.runs(org))[run]


async def _timer(cluster: Cluster, run: str) -> list[Any]:
    return [record for record in await cluster.records(TIMERS) if record.key.startswith(run.encode())]


async def test_a_cancelled_run_does_not_wake_where_its_tombstone_was_lost(cluster: Cluster) -> None:
    await cluster.define("lost", steps=STEPS, cancel_on=[{"type": "device.online"}])
    await cluster.emit("lost", "x", prefix="d-l")
    run = run_id("lost", "wf", "/rmm", "d-lx-0")
    await _run(cluster, "lost", run, "run.waiting")
    key = b"lost/device/d-l"
    online = event("lost", "d-l", "x", "on") | {"type": "device.online"}
    await cluster.send(RMM, (key, orjson.dumps(online), partition_of(key, PARTITIONS)))
    await _run(cluster, "lost", run, "run.cancelled")

    async def forgotten() -> bool:
        return (await _timer(cluster, run))[-1].value is None

    await cluster.until(forgotten, "the tombstone")
    kept = (await _timer(cluster, run))[0]
    cluster.kill("a")
    # As if the worker had been killed just before it wrote the tombstone.
    await cluster.send(TIMERS, (kept.key, kept.value, kept.partition), headers=kept.headers)
    await cluster.start("a")
    # At once, not when it is due: by then the ledger would have forgotten that the wait has ended.
    await cluster.until(forgotten, "the tombstone of the wait that was read back")
    assert (await cluster.runs("lost"))[run].kinds == ["run.started", "step.started", "run.waiting", "run.cancelled"]


async def test_an_event_that_was_remembered_but_not_obeyed_still_cancels_where_the_trigger_comes_again(
    cluster: Cluster,
) -> None:
    await cluster.define("marked", steps=STEPS, cancel_on=[{"type": "device.online"}])
    names = [str(number) for number in range(20)]
    for name in names:
        await cluster.emit("marked", name, prefix=f"d-{name}-")
    runs = {name: run_id("marked", "wf", "/rmm", f"d-{name}-{name}-0") for name in names}
    for run in runs.values():
        await _run(cluster, "marked", run, "run.waiting")
    cluster.kill("a")
    # As if it had been killed when Kafka had the mark of the event, and not yet the decision that followed from it.
    for name in names:
        key = f"marked/device/d-{name}-".encode()
        home = partition_of(key, PARTITIONS)
        online = event("marked", f"d-{name}-", name, f"on-{name}") | {"type": "device.online"}
        mark = {"appended": time.time_ns() // 1_000_000, "topic": RMM, "offset": 10_000, "event": online}
        await cluster.send(SIGNALS, (key, orjson.dumps(mark), home))
        await cluster.emit("marked", name, prefix=f"d-{name}-")
        await cluster.send(RMM, (key, orjson.dumps(online), home))
    await cluster.start("a")
    for run in runs.values():
        assert (await _run(cluster, "marked", run, "run.cancelled")).kinds[-1] == "run.cancelled"
