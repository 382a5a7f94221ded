"""How it goes: what is counted, whose it is, and that it stays cheap."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import orjson
import pytest
from fastapi import FastAPI

from hub.parts import Parts
from hub.reading import SESSION
from hub.services import insight
from runtime.postgres import Connection
from schemas.events import EVENT_TYPES
from tests.integration.hub.conftest import Client
from tests.integration.hub.past import NOW, Past, definition, event, failing

ORGS = ("acme", "globex")


@pytest.fixture
async def past(connection: Connection) -> Past:
    """Of each organisation: five runs that completed, two that failed, one that waits, one filtered, one throttled."""
    past = await Past(connection).begin()
    for org in ORGS:
        await past.define(definition(org))
        for number in range(5):
            await past.run(definition(org), event(f"e-{number}", org=org), NOW - dt.timedelta(minutes=number))
        for number in range(2):
            at = NOW - dt.timedelta(minutes=2 + number)
            await past.run(definition(org), event(f"f-{number}", org=org), at, failing)
        await past.run(definition(org), event("w", org=org), NOW - dt.timedelta(minutes=1), upto=1)
        cold = event("s", org=org)
        cold["data"]["device"]["criticality"] = 1
        await past.run(definition(org), cold, NOW - dt.timedelta(minutes=1))
        await past.run(definition(org), event("old", org=org), NOW - dt.timedelta(hours=3))
        await past.log([_suppressed(org)])
        await past.refuse(key=f"{org}/device/d")
        at = NOW - dt.timedelta(minutes=4)
        await past.happen(*(event(f"h-{n}", org=org, time=at.isoformat()) for n in range(3)), at=at)
    return past


def _suppressed(org: str) -> dict[str, Any]:
    data = {
        "generation": 0, "workflow": {"id": "wake", "name": "Wake it", "version": 1}, "digest": "",
        "conditions": None, "event": event("t", org=org), "causation_chain": ["wake"], "guard": "throttle",
        "reason": "At most 1 run in 30 minutes.",
    }  # fmt: skip
    return {
        "specversion": "1.0", "id": f"throttled-{org}:0", "source": "/workflow-engine", "type": "run.suppressed",
        "subject": "device/d-1", "orgid": org, "time": (NOW - dt.timedelta(minutes=3)).isoformat(), "data": data,
    }  # fmt: skip


async def read(app: FastAPI, org: str = "acme", minutes: int = 60) -> dict[str, Any]:
    parts: Parts = app.state.parts
    found: dict[str, Any] = orjson.loads(await parts.insights.of(org, minutes, NOW))
    return found


async def test_it_tells_what_happened_in_the_time_and_what_is_open_now(past: Past, app: FastAPI) -> None:
    found = await read(app)
    assert {key: found[key] for key in ("at", "minutes", "running", "waiting", "dead_letters", "lag")} == {
        "at": "2026-11-26T12:00:00Z", "minutes": 60, "running": 1, "waiting": 0, "dead_letters": 1, "lag": [],
    }  # fmt: skip
    assert len(found["series"]) == 60
    sums = {key: sum(point[key] for point in found["series"]) for key in found["series"][0] if key != "at"}
    assert sums == {"events": 3, "started": 8, "completed": 5, "failed": 2, "filtered": 2}
    assert found["series"][-1] == {
        "at": "2026-11-26T12:00:00Z", "events": 0, "started": 1, "completed": 1, "failed": 0, "filtered": 0,
    }  # fmt: skip
    (failed,) = found["failing"]
    assert (failed["workflow_id"], failed["name"], failed["failed"], failed["runs"]) == ("wake", "Wake it", 2, 8)
    assert "503" in failed["last_error"]
    assert found["storms"] == [
        {"workflow_id": "wake", "name": "Wake it", "guard": "throttle", "suppressed": 1,
         "last_at": "2026-11-26T11:57:00Z", "reason": "At most 1 run in 30 minutes."}
    ]  # fmt: skip
    steps = {one["action"]: one for one in found["steps"]}
    assert (steps["create_note"]["succeeded"], steps["create_note"]["failed"]) == (5, 2)
    assert steps["run_script"]["p50_ms"] is not None
    assert steps["run_script"]["p50_ms"] <= steps["run_script"]["p95_ms"]


async def test_a_longer_time_has_longer_stretches_and_counts_the_same(past: Past, app: FastAPI) -> None:
    for minutes, count in ((1, 1), (120, 120), (360, 120), (1440, 120)):
        found = await read(app, minutes=minutes)
        assert len(found["series"]) == count
    assert sum(point["started"] for point in found["series"]) == 9
    assert await read(app, "initech") | {"at": ""} == {
        "at": "", "minutes": 60, "running": 0, "waiting": 0, "dead_letters": 0, "failing": [], "storms": [], "lag": [],
        "projector": {"behind": 0, "caught_up": False}, "steps": [],
        "series": [{"at": one.isoformat().replace("+00:00", "Z"), "events": 0, "started": 0, "completed": 0,
                    "failed": 0, "filtered": 0} for one in insight.buckets(NOW, 60, 1)],
    }  # fmt: skip


async def test_those_who_ask_at_once_get_one_answer(past: Past, app: FastAPI, client: Client) -> None:
    answers = await asyncio.gather(*(client(person=f"p-{n}").get("/insight?minutes=15") for n in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].headers["cache-control"] == "no-store"


@pytest.mark.parametrize("given", ["0", "1441", "-5", "1.5", "x"])
async def test_a_time_that_is_none_is_refused(client: Client, given: str) -> None:
    answer = await client().get(f"/insight?minutes={given}")
    assert answer.status_code == 422
    assert answer.json()["faults"][0]["field"] == "minutes"


_MANY = """
with added as (
    insert into history_data.runs
    select $1 || '-many-' || n, $1, 'wf-' || n % 40, 'n', 1,
           (array['completed', 'completed', 'failed', 'skipped', 'suppressed', 'running'])[n % 6 + 1], 'device.offline',
           $1 || '/alert/a-' || n, $2::timestamptz - n * interval '1 minute', null, 'down', array[$1], 0
      from generate_series(1, 20000) n returning run_id, started_at
), keys as (
    insert into history_data.run_keys select run_id, history_data.week_of(started_at), $1 from added
)
insert into history_data.steps
select run_id, 0, 's', 'add_tag', 'succeeded', 1, null, null, null, started_at, null, history_data.week_of(started_at)
  from added
"""


async def test_nothing_is_read_from_beginning_to_end(past: Past, connection: Connection) -> None:
    await connection.execute(
        "select history_data.add_week('history_data', date '2026-11-23' - 7 * n) from generate_series(0, 3) n"
    )
    for org in ORGS:
        await connection.execute(_MANY, org, NOW)
    await connection.execute("analyze history_data.runs, history_data.run_keys, history_data.steps")
    for name, value in SESSION.items():
        if name not in ("application_name", "default_transaction_read_only"):
            await connection.execute(f"set {name} = {value}")
    since = NOW - dt.timedelta(days=1)
    for statement, args in (
        (insight.SERIES, (since, 12)),
        (insight.EVENTS, (since, 12, tuple(EVENT_TYPES))),
        (insight.FAILING, (since,)),
        (insight.STORMS, (since,)),
        (insight.LETTERS, (since,)),
        (insight.STEPS, (since,)),
    ):
        plan = orjson.loads(
            (await connection.fetch(f"explain (analyze, format json) {statement}", "acme", *args))[0][0]
        )[0]["Plan"]
        read = [node for node in _nodes(plan) if node["Node Type"] == "Seq Scan" and node["Actual Rows"] > 0]
        assert read == [], statement
        touched = {
            node["Relation Name"]
            for node in _nodes(plan)
            if node.get("Relation Name", "").startswith("runs_") and node["Actual Loops"]
        }
        assert min(touched, default="runs_20261123") == "runs_20261123", "weeks of before are looked into"


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in _nodes(child))]
