"""How results look: aligned text for people, JSON for programs."""

from __future__ import annotations

import datetime as dt
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
"""The option that every command has which has something to tell."""

COLOURS = {
    "completed": "green",
    "succeeded": "green",
    "failed": "red",
    "cancelled": "yellow",
    "suppressed": "yellow",
    "waiting": "cyan",
    "running": "cyan",
    "skipped": "bright_black",
    "disabled": "bright_black",
    "enabled": "green",
}


def as_json(value: Any, *, lines: bool = False) -> str:
    """JSON text, times as RFC 3339 in UTC; indented, or on one line."""
    import orjson

    option = 0 if lines else orjson.OPT_INDENT_2
    return orjson.dumps(value, default=_plain, option=option).decode()


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, tuple | set):
        return list(value)
    raise TypeError(type(value).__name__)


def show_json(value: Any, *, lines: bool = False) -> None:
    """Print JSON to stdout."""
    print(as_json(value, lines=lines), flush=lines)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], empty: str) -> None:
    """Print rows under their headings, in colour on a terminal; `empty` where there are none."""
    texts = [[_cell(cell) for cell in row] for row in rows]
    if not texts:
        print(empty)
        return
    widths = [max(len(heading), *(len(row[n]) for row in texts)) for n, heading in enumerate(columns)]
    print(_line(columns, widths, dim=True))
    for row in texts:
        print(_line(row, widths))


def _line(cells: Sequence[str], widths: Sequence[int], *, dim: bool = False) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    text = "  ".join(
        painted(pad, "bright_black" if dim else COLOURS.get(cell, "")) for pad, cell in zip(padded, cells, strict=True)
    )
    return text.rstrip()


def painted(text: str, colour: str) -> str:
    """The text in a colour where stdout is a terminal that wants it."""
    if not colour or not _in_colour():
        return text
    import typer

    return typer.style(text, fg=colour)


def _in_colour() -> bool:
    import os

    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, dt.datetime):
        return when(value)
    return one_line(str(value))


def one_line(text: str, most: int = 200) -> str:
    """The text without line breaks and control characters, shortened where it is long."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    return plain if len(plain) <= most else plain[: most - 1] + "…"


def when(moment: dt.datetime | None) -> str:
    """A time for people: UTC to the millisecond."""
    return "–" if moment is None else f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3]


def lasted(milliseconds: float | None) -> str:
    """A duration for people."""
    if milliseconds is None:
        return "–"
    if milliseconds < 1000:
        return f"{milliseconds:.1f} ms" if milliseconds < 10 else f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = seconds / 60
    return (
        f"{minutes:.0f} min"
        if minutes < 120
        else f"{minutes / 60:.1f} h"
        if minutes < 2880
        else f"{minutes / 1440:.1f} d"
    )


def short_json(value: Any, most: int = 200) -> str:
    """JSON on one line, shortened where it is long."""
    return one_line(as_json(value, lines=True), most)


def facts(given: Mapping[str, Any]) -> str:
    """`name: value` for each, on one line."""
    return "  ".join(f"{name}: {_cell(value)}" for name, value in given.items())


def complain(sentence: str) -> None:
    """A line on stderr."""
    print(sentence, file=sys.stderr)
