"""The figures: as JSON to keep, as tables to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from bench.backlog import Throughput
from bench.host import slug
from bench.latency import Latency, percentiles
from bench.profiling import Place
from bench.rig import Scenario

RESULTS = Path(__file__).with_name("results")


@dataclass(frozen=True, slots=True)
class Result:
    """One scenario's figures; `faults` are what was found wrong with what was done."""

    scenario: Scenario
    warm_up: int
    latency: Latency
    throughput: Throughput
    faults: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """All that is worth keeping: times in ms or s, memory in MB."""
        scenario, throughput = self.scenario, self.throughput
        runs = throughput.runs
        return {
            **scenario._asdict(),
            "correct": not self.faults,
            "faults": list(self.faults),
            "latency": {
                "samples": len(self.latency.run_log_ms),
                "warm_up": self.warm_up,
                "run_log_ms": percentiles(self.latency.run_log_ms),
                "history_ms": percentiles(self.latency.history_ms),
            },
            "throughput": {
                "runs": runs,
                "runs_per_second": round(runs / throughput.history_seconds),
                "run_log_runs_per_second": round(runs / throughput.run_log_seconds),
                "produced_seconds": round(throughput.produced_seconds, 3),
                "run_log_seconds": round(throughput.run_log_seconds, 3),
                "history_seconds": round(throughput.history_seconds, 3),
            },
            "cpu_seconds_per_1000_runs": {
                name: round(used / runs * 1000, 3) for name, used in throughput.cpu_seconds.items()
            },
            "memory_mb": {name: round(used) for name, used in throughput.memory_mb.items()},
        }


def document(machine: dict[str, Any], versions: dict[str, str], results: Sequence[Result]) -> dict[str, Any]:
    """What is stored."""
    return {
        "format": 1,
        "at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "machine": machine,
        "versions": versions,
        "results": [one.as_json() for one in results],
    }


def default_file(machine: dict[str, Any]) -> Path:
    """A new file in bench/results, named by the day and the machine's processor."""
    name = f"{datetime.now(UTC):%Y-%m-%d}-{slug(machine)}"
    file, number = RESULTS / f"{name}.json", 1
    while file.exists():
        number += 1
        file = RESULTS / f"{name}-{number}.json"
    return file


def store(file: Path, body: dict[str, Any]) -> None:
    """Write it, indented so that changes can be read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def show(console: Console, body: dict[str, Any]) -> None:
    """Print the tables."""
    machine = body["machine"]
    console.print(
        f"\n{machine['cpus']} × {machine['model']}, {machine['memory_gb']} GB, {machine['file_system']}, "
        f"Kafka {body['versions']['kafka']}, Python {body['versions']['python']}",
        highlight=False,
    )
    if machine["load_before"] > machine["cpus"] / 4:
        console.print(
            f"The machine was busy before we began (load {machine['load_before']}): the figures are too bad.",
            style="yellow",
            highlight=False,
        )
    results = body["results"]
    for table in (_latencies(results), _backlogs(results)):
        console.print(table)
    console.print(_by_process("CPU seconds per 1,000 runs", "cpu_seconds_per_1000_runs", "{:.2f}", results))
    console.print(_by_process("Memory in MB", "memory_mb", "{:,}", results))


def _new_table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("mode × workers", no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right")
    return table


def _label(result: dict[str, Any]) -> str:
    return f"{result['mode']} × {result['workers']}" + ("" if result["correct"] else " (wrong)")


def _latencies(results: Sequence[dict[str, Any]]) -> Table:
    names = (*(f"log {name}" for name in ("p50", "p95", "p99")), *(f"row {name}" for name in ("p50", "p95", "p99")))
    table = _new_table("Latency in ms: run.completed in the run log, row in history.runs", *names)
    for one in results:
        latency = one["latency"]
        values = (*latency["run_log_ms"].values(), *latency["history_ms"].values())
        table.add_row(_label(one), *(f"{value:.1f}" for value in values))
    return table


def _backlogs(results: Sequence[dict[str, Any]]) -> Table:
    names = ("runs", "sent in s", "in the log in s", "in the history in s", "runs/s to log", "runs/s to history")
    table = _new_table("Backlog", *names)
    for one in results:
        figures = one["throughput"]
        seconds = (figures[f"{name}_seconds"] for name in ("produced", "run_log", "history"))
        speeds = (figures[name] for name in ("run_log_runs_per_second", "runs_per_second"))
        table.add_row(
            _label(one), f"{figures['runs']:,}", *(f"{one:.2f}" for one in seconds), *(f"{one:,}" for one in speeds)
        )
    return table


def _by_process(title: str, key: str, shape: str, results: Sequence[dict[str, Any]]) -> Table:
    """The workers together: one by one they are in the JSON."""
    sums = [_together(one[key]) for one in results]
    names = sorted({name for one in sums for name in one}, key=lambda name: (name == "driver", name))
    table = _new_table(title, *names)
    for one, used in zip(results, sums, strict=True):
        table.add_row(_label(one), *(shape.format(used[name]) if name in used else "" for name in names))
    return table


def _together(used: dict[str, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in used.items():
        kind = "workers" if name.startswith("worker-") else name
        found[kind] = found.get(kind, 0) + value
    return found


def show_places(console: Console, name: str, found: Sequence[Place], most: int = 30) -> None:
    """Print where a profiled process was."""
    table = Table(title=f"Where {name} spends its time", title_justify="left")
    table.add_column("own", justify="right")
    table.add_column("with what it calls", justify="right")
    table.add_column("function", overflow="fold")
    for one in found[:most]:
        table.add_row(f"{one.own:.1%}", f"{one.total:.1%}", one.name)
    console.print(table, markup=False)
