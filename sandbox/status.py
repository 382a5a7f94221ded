"""What is running and what it has done so far, as a table for a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import asyncpg
import orjson
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from runtime.postgres import AWAY, Connection, connect
from sandbox.modules import StandIns
from sandbox.supervisor import Part

_COUNTS = """
select coalesce(json_object_agg(status, n), '{}')::text,
       (select count(*) from history.dead_letters),
       (select count(*) from history.workflows)
  from (select status, count(*) as n from history.runs group by status) as found
"""
_ORDER = ("running", "waiting", "completed", "skipped", "failed", "cancelled", "suppressed")
_COLOURS = {"running": "green", "starting": "yellow", "stopped": "dim", "stopping": "yellow"}
_RUN_COLOURS = {"completed": "green", "failed": "red", "skipped": "dim", "running": "cyan", "waiting": "cyan"}


@dataclass(slots=True)
class Counts:
    """Totals of the history."""

    runs: dict[str, int] = field(default_factory=dict)
    dead_letters: int = 0
    workflows: int = 0

    def sentence(self) -> str:
        """The counts as a line of text."""
        runs = ", ".join(f"{count:,} {status}" for status, count in ordered(self.runs)) or "none yet"
        return f"{self.workflows:,} workflows; runs: {runs}; {self.dead_letters:,} dead letters"


class History:
    """Reads the counts, over a connection that is made again where it was lost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection | None = None
        self.counts = Counts()

    async def refresh(self) -> None:
        """Read the counts anew; while Postgres or the views are away the last ones stay."""
        with suppress(*AWAY, asyncpg.PostgresError, asyncpg.InterfaceError):
            if self._connection is None or self._connection.is_closed():
                self._connection = await connect(self._url)
            self.counts = await read_counts(self._connection)

    async def close(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            with suppress(*AWAY, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.wait_for(self._connection.close(), 2)


async def read_counts(connection: Connection) -> Counts:
    """The counts as they are now."""
    row = await connection.fetchrow(_COUNTS)
    return Counts() if row is None else Counts(orjson.loads(row[0]), row[1], row[2])


def ordered(runs: dict[str, int]) -> list[tuple[str, int]]:
    """Runs by status in the order in which people think of them."""
    known = [(status, runs[status]) for status in _ORDER if status in runs]
    return known + sorted((status, count) for status, count in runs.items() if status not in _ORDER)


def picture(parts: Sequence[Part], modules: StandIns, counts: Counts) -> RenderableType:
    """The parts with their state, address and process, the stand-ins with their calls, and the counts."""
    table = Table(title="One Stack Workflow Engine", title_justify="left", title_style="bold", expand=False)
    table.add_column("part")
    table.add_column("state")
    table.add_column("address", overflow="fold")
    table.add_column("pid", justify="right")
    table.add_column("restarts", justify="right")
    for part in parts:
        state = Text(part.state, _COLOURS.get(part.state, "red"))
        table.add_row(part.name, state, part.address, str(part.pid or "–"), str(part.restarts or "–"))
    table.add_section()
    for name in modules.ports:
        if name != "control":
            table.add_row(f"{name} stand-in", Text(_calls(modules, name), "green"), modules.url(name), "", "")
    return Group(table, _counts(counts))


def _calls(modules: StandIns, name: str) -> str:
    count = modules.ledger.total(name)
    return f"{count:,} calls" if count != 1 else "1 call"


def _counts(counts: Counts) -> Text:
    line = Text(f"{counts.workflows:,} workflows · runs: ")
    pieces = [Text(f"{count:,} {status}", _RUN_COLOURS.get(status, "yellow")) for status, count in ordered(counts.runs)]
    line.append_text(Text(", ").join(pieces) if pieces else Text("none yet", "dim"))
    line.append(f" · {counts.dead_letters:,} dead letters", "red" if counts.dead_letters else "")
    return line
