"""Every list and count of runs is read by an index, as the Hub's own role and with the settings of its connections."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from hub.reading import SESSION
from hub.services import figures, run_details
from hub.services.run_statements import FILTERED, RAN, STATUSES, RunFilter, Statement, counting, listing
from runtime.postgres import Connection

VALUES = {
    "upper": "'9999-12-30Z'", "lower": "'0001-01-02Z'", "since": "'0001-01-02Z'", "until": "'9999-12-30Z'",
    "after": "'~'", "limit": "51", "workflow": "'wf-7'", "trigger": "'device.offline'", "error": "'503'",
    "entity0": "'acme/device/d-1'", "entity1": "'acme/acme/d'",
}  # fmt: skip
TIMES = {"upper", "lower", "since", "until"}
SOME: list[tuple[str, ...]] = [
    RAN, FILTERED, STATUSES, ("failed",), ("completed",), ("skipped",), ("suppressed",), ("running", "waiting"),
    ("completed", "failed"),
]  # fmt: skip
SCOPES: list[dict[str, Any]] = [
    {}, {"workflow": "w"}, {"trigger": "t"}, {"workflow": "w", "trigger": "t"}, {"entities": ("a",)},
    {"entities": ("a", "b"), "workflow": "w", "trigger": "t"},
]  # fmt: skip
SHAPES = [
    RunFilter(frozenset(statuses), **scope, error=error).shape
    for scope, statuses, error in itertools.product(SCOPES, SOME, (None, "x"))
]
RUNS = "runs_2026(?:1005|1012|1019|1026|1102)"
"""The weeks that have rows: of an empty one any index does."""
FILL = """
insert into history_data.runs (run_id, org_id, workflow_id, workflow_name, status, trigger_type, entity_key, started_at,
                               finished_at, error, causation_chain, event_seq)
select md5(n::text), case when n % 3 = 0 then 'acme' else 'globex' end, 'wf-' || n % 40, 'W',
       (string_to_array('completed skipped running failed suppressed waiting cancelled completed', ' '))[1 + n % 8],
       (array['device.offline', 'alert.triggered', 'ticket.created'])[1 + n % 3], 'acme/device/d-' || n % 900,
       timestamptz '2026-10-05 00:00Z' + n * interval '4 minutes', timestamptz '2026-12-01 00:00Z',
       case when n % 8 in (3, 4) then 'answered 503' end, '{}', 0
  from generate_series(1, 12000) n"""


@pytest.fixture
async def reading(url: str, connection: Connection) -> AsyncIterator[Connection]:
    """A connection as the Hub's reads have it, on a history of five weeks."""
    for week in range(5):
        await connection.execute("select history_data.add_week('history_data', date '2026-10-05' + 7 * $1::int)", week)
    await connection.execute(FILL)
    await connection.execute("vacuum analyze history_data.runs")
    # As if there were two hundred times as many: of a few rows any plan is as good as another.
    await connection.execute("update pg_class set reltuples = reltuples * 200 where relname ~ $1", f"^{RUNS}")
    one = await asyncpg.connect(url, server_settings={**SESSION, "onestack.org": "acme"})
    yield one
    await one.close()


async def explained(reading: Connection, sql: str, types: list[str], values: list[str]) -> str:
    await reading.execute(f"prepare asked ({', '.join(['text', *types])}) as {sql}")
    try:
        given = ", ".join(("'acme'", *values))
        rows = await reading.fetch(f"explain execute asked ({given})")
    finally:
        await reading.execute("deallocate asked")
    return "\n".join(row[0] for row in rows)


async def plan_of(reading: Connection, statement: Statement) -> str:
    kinds = ["timestamptz" if name in TIMES else "int" if name == "limit" else "text" for name in statement.parameters]
    return await explained(reading, statement.sql, kinds, [VALUES[name] for name in statement.parameters])


async def indexes(connection: Connection, plan: str) -> set[str]:
    """The indexes, as the whole table's are called, by which the weeks that have rows are read."""
    used = re.findall(rf"using (\S+) on {RUNS}", plan)
    found = await connection.fetch(
        "select p.relname from pg_inherits i join pg_class p on p.oid = i.inhparent "
        "where i.inhrelid = any(select ('history_data.' || quote_ident(n))::regclass from unnest($1::text[]) n)",
        used,
    )
    return {row["relname"] for row in found}


async def test_each_combination_of_filters_is_read_by_its_index(reading: Connection, connection: Connection) -> None:
    for shape in SHAPES:
        if not shape.statuses:
            continue
        for make in (listing, counting):
            plan = await plan_of(reading, make(shape))
            told = f"{make.__name__} {shape}\n{plan}"
            assert not re.search(f"Seq Scan on {RUNS}", plan), told
            assert "Bitmap" not in plan, told
            used = await indexes(connection, plan)
            if shape.scope == "entity":
                assert used == {"runs_by_entity"}, told
                continue
            # Only what an entity's index finds, which is in no order, is sorted.
            assert "Sort  (" not in plan.replace("Incremental Sort  (", ""), told
            ends = {
                "workflow": ("_of_workflow", "_of_trigger"),
                "trigger": ("_of_trigger", "_of_org"),
                "org": ("_of_org",),
            }
            assert used, told
            assert all(one.endswith(ends[shape.scope]) for one in used), (used, told)


async def test_one_run_is_read_by_keys_in_its_week_alone(reading: Connection, connection: Connection) -> None:
    week = ["'2026-10-12Z'", "'2026-10-19Z'", "1397"]
    types = ["text", "timestamptz", "timestamptz", "int"]
    plan = await explained(reading, run_details._RUN, types, ["'r'", *week])
    assert "Seq Scan" not in plan.replace("Seq Scan on run_keys", ""), plan
    assert set(re.findall(r"on (runs_2026\d{4}) r(?:_\d+)?\b", plan)) == {"runs_20261012"}, plan
    assert set(re.findall(r"on (records_2026\d{4})", plan)) == {"records_20261012"}, plan
    assert await indexes(connection, plan) == {"runs_pkey", "runs_stemming"}, plan


async def test_figures_are_read_by_the_indexes_of_workflows(reading: Connection, connection: Connection) -> None:
    ids = "array['wf-1', 'wf-2']"
    recent = await explained(reading, figures._RECENT, ["text[]"], [ids])
    assert await indexes(connection, recent) == {"runs_of_workflow"}, recent
    counts = await explained(reading, figures._COUNTS, ["text[]", "timestamptz"], [ids, "'2026-10-20Z'"])
    assert await indexes(connection, counts) == {"runs_of_workflow", "filtered_of_workflow", "notable_of_workflow"}, (
        counts
    )
    assert counts.count("Index Only Scan") >= 3, counts
