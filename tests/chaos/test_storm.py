"""An alert storm on a real Kafka: 10,000 alerts of 20 devices through the template that opens a ticket."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import pytest

from sandbox.clock import VARIABLE, VirtualTime
from schemas.templates import fill, find
from tests.chaos.bus import alert
from tests.chaos.stack import Stack, eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

ALERTS: Final = 10_000
DEVICES: Final = 20
ORG: Final = "stormy"


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    one = Stack()
    try:
        await one.start("worker0", "worker1", "projector")
        yield one
    finally:
        await one.stop()


async def test_a_storm_of_alerts_opens_one_ticket_a_device_and_the_history_tells_of_the_rest(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    body = fill(find("alert-to-ticket"), {}, ORG, state="enabled")
    await stack.bus.define(body)
    # The definition is in force on both workers once what was sent after it has run.
    await stack.working()
    began = time.monotonic()
    events = [_alert(number) for number in range(ALERTS)]
    for at in range(0, ALERTS, 500):
        await stack.bus.emit_all(events[at : at + 500])
        if at == ALERTS // 2:
            # The guard's memory is a log: another worker goes on counting where this one was.
            stack.kill("worker0")
    sent = time.monotonic() - began
    await eventually(lambda: stack.statuses(ORG), lambda now: _ended(now) >= ALERTS, 120, "the storm's runs")
    with capsys.disabled():
        print(f"\n  {ALERTS} alerts in {sent:.0f} s; all told of {time.monotonic() - began:.0f} s after the first")
    assert await stack.statuses(ORG) == {"completed": DEVICES, "suppressed": ALERTS - DEVICES, "all": ALERTS}
    tickets = [call for call in stack.receiver.about("Disk full") if call.path.endswith("/v1/tickets")]
    assert len({call.key for call in tickets}) == DEVICES
    rows = await stack.rows(
        "select error, trigger_event -> 'data' -> 'device' ->> 'id' as device from history.runs "
        "where org_id = $1 and status = 'suppressed'",
        ORG,
    )
    assert Counter(row["device"] for row in rows) == {f"d-{n}": ALERTS // DEVICES - 1 for n in range(DEVICES)}
    assert all(row["error"].startswith("throttled: at most 1 run in 30 min") for row in rows)
    assert all(f"'{row['device']}'" in row["error"] for row in rows)
    assert await stack.rows("select * from history.dead_letters") == []


def _alert(number: int) -> dict[str, Any]:
    event = alert(ORG, f"a-{number}", f"storm-{number}", title="Disk full")
    device = f"d-{number % DEVICES}"
    event["data"]["device"] = {"id": device, "name": device.upper()}
    return event


def _ended(statuses: dict[str, int]) -> int:
    return statuses.get("completed", 0) + statuses.get("suppressed", 0)


async def test_the_breaker_lets_so_many_runs_a_minute_start_and_sums_up_the_rest(
    stack: Stack,
) -> None:
    """What goes beyond the limit is suppressed, but for a worse alert of the same device; one entry tells of it all."""
    clock = VirtualTime(stack.folder / "clock")
    for name in ("worker0", "worker1"):
        assert stack.end(name) == 0
        stack.up(name, ONESTACK_STORM_LIMIT="50", **{VARIABLE: str(clock.file)})
    await stack.working()
    steps = [{"id": "tag", "action": "add_tag", "with": {"tag": "seen"}}]
    body = {"id": "plain", "org": ORG, "version": 1, "name": "Plain", "state": "enabled", "steps": steps}
    await stack.bus.define({**body, "trigger": {"type": "alert.triggered"}})
    await asyncio.sleep(1)
    await stack.bus.emit_all([_low(number) for number in range(300)])
    await eventually(lambda: stack.statuses(ORG), lambda now: _ended(now) >= 300, 60, "300 runs")
    assert await stack.statuses(ORG) == {"completed": 50, "suppressed": 250, "all": 300}
    worse = _low(7)
    worse["id"], worse["data"]["alert"]["severity"] = "worse", "critical"
    await stack.bus.emit(worse)
    await eventually(lambda: stack.statuses(ORG), lambda now: now.get("completed") == 51, 30, "the worse alert's run")
    assert await _summaries(stack) == []
    clock.forward(timedelta(seconds=61))
    await eventually(lambda: _summaries(stack), lambda found: len(found) == 1, 100, "the summary")
    (summary,) = await _summaries(stack)
    assert "250" in summary
    assert await stack.statuses(ORG) == {"completed": 51, "suppressed": 251, "all": 302}


async def _summaries(stack: Stack) -> list[str]:
    rows = await stack.rows(
        "select r.error from history.runs r join history.entries e using (run_id) "
        "where r.org_id = $1 and e.data ? 'summary'",
        ORG,
    )
    return [row["error"] for row in rows]


def _low(number: int) -> dict[str, Any]:
    event = alert(ORG, f"low-{number}", f"low-{number}", severity="low")
    event["data"]["device"] = {"id": f"d-{number}"}
    return event
