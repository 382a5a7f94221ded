"""A database of the version before the partitions keeps its rows."""

from __future__ import annotations

from typing import Any

import pytest

from projections import migrations
from projections.migrations import migrate
from projections.periods import RUN_TABLES
from projections.projection import Projection
from projections.store import Partition, Store
from runtime.postgres import Connection, connect
from schemas.names import RUNS

_FILL = """
insert into history_data.offsets values ('onestack.workflow.runs', 0, 41);
insert into history_data.records (run_id, seq, entries) values
 ('r1', 0, '[{"id":"r1:0","type":"run.started","orgid":"acme","subject":"alert/a-1","time":"2026-11-22T23:59:59Z",
     "data":{"workflow":{"id":"wf"},"event":{"id":"ev-1","type":"t"},"conditions":{"all":[]}}},
    {"id":"r1:1","type":"step.started","time":"2026-11-22T23:59:59Z",
     "data":{"step":"s","position":0,"action":"add_tag","attempt":1,"input":{"tag":"x"}}}]'),
 ('r1', 2, '[{"id":"r1:2","type":"step.failed","time":"2026-11-23T00:00:01Z",
     "data":{"step":"s","position":0,"action":"add_tag","attempt":1,"error":{"status":500},"next_try":null}}]'),
 ('r2', 0, '[{"id":"r2:0","type":"run.skipped","orgid":"acme","subject":"alert/a-1","time":"2025-01-01T00:00:00Z",
     "data":{"workflow":{"id":"wf"},"event":{"id":"ev-2","type":"t"},"conditions":null}}]'),
 ('r3', 4, '[{"id":"r3:4","type":"run.completed","time":"2024-06-05T00:00:00Z","data":{}}]'),
 ('r4', 0, '[{"id":"r4:0","type":"run.skipped","orgid":"acme","subject":"alert/a-1","time":"1970-01-01T00:00:00Z",
     "data":{"workflow":{"id":"wf"},"event":{"id":"ev-4","type":"t"},"conditions":null}}]');
insert into history_data.runs values
 ('r1', 'acme', 'wf', null, 1, 'running', 't', 'acme/alert/a-1', '2026-11-22T23:59:59Z', null, null, '{}', 0),
 ('r2', 'acme', 'wf', null, 1, 'skipped', 't', 'acme/alert/a-1', '2025-01-01Z', '2025-01-01Z', null, '{wf}', 0),
 ('r4', 'acme', 'wf', null, 1, 'skipped', 't', 'acme/alert/a-1', '1970-01-01Z', '1970-01-01Z', null, '{wf}', 0);
insert into history_data.steps values
 ('r1', 0, 's', 'add_tag', 'failed', 1, 1, null, 2, '2026-11-22T23:59:59Z', '2026-11-23T00:00:01Z');
insert into history_data.workflows values
 ('acme', 'wf', 1, 'WF', 'enabled', 't', '{"id": "wf"}', '2026-01-01Z');
insert into history_data.dead_letters values ('x', 'no', '', 't', 0, 7, 'k', 'v', '2026-01-01Z');
"""
_VIEWS = {
    "runs": "run_id",
    "steps": "run_id",
    "entries": "run_id, seq",
    "workflows": "workflow_id",
    "dead_letters": "at",
}


async def _views(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {
        view: [tuple(row) for row in await connection.fetch(f"select * from history.{view} order by {order}")]
        for view, order in _VIEWS.items()
    }


async def test_rows_of_the_tables_without_partitions_are_kept(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    every = migrations.migrations()
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "migrations", lambda: every[:2])
        patched.setattr(migrations, "make_partitions", _nothing)
        assert [one[:4] for one in await migrate(empty_url)] == ["0001", "0002"]
    connection = await connect(empty_url)
    await connection.execute(_FILL)
    await connection.execute("create role reader_of_runs; grant select on history.runs to reader_of_runs")
    before = await _views(connection)
    assert [len(rows) for rows in before.values()] == [3, 1, 6, 1, 1]

    assert [one[:4] for one in await migrate(empty_url)] == [f"{one.version:04}" for one in every[2:]]
    assert await _views(connection) == before
    for parent, weeks in zip(RUN_TABLES, (4, 3, 1), strict=True):
        found = await connection.fetchval(f"select count(distinct tableoid) from history_data.{parent}")
        assert found == weeks, parent
    assert await connection.fetchval("select has_table_privilege('reader_of_runs', 'history.runs', 'select')")
    await connection.execute("drop owned by reader_of_runs; drop role reader_of_runs")
    assert await connection.fetchval("select to_regnamespace('history_before')") is None
    await _goes_on(connection)
    await connection.close()


async def _nothing(*_given: object) -> None:
    """There are no partitions before the third migration."""


async def _goes_on(connection: Connection) -> None:
    """The projector stands where it stood, and folds on what was there before."""

    class Record:
        topic, partition, offset, key, timestamp = RUNS, 0, 41, b"k", 0
        value = b"""[{"id":"r1:3","type":"run.failed","time":"2026-11-23T00:00:01Z","data":{"error":"s failed"}}]"""

    projection = Projection(Store(connection))
    projection.positions = await projection.store.positions([Partition(RUNS, 0)])
    assert projection.positions[Partition(RUNS, 0)] == 41
    await projection.project([Record()])
    row = await connection.fetchrow("select status, error from history.runs where run_id = 'r1'")
    assert tuple(row or ()) == ("failed", "s failed")
