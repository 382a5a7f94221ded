"""What the projection costs a run, without Kafka: `python -m bench.projector [runs] [runs a batch] [rows,rows…]`.

Each run is 12 rows by the views (1 run, 3 steps, 8 entries) and 4 records, once with all records of a run in one
batch and once with them spread over four. Prints microseconds of CPU, of this process and of Postgres, and of the wall
clock a run. With numbers of rows the same is measured again beside so many in the tables of the week.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
import uvloop

from bench.curvepast import fill, model
from bench.usage import cpu_seconds
from projections.migrations import migrate
from projections.projection import Projection
from projections.store import Partition, Store
from runtime.postgres import connect
from sandbox.postgres import Postgres
from schemas.names import RUNS

SETTINGS: Final = {"shared_buffers": "512MB", "max_wal_size": "4GB"}


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


async def measure(url: str, server: int, runs: int, batch: int, *, spread: bool, first: int) -> None:
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
    cpu, wall, postgres = time.process_time(), time.perf_counter(), cpu_seconds(server)
    for one in batches:
        await projection.project(one)
    cpu, wall, postgres = time.process_time() - cpu, time.perf_counter() - wall, cpu_seconds(server) - postgres
    label = "spread over 4 batches" if spread else "whole in one batch"
    share = 1e6 / runs
    print(
        f"{runs} runs, {batch} a batch, {label}: {cpu * share:.1f} µs Python, {postgres * share:.1f} µs Postgres, "
        f"{wall * share:.1f} µs in all",
        flush=True,
    )
    await connection.close()


async def fill_up(url: str, rows: int, first: int) -> int:
    """Have so many rows in the tables that are written to, of which runs before `first` are there; how many runs."""
    connection = await connect(url, durable=False)
    try:
        one = await model(connection, event=False)
        await fill(connection, one, first, rows // one.rows, lambda _done: None)
        return rows // one.rows
    finally:
        await connection.close()


async def main() -> None:
    """Both ways, on a fresh embedded Postgres."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    batch = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    past = [int(one) for one in sys.argv[3].split(",")] if len(sys.argv) > 3 else []
    with tempfile.TemporaryDirectory() as folder:
        server = Postgres(Path(folder), settings=SETTINGS).start()
        try:
            await migrate(server.url)
            assert server.process is not None
            pid, first, copies = server.process.pid, 0, 0
            for size in (0, *past):
                if size:
                    copies = await fill_up(server.url, size, copies)
                    print(f"Beside {size:,} rows:", flush=True)
                await measure(server.url, pid, runs, batch, spread=False, first=first)
                await measure(server.url, pid, runs, batch, spread=True, first=first + runs)
                await measure(server.url, pid, 300, 1, spread=True, first=first + 2 * runs)
                first += 2 * runs + 300
        finally:
            server.stop()


if __name__ == "__main__":
    uvloop.run(main())
