"""Runs in the tables of the week in which they began, whatever week that is."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson
import pytest

from projections.periods import RUN_TABLES, WEEKS
from projections.projection import Projection
from projections.shadow import SHADOW, ShadowStore, make_shadow
from projections.store import LIVE, Partition, Store
from projections.swap import exchange
from runtime.postgres import Connection, connect
from schemas.names import RUNS

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
VIEWS = {"runs": "run_id", "steps": "run_id, position", "entries": "run_id, seq", "run_details": "run_id"}


class Record(NamedTuple):
    offset: int
    value: bytes
    topic: str = RUNS
    partition: int = 0
    key: bytes | None = b"acme/alert/a-1"
    timestamp: int = 0


def entry(run: str, seq: int, kind: str, at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"{run}:{seq}",
        "type": kind,
        "subject": "alert/a-1",
        "orgid": "acme",
        "time": at.isoformat(),
        "data": data,
    }


def begun(run: str, at: datetime, **more: Any) -> bytes:
    event = {"id": "ev-1", "type": "alert.triggered"}
    data = {"workflow": {"id": "wf", "name": "WF", "version": 1}, "event": event, "conditions": None, **more}
    step = {"generation": 0, "step": "wait", "position": 0, "action": "delay", "attempt": 1, "input": {"for": "21d"}}
    until = (at + timedelta(weeks=3)).isoformat()
    wait = {"generation": 0, "step": "wait", "position": 0, "until": until, "reason": "delay"}
    return orjson.dumps(
        [
            entry(run, 0, "run.started", at, data),
            entry(run, 1, "step.started", at, step),
            entry(run, 2, "run.waiting", at, wait),
        ]
    )


def ended(run: str, at: datetime) -> bytes:
    step = {"generation": 0, "step": "wait", "position": 0, "action": "delay", "attempt": 1, "output": {"until": "now"}}
    return orjson.dumps([entry(run, 3, "step.succeeded", at, step), entry(run, 4, "run.completed", at, {})])


async def project(
    connection: Connection, values: Sequence[bytes], *, size: int = 100, schema: str = LIVE
) -> Projection:
    projection = Projection(ShadowStore(connection) if schema == SHADOW else Store(connection, schema))
    projection.positions = await projection.store.positions([Partition(RUNS, 0)])
    first = projection.positions[Partition(RUNS, 0)]
    records = [Record(first + n, value) for n, value in enumerate(values)]
    for begin in range(0, len(records), size):
        await projection.project(records[begin : begin + size])
    return projection


async def tables(connection: Connection, parent: str, schema: str = LIVE) -> set[str]:
    """The partitions that have rows."""
    rows = await connection.fetch(f"select distinct tableoid::regclass::text as name from {schema}.{parent}")
    return {row["name"].removeprefix(f"{schema}.{parent}_") for row in rows}


async def checksum(connection: Connection) -> str:
    told = hashlib.sha256()
    for view, order in VIEWS.items():
        for row in await connection.fetch(f"select * from history.{view} order by {order}"):
            told.update(repr(tuple(row)).encode())
    return told.hexdigest()


@pytest.mark.parametrize(
    ("text", "week"),
    [
        ("2026-11-22T23:59:59.999999+00:00", "20261116"),
        ("2026-11-23T01:30:00+02:00", "20261116"),
        ("2031-01-01T00:00:00+00:00", "20301230"),
        ("2008-02-29T12:00:00+00:00", "20080225"),
        ("1969-07-20T20:17:00+00:00", "past"),
        ("2999-01-01T00:00:00+00:00", "future"),
    ],
)
async def test_a_run_of_any_time_finds_its_tables(text: str, week: str, connection: Connection) -> None:
    at = datetime.fromisoformat(text)
    await project(connection, [begun("r1", at), ended("r1", at + timedelta(weeks=3))])
    for parent in RUN_TABLES:
        assert await tables(connection, parent) == {week}
    (run,) = await connection.fetch("select * from history.runs")
    assert (run["status"], run["started_at"]) == ("completed", at)
    assert orjson.loads(run["trigger_event"])["id"] == "ev-1"
    assert await connection.fetchval("select output ->> 'until' from history.steps") == "now"


async def test_a_run_that_goes_on_weeks_later_stays_where_it_began(connection: Connection) -> None:
    await project(connection, [begun("r1", MONDAY)])
    details = await connection.fetchrow("select * from history.run_details")
    assert details is not None
    assert details["waits_until"] == MONDAY + timedelta(weeks=3)
    assert await connection.fetchval("select status from history.runs") == "waiting"
    await project(connection, [ended("r1", MONDAY + timedelta(weeks=3))])
    assert await tables(connection, "records") == {"20261123"}
    assert await connection.fetchval("select status from history.runs") == "completed"
    assert await connection.fetchval("select waits_until from history.run_details") is None


@pytest.mark.parametrize("remembered", [True, False])
async def test_a_beginning_that_is_repeated_in_another_week_is_no_second_run(
    remembered: bool, connection: Connection
) -> None:
    again = begun("r1", MONDAY + timedelta(weeks=5))
    if remembered:
        await project(connection, [begun("r1", MONDAY), again])
    else:
        await project(connection, [begun("r1", MONDAY)])
        await project(connection, [begun("r2", MONDAY + timedelta(weeks=5)), again])
    found = await connection.fetch("select started_at from history.runs where run_id = 'r1'")
    assert [row["started_at"] for row in found] == [MONDAY]
    assert await connection.fetchval("select count(*) from history.entries where run_id = 'r1'") == 3


async def test_one_batch_may_be_about_many_weeks(connection: Connection) -> None:
    values = [begun(f"r{n}", MONDAY + timedelta(weeks=n)) for n in range(8)]
    await project(connection, [*values, *(ended(f"r{n}", MONDAY + timedelta(weeks=n + 3)) for n in range(8))])
    assert len(await tables(connection, "runs")) == 8
    assert await connection.fetchval("select count(*) from history.runs where status = 'completed'") == 8


async def test_a_week_that_was_dropped_under_a_projector_is_made_again(connection: Connection, url: str) -> None:
    projection = await project(connection, [begun("r1", MONDAY)])
    other = await connect(url)
    await other.execute(
        "delete from history_data.run_keys; drop table history_data.runs_20261123, history_data.steps_20261123, "
        "history_data.records_20261123"
    )
    await other.close()
    await projection.project([Record(1, begun("r2", MONDAY))])
    assert [row["run_id"] for row in await connection.fetch("select run_id from history.runs")] == ["r2"]


async def test_a_run_moves_to_its_week_when_its_first_entry_comes_at_last(connection: Connection) -> None:
    end = ended("r1", MONDAY + timedelta(weeks=3))
    await project(connection, [end])
    assert await tables(connection, "records") == {"20261214"}
    assert await connection.fetchval("select count(*) from history.runs") == 0
    await project(connection, [begun("r1", MONDAY)])
    for parent in RUN_TABLES:
        assert await tables(connection, parent) == {"20261123"}
    assert await connection.fetchval("select count(*) from history.entries") == 5
    assert await connection.fetchval("select status from history.runs") == "completed"
    assert await connection.fetchval("select week from history_data.run_keys") == WEEKS.of(MONDAY)


@pytest.mark.parametrize("end", [ended("r1", MONDAY), orjson.dumps([entry("r1", 7, "run.completed", MONDAY, {})])])
async def test_whose_a_run_is_stands_beside_its_id_as_soon_as_its_first_entry_came(
    end: bytes, connection: Connection
) -> None:
    await project(connection, [end])
    assert await connection.fetchval("select org_id from history_data.run_keys") is None
    await project(connection, [begun("r1", MONDAY), begun("r2", MONDAY)])
    rows = await connection.fetch("select run_id, org_id from history_data.run_keys order by run_id")
    assert [tuple(row) for row in rows] == [("r1", "acme"), ("r2", "acme")]
    assert await connection.fetchval("select count(*) from history.runs") == 2


async def test_projectors_that_need_the_same_week_at_once_both_get_it(connection: Connection, url: str) -> None:
    import asyncio

    others = [await connect(url) for _ in range(4)]
    at = datetime(2040, 1, 1, tzinfo=UTC)

    async def one(number: int) -> None:
        projection = Projection(Store(others[number]))
        place = Partition(RUNS, number)
        projection.positions = await projection.store.positions([place])
        await projection.project([Record(0, begun(f"r{number}", at), partition=number)])

    await asyncio.gather(*map(one, range(4)))
    assert await connection.fetchval("select count(*) from history.runs") == 4
    for other in others:
        await other.close()


async def test_a_rebuild_of_many_weeks_makes_the_same_history(connection: Connection) -> None:
    values = [begun(f"r{n}", MONDAY - timedelta(days=10 * n)) for n in range(30)]
    values += [ended(f"r{n}", MONDAY + timedelta(days=n)) for n in range(0, 30, 2)]
    await project(connection, values, size=7)
    expected = await checksum(connection)
    # A week that is gone, as after retention, comes back; what is wrong is put right.
    await connection.execute("update history_data.runs set status = 'odd'")
    await connection.execute("drop table history_data.runs_20261109")

    await make_shadow(connection)
    await project(connection, values, size=11, schema=SHADOW)
    await exchange(connection)
    assert await checksum(connection) == expected
    assert await connection.fetchval("select to_regnamespace($1)", SHADOW) is None


async def test_details_tell_a_rerun_a_shadow_and_a_guard(connection: Connection) -> None:
    data = {"workflow": {"id": "wf"}, "event": {"type": "t"}, "conditions": None}
    suppressed = entry("r3", 0, "run.suppressed", MONDAY, {**data, "guard": "storm", "reason": "too many"})
    await project(
        connection,
        [
            begun("r1", MONDAY, rerun_of="r0"),
            begun("r2", MONDAY, shadow=True),
            orjson.dumps([suppressed]),
            orjson.dumps([entry("r1", 3, "run.restarted", MONDAY, {"generation": 1, "event": {"type": "u"}})]),
        ],
    )
    found = await connection.fetch(
        "select generation, rerun_of, shadow, guard from history.run_details order by run_id"
    )
    assert [tuple(row) for row in found] == [
        (1, "r0", False, None), (0, None, True, None), (0, None, False, "storm"),
    ]  # fmt: skip
    assert await connection.fetchval("select error from history.runs where run_id = 'r3'") == "too many"


async def test_postgres_counts_weeks_as_the_projector_does(connection: Connection) -> None:
    edges = [WEEKS.begin(number) for number in (0, 1, 1402, 1403, WEEKS.count)]
    moments = [datetime(1, 1, 1, tzinfo=UTC), datetime(1969, 7, 20, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]
    for edge in edges:
        assert edge is not None
        moments += [edge, edge - timedelta(microseconds=1), edge + timedelta(microseconds=1)]
    found = await connection.fetch("select at, history_data.week_of(at) from unnest($1::timestamptz[]) w (at)", moments)
    assert [row["week_of"] for row in found] == [WEEKS.of(at) for at in moments]
