"""How long one organisation's event waits behind another's backlog: `python -m bench.fairness`.

The worst case: all events of the backlog are on one partition, which is also that of the other organisation's single
event, and that one comes last. Told twice: with a worker that is at work when the backlog arrives, and with one that is
started when all of it is there.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
import uvloop
from aiokafka.structs import TopicPartition

from bench import backlog
from bench.errors import BenchError
from bench.rig import Rig, Scenario, running
from bench.workload import ORG, SOURCE, TOPIC, WORKFLOW, Event, definition, events, noops_known
from runtime.kafka import all_of, new_reader, partition_of
from sandbox.errors import SandboxError
from schemas.names import DEFINITIONS, RUNS, entity_key, run_id

OTHER: Final = "globex"
_WORKER: Final = "worker-1"
_LONGEST: Final = 300.0


class Waited(NamedTuple):
    """Seconds from the append of the single event to its run's end, and how many runs ended before.

    Where the worker was started behind it: from the start of its process, and of that until it said that it works.
    """

    seconds: float
    ahead: int
    starting: float = 0.0


def of_other(event: Event, partitions: int) -> Event:
    """The same event of the other organisation."""
    body = {**orjson.loads(event.value), "orgid": OTHER}
    key = entity_key(OTHER, body["subject"]).encode()
    run = run_id(OTHER, WORKFLOW, SOURCE, body["id"])
    return Event(partition_of(key, partitions), key, orjson.dumps(body), run)


def worst_case(phase: str, count: int, partitions: int) -> tuple[list[Event], Event]:
    """That many events of one organisation on partition 0, and one of another that is to come last there."""
    many = (one for one in events(phase, (count + 200) * partitions * 2, partitions) if one.partition == 0)
    flood = [next(many) for _ in range(count)]
    single = next(one for event in many if (one := of_other(event, partitions)).partition == 0)
    return flood, single


async def _appended(rig: Rig) -> float:
    """When the last event on partition 0 was appended, by the broker's clock."""
    reader = new_reader(rig.settings)
    await reader.start()
    try:
        place = TopicPartition(TOPIC, 0)
        reader.assign([place])
        reader.seek(place, (await reader.end_offsets([place]))[place] - 1)
        record = await reader.getone(place)
        return float(record.timestamp) / 1000
    finally:
        await reader.stop()


async def _ended(rig: Rig, reader: Any, run: str) -> tuple[float, int]:
    """When this run was completed, by the broker's clock, and how many were before."""
    ahead = 0
    async with asyncio.timeout(_LONGEST):
        while True:
            rig.check()
            for records in (await reader.getmany(timeout_ms=500)).values():
                for record in records:
                    if b'"run.completed"' not in record.value:
                        continue
                    if run.encode() in record.value:
                        return record.timestamp / 1000, ahead
                    ahead += 1


async def _measure(rig: Rig, phase: str, count: int, *, restart: bool) -> Waited:
    flood, single = worst_case(phase, count, rig.scenario.partitions)
    before = await backlog.completed(rig)
    reader = new_reader(rig.settings)
    await reader.start()
    try:
        place = TopicPartition(RUNS, 0)
        reader.assign([place])
        await reader.seek_to_end(place)
        await reader.position(place)
        if restart:
            await stop_worker(rig)
        for future in all_of([rig.send(event) for event in flood]):
            await future
        await rig.send(single)
        since = await _appended(rig)
        starting = 0.0
        if restart:
            since = time.time()
            log = start_worker(rig)
            while b"the worker works" not in log.read_bytes():
                rig.check()
                await asyncio.sleep(0.01)
            starting = time.time() - since
        at, ahead = await _ended(rig, reader, single.run)
    finally:
        await reader.stop()
    await backlog.until_completed(rig, before + count + 1, lambda _count: None)
    return Waited(at - since, ahead, starting)


async def stop_worker(rig: Rig) -> None:
    """End the worker, and let the rig know of none."""
    await rig.stop(_WORKER)


def start_worker(rig: Rig) -> Path:
    """Start the worker again, as the rig would; its log, which begins where an earlier one ended."""
    arguments = ["cli.main", "worker"] if rig.receiver_port is not None else ["bench.worker"]
    return rig.start(_WORKER, arguments, f"{_WORKER}-again")


async def _run(given: argparse.Namespace) -> None:
    given.data.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="fairness-", dir=given.data))
    with noops_known():
        async with running(Scenario(given.mode, 1, given.partitions), folder) as rig:
            body = {**orjson.loads(definition(http=given.mode == "http")), "org": OTHER}
            await rig.publisher.put(DEFINITIONS, 0, f"{OTHER}/{WORKFLOW}".encode(), orjson.dumps(body))
            first = events("first", 2_000, given.partitions)
            for future in all_of([rig.send(event) for event in first]):
                await future
            await backlog.until_completed(rig, len(first), lambda _count: None)
            print(f"{OTHER}'s event is the last of its partition, behind {given.events:,} of {ORG}.", flush=True)
            found = await _measure(rig, "live", given.events, restart=False)
            print(
                f"Worker at work: its run was completed {found.seconds:.2f} s after its append, "
                f"behind {found.ahead:,} runs of {ORG}.",
                flush=True,
            )
            found = await _measure(rig, "restart", given.events, restart=True)
            print(
                f"Worker started behind it: completed {found.seconds:.2f} s after the start of the process, "
                f"{found.starting:.2f} s of which were its start-up, behind {found.ahead:,} runs of {ORG}.",
                flush=True,
            )
            if _WORKER in rig._programs:  # noqa: SLF001 - it was started here
                await stop_worker(rig)


def main(arguments: list[str]) -> int:
    """Measure; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.fairness", description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=20_000, help="of the backlog [20000]")
    parser.add_argument("--partitions", type=int, default=4, help="of every topic [4]")
    parser.add_argument("--mode", choices=["default", "http"], default="default", help="actions: none, or HTTP calls")
    parser.add_argument("--data", type=Path, default=Path(".onestack/bench"), help="folder [.onestack/bench]")
    try:
        uvloop.run(_run(parser.parse_args(arguments)))
    except (BenchError, SandboxError, TimeoutError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
