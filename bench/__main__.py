"""The benchmark on real Kafka and Postgres: `python -m bench --help`, or `make bench` for all of it."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import backlog, latency, verify
from bench.errors import BenchError
from bench.host import machine, versions
from bench.profiling import Profiler, need_py_spy
from bench.report import Result, default_file, document, show, show_places, store
from bench.rig import MODES, Rig, Scenario, running
from bench.workload import events, noops_known, one_for_each_partition
from sandbox.errors import SandboxError
from schemas.errors import Refused

_INTERRUPTED = 130


class Sizes(NamedTuple):
    """How much is measured."""

    runs: int
    latencies: int
    warm_up: int
    early: int


class Profile(NamedTuple):
    """Which process to look into during the backlog, and where its stacks go."""

    process: str
    folded: Path


FULL = Sizes(10_000, 300, 50, 10_000)
PARTITIONS = 4
"""Of every topic: what two cores can use."""
QUICK = Sizes(1_000, 50, 10, 200)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures runs of one event, one condition and three actions on a real Apache Kafka and Postgres:\n"
        "latency one at a time, then a backlog.\nExits with 1 where a run was lost, repeated or wrong.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="modes:\n" + "\n".join(f"  {name:8} {text}" for name, text in MODES.items()),
    )
    parser.add_argument("--quick", action="store_true", help="a small one of about half a minute: one worker, one mode")
    parser.add_argument("--runs", type=_positive, help=f"runs of the backlog [{FULL.runs}; quick {QUICK.runs}]")
    parser.add_argument(
        "--latencies", type=_positive, help=f"runs one at a time [{FULL.latencies}; quick {QUICK.latencies}]"
    )
    parser.add_argument("--workers", type=_numbers, help="how many workers, several with commas [1,2; quick 1]")
    parser.add_argument("--mode", choices=[*MODES, "all"], help="[all; quick default]")
    parser.add_argument("--partitions", type=_positive, help=f"of every topic [{PARTITIONS}]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to store the figures [bench/results/…]")
    parser.add_argument(
        "--data", type=Path, default=Path(".onestack/bench"), help="folder on the disk to measure on [.onestack/bench]"
    )
    parser.add_argument(
        "--profile",
        metavar="PROCESS",
        help="look into worker-1 (or worker), worker-2 or projector with py-spy during the backlog; stores no figures",
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _numbers(text: str) -> list[int]:
    return [_positive(part) for part in text.split(",")]


def scenarios(given: argparse.Namespace) -> list[Scenario]:
    """What to measure, in the order of the modes."""
    mode = given.mode or ("default" if given.quick or given.profile else "all")
    workers = given.workers or ([1] if given.quick or given.profile else [1, 2])
    partitions = given.partitions or PARTITIONS
    return [Scenario(one, count, partitions) for one in MODES if mode in {one, "all"} for count in workers]


def sizes(given: argparse.Namespace) -> Sizes:
    """How much to measure: what was asked for, else the defaults."""
    base = QUICK if given.quick else FULL
    return Sizes(given.runs or base.runs, given.latencies or base.latencies, base.warm_up, base.early)


async def _measure(rig: Rig, size: Sizes, progress: Progress, profile: Profile | None) -> Result:
    partitions, scenario = rig.scenario.partitions, rig.scenario
    label = f"{scenario.mode}, {scenario.workers} worker{'s' if scenario.workers > 1 else ''}"
    begins = dict.fromkeys(await backlog.log_ends(rig), 0)
    # Runs on every partition, so that no consumer or connection is new when the first latency is taken, and enough of
    # them for the broker's JVM to have compiled what it runs: it is measured as it is in its second minute.
    first = [*one_for_each_partition("first", partitions), *events("early", size.early, partitions)]
    for sent in [rig.send(event) for event in first]:
        await sent
    await backlog.until_completed(rig, len(first), lambda _count: None)
    alone = events("alone", size.early // 40, partitions)
    await latency.measure(rig, alone, len(alone), lambda: None)
    one_by_one = events("one", size.warm_up + size.latencies, partitions)
    task = progress.add_task(f"{label}: one at a time", total=size.warm_up + size.latencies)
    times = await latency.measure(rig, one_by_one, size.warm_up, lambda: progress.advance(task))
    many = events("many", size.runs, partitions)
    task = progress.add_task(f"{label}: backlog", total=size.runs)
    profiler = Profiler(rig.pids[profile.process], profile.folded) if profile else None
    throughput, _ = await backlog.measure(rig, many, lambda count: progress.update(task, completed=count))
    if profiler and profile:
        show_places(progress.console, profile.process, await profiler.stop())
    expected = [event.run for event in (*first, *alone, *one_by_one, *many)]
    found = await verify.faults(rig, expected, await backlog.read_log(rig, begins))
    return Result(scenario, size.warm_up, times, throughput, tuple(found))


async def _run(given: argparse.Namespace, console: Console) -> int:
    given.data.mkdir(parents=True, exist_ok=True)
    facts, size = machine(given.data), sizes(given)
    if facts["file_system"] == "tmpfs":
        console.print("The data is on a tmpfs, not on a disk: name a folder on a disk with --data.", style="yellow")
    profile = _profile(given)
    results: list[Result] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress, noops_known():
        for scenario in scenarios(given):
            folder = Path(tempfile.mkdtemp(prefix=f"{scenario.mode}-{scenario.workers}-", dir=given.data))
            try:
                async with running(scenario, folder) as rig:
                    results.append(await _measure(rig, size, progress, profile))
            except BenchError as error:
                raise BenchError(f"{error} (logs are in {folder})") from None
    body = document(facts, versions(), results)
    show(console, body)
    if profile:
        console.print(f"Stacks for a flame graph: {profile.folded}", highlight=False)
    else:
        _keep(given, facts, body, console)
    wrong = [(one.scenario, fault) for one in results for fault in one.faults]
    for scenario, fault in wrong:
        console.print(f"{scenario.mode}, {scenario.workers} workers: {fault}.", style="red", highlight=False)
    return 1 if wrong else 0


def _profile(given: argparse.Namespace) -> Profile | None:
    if not given.profile:
        return None
    need_py_spy()
    name = "worker-1" if given.profile == "worker" else given.profile
    known = [*(f"worker-{number + 1}" for number in range(min(one.workers for one in scenarios(given)))), "projector"]
    if name not in known:
        raise BenchError(f"--profile is one of {', '.join(known)}, not {name!r}")
    return Profile(name, given.data / f"{name}.folded")


def _keep(given: argparse.Namespace, facts: dict[str, Any], body: dict[str, Any], console: Console) -> None:
    file = given.json or default_file(facts)
    store(file, body)
    console.print(f"Stored in {file}", highlight=False)


def main(arguments: Sequence[str]) -> int:
    """Measure as the arguments say; the exit code."""
    given = _parser().parse_args(arguments)
    try:
        return uvloop.run(_run(given, Console()))
    except (BenchError, SandboxError, Refused) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
