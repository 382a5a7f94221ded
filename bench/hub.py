"""How fast the Hub answers with a million runs in the history: `python -m bench.hub`, or `make bench-hub`.

Postgres, the Hub and wrk share the machine. Each list and page is asked by 50 connections at once, for other values at
each request (other workflows, entities, pages), and then for one and the same, which callers share. The goal is for
lists and for one run; the counts beside the lists are shown as well.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.errors import BenchError
from bench.host import machine, slug, versions
from bench.hubcases import Case, cases, indexes, sample
from bench.hubpast import ORGS
from bench.hubrig import CONNECTIONS, Rig, history
from bench.report import RESULTS, store

RUNS: Final = 1_000_000
GOAL_MS: Final = 50.0
WAYS: Final = ("varied", "same")


def show(console: Console, body: dict[str, Any]) -> None:
    """The figures as a table."""
    table = Table(title=f"{body['runs']:,} runs, {CONNECTIONS} connections; times in ms, CPU in µs a request")
    for heading in ("asked", "", "requests/s", "p50", "p95", "p99", "Hub", "Postgres", "read by"):
        table.add_column(heading, justify="left" if heading in ("asked", "", "read by") else "right")
    for one in body["cases"]:
        for which in WAYS:
            told = one.get(which)
            if told is None:
                continue
            late = "[red]" if told["p95"] >= GOAL_MS and one["goal"] else ""
            table.add_row(
                one["name"] if which == "varied" else "", which, f"{told['per_second']:,}", f"{told['p50']:.1f}",
                f"{late}{told['p95']:.1f}", f"{told['p99']:.1f}", f"{told['hub_us']}", f"{told['postgres_us']}",
                ", ".join(one["indexes"]) if which == "varied" else "",
            )  # fmt: skip
    console.print(table)


def measure(
    rig: Rig, asked: Sequence[Case], read_by: dict[str, list[str]], seconds: int, console: Console
) -> list[Any]:
    """Each case, with values that vary and with one; after a second of each, which is not counted."""
    found = []
    for case in asked:
        console.print(f"  {case.name}", highlight=False)
        told: dict[str, Any] = {"name": case.name, "goal": not case.counts, "indexes": read_by.get(case.name, [])}
        for which, paths in (("varied", case.paths), ("same", case.paths[:1])):
            rig.load(paths, 1)
            figures = rig.load(paths, seconds)
            if figures.bad:
                raise BenchError(f"{case.name}: {figures.bad} requests were not answered")
            told[which] = figures._asdict()
        found.append(told)
    return found


def main(arguments: Sequence[str]) -> int:
    """Measure as the arguments say; the exit code, 1 where a p95 is over the goal."""
    parser = argparse.ArgumentParser(prog="python -m bench.hub", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help=f"runs in the history [{RUNS:,}]")
    parser.add_argument("--seconds", type=int, default=8, help="of each measurement [8]")
    parser.add_argument("--only", help="cases whose name has this in it")
    parser.add_argument("--port", type=int, default=18_741)
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to store the figures [bench/results/…]")
    parser.add_argument("--data", type=Path, default=Path(".onestack/bench-hub"), help="kept for the next time")
    given = parser.parse_args(arguments)
    console = Console(width=200 if not sys.stdout.isatty() else None)
    if shutil.which("wrk") is None:
        raise BenchError("wrk is not on the PATH")
    with history(given.data.absolute(), given.runs, console) as server, tempfile.TemporaryDirectory() as folder:
        facts = machine(given.data)
        known = asyncio.run(sample(server.url))
        asked = [one for one in cases(known, random.Random(7)) if not given.only or given.only in one.name]
        read_by = asyncio.run(indexes(server.url, asked))
        rig = Rig(Path(folder), server.url, given.port)
        try:
            rig.start()
            body = {
                "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                "machine": facts,
                "versions": versions() | {"postgres": "18"},
                "runs": given.runs,
                "organisations": len(ORGS),
                "connections": CONNECTIONS,
                "cases": measure(rig, asked, read_by, given.seconds, console),
            }
        finally:
            rig.stop()
    show(console, body)
    if not given.only:
        file = given.json or RESULTS / f"{dt.datetime.now(dt.UTC):%Y-%m-%d}-hub-{slug(facts)}.json"
        store(file, body)
        console.print(f"Stored in {file}", highlight=False)
    late = [one for one in body["cases"] if one["goal"] and max(one[which]["p95"] for which in WAYS) >= GOAL_MS]
    return 1 if late else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(1)
