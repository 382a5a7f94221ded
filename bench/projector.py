"""What the projection costs a run, without Kafka: `python bench/projector.py [runs] [runs a batch]`.

Each run is 12 rows by the views (1 run, 3 steps, 8 entries) and 4 records, once with all records of a run in one
batch and once with them spread over four. Prints microseconds of this process's CPU and of the wall clock a run.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import uvloop

from projections.migrations import migrate
from projections.projection import Projection
from projections.store import Partition, Store
from runtime.postgres import connect
from sandbox.postgres import Postgres
from schemas.names import RUNS


class Record(NamedTuple):
    """As it comes from Kafka."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int


def entry(run: str, seq: int, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """One entry of the run log."""
    return {
        "specversion": "1.0", "id": f"{run}:{seq}", "source": "/workflow-engine", "type": kind,
        "subject": f"alert/a-{run[-6:]}", "orgid": "acme", "time": "2026-11-23T08:00:00.123456Z",
        "data": {"generation": 0, **data},
    }  # fmt: skip


def records_of(number: int) -> list[bytes]:
    """The four records of one run."""
    run = f"{number:032x}"
    event = {
        "specversion": "1.0", "id": f"ev-{number}", "source": "/security", "type": "alert.triggered",
        "subject": f"alert/a-{run[-6:]}", "time": "2026-11-23T08:00:00Z", "orgid": "acme",
        "datacontenttype": "application/json",
        "data": {
            "alert": {"id": f"a-{run[-6:]}", "title": "Disk full", "message": "C: has 1 % left", "severity": "high"},
            "device": {"id": "d-17", "name": "SRV-01"}, "company": {"id": "c-1", "name": "Globex"},
        },
    }  # fmt: skip
    leaf = {"field": "alert.severity", "op": "equals", "value": "high", "actual": "high", "result": True}
    trace = {"all": [leaf], "result": True}
    workflow = {"id": "alert-to-ticket", "name": "Alert to Ticket", "version": 3}
    begun = {"workflow": workflow, "event": event, "conditions": trace, "causation_chain": ["alert-to-ticket"]}
    records = [[entry(run, 0, "run.started", begun)]]
    seq = 1
    for position in range(3):
        step = {"step": f"s{position}", "position": position, "action": "create_ticket", "attempt": 1}
        given = {
            "command": f"{run}:0:s{position}",
            "input": {"title": "Disk full", "priority": "P1", "board": "Alerts"},
        }
        records[-1].append(entry(run, seq, "step.started", {**step, **given}))
        ended = entry(run, seq + 1, "step.succeeded", {**step, "output": {"id": f"T-{number}", "status": "New"}})
        records.append([ended])
        seq += 2
    records[-1].append(entry(run, seq, "run.completed", {}))
    return [orjson.dumps(one) for one in records]


async def measure(url: str, runs: int, batch: int, *, spread: bool, first: int) -> None:
    """Project that many runs and print what it took."""
    connection = await connect(url, durable=False)
    projection = Projection(Store(connection))
    projection.positions = await projection.store.positions([Partition(RUNS, 0)])
    offset = projection.positions[Partition(RUNS, 0)]
    batches = []
    for begin in range(first, first + runs, batch):
        of_runs = [records_of(number) for number in range(begin, begin + batch)]
        cuts = [[one[k] for one in of_runs] for k in range(4)] if spread else [[v for one in of_runs for v in one]]
        for values in cuts:
            batches.append([Record(RUNS, 0, offset + k, b"acme/x", value, 0) for k, value in enumerate(values)])
            offset += len(values)
    gc.collect()
    gc.freeze()
    cpu, wall = time.process_time(), time.perf_counter()
    for one in batches:
        await projection.project(one)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    label = "spread over 4 batches" if spread else "whole in one batch"
    print(f"{runs} runs, {batch} a batch, {label}: {cpu / runs * 1e6:.1f} µs Python, {wall / runs * 1e6:.1f} µs in all")
    await connection.close()


async def main() -> None:
    """Both ways, on a fresh embedded Postgres."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    batch = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    with tempfile.TemporaryDirectory() as folder:
        server = Postgres(Path(folder)).start()
        try:
            await migrate(server.url)
            await measure(server.url, runs, batch, spread=False, first=0)
            await measure(server.url, runs, batch, spread=True, first=runs)
            await measure(server.url, 300, 1, spread=True, first=2 * runs)
        finally:
            server.stop()


if __name__ == "__main__":
    uvloop.run(main())
