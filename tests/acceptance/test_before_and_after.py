"""Knowing beforehand what a workflow would do, afterwards why it did, and mending it: by the command line alone."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaProducer

from projections import queries
from runtime.postgres import Connection, connect
from sandbox.process import end
from tests.acceptance.house import House

pytestmark = pytest.mark.timeout(240)

WAITS: Final = """\
id: waits
org: acme
version: 1
name: Waits for a Quarter
state: enabled
trigger: {type: device.offline}
cancel_on: [{type: device.online}]
throttle: {key: "{{device.id}}", limit: 1, per: PT30M}
steps:
  - {id: wait, action: delay, with: {for: PT15M}}
  - {id: ticket, action: create_ticket, with: {title: "{{device.name}} is offline"}}
"""
FAILS: Final = """\
id: fails
org: acme
version: 1
name: Fails in the Middle
state: enabled
trigger: {type: device.offline}
conditions: {field: device.criticality, op: greater_than, value: 3}
on_error: stop
steps:
  - {id: tag, action: add_tag, with: {tag: offline}}
  - {id: note, action: create_note, with: {body: "{{device.remark}}", company_id: c-1}}
  - {id: done, action: add_tag, with: {tag: "{{steps.note.id}}"}}
"""
QUIET: Final = """\
id: quiet
org: acme
version: 1
name: Not Yet
state: disabled
trigger: {type: device.offline}
steps: [{id: tag, action: add_tag, with: {tag: offline}}]
---
id: other
org: acme
version: 1
name: Of Another Trigger
state: enabled
trigger: {type: alert.triggered}
steps: [{id: tag, action: add_tag, with: {tag: alert}}]
"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    found = House()
    try:
        found.start()
        found.onestack("topics", "create")
        for name, text in (("waits", WAITS), ("fails", FAILS), ("quiet", QUIET)):
            (found.folder / f"{name}.yaml").write_text(text)
        found.onestack("publish", "waits.yaml", "fails.yaml", "quiet.yaml")
        wait_for(lambda: found._run("workflows").returncode == 0)
        wait_for(lambda: len(versions(found)) == 4)
        time.sleep(1)  # what is published is in force on every worker within a second
        yield found
    finally:
        found.stop()


def wait_for(met: Callable[[], Any], seconds: float = 40) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := met()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)
    return found


async def _sent(house: House, envelope: dict[str, Any]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=house.broker.bootstrap)
    await producer.start()
    try:
        key = f"{envelope['orgid']}/{envelope['subject']}".encode()
        await producer.send_and_wait("onestack.events.rmm", json.dumps(envelope).encode(), key)
    finally:
        await producer.stop()


def emit(house: House, device: str, **attributes: Any) -> str:
    """Something happens to a device, by default that it goes offline; the event's id."""
    data = {"device": {"id": device, "name": device.upper(), "criticality": attributes.pop("criticality", 5)}}
    envelope = {
        "specversion": "1.0",
        "id": f"off-{device}",
        "source": "/rmm",
        "type": "device.offline",
        "orgid": "acme",
        "subject": f"device/{device}",
        "time": dt.datetime.now(dt.UTC).isoformat(),
        "data": data,
        **attributes,
    }
    asyncio.run(_sent(house, envelope))
    return str(envelope["id"])


async def _history(house: House, ask: Callable[[Connection], Awaitable[Any]]) -> Any:
    connection = await connect(house.env["ONESTACK_POSTGRES_URL"], timeout=10)
    try:
        return await ask(connection)
    finally:
        await connection.close()


def run_of(house: House, workflow: str, device: str, status: str) -> str:
    """The id of the device's run of this workflow, as soon as it has this status."""
    wanted = queries.RunFilter("acme", workflow, status, f"device/{device}")
    found = wait_for(lambda: asyncio.run(_history(house, lambda one: queries.list_runs(one, wanted))))
    return str(found[0]["run_id"])


def in_history(house: House, event_id: str, count: int = 1) -> None:
    """Wait for the event."""
    wait_for(lambda: len(asyncio.run(_history(house, lambda one: queries.find_event(one, event_id)))) >= count)


def versions(house: House) -> dict[str, int]:
    """What is in force, by id."""
    rows = asyncio.run(_history(house, queries.list_workflows))
    return {one["workflow_id"]: one["version"] for one in rows}


def verdicts(house: House, event_id: str) -> dict[str, dict[str, Any]]:
    """What `why` says of the event, by workflow, once the history has the event."""
    in_history(house, event_id)
    return {one["workflow"]: one for one in house.asked("why", event_id)["workflows"]}


def test_why_tells_for_each_workflow_what_became_of_an_event(house: House) -> None:
    event_id = emit(house, "w-1")
    run_of(house, "waits", "w-1", "waiting")
    run_of(house, "fails", "w-1", "failed")
    told = verdicts(house, event_id)
    assert {name: one["verdict"] for name, one in told.items()} == {
        "waits": "ran",
        "fails": "ran",
        "quiet": "state",
        "other": "other trigger",
    }
    assert told["fails"]["reason"].startswith("ran: failed, step note failed: body: is required")
    # A second event of the same device: the throttle, and a condition with its value.
    second = emit(house, "w-1", criticality=2, id="off-again")
    run_of(house, "fails", "w-1", "skipped")
    run_of(house, "waits", "w-1", "suppressed")
    told = verdicts(house, second)
    assert (told["waits"]["verdict"], told["fails"]["verdict"]) == ("guard", "condition")
    assert "at most 1 run in 30 min" in told["waits"]["reason"]
    assert (
        told["fails"]["failing"][0] | {"field": "device.criticality", "value": 3, "actual": 2}
        == (told["fails"]["failing"][0])
    )
    people = house.onestack("why", second).stdout
    assert "✗ device.criticality greater_than 3 (it was 2)" in people
    assert "of other triggers: other" in people


def test_why_tells_what_was_published_later_and_which_run_an_event_cancelled(house: House) -> None:
    event_id = emit(house, "w-2")
    run = run_of(house, "waits", "w-2", "waiting")
    later = QUIET.partition("---")[0].replace("id: quiet", "id: late").replace("disabled", "enabled")
    (house.folder / "late.yaml").write_text(later)
    house.onestack("publish", "late.yaml")
    wait_for(lambda: "late" in versions(house))
    assert verdicts(house, event_id)["late"]["verdict"] == "published later"
    emit(house, "w-2", id="on-w-2", type="device.online")
    run_of(house, "waits", "w-2", "cancelled")
    in_history(house, "on-w-2")
    assert [(one["run_id"], one["what"]) for one in house.asked("why", "on-w-2")["also"]] == [
        (run, "was cancelled by it")
    ]
    assert "cancelled by device.online on-w-2 from /rmm at" in house.onestack("show", run).stdout
    house.onestack("disable", "late", "--org", "acme")


def test_why_knows_events_that_are_refused_unknown_strange_or_several(house: House) -> None:
    emit(house, "d-1", id="broken-1", type="device.exploded")
    told = wait_for(lambda: house.asked("why", "broken-1") if house._run("why", "broken-1").returncode == 0 else None)
    assert told["event"] is None
    assert "'device.exploded' is not a known event type" in told["dead_letters"][0]["reason"]
    assert "Event broken-1 was refused" in house.onestack("why", "broken-1").stdout
    assert "has no event 'nowhere'" in house.onestack("why", "nowhere", code=1).stderr
    twin = emit(house, "w-3", id="twin")
    emit(house, "w-3", id="twin", source="/rmm/second")
    in_history(house, twin, 2)
    stranger = house.onestack("why", twin, code=2).stderr
    assert "2 events have the id" in stranger
    assert "--org acme --source /rmm/second" in stranger
    assert house.asked("why", twin, "--source", "/rmm")["event"]["source"] == "/rmm"
    assert "it is another organisation's" in house.onestack("why", twin, "--org", "globex", code=1).stderr


def test_cancel_ends_a_waiting_run_and_says_who_did(house: House) -> None:
    emit(house, "c-1")
    run = run_of(house, "waits", "c-1", "waiting")
    done = house.onestack("cancel", run[:10], "--reason", "moved to another site")
    assert done.stdout == f"run {run} is cancelled\n"
    assert "because: moved to another site" in house.onestack("show", run).stdout
    assert "has ended already: it is cancelled" in house.onestack("cancel", run, code=1).stderr
    assert "The history has no run" in house.onestack("cancel", "0000000000", code=1).stderr


def test_resume_goes_on_from_the_failed_step_under_a_mended_version(house: House) -> None:
    emit(house, "r-1")
    emit(house, "r-2")
    first, second = (run_of(house, "fails", device, "failed") for device in ("r-1", "r-2"))
    # Under the same version it fails again, and says so.
    assert house.onestack("resume", first).stdout == f"run {first} goes on: failed\n"
    (house.folder / "mended.yaml").write_text(FAILS.replace("version: 1", "version: 2").replace(".remark", ".name"))
    house.onestack("publish", "mended.yaml")
    wait_for(lambda: versions(house)["fails"] == 2)
    many = ("resume", "--failed", "--since", "10m", "--workflow", "fails", "--org", "acme", "--version", "current")
    plan = {one["run_id"]: one for one in house.asked(*many, "--dry-run")}
    assert {first, second} <= set(plan)
    assert plan[second]["does"] == "goes on from step note, under version 2 of fails"
    assert run_of(house, "fails", "r-2", "failed") == second, "a dry run does nothing"
    declined = house.onestack(*many, stdin="n\n", code=1)
    assert "Nothing was done" in declined.stderr
    before = house.counts()["hub"]["performed"]
    told = {one["run_id"]: one for one in house.asked(*many, "--yes")}
    assert (told[second]["result"], told[second]["status"]) == ("resumed", "completed")
    # Of each: the note and the last tag; the first tag was made before, and is not made again.
    assert house.counts()["hub"]["performed"] - before == 2 * len(told)
    run = house.asked("show", first)
    assert [entry["data"]["generation"] for entry in run["entries"] if entry["type"] == "run.resumed"] == [1, 2]
    assert run["workflow_version"] == 2
    refusal = house.onestack("resume", first, code=1).stderr
    assert "can't be resumed: it is completed" in refusal


def test_rerun_is_a_new_run_of_the_same_event(house: House) -> None:
    emit(house, "a-1", criticality=1)
    old = run_of(house, "fails", "a-1", "skipped")
    [told] = house.asked("rerun", old)
    assert (told["result"], told["status"]) == ("started", "skipped")
    again = house.asked("show", told["new_run_id"])
    assert again["entries"][0]["data"]["rerun_of"] == old
    assert again["trigger_event"]["id"] == "off-a-1"
    assert f"rerun of  {old}" in house.onestack("show", told["new_run_id"]).stdout
    assert f"ran again, of run {old}" in house.onestack("why", "off-a-1").stdout
    plan = house.onestack("rerun", "--status", "skipped", "--since", "1h", "--workflow", "fails", "--dry-run").stdout
    assert old in plan


def test_disable_cancels_what_runs_when_it_is_told_to(house: House) -> None:
    for number in range(5):
        emit(house, f"d-{number}")
    for number in range(5):
        run_of(house, "waits", f"d-{number}", "waiting")
    version = versions(house)["waits"]
    told = house.asked("disable", "waits", "--org", "acme", "--cancel-running")
    assert (told["version"], told["state"]) == (version + 1, "disabled")
    assert told["cancelled"] >= 5
    assert house.asked("runs", "--workflow", "waits", "--status", "waiting") == []
    assert "is disabled already" in house.onestack("disable", "waits", "--org", "acme").stdout
    assert house.asked("enable", "waits", "--org", "acme")["version"] == version + 2
    assert "No definition is in force" in house.onestack("enable", "nope", "--org", "acme", code=1).stderr


def test_backtest_compares_a_draft_with_what_is_in_force_on_all_events_there_are(house: House) -> None:
    for number in range(3):
        in_history(house, emit(house, f"b-{number}", criticality=number + 2))
    run_of(house, "fails", "b-2", "completed" if versions(house)["fails"] == 2 else "failed")
    calls = performed(house)
    draft = FAILS.replace("version: 1", "version: 9").replace("value: 3", "value: 2").replace(".remark", ".name")
    (house.folder / "draft.yaml").write_text(draft.replace("state: enabled", "state: draft"))
    # What the history has not read yet is read from the topics.
    end(house.processes.pop("projector"), signal.SIGTERM)
    emit(house, "b-3", criticality=3)
    report = house.asked("backtest", "draft.yaml", "--since", "1h")
    house.up("projector")
    assert report["read"]["topics"] == 1
    only = {one["event"]["id"]: one for one in report["differences"]["only_draft"]["samples"]}
    assert {"off-b-1", "off-b-3"} <= set(only)
    assert only["off-b-1"]["in_force"]["conditions"]["actual"] == 3
    assert [one["step"] for one in only["off-b-3"]["draft"]["actions"]] == ["tag", "note", "done"]
    assert (
        report["totals"]["draft"]["runs"]
        == report["totals"]["in_force"]["runs"] + (report["differences"]["only_draft"]["runs"])
    )
    people = house.onestack("backtest", "draft.yaml", "--since", "1h").stdout
    assert "nothing was performed" in people
    assert "Only the draft runs on" in people
    assert performed(house) == calls, "no action was performed"


def performed(house: House) -> dict[str, int]:
    """How many calls each module performed."""
    return {name: counts["performed"] for name, counts in house.counts().items()}


def test_simulate_plays_a_recorded_event_without_anything_running(house: House) -> None:
    (house.folder / "event.json").write_text(
        json.dumps(house.asked("show", run_of(house, "waits", "w-1", "suppressed"))["trigger_event"])
    )
    told = house.asked("simulate", "waits.yaml", "--event", "event.json", "--signal", "device.online@5m")
    assert (told["status"], told["lasted_ms"]) == ("cancelled", 300_000)
    assert told["throttle"] == {"key": "w-1", "limit": 1, "per_s": 1800}
    people = house.onestack("simulate", "waits.yaml", "--event", "event.json", "--fail", "ticket=503x2").stdout
    assert "+15 min      ✓ ticket  create_ticket" in people
    assert "attempt 2 fails: HTTP 503; the next attempt at" in people
