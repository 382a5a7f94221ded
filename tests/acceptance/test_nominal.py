"""The nominal path by the command line alone, and what it says when something is wrong."""

from __future__ import annotations

import asyncio
import json
import signal
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaProducer
from jsonschema import Draft202012Validator

from sandbox.process import end
from schemas.names import ACTIONS
from tests.acceptance.house import House

pytestmark = pytest.mark.timeout(180)

EVERYTHING: Final = """\
id: everything
org: acme
version: 1
name: Everything at Once
state: enabled
trigger: {type: alert.triggered}
conditions:
  all:
    - {field: alert.severity, op: in, value: [critical, high]}
    - not: {field: device.tags, op: contains, value: maintenance}
steps:
  - {id: ticket, action: create_ticket, with: {title: "{{alert.title}} on {{device.name}}", priority: P1}}
  - {id: progress, action: update_ticket, with: {ticket_id: "{{steps.ticket.id}}", fields: {status: In Progress}}}
  - {id: matters, condition: {field: device.criticality, op: greater_than, value: 3}}
  - id: mail
    action: send_notification
    with: {channel: email, to: t@acme.example, subject: "{{steps.ticket.id}}", body: "{{alert.title}}"}
  - {id: push, action: send_notification, with: {channel: push, to: u-2, body: "{{alert.title}}"}}
  - {id: teams, action: send_notification, with: {channel: teams, to: "secret:TEAMS", body: "{{alert.title}}"}}
  - {id: slack, action: send_notification, with: {channel: slack, to: "secret:SLACK", body: "{{alert.title}}"}}
  - {id: escalate, action: escalate_on_call, with: {team: noc, severity: "{{alert.severity}}"}}
  - id: health
    action: update_field
    with: {entity_type: device, entity_id: "{{device.id}}", field: health, value: 0.5}
  - {id: script, action: run_script, with: {script_id: collect-logs, parameters: {lines: 100}}}
  - {id: note, action: create_note, with: {body: "{{steps.ticket.id}} was opened."}}
  - {id: tag, action: add_tag, with: {tag: escalated}}
  - {id: hook, action: webhook, with: {url: "WEBHOOKS/hooks/acme", secret: "secret:SIGNING"}}
"""
QUIET: Final = """\
id: quiet
org: acme
version: 1
name: Not Yet
state: disabled
trigger: {type: device.offline}
steps:
  - {id: tag, action: add_tag, with: {tag: offline}}
"""
BAD: Final = "id: bad\norg: acme\nversion: 1\nname: Bad\nstate: enabled\ntrigger: {type: alert.triggered}\nsteps: []\n"
DEVICE: Final = {"id": "d-17", "name": "SRV-01", "criticality": 5, "tags": ["server"]}
STEPS: Final = [
    *("ticket", "progress", "matters", "mail", "push", "teams", "slack", "escalate"),
    *("health", "script", "note", "tag", "hook"),
]
CALLS: Final = {"psa": 2, "mail": 1, "hub": 4, "teams": 1, "slack": 1, "oncall": 1, "rmm": 1, "webhook": 1}
"""What one run of it asks of each module."""
SECRETS: Final = ("sandbox-module-token", "sandbox-incoming-hook", "whsec_")


def alert(id: str, severity: str) -> str:
    return json.dumps(
        {"alert": {"id": id, "title": "Disk full", "severity": severity}, "device": DEVICE, "company": {"id": "c-1"}}
    )


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A morning: two definitions published, three events sent (one twice), one record that is no event."""
    one = House()
    try:
        one.start()
        (one.folder / "workflows").mkdir()
        (one.folder / "workflows" / "everything.yaml").write_text(EVERYTHING.replace("WEBHOOKS", one.webhooks))
        (one.folder / "workflows" / "quiet.yaml").write_text(QUIET)
        (one.folder / "bad.yaml").write_text(BAD)
        one.onestack("topics", "create")
        one.onestack("publish", "workflows")
        for id, severity in (("a-1", "critical"), ("a-1", "critical"), ("a-2", "low")):
            one.onestack(*emit(id, severity))
        asyncio.run(raw(one, b"{"))
        one.wait_for_runs(2)
        yield one
    finally:
        one.stop()


def emit(id: str, severity: str, *more: str) -> list[str]:
    return ["emit", "alert.triggered", "--org", "acme", "--id", f"ev-{id}", "--data", alert(id, severity), *more]


async def raw(house: House, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=house.broker.bootstrap)
    await producer.start()
    await producer.send_and_wait("onestack.events.rmm", value, b"acme/alert/a-1")
    await producer.stop()


def run_of(house: House, status: str) -> dict[str, Any]:
    (run,) = house.asked("runs", "--org", "acme", "--status", status)
    return dict(run)


def test_one_event_runs_every_action_once_and_a_repeat_nothing(house: House) -> None:
    assert Counter(run["status"] for run in house.asked("runs")) == {"completed": 1, "skipped": 1}
    story = house.asked("show", run_of(house, "completed")["run_id"])
    assert [step["step_id"] for step in story["steps"]] == STEPS
    assert [step for step in story["steps"] if step["status"] != "succeeded"] == []
    counts = house.counts()
    assert {module: counts[module]["performed"] for module in CALLS} == CALLS
    assert {step["action"] for step in story["steps"]} == {*ACTIONS, "condition"} - {"delay"}
    ticket = story["steps"][0]["output"]
    assert ticket["title"] == "Disk full on SRV-01"
    assert story["steps"][3]["input"]["subject"] == ticket["id"]
    assert [entry["seq"] for entry in story["entries"]] == list(range(len(story["entries"])))


def test_show_tells_a_runs_story_to_a_person(house: House) -> None:
    run = run_of(house, "completed")["run_id"]
    told = house.onestack("show", run[:8]).stdout
    assert run in told
    for said in ("Everything at Once", "completed", "alert.severity in", 'it was "critical"', *STEPS):
        assert said in told
    skipped = house.onestack("show", run_of(house, "skipped")["run_id"]).stdout
    assert "Conditions: false" in skipped
    assert "Steps: none began" in skipped


def test_runs_are_found_by_what_people_ask_for(house: House) -> None:
    run = run_of(house, "completed")["run_id"]
    question = ["--org", "acme", "--workflow", "everything", "--trigger", "alert.triggered", "--since", "1h"]
    assert [one["run_id"] for one in house.asked("runs", *question, "--entity", "alert/a-1")] == [run]
    assert house.asked("runs", *question, "--entity", "alert/a-9") == []
    assert "No run is known that fits." in house.onestack("runs", "--org", "globex").stdout
    assert run in house.onestack("runs").stdout


def test_workflows_are_listed_with_their_states(house: House) -> None:
    listed = {one["workflow_id"]: one for one in house.asked("workflows", "--org", "acme")}
    assert {id: (one["version"], one["state"]) for id, one in listed.items()} == {
        "everything": (1, "enabled"),
        "quiet": (1, "disabled"),
    }
    assert listed["everything"]["definition"]["steps"][0]["id"] == "ticket"
    assert "Everything at Once" in house.onestack("workflows").stdout


def test_a_dead_letter_says_where_it_came_from_and_why(house: House) -> None:
    (letter,) = house.asked("dead-letters")
    assert (letter["topic"], letter["key"], letter["value"]) == ("onestack.events.rmm", "acme/alert/a-1", "{")
    assert "JSON" in letter["reason"]
    assert letter["reason"] in house.onestack("dead-letters", "--topic", "onestack.events.rmm").stdout


def test_tail_prints_the_run_log_from_kafka(house: House) -> None:
    run = run_of(house, "skipped")["run_id"]
    told = house.onestack("tail", "--from-start", "--run", run, "--limit", "1", "--json").stdout
    assert json.loads(told)["id"] == f"{run}:0"


def test_publish_sends_only_what_is_new(house: House) -> None:
    again = house.onestack("publish", "workflows").stdout
    assert again.count("in force already") == 2
    older = EVERYTHING.replace("WEBHOOKS", house.webhooks).replace("Everything at Once", "Changed")
    refused = house.onestack("publish", "-", stdin=older, code=1)
    assert "acme/everything" in refused.stderr
    assert "version" in refused.stderr
    assert refused.stdout == ""


def test_validate_names_the_field_and_ends_with_1(house: House) -> None:
    assert "2 definitions valid" in house.onestack("validate", "workflows").stdout
    assert house.asked("validate", "workflows")["valid"] is True
    refused = house.onestack("validate", "bad.yaml", "--json", code=1)
    assert "bad.yaml" in refused.stderr
    assert "steps" in refused.stderr
    assert json.loads(refused.stdout)["valid"] is False
    assert "nothing was published" in house.onestack("publish", "workflows", "bad.yaml", code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nonsense"], 2, "nonsense"),
        (["runs", "--status", "sleeping"], 2, "sleeping"),
        (["emit", "alert.exploded", "--org", "acme"], 2, "alert.exploded"),
        (["emit", "alert.triggered", "--org", "no such org"], 1, "orgid"),
        (["show", "0123456789abcdef"], 1, "0123456789abcdef"),
        (["validate", "nowhere.yaml"], 2, "nowhere.yaml"),
    ],
)
def test_a_mistake_is_told_on_stderr_also_under_json(house: House, arguments: list[str], code: int, said: str) -> None:
    failed = house.onestack(*arguments, "--json", code=code)
    assert failed.stdout == ""
    assert said in failed.stderr
    assert "Traceback" not in failed.stderr


def test_schemas_are_written_and_fit_what_went_over_the_wire(house: House) -> None:
    written = house.asked("schemas", "contracts")
    assert any("asyncapi" in path for path in written)
    documents = {path: json.loads((house.folder / path).read_text()) for path in written}
    for path, document in documents.items():
        if "asyncapi" in path:
            assert document["asyncapi"].startswith("3.")
        else:
            Draft202012Validator.check_schema(document)
    definition = next(document for path, document in documents.items() if path.endswith("definition.schema.json"))
    (in_force,) = house.asked("workflows", "--state", "enabled")
    Draft202012Validator(definition).validate(in_force["definition"])


def test_preparing_again_changes_nothing(house: House) -> None:
    assert house.asked("topics", "create") == {"created": [], "partitions": 4}
    assert house.asked("migrate") == {"applied": []}


def test_no_secret_is_in_the_history_or_in_a_log(house: House) -> None:
    told = house.onestack("show", run_of(house, "completed")["run_id"], "--full", "--json").stdout
    logs = "".join(house.log(role).read_text() for role in ("worker", "projector"))
    for secret in SECRETS:
        assert secret not in told
        assert secret not in logs


def test_worker_and_projector_end_with_0_on_sigterm_and_go_on_when_started_again(house: House) -> None:
    for role in ("worker", "projector"):
        assert end(house.processes.pop(role), signal.SIGTERM) == 0
        house.up(role)
    house.onestack(*emit("a-3", "high"))
    house.wait_for_runs(2, "--org", "acme", "--status", "completed")
    assert house.counts()["psa"]["performed"] == 2 * CALLS["psa"]
    assert "completed" in house.onestack("runs", "--entity", "alert/a-3", "--org", "acme").stdout
