"""Business calendars on the definitions topic of a worker at work."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from schemas.calendars import DAYS
from schemas.names import DEFINITIONS
from tests.integration.streams.cluster import Cluster, Run, definition

pytestmark = pytest.mark.timeout(240)
KEY = b"hours/calendar/default"


def calendar(version: int, **fields: Any) -> bytes:
    """Always open."""
    always = dict.fromkeys(DAYS, "00:00-24:00")
    body = {"id": "default", "org": "hours", "version": version, "time_zone": "UTC", "hours": always}
    return orjson.dumps({**body, **fields})


async def ended(cluster: Cluster, name: str) -> Run:
    """The run of this device, once it has ended."""
    found: list[Run] = []

    async def over() -> bool:
        runs = (await cluster.runs("hours")).values()
        found[:] = [run for run in runs if run.name == name and run.kinds[-1] in {"run.completed", "run.failed"}]
        return bool(found)

    await cluster.until(over, f"the end of the run of {name}")
    return found[0]


async def test_delays_go_by_the_calendar_in_force_and_a_bad_one_changes_nothing(cluster: Cluster) -> None:
    wait = {"id": "wait", "action": "delay", "with": {"until": "business_hours"}}
    note = definition("hours")["steps"][0]
    await cluster.define("hours", steps=[wait, note])

    await cluster.emit("hours", "too-early")
    failed = await ended(cluster, "too-early")
    assert "step.failed" in failed.kinds
    assert "there is no calendar" in str(failed.entries)

    nowhere = calendar(2, time_zone="Mars/Olympus")
    await cluster.send(DEFINITIONS, (KEY, calendar(1), 0), (KEY, nowhere, 0), (b"hours/calendar/x", b"{}", 0))

    async def restored() -> bool:
        records = await cluster.records(DEFINITIONS)
        mine = [record.value for record in records if record.key == KEY]
        others = [record.value for record in records if record.key == b"hours/calendar/x"]
        return mine == [calendar(1), nowhere, calendar(1)] and others == [b"{}", None]

    await cluster.until(restored, "the calendar in force once more")
    letters = {letter["key"]: letter for letter in await cluster.letters()}
    assert letters[KEY.decode()]["field"] == "time_zone"
    assert "hours/calendar/x" in letters

    await cluster.emit("hours", "open")
    assert (await ended(cluster, "open")).kinds[-1] == "run.completed"

    await cluster.send(DEFINITIONS, (KEY, None, 0))
    await cluster.emit("hours", "settle")  # meanwhile the worker sees that the calendar is gone
    await ended(cluster, "settle")
    await cluster.emit("hours", "gone")
    assert (await ended(cluster, "gone")).kinds[-1] == "run.failed"
