"""The pages of the web app, cold, against their goals: `python -m bench.web`, or `make bench-web`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

import orjson
from rich.console import Console
from rich.table import Table

from bench.errors import BenchError
from bench.host import cpu_model
from bench.webhouse import ORG, places, product, signed_in, workflow_of_each_template
from bench.webpage import Kind, measure, playing
from sandbox.errors import SandboxError

CLICKS: Final = Path(__file__).parents[1] / "build" / "web" / "clicks.json"
"""Written by the browser tests that do what is counted: `{"what": {"clicks": 3, "keys": 0}}`."""
LOADS: Final = 5
_WIDTH: Final = 112  # what the table needs
_LIST: Final = {"fcp": 700, "interactive": 900, "code": 250_000, "requests": 15}
_EDITOR: Final = {"fcp": 700, "interactive": 1_200, "code": 330_000, "requests": 15}
_OTHER: Final = {"requests": 15}
_STEPS: Final = {"from nothing": (10, 20), "from a template": (3, 0)}


def pages(workflow: str, run: str | None) -> list[Kind]:
    """What is measured, each with what counts as its content: its first row or its first card."""
    found = [
        Kind("list", "/workflows", "main tbody tr", _LIST),
        Kind("editor", f"/workflows/{workflow}", ".react-flow__node", _EDITOR),
        Kind("runs", "/runs", "main [href^='/runs/']", _OTHER),
        Kind("templates", "/templates", "main li h2", _OTHER),
        Kind("health", "/health", "main svg", _OTHER),
    ]
    if run is not None:
        found.insert(3, Kind("one run", f"/runs/{run}", ".react-flow__node", _OTHER))
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.web", description=__doc__)
    parser.add_argument("--address", help="of a Hub that runs, as `onestack up` tells it [one is started and filled]")
    parser.add_argument("--org", default=ORG, help=f"whose workflows are looked at [{ORG}]")
    parser.add_argument("--loads", type=int, default=LOADS, help=f"how many cold loads of each page [{LOADS}]")
    parser.add_argument("--page", action="append", help="only this page; may be given several times")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to store the figures as well")
    return parser


def _verdict(value: float, goal: float | None, text: str) -> str:
    if goal is None:
        return text
    return f"[green]{text} ✓[/]" if value <= goal else f"[red]{text} ✗[/]"


def _table(rows: Sequence[tuple[Kind, Mapping[str, float]]], loads: int) -> Table:
    title = f"Cold loads, median of {loads}, on {cpu_model()}, load {os.getloadavg()[0]:.1f}"
    table = Table(title=title, title_justify="left")
    for name in ("page", "FCP ms", "content ms", "interactive ms", "blocked ms", "JS kB", "CSS kB", "JS + CSS kB"):
        table.add_column(name, justify="left" if name == "page" else "right")
    table.add_column("requests", justify="right")
    for kind, row in rows:
        goals = kind.goals
        table.add_row(
            kind.name,
            _verdict(row["fcp"], goals.get("fcp"), f"{row['fcp']:.0f}"),
            f"{row['content']:.0f}",
            _verdict(row["interactive"], goals.get("interactive"), f"{row['interactive']:.0f}"),
            f"{row['blocked']:.0f}",
            f"{row['script'] / 1000:.0f}",
            f"{row['style'] / 1000:.0f}",
            _verdict(row["code"], goals.get("code"), f"{row['code'] / 1000:.0f}"),
            _verdict(row["requests"], goals["requests"], f"{row['requests']:.0f}"),
        )
    return table


def _show_steps(console: Console) -> None:
    """Clicks and keys, as the browser tests counted them."""
    if not CLICKS.exists():
        console.print("Clicks and keys are counted by the browser tests: `make test-web` leaves them for this table.")
        return
    table = Table(title="An enabled workflow from the empty list", title_justify="left")
    for name in ("way", "clicks", "keys"):
        table.add_column(name, justify="left" if name == "way" else "right")
    for way, counted in orjson.loads(CLICKS.read_bytes()).items():
        clicks, keys = _STEPS.get(way, (None, None))
        table.add_row(
            way,
            _verdict(counted["clicks"], clicks, str(counted["clicks"])),
            _verdict(counted["keys"], keys, str(counted["keys"])),
        )
    console.print(table)


def _measured(address: str, arguments: argparse.Namespace) -> list[tuple[Kind, Mapping[str, float]]]:
    with playing() as playwright:
        api = signed_in(playwright, address, arguments.org)
        if arguments.address is None:
            workflow_of_each_template(api)
        workflow, run = places(api)
        cookies: list[Any] = list(api.storage_state()["cookies"])
        api.dispose()
        wanted = [one for one in pages(workflow, run) if not arguments.page or one.name in arguments.page]
        return [(one, measure(playwright, address, one, cookies, loads=arguments.loads)) for one in wanted]


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints; 1 where a page missed a goal or asked another host for something."""
    arguments = _parser().parse_args(argv)
    console = Console()
    console.width = max(console.width, _WIDTH)
    with nullcontext(arguments.address) if arguments.address else product() as address:
        rows = _measured(address, arguments)
    console.print(_table(rows, arguments.loads))
    _show_steps(console)
    if arguments.json:
        arguments.json.write_bytes(orjson.dumps({kind.name: row for kind, row in rows}, option=orjson.OPT_INDENT_2))
    outside = [kind.name for kind, row in rows if row["outside"]]
    if outside:
        console.print(f"[red]Another host was asked for something by: {', '.join(outside)}[/]")
    missed = any(row[name] > goal for kind, row in rows for name, goal in kind.goals.items())
    return 1 if missed or outside else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BenchError, SandboxError) as error:
        sys.exit(str(error))
