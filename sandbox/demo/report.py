"""The demo's summary for a person, all of it read from the history views but for what the modules counted."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from rich import box
from rich.columns import Columns
from rich.console import Console
from rich.table import Table
from rich.text import Text

from runtime.postgres import Connection
from sandbox.demo.expect import run_of
from sandbox.demo.verdict import Check
from sandbox.demo.weeks import Seen, clock, told
from sandbox.modules import StandIns

_RUNS = """
select org_id, workflow_name, count(*) as runs,
       count(*) filter (where status = 'completed') as completed, count(*) filter (where status = 'skipped') as skipped,
       count(*) filter (where status = 'failed') as failed
  from history.runs group by 1, 2 order by 1, 2
"""
_LATENCY = """
with run as (
    select started_at - (trigger_event ->> 'time')::timestamptz as start,
           case when status <> 'skipped' then finished_at - (trigger_event ->> 'time')::timestamptz end as finish
      from history.runs)
select unnest(array[0.5, 0.9, 0.95, 0.99, 1]) as share,
       unnest(percentile_cont(array[0.5, 0.9, 0.95, 0.99, 1]) within group (order by extract(epoch from start) * 1000)),
       unnest(percentile_cont(array[0.5, 0.9, 0.95, 0.99, 1]) within group (order by extract(epoch from finish) * 1000))
  from run
"""
_LETTERS = """
select topic, field, reason, count(*)
  from history.dead_letters group by 1, 2, 3 order by 1, 4 desc, 2, 3
"""
_ERRORS = """
select r.workflow_name, s.step_id, s.action, s.error ->> 'message' as message, count(*)
  from history.steps s join history.runs r using (run_id) where s.status = 'failed'
 group by 1, 2, 3, 4 order by 5 desc
"""
_REASON = 110  # characters of a reason that are shown
_MODULES = ("psa", "rmm", "hub", "oncall", "mail", "teams", "slack", "webhook")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        name = column.removeprefix(">")
        table.add_column(name, justify="right" if name != column else "left", overflow="fold")
    return table


async def summary(console: Console, connection: Connection, events: list[dict[str, Any]], modules: StandIns) -> None:
    """Print events, runs, calls, failures, dead letters and latencies."""
    console.print(Columns([_events(events), _calls(modules), await _latency(connection)], padding=(0, 2)))
    console.print(await _runs(connection))
    console.print(await _failures(connection))
    console.print(await _letters(connection))


def verdict(console: Console, checks: list[Check]) -> None:
    """Print which comparisons hold, and how those that do not differ."""
    table = _table("Do modules, run log and history agree?", "", "compared", ">how many")
    for check in checks:
        table.add_row(Text("✓", "green") if check.holds else Text("✗", "bold red"), check.name, f"{check.count:,}")
    console.print(table)
    for check in checks:
        for fault in check.faults:
            console.print(Text(f"✗ {check.name}: {fault}", "red"), soft_wrap=True)


def scene_table(at: timedelta, seen: Seen) -> Table:
    """What happened at one time of the weeks, and what came of it."""
    table = Table.grid(padding=(0, 1))
    for width in (1, 15, 26, 25, 40):
        table.add_column(width=width, overflow="fold")
    when = clock(at)
    for scene, counts in seen:
        good = counts == Counter(scene.wanted)
        came = told(counts) if good else f"{told(counts)} instead of {told(scene.wanted)}"
        mark = Text("✓", "green") if good else Text("✗", "bold red")
        table.add_row(mark, Text(when, "bold"), scene.template, scene.told, Text(came, "" if good else "red"))
        when = ""
    return table


def _events(events: list[dict[str, Any]]) -> Table:
    table = _table("Events", "type", ">published", ">of them caused")
    caused = Counter(event["type"] for event in events if "causationid" in event)
    for type, count in sorted(Counter(event["type"] for event in events).items()):
        table.add_row(type, f"{count:,}", f"{caused[type]:,}" if caused[type] else "")
    first = {(event["orgid"], event["source"], event["id"]) for event in events}
    table.add_section()
    table.add_row("all", f"{len(events):,}", f"{caused.total():,}")
    table.add_row("repeats among them", f"{len(events) - len(first):,}", "")
    table.add_row("of no workflow", f"{sum(run_of(event) is None for event in events):,}", "")
    return table


def _calls(modules: StandIns) -> Table:
    table = _table("Modules’ own counts", "module", ">performed", ">refused")
    for name in _MODULES:
        refused = sum(
            count for (module, _, status), count in modules.ledger.answers.items() if module == name and status >= 400
        )
        table.add_row(name, f"{modules.ledger.total(name):,}", f"{refused:,}" if refused else "")
    return table


async def _latency(connection: Connection) -> Table:
    table = _table("Milliseconds from event", "", ">to start", ">to finish")
    for share, start, finish in await connection.fetch(_LATENCY):
        name = "slowest" if share == 1 else f"p{share * 100:.0f}"
        table.add_row(name, f"{start or 0:,.0f}", f"{finish or 0:,.0f}")
    return table


async def _runs(connection: Connection) -> Table:
    table = _table("Runs", "organisation", "workflow", ">runs", ">completed", ">skipped", ">failed")
    totals = [0, 0, 0, 0]
    for org, name, *counts in await connection.fetch(_RUNS):
        table.add_row(org, name, *(f"{count:,}" if count else "" for count in counts))
        totals = [total + count for total, count in zip(totals, counts, strict=True)]
    table.add_section()
    table.add_row("all", "", *(f"{total:,}" if total else "" for total in totals))
    return table


async def _failures(connection: Connection) -> Table:
    table = _table("Actions that failed", "workflow", "step", "action", "error", ">times")
    for *row, count in await connection.fetch(_ERRORS):
        table.add_row(*(str(cell) for cell in row), f"{count:,}")
    return table


async def _letters(connection: Connection) -> Table:
    table = _table("Dead letters", "topic", "field and reason", ">times")
    for topic, field, reason, count in await connection.fetch(_LETTERS):
        why = f"{field}: {reason}" if field else reason
        short = why if len(why) <= _REASON else why[: _REASON - 1] + "…"
        table.add_row(Text(topic.rpartition("onestack.")[2]), Text(short), str(count))
    return table
