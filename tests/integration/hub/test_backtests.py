"""A definition on the events of the last days: what it would have done, and what differs from today."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import pytest

from hub.problems import Problem
from hub.services import backtests
from tests.integration.hub.live import Hub, Live, definition

BIG = {"field": "device.criticality", "op": "greater_than", "value": 3}


def events(org: str, count: int) -> list[dict[str, Any]]:
    """So many devices that went offline in the last two days, every second of them critical."""
    now = dt.datetime.now(dt.UTC)
    return [
        {
            "specversion": "1.0", "id": f"ev-{number}", "source": "/rmm", "type": "device.offline",
            "subject": f"device/d-{number}", "time": (now - dt.timedelta(hours=47 - number % 40)).isoformat(),
            "orgid": org,
            "data": {"device": {"id": f"d-{number}", "name": f"D {number}", "criticality": 5 if number % 2 else 1}},
        }
        for number in range(count)
    ]  # fmt: skip


async def tried(ada: Any, asked: dict[str, Any], count: int) -> dict[str, Any]:
    """The report, once the events are known."""
    while True:
        report: dict[str, Any] = await ada.post("/backtest", asked)
        if report["events"] == count:
            return report
        await asyncio.sleep(0.1)


async def test_a_backtest_compares_with_what_is_in_force(hub: Hub, live: Live) -> None:
    org = live.org()
    ada = hub.of(org)
    await ada.post("/workflows", definition(id="down"), 201)
    await live.emit(*events(org, 60))
    draft = definition(id="down", conditions=BIG, state="draft")
    report = await tried(ada, {"definition": draft, "days": 7}, 60)
    assert (report["workflow"], report["events"]) == ("down", 60)
    assert (report["totals"]["draft"]["runs"], report["totals"]["draft"]["skipped"]) == (30, 30)
    assert report["totals"]["in_force"]["runs"] == 60
    assert report["totals"]["draft"]["actions"] == [{"step": "note", "action": "create_note", "times": 30}]
    assert sum(day["events"] for day in report["days"]) == 60
    assert all(day["draft"]["runs"] + day["draft"]["skipped"] == day["events"] for day in report["days"])
    assert report["differences"]["only_in_force"]["runs"] == 30
    assert report["samples"][0]["draft"]["actions"][0]["input"]["body"].startswith("D ")
    # By a step's id and its own conditions, nothing of it is there to compare with.
    new = await tried(ada, {"definition": {**draft, "id": "new"}}, 60)
    assert (new["totals"]["in_force"]["runs"], new["differences"]) == (0, None)
    assert new["days"][0]["in_force"]["runs"] == 0
    alone = await tried(ada, {"workflow_id": "down"}, 60)
    assert alone["totals"]["draft"]["runs"] == 60
    short = await ada.post("/backtest", {"workflow_id": "down", "days": 1})
    assert 0 < short["events"] < 60
    stranger = hub.of(live.org())
    assert (await stranger.post("/backtest", {"definition": {**draft, "id": "x"}}))["events"] == 0


async def test_two_backtests_are_made_at_once_and_the_third_waits(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org())
    asked = {"definition": definition(id="x")}
    with backtests._slot(), backtests._slot():
        answer = await ada.ask("POST", "/backtest", 429, json=asked)
        assert answer.headers["retry-after"] == "5"
        with pytest.raises(Problem), backtests._slot():
            pass
    await ada.post("/backtest", asked)


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"definition": definition(), "days": 0}, "/days"),
        ({"definition": definition(), "days": 91}, "/days"),
        ({"definition": definition(), "days": "7"}, "/days"),
        ({"definition": {"name": "No trigger", "steps": []}}, "/definition/trigger"),
        ({"definition": {"steps": [{"id": "a", "action": "fly"}]}}, "/definition/steps/0/action"),
        ({}, ""),
    ],
)
async def test_what_can_not_be_tried_is_refused(hub: Hub, live: Live, asked: dict[str, Any], pointer: str) -> None:
    refused = await hub.of(live.org()).post("/backtest", asked, 422)
    assert pointer in [one["pointer"] for one in refused["faults"]]


async def test_a_backtest_that_takes_too_long_says_so(hub: Hub, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    org = live.org()
    ada = hub.of(org)
    await live.emit(*events(org, 300))
    asked = {"definition": definition(id="x"), "days": 7}
    await tried(ada, asked, 300)
    monkeypatch.setattr(backtests, "_PATIENCE", -1.0)
    refused = await ada.post("/backtest", asked, 422)
    assert refused["faults"][0]["pointer"] == "/days"
