"""What the Hub is asked for: each filter that the pages offer, with values out of the history, and one run."""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import asyncpg

from bench.errors import BenchError
from bench.hubpast import BIG, KINDS, WEEKS
from hub.reading import SESSION
from hub.routes.runs import filter_of
from hub.services.run_details import _RUN
from hub.services.run_statements import counting, listing
from hub.services.runs import _cursor
from runtime.postgres import connect

_PATHS: Final = 400
"""Requests that differ, of each kind."""


class Case(NamedTuple):
    """One thing that is asked: the query of `/runs` and its like, with others of its kind."""

    name: str
    paths: list[str]
    plan: dict[str, str] | None = None
    """The filter whose plan is told; None for what is no list."""
    counts: bool = False


class Sample(NamedTuple):
    """Things of the history that requests name."""

    workflows: list[str]
    entities: list[str]
    runs: list[str]
    cursors: list[str]
    newest: dt.datetime


def cases(known: Sample, pick: random.Random) -> list[Case]:
    """What the pages offer: each filter by itself, and those that people put together."""

    def lists(name: str, *choices: dict[str, Any], counts: bool = False) -> Case:
        path = "/runs/counts" if counts else "/runs"
        found = [f"/api/v1{path}?{urlencode({'limit': 50} | one if not counts else one)}" for one in choices]
        return Case(name, found, choices[0], counts)

    def some(values: Sequence[str]) -> list[str]:
        return [pick.choice(values) for _ in range(_PATHS)]

    workflows, triggers = some(known.workflows), [one["trigger"]["type"] for one in KINDS]
    days = [known.newest - dt.timedelta(hours=pick.randrange(24 * 7 * (WEEKS - 1))) for _ in range(_PATHS)]
    spans = [{"since": (at - dt.timedelta(hours=24)).isoformat(), "until": at.isoformat()} for at in days]
    return [
        lists("runs, newest", {"kind": "runs"}),
        lists("runs, further pages", *({"kind": "runs", "cursor": one} for one in some(known.cursors))),
        lists("workflow", *({"kind": "runs", "workflow": one} for one in workflows)),
        lists("status failed", {"kind": "runs", "status": "failed"}),
        lists("status failed, further pages",
              *({"kind": "runs", "status": "failed", "cursor": one} for one in some(known.cursors))),
        lists("status running,waiting", {"kind": "runs", "status": "running,waiting"}),
        lists("status completed", {"kind": "runs", "status": "completed"}),
        lists("workflow, status failed", *({"kind": "runs", "workflow": one, "status": "failed"} for one in workflows)),
        lists("entity", *({"kind": "runs", "entity": one} for one in some(known.entities))),
        lists("trigger", *({"kind": "runs", "trigger": one} for one in triggers)),
        lists("trigger, status failed", *({"kind": "runs", "trigger": one, "status": "failed"} for one in triggers)),
        lists("a day", *({"kind": "runs", **one} for one in spans)),
        lists("text in errors", *({"kind": "runs", "error": one} for one in ("503", "answered", "send_notification"))),
        lists("filtered", {"kind": "filtered"}),
        lists("filtered, workflow", *({"kind": "filtered", "workflow": one} for one in workflows)),
        lists("filtered, suppressed", {"kind": "filtered", "status": "suppressed"}),
        lists("all kinds", {"kind": "all"}),
        lists("counts", {"kind": "runs"}, counts=True),
        lists("counts, workflow", *({"kind": "runs", "workflow": one} for one in workflows), counts=True),
        Case("one run", [f"/api/v1/runs/{one}" for one in some(known.runs)]),
    ]  # fmt: skip


async def sample(url: str) -> Sample:
    """Things that the big organisation has."""
    connection = await connect(url)
    workflows = "select workflow_id from history.workflows where org_id = $1"
    some = (
        "select run_id, entity_key, started_at from history_data.runs tablesample system (0.5) "
        "where org_id = $1 and status not in ('skipped', 'suppressed') order by random() limit 2000"
    )
    try:
        rows = await connection.fetch(some, BIG)
        newest = await connection.fetchval("select max(started_at) from history_data.runs")
        ids = [row["workflow_id"] for row in await connection.fetch(workflows, BIG)]
    finally:
        await connection.close()
    return Sample(
        ids,
        [row["entity_key"] for row in rows],
        [row["run_id"] for row in rows],
        [_cursor(row["started_at"], row["run_id"]) for row in rows],
        newest,
    )


def _filter(case: Case) -> dict[str, Any]:
    names = ("workflow", "status", "entity", "trigger", "error", "since", "until", "kind")
    given: dict[str, Any] = dict.fromkeys(names) | {
        name: value for name, value in (case.plan or {}).items() if name in names and name not in ("since", "until")
    }
    if given["status"]:
        given["status"] = tuple(str(given["status"]).split(","))
    return given


def _explained(case: Case) -> str:
    """SQL that prepares the case's statement and explains it."""
    statement, types, values = _RUN, ["text", "timestamptz", "timestamptz", "int"], []
    if case.plan is not None:
        made = (counting if case.counts else listing)(filter_of(BIG, _filter(case)).shape)
        times = {"upper", "lower", "since", "until"}
        statement = made.sql
        types = ["timestamptz" if one in times else "int" if one == "limit" else "text" for one in made.parameters]
    values = ["'2026-10-01Z'" if kind == "timestamptz" else "50" if kind == "int" else "'x'" for kind in types]
    return (
        f"prepare asked (text, {', '.join(types)}) as {statement}; explain execute asked ('{BIG}', {', '.join(values)})"
    )


async def indexes(url: str, asked: Sequence[Case]) -> dict[str, list[str]]:
    """The indexes by which each list is read, as the Hub's connections do. Raises BenchError where there is none."""
    connection = await asyncpg.connect(url, server_settings={**SESSION, "onestack.org": BIG})
    found = {}
    children = await connection.fetch(
        "select c.relname as child, p.relname as parent from pg_inherits i join pg_class c on c.oid = i.inhrelid "
        "join pg_class p on p.oid = i.inhparent where c.relkind = 'i'"
    )
    names = {row["child"]: row["parent"] for row in children}
    try:
        for case in asked:
            prepare, _, explain = _explained(case).rpartition("; ")
            await connection.execute(prepare)
            plan = "\n".join(row[0] for row in await connection.fetch(explain))
            await connection.execute("deallocate asked")
            if re.search("Seq Scan on (runs|records|steps)_2", plan):
                raise BenchError(f"{case.name} is read without an index:\n{plan}")
            found[case.name] = sorted({names.get(one, one) for one in re.findall(r"using (\S+)", plan)})
    finally:
        await connection.close()
    return found
