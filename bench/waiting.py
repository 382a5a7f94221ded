"""What waiting runs cost in memory, and what misbehaving modules cost others: `python -m bench.waiting`.

Memory is the worker's resident memory with so many runs in a delay, minus without, divided by their number: once in the
worker that began them, and once in one that was started behind them and has read them back. Latency is that of single
runs of three HTTP calls, of the organisation whose other runs meet misbehaving modules and of another one: before any
module misbehaves, and while calls hang, fail twice, fail for good and are refused, each so many a second.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import orjson
import psutil
import uvloop

from bench import backlog, latency
from bench.errors import BenchError
from bench.fairness import OTHER, of_other, start_worker, stop_worker
from bench.rig import Rig, Scenario, running
from bench.workload import HEADERS, ORG, SOURCE, WORKFLOW, Event, definition, events
from runtime.kafka import all_of, partition_of
from sandbox.errors import SandboxError
from schemas.names import DEFINITIONS, EVENT_TOPICS, entity_key

_WORKER: Final = "worker-1"
_SLEEP: Final = "sleep"
_WAITING: Final = "select count(*) from history.runs where workflow_id = $1 and status = 'waiting'"
_MET: Final = "select status, count(*) as runs from history.runs where workflow_id = 'meet' group by 1 order by 1"
_WAYS: Final = ("hang", "flaky", "broken", "wrong")
_TIMEOUT: Final = "2"
_PATIENCE: Final = 300.0
_READ_BACK: Final = b"waiting runs read back"


def _workflow(id: str, trigger: str, step: dict[str, Any]) -> tuple[bytes, bytes]:
    """A definition's key and value."""
    body = {"id": id, "org": ORG, "version": 1, "name": id, "state": "enabled", "trigger": {"type": trigger}}
    return f"{ORG}/{id}".encode(), orjson.dumps({**body, "steps": [step]})


def _event(kind: str, name: str, partitions: int) -> Event:
    body = {
        "specversion": "1.0",
        "id": f"ev-{name}",
        "source": SOURCE,
        "type": kind,
        "subject": f"device/{name}",
        "time": "2026-11-23T08:00:00Z",
        "orgid": ORG,
        "datacontenttype": "application/json",
        "data": {"device": {"id": name, "name": name, "site": name.partition("-")[0]}, "company": {"id": "c-1"}},
    }
    key = entity_key(ORG, f"device/{name}").encode()
    return Event(partition_of(key, partitions), key, orjson.dumps(body), "")


def _put(rig: Rig, event: Event) -> asyncio.Future[None]:
    return rig.publisher.put(EVENT_TOPICS["rmm"], event.partition, event.key, event.value, HEADERS)


# -- memory -----------------------------------------------------------------------------------------------------------


def _resident(rig: Rig) -> int:
    resident: int = psutil.Process(rig.pids[_WORKER]).memory_info().rss
    return resident


async def _until_waiting(rig: Rig, count: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while await rig.postgres.fetchval(_WAITING, _SLEEP) < count:
        rig.check()
        if time.monotonic() > deadline:
            raise BenchError(f"{count} runs did not wait after {_PATIENCE:.0f} s")
        await asyncio.sleep(0.2)


async def _memory(rig: Rig, count: int) -> None:
    step = {"id": "wait", "action": "delay", "with": {"for": "7d"}}
    await rig.publisher.put(DEFINITIONS, 0, *_workflow(_SLEEP, "device.offline", step))
    await stop_worker(rig)
    await _started(rig, 1)
    await _runs_of_both(rig, "quiet", 100)
    without = _resident(rig)
    sleepers = (_event("device.offline", f"sleeper-{number}", rig.scenario.partitions) for number in range(count))
    for future in all_of([_put(rig, one) for one in sleepers]):
        await future
    await _until_waiting(rig, count)
    _tell("in the worker that began them", count, without, _resident(rig))
    await stop_worker(rig)
    began = time.monotonic()
    log = await _started(rig, 2)
    while _READ_BACK not in log.read_bytes():
        rig.check()
        await asyncio.sleep(0.05)
    took = time.monotonic() - began
    await _runs_of_both(rig, "read back", 100)
    _tell("in a worker that has read them back", count, without, _resident(rig))
    print(f"It had read them back {took:.2f} s after the start of its process.", flush=True)


async def _started(rig: Rig, times: int) -> Path:
    """The log of the worker, which works now: it was started so many times."""
    log = start_worker(rig)
    while log.read_bytes().count(b"the worker works") < times:
        rig.check()
        await asyncio.sleep(0.05)
    return log


def _tell(where: str, count: int, without: int, found: int) -> None:
    each = (found - without) / count
    print(f"{count:,} waiting runs {where}: {without / 1e6:.0f} to {found / 1e6:.0f} MB, {each:,.0f} bytes each.")


# -- latency ----------------------------------------------------------------------------------------------------------


async def _runs_of_both(rig: Rig, phase: str, count: int) -> dict[str, dict[str, float]]:
    """The latencies in ms to the run log, by organisation: one run at a time, of each in turn."""
    own = events(phase, count, rig.scenario.partitions)
    found = {}
    for org, some in ((ORG, own), (OTHER, [of_other(one, rig.scenario.partitions) for one in own])):
        seen = await latency.measure(rig, some, count // 10, lambda: None)
        found[org] = latency.percentiles(seen.run_log_ms)
    return found


@asynccontextmanager
async def _misbehaving(rig: Rig, a_second: float) -> AsyncIterator[None]:
    """Within it, so many calls a second begin to meet each of the ways to misbehave."""

    async def feed() -> None:
        for number in itertools.count():
            await asyncio.sleep(1 / a_second)
            for way in _WAYS:
                _put(rig, _event("device.online", f"{way}-{number}", rig.scenario.partitions))

    feeding = asyncio.create_task(feed())
    try:
        # Until as many hang as will: a call hangs for its timeout, and is tried four times.
        await asyncio.sleep(10)
        yield
    finally:
        feeding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await feeding


async def _latency(rig: Rig, count: int, a_second: float) -> None:
    # The way to misbehave is the device's id in the script's path.
    step = {"id": "script", "action": "run_script", "with": {"device_id": "{{device.site}}", "script_id": "s-1"}}
    await rig.publisher.put(DEFINITIONS, 0, *_workflow("meet", "device.online", step))
    normal = await _runs_of_both(rig, "normal", count)
    async with _misbehaving(rig, a_second):
        beside = await _runs_of_both(rig, "beside", count)
    ends = {row["status"]: row["runs"] for row in await rig.postgres.fetch(_MET)}
    if not ends.get("failed"):
        raise BenchError(f"no module misbehaved: the runs that were to meet one are {ends}")
    print(f"\nRuns that met a misbehaving module so far: {', '.join(f'{n} {status}' for status, n in ends.items())}.")
    print(f"One run of three calls at a time, ms to run.completed in the log; {count} runs of each organisation.")
    for org, whose in ((ORG, "the same organisation"), (OTHER, "another organisation")):
        for name in ("p50", "p95"):
            was, became = normal[org][name], beside[org][name]
            print(
                f"  {whose:22} {name}: {was:6.1f}, beside {a_second:g} a second each of calls that "
                f"{', '.join(_WAYS)}: {became:6.1f} ({became / was:.2f} times)"
            )


# -- both -------------------------------------------------------------------------------------------------------------


async def _run(given: argparse.Namespace) -> None:
    given.data.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="waiting-", dir=given.data.absolute()))
    os.environ |= {
        "ONESTACK_ACTION_TIMEOUT": _TIMEOUT,
        "ONESTACK_TIMER_STORE": given.store,
        "ONESTACK_DATA_DIR": str(folder / "kept"),
    }
    async with running(Scenario("http", 1, given.partitions), folder) as rig:
        body = {**orjson.loads(definition(http=True)), "org": OTHER}
        await rig.publisher.put(DEFINITIONS, 0, f"{OTHER}/{WORKFLOW}".encode(), orjson.dumps(body))
        first = events("first", 3_000, given.partitions)
        for future in all_of([rig.send(event) for event in first]):
            await future
        await backlog.until_completed(rig, len(first), lambda _count: None)
        print(f"Timers in {given.store}, {given.partitions} partitions, one worker.", flush=True)
        if given.latencies:
            await _latency(rig, given.latencies, given.misbehaving)
        if given.runs:
            await _memory(rig, given.runs)
        await stop_worker(rig)


def main(arguments: list[str]) -> int:
    """Measure; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.waiting", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=50_000, help="that wait; 0 leaves their memory out [50000]")
    parser.add_argument("--latencies", type=int, default=200, help="runs of each organisation; 0 leaves them out [200]")
    parser.add_argument("--misbehaving", type=float, default=4.0, help="calls a second that meet each way [4]")
    parser.add_argument("--store", choices=["memory", "rocksdb"], default="memory", help="of the timers [memory]")
    parser.add_argument("--partitions", type=int, default=4, help="of every topic [4]")
    parser.add_argument("--data", type=Path, default=Path(".onestack/bench"), help="folder [.onestack/bench]")
    try:
        uvloop.run(_run(parser.parse_args(arguments)))
    except (BenchError, SandboxError, TimeoutError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
