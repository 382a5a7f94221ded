"""What a run costs beside more and more of everything: `python -m bench.curves`, or `make bench-curves`.

Each curve has two whole rigs at once (Kafka, Postgres, worker, projector). One stays as it is; the other gets more and
more of something: workflows, organisations, waiting runs, rows of history, workers. Both do the same work alternately,
and what is told is µs of CPU of each process for a run, and the ratio of the two: so the machine's moods meet both.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
import uvloop
from rich.console import Console

from bench import curveload, curvepast
from bench.curveload import Work
from bench.curvereport import PARTS, TOTAL, Point, markdown, show, verdict
from bench.curverig import Side, Spent, memory_of, on_disk
from bench.errors import BenchError
from bench.host import machine, slug, versions
from bench.report import RESULTS, store
from bench.rig import Scenario, running
from bench.usage import Usage
from bench.workload import noops_known
from sandbox.errors import SandboxError
from schemas.errors import Refused
from schemas.names import TIMERS

PARTITIONS: Final = 4
_POSTGRES: Final = {"shared_buffers": "512MB", "max_wal_size": "4GB"}
"""A server that is set up for what it is to hold, as `bench.hub` has it; its defaults are made for a small one."""
_IDLE_SECONDS: Final = 4.0
_INTERRUPTED: Final = 130


class Size(NamedTuple):
    """How much is measured: runs of one portion, rounds that count, runs to warm up, waiting runs made by events."""

    runs: int
    rounds: int
    warm_up: int
    real: int


FULL: Final = Size(3_000, 5, 10_000, 60_000)
QUICK: Final = Size(300, 2, 1_500, 500)
_WARM_UPS: Final = 3


class Curve(NamedTuple):
    """What there is more and more of, and how; the first size is the one that stays."""

    name: str
    option: str
    title: str
    of: str
    limit: float
    full: tuple[int, ...]
    quick: tuple[int, ...]
    grow: Callable[[Side, int, Size], Awaitable[dict[str, Any]]]
    work: Callable[[str, int, int], Work]
    variables: Callable[[Path], dict[str, str]] = lambda _folder: {}


def _runs(phase: str, count: int, _size: int) -> Work:
    return curveload.runs(phase, count, PARTITIONS)


def _runs_of_all(phase: str, count: int, size: int) -> Work:
    return curveload.runs(phase, count, PARTITIONS, size)


def _skips(phase: str, count: int, size: int) -> Work:
    # Skipped runs are cheaper than those of three steps: more of them, for a figure as exact.
    return curveload.skips(phase, 3 * count, PARTITIONS, size)


# -- more of something ------------------------------------------------------------------------------------------------


async def _workers(side: Side, size: int, _how: Size) -> dict[str, Any]:
    await side.work_with(size)
    return {}


async def _organisations(side: Side, size: int, _how: Size) -> dict[str, Any]:
    await side.define(curveload.of_organisation(number) for number in range(side.defined, size))
    return {}


async def _workflows(side: Side, size: int, _how: Size) -> dict[str, Any]:
    await side.define(curveload.beside(number) for number in range(side.defined, size))
    return {}


async def _matching(side: Side, size: int, _how: Size) -> dict[str, Any]:
    # The measured workflow is there too, but listens to another type.
    await side.define(curveload.evaluated(number) for number in range(side.defined - 1, size))
    return {}


async def _waiting(side: Side, size: int, how: Size) -> dict[str, Any]:
    found = await side.have_waiting(size, how.real)
    if not size:
        return {"memory": found.memory, "read_back_seconds": round(found.seconds, 2)}
    kept = side.rig.folder / "kept"
    return {
        "memory": found.memory,
        "read_back_seconds": round(found.seconds, 2),
        "bytes_of_topic": round(side.bytes_in_kafka().get(TIMERS, 0) / size),
        "bytes_of_store": round(on_disk(kept) / size) if kept.exists() else 0,
    }


async def _history(side: Side, size: int, _how: Size) -> dict[str, Any]:
    if not size:
        return {}
    # The events' rows come beside those of the runs: by now the first are there.
    await asyncio.sleep(1)
    one = await curvepast.model(side.rig.postgres)
    began = time.monotonic()
    copies = size // one.rows
    await curvepast.fill(side.rig.postgres, one, side.copies, copies, lambda _done: None)
    side.copies = copies
    size_of_all = sum((await side.bytes_in_postgres()).values())
    return {
        "runs": copies,
        "rows_a_run": one.rows,
        "database_mb": round(size_of_all / 1e6),
        "fill_seconds": round(time.monotonic() - began),
    }


def _in_rocksdb(folder: Path) -> dict[str, str]:
    return {"ONESTACK_TIMER_STORE": "rocksdb", "ONESTACK_DATA_DIR": str(folder / "kept")}


_TEN: Final = (1, 10, 100, 1_000, 10_000)
CURVES: Final = (
    Curve("workers", "workers", "A run, by workers", "workers", 1.15, (1, 2, 4), (1, 2), _workers, _runs),
    Curve("organisations", "organisations", "A run, by organisations that all have runs", "organisations", 1.2,
          (1, 10, 100, 1_000), (1, 50), _organisations, _runs_of_all),
    Curve("workflows", "workflows", "A run, by workflows of its organisation that listen to other types", "workflows",
          1.2, _TEN, (1, 200), _workflows, _runs),
    Curve("matching", "workflows", "An evaluated workflow (a skipped run), by those that listen to the event's type",
          "workflows", 1.2, _TEN, (1, 200), _matching, _skips),
    Curve("waiting-memory", "waiting", "A run, by waiting runs; timers in memory", "waiting runs", 1.2,
          (0, 10_000, 100_000, 1_000_000), (0, 3_000), _waiting, _runs),
    Curve("waiting-rocksdb", "waiting", "A run, by waiting runs; timers in RocksDB", "waiting runs", 1.2,
          (0, 10_000, 100_000, 1_000_000), (0, 3_000), _waiting, _runs, _in_rocksdb),
    Curve("history", "history", "A run, by rows of history in the present week", "rows", 1.2,
          (0, 100_000, 1_000_000, 10_000_000), (0, 20_000), _history, _runs),
)  # fmt: skip
OPTIONS: Final = tuple(dict.fromkeys(one.option for one in CURVES))


# -- measuring --------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _sides(curve: Curve, data: Path) -> AsyncIterator[tuple[Side, Side]]:
    """Two rigs that are alike."""
    async with AsyncExitStack() as stack:
        found = []
        for which in ("stays", "grows"):
            folder = Path(tempfile.mkdtemp(prefix=f"{curve.name}-{which}-", dir=data))
            variables = {"ONESTACK_LOG_LEVEL": "INFO", "ONESTACK_LOG_FORMAT": "console", **curve.variables(folder)}
            rig = await stack.enter_async_context(
                running(Scenario("default", 1, PARTITIONS), folder, variables=variables, postgres_settings=_POSTGRES)
            )
            found.append(Side(rig))
        yield found[0], found[1]


async def _point(curve: Curve, sides: tuple[Side, Side], size: int, how: Size) -> tuple[list[Spent], list[Spent]]:
    """What the side that grew spent, and the one that stays: in turn, first the one, then the other."""
    stays, grows = sides
    spent, base = list[Spent](), list[Spent]()
    # A round that does not count comes first: both have had the same before, whatever was made ready for this size.
    for number in range(-1, how.rounds):
        pairs = [(stays, curve.full[0], base, "s"), (grows, size, spent, "g")]
        for side, its_size, found, letter in pairs if number % 2 else reversed(pairs):
            one = await side.spend(curve.work(f"{curve.name}-{size}-{letter}{number}", how.runs, its_size))
            if number >= 0:
                found.append(one)
    return spent, base


async def measure(curve: Curve, sizes: Sequence[int], how: Size, data: Path, told: Console) -> dict[str, Any]:
    """One curve; with what is for sizing, where the side that stays had runs of three steps."""
    async with _sides(curve, data) as sides:
        stays, grows = sides
        for number in range(2 * _WARM_UPS):
            # In turn, for a broker's JVM goes on compiling what it runs for longer than it is sent something.
            await sides[number % 2].spend(curveload.runs(f"warm-{number}", how.warm_up // _WARM_UPS, PARTITIONS))
        # What the first size has the other side has too, a restart of the worker included.
        _, first = [await curve.grow(side, sizes[0], how) for side in sides]
        sent, kafka, postgres = stays.sent, stays.bytes_in_kafka(), await stays.bytes_in_postgres()
        points = list[Point]()
        for size in sizes:
            more = await curve.grow(grows, size, how) if size != sizes[0] else first
            if size and "memory" in more:
                more["bytes_of_memory"] = round((more["memory"] - first["memory"]) / size)
            spent, base = await _point(curve, sides, size, how)
            points.append(Point(size, spent, base, memory_of(Usage(grows.rig.pids, "driver").memory()), more))
            _tell(told, curve, points[-1])
        found: dict[str, Any] = {
            "name": curve.name, "title": curve.title, "of": curve.of, "limit": curve.limit, "base": sizes[0],
            "pieces": curve.work("x", how.runs, sizes[0]).pieces, "points": [one.as_json() for one in points],
        }  # fmt: skip
        if curve.work in (_runs, _runs_of_all):
            runs = stays.sent - sent
            found["sizing"] = {
                "us_per_run": found["points"][0]["base_us"],
                "idle_percent": {kind: round(used, 2) for kind, used in (await stays.idle(_IDLE_SECONDS)).items()},
                "memory_mb": memory_of(Usage(stays.rig.pids, "driver").memory()),
                "kafka_bytes_per_run": _grown(kafka, stays.bytes_in_kafka(), runs),
                "postgres_bytes_per_run": _grown(postgres, await stays.bytes_in_postgres(), runs),
            }
        return found


def _grown(before: dict[str, int], after: dict[str, int], runs: int) -> dict[str, int]:
    found = {name: round((size - before.get(name, 0)) / runs) for name, size in after.items()}
    return {name: size for name, size in found.items() if size > 0}


def _tell(console: Console, curve: Curve, point: Point) -> None:
    one = point.as_json()
    us = " · ".join(f"{part} {one['us'][part]:,.0f}" for part in PARTS)
    ratio = one["ratio"][TOTAL]
    console.print(
        f"{curve.name} {point.size:,}: {us} µs; {ratio['median']:.2f} times the other side "
        f"({ratio['least']:.2f} to {ratio['most']:.2f})", highlight=False,
    )  # fmt: skip


def document(facts: dict[str, Any], curves: list[dict[str, Any]], *, quick: bool) -> dict[str, Any]:
    """What is stored: the sizing is that of the first curve that has it."""
    sizing = [found for one in curves if (found := one.pop("sizing", None)) is not None]
    return {
        "format": 1,
        "at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "quick": quick,
        "machine": facts,
        "versions": versions(),
        "curves": curves,
        **({"sizing": sizing[0]} if sizing else {}),
    }


def default_file(facts: dict[str, Any]) -> Path:
    """A new file in bench/results."""
    name = f"{datetime.now(UTC):%Y-%m-%d}-curves-{slug(facts)}"
    file, number = RESULTS / f"{name}.json", 1
    while file.exists():
        number += 1
        file = RESULTS / f"{name}-{number}.json"
    return file


# -- the command ------------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.curves",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="two sizes a curve, to try it out; about four minutes")
    parser.add_argument("--only", choices=OPTIONS, action="append", help="one curve; may be given again [all]")
    parser.add_argument("--runs", type=int, help=f"runs of one portion of work [{FULL.runs}; quick {QUICK.runs}]")
    parser.add_argument("--rounds", type=int, help=f"that count, at each size [{FULL.rounds}; quick {QUICK.rounds}]")
    parser.add_argument("--most", type=int, help="leave out sizes above this one")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to store the figures [bench/results/…]")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="where to write the tables as Markdown")
    parser.add_argument("--of", type=Path, metavar="JSON", help="measure nothing: show the figures stored there")
    parser.add_argument("--data", type=Path, default=Path(".onestack/bench"), help="folder [.onestack/bench]")
    return parser


def sizes_of(curve: Curve, given: argparse.Namespace) -> list[int]:
    """Of which sizes the curve is."""
    wanted = curve.quick if given.quick else curve.full
    return [size for size in wanted if size == wanted[0] or given.most is None or size <= given.most]


async def _run(given: argparse.Namespace, console: Console) -> int:
    data: Path = given.data
    facts, base = machine(data), QUICK if given.quick else FULL
    how = base._replace(runs=given.runs or base.runs, rounds=given.rounds or base.rounds)
    found = []
    with noops_known():
        for curve in CURVES:
            if given.only and curve.option not in given.only:
                continue
            found.append(await measure(curve, sizes_of(curve, given), how, data, console))
            console.print(f"{curve.name}: {verdict(found[-1])}\n", highlight=False)
    body = document(facts, found, quick=given.quick)
    file = given.json or default_file(facts)
    store(file, body)
    _present(given, body, console)
    console.print(f"Stored in {file}", highlight=False)
    return 0


def _present(given: argparse.Namespace, body: dict[str, Any], console: Console) -> None:
    show(console, body)
    if given.markdown:
        given.markdown.write_text(markdown(body))


def main(arguments: Sequence[str]) -> int:
    """Measure as the arguments say; the exit code."""
    given, console = _parser().parse_args(arguments), Console()
    # The programs have another working directory.
    given.data = given.data.absolute()
    given.data.mkdir(parents=True, exist_ok=True)
    try:
        if given.of:
            _present(given, orjson.loads(given.of.read_bytes()), console)
            return 0
        return uvloop.run(_run(given, console))
    except (BenchError, SandboxError, Refused, TimeoutError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
