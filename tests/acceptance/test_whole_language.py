"""What a workflow can mean, as a person meets it: loops, branches, versions, shadow, and mending what failed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import pytest

from tests.acceptance.house import House

pytestmark = pytest.mark.timeout(240)

PING: Final = """\
id: ping
org: acme
version: 1
name: Priority to Status
state: enabled
trigger: {type: ticket.updated}
conditions: {field: ticket.priority, op: changed}
steps:
  - {id: status, action: update_ticket, with: {fields: {status: "In Progress {{run.id}}"}}}
"""
PONG: Final = """\
id: pong
org: acme
version: 1
name: Status to Priority
state: enabled
trigger: {type: ticket.updated}
conditions: {field: ticket.status, op: changed}
steps:
  - {id: priority, action: update_ticket, with: {fields: {priority: P2}}}
"""
BRANCHES: Final = """\
id: branches
org: acme
version: 1
name: By Severity
state: enabled
trigger: {type: alert.triggered}
steps:
  - id: which
    if: {field: alert.severity, op: equals, value: critical}
    then:
      - {id: page, action: escalate_on_call, with: {team: noc, severity: critical}}
      - id: site
        if: {field: device.site, op: exists}
        then: [{id: hq, action: add_tag, with: {tag: "{{device.site}}"}}]
        else: [{id: nowhere, action: add_tag, with: {tag: nowhere}}]
    else:
      - {id: calm, action: add_tag, with: {tag: calm}}
  - {id: note, action: create_note, with: {body: "paged as {{steps.page.id | default: 'nobody'}}", company_id: c-1}}
"""
SLOW: Final = """\
id: slow
org: acme
version: VERSION
name: Slow VERSION
state: enabled
trigger: {type: device.offline}
steps:
  - {id: wait, action: delay, with: {for: 2h}}
  - {id: tag, action: add_tag, with: {tag: "version-VERSION"}}
"""
SHADOW: Final = """\
id: shadow
org: acme
version: 1
name: Only Looking
state: shadow
trigger: {type: contact.created}
steps:
  - {id: ticket, action: create_ticket, with: {title: "Welcome {{contact.name}}", company_id: c-1}}
  - {id: tell, action: send_notification, with: {channel: push, to: u-1, body: "see {{steps.ticket.id}}"}}
"""
FAILS: Final = """\
id: fails
org: acme
version: 1
name: Calls What Is Gone
state: enabled
trigger: {type: backup.failed}
on_error: stop
steps:
  - {id: before, action: add_tag, with: {tag: tried}}
  - {id: gone, action: webhook, with: {url: "WEBHOOKS/retired", secret: "secret:SIGNING"}}
  - {id: after, action: add_tag, with: {tag: mended}}
"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    one = House(virtual=True)
    try:
        one.start()
        one.onestack("topics", "create")
        for name, text in (("branches", BRANCHES), ("shadow", SHADOW), ("slow", SLOW.replace("VERSION", "1"))):
            write(one, name, text)
            one.onestack("publish", f"{name}.yaml")
        yield one
    finally:
        one.stop()


def write(house: House, name: str, text: str) -> None:
    (house.folder / f"{name}.yaml").write_text(text)


def emit(house: House, kind: str, id: str, **data: Any) -> None:
    house.onestack("emit", kind, "--org", "acme", "--id", id, "--data", json.dumps(data))


def eventually(what: str, ask: Any, seconds: float = 40) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.2)
    return found


def runs(house: House, workflow: str, status: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = house.asked("runs", "--workflow", workflow, "--status", status)
    return found


def story(house: House, workflow: str, status: str) -> dict[str, Any]:
    """The one run of a workflow that has this status, once there is one."""
    (run,) = eventually(f"a run of {workflow} that is {status}", lambda: runs(house, workflow, status))
    found: dict[str, Any] = house.asked("show", run["run_id"])
    return found


def steps(told: dict[str, Any]) -> list[tuple[str, str]]:
    return [(step["step_id"], step["status"]) for step in told["steps"]]


def test_two_workflows_that_update_each_others_trigger_are_told_of_and_stopped(house: House) -> None:
    write(house, "ping", PING)
    write(house, "pong", PONG)
    warned = house.onestack("validate", "ping.yaml", "pong.yaml")
    said = " ".join((warned.stdout + warned.stderr).split())
    assert "Priority to Status" in said
    assert "Status to Priority" in said
    assert "loop" in said.lower()
    house.onestack("publish", "ping.yaml", "pong.yaml", "--strict", code=1)
    assert [one for one in house.asked("workflows") if one["workflow_id"] in {"ping", "pong"}] == []
    house.onestack("publish", "ping.yaml")
    # The other half is in force by now: this file alone closes the circle.
    warned = house.onestack("publish", "pong.yaml")
    assert "Priority to Status" in " ".join((warned.stdout + warned.stderr).split())
    emit(house, "ticket.updated", "loop-1", ticket={"id": "T-9", "priority": "P1"}, previous={"priority": "P3"})
    stopped = story(house, "ping", "suppressed")
    assert "ping → pong → ping" in stopped["error"]
    assert stopped["causation_chain"] == ["ping", "pong", "ping"]
    assert len(runs(house, "ping", "completed")) == 1
    assert len(runs(house, "pong", "completed")) == 1


def test_a_branch_is_taken_and_its_steps_have_paths(house: House) -> None:
    emit(house, "alert.triggered", "b-1", alert={"id": "a-1", "severity": "critical"}, device={"id": "d", "site": "HQ"})
    told = story(house, "branches", "completed")
    assert steps(told) == [
        ("which", "succeeded"), ("which.then.page", "succeeded"), ("which.then.site", "succeeded"),
        ("which.then.site.then.hq", "succeeded"), ("note", "succeeded"),
    ]  # fmt: skip
    assert told["steps"][0]["output"] == {"result": True}
    paged = told["steps"][1]["output"]["id"]
    assert told["steps"][4]["input"]["body"] == f"paged as {paged}"
    emit(house, "alert.triggered", "b-2", alert={"id": "a-2", "severity": "low"})
    eventually("two runs", lambda: len(runs(house, "branches", "completed")) == 2)
    other = next(one for one in runs(house, "branches", "completed") if one["run_id"] != told["run_id"])
    calm = house.asked("show", other["run_id"])
    assert [step for step, _ in steps(calm)] == ["which", "which.else.calm", "note"]
    assert calm["steps"][2]["input"]["body"] == "paged as nobody"


def test_a_shadow_run_says_what_it_would_have_done_and_does_nothing(house: House) -> None:
    before = house.counts()
    emit(house, "contact.created", "s-1", contact={"id": "k-1", "name": "Ann"})
    told = story(house, "shadow", "completed")
    assert steps(told) == [("ticket", "skipped"), ("tell", "skipped")]
    assert told["steps"][0]["input"]["title"] == "Welcome Ann"
    assert told["steps"][1]["input"]["body"] != "see "
    assert house.counts().get("psa") == before.get("psa")
    assert house.counts().get("hub") == before.get("hub")


def test_a_run_ends_under_the_version_that_it_began_with(house: House) -> None:
    assert house.time is not None
    emit(house, "device.offline", "v-1", device={"id": "d-1", "name": "one"})
    eventually("a waiting run", lambda: runs(house, "slow", "waiting"))
    write(house, "slow", SLOW.replace("VERSION", "2"))
    house.onestack("publish", "slow.yaml")
    emit(house, "device.offline", "v-2", device={"id": "d-2", "name": "two"})
    eventually("two waiting runs", lambda: len(runs(house, "slow", "waiting")) == 2)
    house.onestack("disable", "slow", "--org", "acme")
    emit(house, "device.offline", "v-3", device={"id": "d-3", "name": "three"})
    house.time.forward(timedelta(hours=2, minutes=1))
    eventually("both are completed", lambda: len(runs(house, "slow", "completed")) == 2)
    ended = [house.asked("show", one["run_id"]) for one in runs(house, "slow", "completed")]
    tags = {one["workflow_version"]: one["steps"][1]["input"]["tag"] for one in ended}
    assert tags == {1: "version-1", 2: "version-2"}
    assert runs(house, "slow", "running") == runs(house, "slow", "waiting") == []
    assert all(one["duration_ms"] >= 2 * 3600 * 1000 for one in ended)


def test_disabling_can_also_cancel_what_runs(house: House) -> None:
    house.onestack("enable", "slow", "--org", "acme")
    emit(house, "device.offline", "c-1", device={"id": "d-4", "name": "four"})
    eventually("a waiting run", lambda: runs(house, "slow", "waiting"))
    house.onestack("disable", "slow", "--org", "acme", "--cancel-running")
    assert story(house, "slow", "cancelled")["steps"][0]["status"] == "cancelled"
    assert runs(house, "slow", "waiting") == []


def test_a_failed_run_is_resumed_from_where_it_failed_and_run_again(house: House) -> None:
    write(house, "fails", FAILS.replace("WEBHOOKS", house.webhooks))
    house.onestack("publish", "fails.yaml")
    emit(house, "backup.failed", "f-1", backup={"id": "bk-1"})
    failed = story(house, "fails", "failed")
    assert steps(failed) == [("before", "succeeded"), ("gone", "failed")]
    told = house.onestack("resume", "--failed", "--workflow", "fails", "--org", "acme", "--since", "1h", "--dry-run")
    assert failed["run_id"][:8] in told.stdout
    assert runs(house, "fails", "failed"), "a dry run resumes nothing"
    house.onestack("resume", failed["run_id"], code=0)
    eventually("it failed again", lambda: len(house.asked("show", failed["run_id"])["steps"]) == 3)
    mended = (
        FAILS.replace("WEBHOOKS", house.webhooks).replace("/retired", "/hooks/acme").replace("version: 1", "version: 2")
    )
    write(house, "fails", mended)
    house.onestack("publish", "fails.yaml")
    house.onestack("resume", failed["run_id"], "--version", "current")
    told_again = story(house, "fails", "completed")
    assert told_again["run_id"] == failed["run_id"]
    assert told_again["workflow_version"] == 2
    assert [step for step, _ in steps(told_again)] == ["before", "gone", "gone", "gone", "after"]
    house.onestack("rerun", failed["run_id"])
    eventually("a second run", lambda: len(runs(house, "fails", "completed")) == 2)


def test_why_an_event_started_what_it_did(house: House) -> None:
    told = house.asked("why", "v-3", "--org", "acme")
    by_workflow = {one["workflow"]: one for one in told["workflows"]}
    assert "disabled" in json.dumps(by_workflow["slow"])
    said = house.onestack("why", "b-2", "--org", "acme").stdout
    assert "branches" in said
    unknown = house.onestack("why", "never-sent", "--org", "acme", code=1)
    assert "never-sent" in unknown.stderr
