"""The figures of the cost curves: what is stored, the tables on the screen, and the Markdown of the manual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.curverig import KINDS, Spent
from bench.sizing import BUSY
from bench.sizing import cells as plans

TOTAL: Final = "total"
PARTS: Final = (*KINDS, TOTAL)


@dataclass(frozen=True, slots=True)
class Point:
    """One size: what a piece cost with so much, and without, alternately; `more` is what else was measured there."""

    size: int
    spent: Sequence[Spent]
    base: Sequence[Spent]
    memory_mb: Mapping[str, int]
    more: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Medians in µs, and the ratios of the rounds."""
        return {
            "size": self.size,
            "rounds": len(self.spent),
            "us": _medians(self.spent),
            "base_us": _medians(self.base),
            "ratio": {part: _ratios(self.spent, self.base, part) for part in PARTS},
            "seconds": round(median(one.seconds for one in self.spent), 2),
            "memory_mb": dict(self.memory_mb),
            **({"more": dict(self.more)} if self.more else {}),
        }


def _of(spent: Spent, part: str) -> float:
    return spent.total if part == TOTAL else spent.us[part]


def _medians(spent: Sequence[Spent]) -> dict[str, float]:
    return {part: round(median(_of(one, part) for one in spent), 1) for part in PARTS}


def _ratios(spent: Sequence[Spent], base: Sequence[Spent], part: str) -> dict[str, float] | None:
    """The median of the rounds' ratios, and the least and the most; None where the base used nothing."""
    if not all(_of(one, part) for one in base):
        return None
    found = [_of(one, part) / _of(other, part) for one, other in zip(spent, base, strict=True)]
    return {"median": round(median(found), 3), "least": round(min(found), 3), "most": round(max(found), 3)}


def verdict(curve: Mapping[str, Any]) -> str:
    """Whether the curve is flat, by its dearest point."""
    worst = max(curve["points"], key=lambda one: one["ratio"][TOTAL]["median"])
    ratio = worst["ratio"][TOTAL]["median"]
    limit = curve["limit"]
    where = f"{(ratio - 1) * 100:+.0f} % at {worst['size']:,}"
    return f"flat within {(limit - 1) * 100:.0f} % ({where} at most)" if ratio <= limit else f"NOT flat: {where}"


def rows(curve: Mapping[str, Any]) -> list[list[str]]:
    """The cells of a curve's table, a row for each size."""
    found = []
    for one in curve["points"]:
        total = one["ratio"][TOTAL]
        found.append([
            f"{one['size']:,}", *(f"{one['us'][part]:,.0f}" for part in PARTS), f"{one['base_us'][TOTAL]:,.0f}",
            f"{total['median']:.2f}", f"{total['least']:.2f}–{total['most']:.2f}",
        ])  # fmt: skip
    return found


def heads(curve: Mapping[str, Any]) -> list[str]:
    """The headings above `rows`."""
    return [curve["of"], *PARTS, f"at {curve['base']:,}", "ratio", "spread"]


def sizing_rows(sizing: Mapping[str, Any]) -> dict[str, list[list[str]]]:
    """The cells of the tables for sizing, by their titles."""
    us, idle, memory = sizing["us_per_run"], sizing["idle_percent"], sizing["memory_mb"]
    kafka, postgres = sizing["kafka_bytes_per_run"], sizing["postgres_bytes_per_run"]
    return {
        "process | µs a run | idle, % of a core | MB": [
            [kind, f"{us[kind]:,.0f}", f"{idle[kind]:.1f}", f"{memory[kind]:,}"] for kind in KINDS
        ],
        "topic | bytes a run, one copy": _bytes(kafka),
        "table | bytes a run": _bytes(postgres),
    }


def _bytes(found: Mapping[str, int]) -> list[list[str]]:
    by_size = sorted(found.items(), key=lambda one: -one[1])
    listed = [[name, f"{size:,}"] for name, size in by_size if size]
    return [*listed, ["together", f"{sum(found.values()):,}"]]


def waiting_rows(curves: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """What a waiting run takes, by the store of the timers: told of the most that waited."""
    found = []
    for curve in curves:
        last = curve["points"][-1]
        if (more := last.get("more", {})) and "bytes_of_memory" in more:
            found.append([
                curve["name"].removeprefix("waiting-"), f"{last['size']:,}", f"{more['bytes_of_memory']:,}",
                f"{more['bytes_of_topic']:,}", f"{more['bytes_of_store']:,}", f"{more['read_back_seconds']:,.1f}",
            ])  # fmt: skip
    return found


WAITING_HEADS: Final = (
    "timer store", "waiting runs", "memory, bytes each", "timers topic, bytes each", "on disk, bytes each",
    "start until read back, s",
)  # fmt: skip


def show(console: Console, body: Mapping[str, Any]) -> None:
    """Print the tables."""
    for curve in body["curves"]:
        _print(console, f"{curve['title']}: {verdict(curve)}", heads(curve), rows(curve))
    if waits := waiting_rows(body["curves"]):
        _print(console, "Waiting runs", WAITING_HEADS, waits)
    if sizing := body.get("sizing"):
        for title, cells in sizing_rows(sizing).items():
            _print(console, "For sizing", title.split(" | "), cells)
        headings, *lines = plans(sizing)
        _print(console, f"Worked out, processors at {BUSY:.0%}", headings, lines)


def _print(console: Console, title: str, headings: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", overflow="fold", no_wrap=number > 4)
    for row in cells:
        table.add_row(*row)
    console.print(table, markup=False)


def markdown(body: Mapping[str, Any]) -> str:
    """The same tables for the manual."""
    machine, versions = body["machine"], body["versions"]
    measured = (
        "# What a run costs\n\nWritten by `make bench-curves ARGS='--markdown docs/reference/cost.md'`; how it is "
        "measured is told in [the benchmark](benchmark.md#cost-curves), what follows from it in "
        "[Size a deployment](../how-to/size-a-deployment.md).\n\n"
        f"Measured {body['at'][:10]} on {machine['cpus']} × {machine['model']}, {machine['memory_gb']} GB, "
        f"{machine['file_system']}, Kafka {versions['kafka']}, Python {versions['python']}; load before: "
        f"{machine['load_before']}. In µs of CPU for a piece of work; `total` is the four together."
    )
    curves = (f"**{one['title']}**: {verdict(one)}.\n\n{_table(heads(one), rows(one))}" for one in body["curves"])
    parts = [measured, *curves]
    if waits := waiting_rows(body["curves"]):
        parts.append(f"**Waiting runs**\n\n{_table(WAITING_HEADS, waits)}")
    if sizing := body.get("sizing"):
        parts += [_table(title.split(" | "), cells) for title, cells in sizing_rows(sizing).items()]
        headings, *lines = plans(sizing)
        parts.append(f"**Worked out**, with processors that are busy for {BUSY:.0%}\n\n{_table(headings, lines)}")
    return "\n\n".join(parts) + "\n"


def _table(headings: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    ruler = ["---", *("---:" for _ in headings[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (headings, ruler, *cells))
