"""Runs in time, on a real worker: delays, retries, cancellation, restarts, requests, and all of it over a kill -9."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any
from uuid import uuid4

import orjson
import pytest

from runtime.kafka import partition_of
from schemas.names import CONTROL, RUNS, TIMERS, run_id
from tests.integration.streams.cluster import PARTITIONS, RMM, Cluster, Run, event

pytestmark = pytest.mark.timeout(240)
NOTE = {"id": "note", "action": "create_note", "with": {"body": "{{device.name}}", "company_id": "c-1"}}
WAITS = ["run.started", "step.started", "run.waiting"]


def pause(duration: str) -> dict[str, Any]:
    return {"id": "wait", "action": "delay", "with": {"for": duration}}


def moment(entry: dict[str, Any]) -> float:
    return datetime.fromisoformat(entry["time"]).timestamp()


async def online(cluster: Cluster, org: str, device: str, event_id: str = "on", **more: Any) -> None:
    body = event(org, device, device, event_id) | {"type": "device.online"} | more
    key = f"{org}/device/{device}".encode()
    await cluster.send(RMM, (key, orjson.dumps(body), partition_of(key, PARTITIONS)))


async def ask(cluster: Cluster, org: str, device: str, **request: Any) -> None:
    key = f"{org}/device/{device}"
    body = {"format": 1, "id": uuid4().hex, "org": org, "entity_key": key, "by": {"person": "ann"}, **request}
    await cluster.send(CONTROL, (key.encode(), orjson.dumps(body), partition_of(key.encode(), PARTITIONS)))


async def run_with(cluster: Cluster, org: str, kind: str, name: str | None = None) -> Run:
    """The organisation's run (of this device) as soon as it has an entry of this type."""
    found: list[Run] = []

    async def there() -> bool:
        nonlocal found
        runs = (await cluster.runs(org)).values()
        found = [run for run in runs if kind in run.kinds and name in {None, run.name}]
        return bool(found)

    await cluster.until(there, f"{kind} of {org}")
    return found[0]


async def timers(cluster: Cluster) -> set[bytes]:
    """What stands on the timers topic without a tombstone."""
    there: dict[bytes, Any] = {}
    for record in await cluster.records(TIMERS):
        there[record.key] = record.value
    return {key for key, value in there.items() if value is not None and not key.startswith(b"definition:")}


async def test_a_delay_ends_when_it_is_due_and_not_before(cluster: Cluster) -> None:
    await cluster.define("delay", steps=[pause("1.5s"), NOTE])
    await cluster.emit("delay", "a", "b", "c")
    runs = await cluster.finished("delay", 3)
    for run in runs.values():
        assert run.kinds == [*WAITS, "step.succeeded", "step.started", "step.succeeded", "run.completed"]
        due = datetime.fromisoformat(run.entries[2]["data"]["until"]).timestamp()
        assert due == pytest.approx(moment(run.entries[1]) + 1.5, abs=0.01)
        assert due <= moment(run.entries[3])
    assert not {key for key in await timers(cluster) if key.partition(b":")[0].decode() in runs}


async def test_a_wait_goes_on_over_a_kill_and_ends_on_another_worker(cluster: Cluster) -> None:
    await cluster.define("moved", steps=[pause("6s"), NOTE])
    await cluster.emit("moved", *(f"n{number}" for number in range(20)))

    async def all_wait() -> bool:
        return sum(run.kinds == WAITS for run in (await cluster.runs("moved")).values()) == 20

    await cluster.until(all_wait, "20 waiting runs")
    cluster.kill("a")
    await cluster.start("a")
    runs = await cluster.finished("moved", 20)
    assert len(runs) == 20
    for run in runs.values():
        assert run.kinds.count("step.succeeded") == 2
        assert datetime.fromisoformat(run.entries[2]["data"]["until"]).timestamp() <= moment(run.entries[3])
    calls = [call for call in cluster.hub.calls if call.key.split(":")[0] in runs]
    assert len(calls) == 20


async def test_an_event_cancels_a_run_that_waits_and_one_that_it_overtook(cluster: Cluster) -> None:
    await cluster.define("cancel", steps=[pause("30s"), NOTE], cancel_on=[{"type": "device.online"}])
    await cluster.emit("cancel", "late", prefix="d-late")
    await run_with(cluster, "cancel", "run.waiting")
    await online(cluster, "cancel", "d-late")
    run = await run_with(cluster, "cancel", "run.cancelled")
    assert run.kinds == [*WAITS, "run.cancelled"]
    assert run.entries[3]["data"]["by"]["event"]["id"] == "on"
    # The online event is first on the topic here, but says that it happened afterwards.
    await online(cluster, "cancel", "d-early", "on-2", time="2026-11-23T08:00:05Z")
    key = b"cancel/device/d-early"
    offline = event("cancel", "d-early", "early", "off-2") | {"time": "2026-11-23T08:00:00Z"}
    await cluster.send(RMM, (key, orjson.dumps(offline), partition_of(key, PARTITIONS)))
    early = await run_with(cluster, "cancel", "run.started", "early")
    assert early.kinds == ["run.started", "run.cancelled"]
    assert not any(run_id("cancel", "wf", "/rmm", "off-2") in call.key for call in cluster.hub.calls)


async def test_a_cancelled_run_finishes_the_call_in_flight_and_begins_no_other(cluster: Cluster) -> None:
    second = {**NOTE, "id": "second"}
    await cluster.define("flight", steps=[NOTE, second], cancel_on=[{"type": "device.online"}])
    cluster.hub.let_go.clear()
    await cluster.emit("flight", "held", prefix="d-f")
    await run_with(cluster, "flight", "step.started")
    await online(cluster, "flight", "d-f")

    async def seen() -> bool:
        return any(
            b'"orgid":"flight"' in (record.value or b"")
            for record in await cluster.records("onestack.workflow.signals")
        )

    await cluster.until(seen, "the signal")
    cluster.hub.let_go.set()
    run = await run_with(cluster, "flight", "run.cancelled")
    assert run.kinds == ["run.started", "step.started", "step.succeeded", "run.cancelled"]
    assert sum(call.body == "held" and call.key.split(":")[0] == run.entries[0]["id"].split(":")[0]
               for call in cluster.hub.calls) == 1  # fmt: skip


async def test_an_event_restarts_a_run_that_waits_with_its_own_data(cluster: Cluster) -> None:
    again = [{"type": "device.online", "where": {"field": "device.site", "op": "exists"}}]
    await cluster.define("again", steps=[pause("2s"), NOTE], restart_on=again)
    await cluster.emit("again", "first", prefix="d-r")
    await run_with(cluster, "again", "run.waiting")
    await online(cluster, "again", "d-r", "ignored")
    site = event("again", "d-r", "second", "x")["data"]["device"] | {"site": "HQ"}
    await online(cluster, "again", "d-r", data={"device": site})
    (run,) = (await cluster.finished("again", 1)).values()
    assert run.kinds == [
        *WAITS, "run.restarted", "step.started", "run.waiting", "step.succeeded", "step.started", "step.succeeded",
        "run.completed",
    ]  # fmt: skip
    assert run.entries[3]["data"]["generation"] == 1
    assert run.entries[7]["data"]["input"]["body"] == "second"
    assert moment(run.entries[6]) >= moment(run.entries[3]) + 2


async def test_a_person_cancels_resumes_and_runs_again(cluster: Cluster) -> None:
    await cluster.define("ask", steps=[pause("20s"), NOTE])
    await cluster.emit("ask", "mine", prefix="d-a")
    await run_with(cluster, "ask", "run.waiting")
    run = run_id("ask", "wf", "/rmm", "d-amine-0")
    await ask(cluster, "ask", "d-a", action="cancel", run_id=run)
    ended = await run_with(cluster, "ask", "run.cancelled")
    assert ended.entries[3]["data"]["by"] == {"person": "ann"}
    body = {"id": "wf", "org": "ask", "version": 2, "name": "Version 2", "state": "enabled", "steps": [NOTE]}
    body["trigger"] = {"type": "device.offline"}
    await cluster.define("ask", 2, steps=[NOTE])
    request = {"action": "rerun", "run_id": run, "event": ended.entries[0]["data"]["event"], "workflow": "wf"}
    await ask(cluster, "ask", "d-a", id="again", **request)
    await ask(cluster, "ask", "d-a", id="again", **request)
    runs = await cluster.finished("ask", 1)
    assert len(runs) == 2
    (second,) = [one for number, one in runs.items() if number != run]
    assert second.entries[0]["data"]["rerun_of"] == run
    assert second.entries[0]["data"]["workflow"]["version"] == 2


async def test_a_request_that_cant_be_met_is_a_dead_letter_with_its_field(cluster: Cluster) -> None:
    await ask(cluster, "nobody", "d-x", action="cancel")
    await ask(cluster, "nobody", "d-x", action="fly", run_id="r")
    await ask(cluster, "nobody", "d-x", action="rerun", run_id="r", event=event("other", "d-x", "x", "e"))
    letters: list[dict[str, Any]] = []

    async def told() -> bool:
        nonlocal letters
        letters = [letter for letter in await cluster.letters() if letter["key"] == "nobody/device/d-x"]
        return len(letters) == 3

    await cluster.until(told, "3 dead letters")
    assert {letter["field"] for letter in letters} == {"", "action", "event.orgid"}
    assert any("run_id" in letter["reason"] for letter in letters)


async def test_a_failing_call_is_tried_again_as_the_policy_says(cluster: Cluster) -> None:
    retry = {"max_retries": 2, "initial_interval": "200ms", "multiplier": 2, "max_interval": "1s"}
    away = {"id": "away", "action": "webhook", "with": {"url": "https://127.0.0.1:9/x"}}
    # A refused address fails for good; On-Call has no address here, and neither has what follows a closed port.
    await cluster.define("retry", steps=[{**NOTE, "with": {"body": "flaky", "company_id": "c-1"}}, away], retry=retry)
    await cluster.emit("retry", "x")
    run = await run_with(cluster, "retry", "run.failed")
    attempts = [
        (one["type"], one["data"].get("attempt")) for one in run.entries.values() if one["data"].get("step") == "note"
    ]
    waits = [one for one in run.entries.values() if one["type"] == "run.waiting"]
    assert attempts == [
        ("step.started", 1), ("step.failed", 1), ("run.waiting", None), ("step.started", 2), ("step.failed", 2),
        ("run.waiting", None), ("step.started", 3), ("step.succeeded", 3),
    ]  # fmt: skip
    for number, wait in enumerate(waits):
        planned = datetime.fromisoformat(wait["data"]["until"]).timestamp() - moment(wait)
        assert 0.2 * 2**number * 0.8 <= planned <= 0.2 * 2**number * 1.2
    assert run.entries[max(run.entries)]["data"]["error"].startswith("step away failed")


async def test_a_wait_is_on_the_partition_of_its_entity(cluster: Cluster) -> None:
    await cluster.define("home", steps=[pause("60s"), NOTE])
    began = time.time()
    await cluster.emit("home", "x", prefix="d-h")
    await run_with(cluster, "home", "run.waiting")
    home = partition_of(b"home/device/d-h", PARTITIONS)
    run = run_id("home", "wf", "/rmm", "d-hx-0").encode()

    async def kept() -> bool:
        return any(record.key.startswith(run) for record in await cluster.records(TIMERS))

    await cluster.until(kept, "the timer")
    (record,) = [record for record in await cluster.records(TIMERS) if record.key.startswith(run)]
    assert record.partition == home
    assert float(dict(record.headers)["due"]) >= began + 60
    assert {one.partition for one in await cluster.records(RUNS) if run in one.value} == {home}
