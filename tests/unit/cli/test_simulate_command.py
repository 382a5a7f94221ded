from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from hub.services.words import offset

OFFLINE = """\
id: offline
org: acme
version: 1
name: Offline
state: enabled
trigger: {type: device.offline}
conditions: {field: device.type, op: equals, value: server}
cancel_on: [{type: device.online}]
steps:
  - {id: wait, action: delay, with: {for: PT15M}}
  - id: which
    if: {field: device.criticality, op: greater_than, value: 3}
    then: [{id: ticket, action: create_ticket, with: {title: "{{device.name}} is offline", board: "{{device.nmae}}"}}]
    else: [{id: note, action: create_note, with: {body: small, company_id: c-1}}]
"""
OTHER = OFFLINE.replace("id: offline", "id: second")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing runs: the broker and Postgres are at addresses where nobody is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ONESTACK_BROKER", "127.0.0.1:1")
    monkeypatch.setenv("ONESTACK_POSTGRES_URL", "postgresql://127.0.0.1:1/history")
    (tmp_path / "offline.yaml").write_text(OFFLINE)
    (tmp_path / "two.yaml").write_text(f"{OFFLINE}---\n{OTHER}")
    (tmp_path / "bad.yaml").write_text(OFFLINE.replace("create_ticket", "create_tickets"))
    (tmp_path / "late.yaml").write_text(OFFLINE.replace("for: PT15M", "until: business_hours"))
    (tmp_path / "hours.yaml").write_text(
        "id: default\norg: acme\nversion: 1\ntime_zone: UTC\nhours: {mon: 09:00-17:00}\n"
    )  # fmt: skip
    return tmp_path


def played(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run(["simulate", *arguments, "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


@pytest.mark.usefixtures("folder")
def test_a_simulation_is_a_story_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", "offline.yaml", "--event", "device.offline", "--at", "2026-11-23T08:00:00Z"]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "Simulation of Offline (offline, version 1, enabled) of acme",
        "  event     device.offline sample-1 about device/d-17",
        "  result    completed after 15 min; nothing was performed",
        "  began     2026-11-23 08:00:00 UTC, in virtual time",
        "",
        "Conditions: true",
        '  ✓ device.type equals "server" (it was "server")',
        "",
        "What happens",
        "  +0 s         ✓ wait  waits 15 min, until 2026-11-23 08:15:00 UTC",
        "  +15 min      ✓ which  is true",
        "                 ✓ device.criticality greater_than 3 (it was 5)",
        "  +15 min      ✓ which.then.ticket  create_ticket",
        '                 title       "SRV-01 is offline"',
        '                 board       ""',
        '                 status      "New"',
        '                 company_id  "c-1"',
        '                 → {"id":"imagined-ticket-which.then.ticket"} (imagined)',
        "",
        "Not reached",
        "  which.else.note  which was true",
        "",
        "Missing in this event",
        '  steps[1].then[0].with.board  device.nmae is not there, so it is ""',
    ]
    assert "device.nmae is not a field" in told.err


@pytest.mark.usefixtures("folder")
def test_failures_are_played_with_their_retries(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", "offline.yaml", "--event", "device.offline", "--fail", "ticket=503x2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("; the next")[0].strip() for line in lines if "attempt" in line and "fails" in line] == [
        "attempt 1 fails: HTTP 503",
        "attempt 2 fails: HTTP 503",
    ]
    assert any("attempt 3 succeeds at +15 min" in line for line in lines)
    told = played(capsys, "offline.yaml", "--event", "device.offline", "--fail", "which.then.ticket=422")
    assert (told["status"], told["reason"]) == ("failed", "step which.then.ticket failed: HTTP 422")


@pytest.mark.usefixtures("folder")
def test_a_signal_comes_at_its_time_and_about_the_same_entity(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("offline.yaml", "--event", "device.offline", "--at", "2026-11-23T08:00:00Z")
    told = played(capsys, *arguments, "--signal", "device.online@5m")
    assert (told["status"], told["ended"]) == ("cancelled", "2026-11-23T08:05:00.000000Z")
    assert run(["simulate", *arguments, "--signal", "device.online@5m"]) == 0
    shown = capsys.readouterr().out
    assert "+0 s         – wait  would wait 15 min" in shown
    assert "+5 min       ⚡ device.online signal-080500000000 cancels the run" in shown
    # A file's event comes when it says of itself.
    event = played(capsys, *arguments)["event"]
    (folder / "on.json").write_text(
        json.dumps({**event, "id": "on", "type": "device.online", "time": "2026-11-23T08:07:00Z"})
    )  # fmt: skip
    assert played(capsys, *arguments, "--signal", "on.json")["lasted_ms"] == 7 * 60_000
    assert played(capsys, *arguments, "--signal", "on.json@16m")["signals"][0]["effect"] == "the run had ended"


@pytest.mark.usefixtures("folder")
def test_data_is_changed_and_what_comes_out_is_an_event_again(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("offline.yaml", "--event", "device.offline")
    told = played(capsys, *arguments, "--set", "device.type=laptop")
    assert (told["status"], told["conditions"]["actual"]) == ("skipped", "laptop")
    told = played(capsys, *arguments, "--set", "device.criticality=1", "--set", "device.nmae=x")
    assert told["not_reached"][0]["step"] == "which.then.ticket"
    assert run(["simulate", *arguments, "--set", "device.criticality=high"]) == 1
    assert "data.device.criticality: should be a number" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_business_time_is_that_of_a_calendars_file(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("late.yaml", "--event", "device.offline", "--at", "2026-11-21T12:00:00Z")
    told = played(capsys, *arguments, "--calendar", "hours.yaml")
    assert told["ended"] == "2026-11-23T09:00:00.000000Z"
    told = played(capsys, *arguments)
    assert "there is no calendar 'default'" in told["steps"][0]["error"]["message"]


@pytest.mark.usefixtures("folder")
def test_one_of_several_definitions_is_chosen_by_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    told = played(capsys, "two.yaml", "--event", "device.offline", "--id", "second", "--org", "globex")
    assert (told["workflow"]["id"], told["org"], told["event"]["orgid"]) == ("second", "globex", "globex")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["two.yaml", "--event", "device.offline"], 2, "two.yaml holds 2 definitions: choose one with --id"),
        (
            ["two.yaml", "--event", "device.offline", "--id", "x"],
            2,
            "no definition with the id 'x', but offline, second",
        ),
        (["offline.yaml", "--event", "nothing"], 2, "neither a file nor an event type; they are ticket.created"),
        (["offline.yaml", "--event", "device.online"], 1, "device.offline triggers the workflow offline"),
        (["bad.yaml", "--event", "device.offline"], 1, "acme/offline was refused"),
        (
            ["offline.yaml", "--event", "device.offline", "--fail", "wait"],
            2,
            "its actions are which.else.note, which.then",
        ),
        (["offline.yaml", "--event", "device.offline", "--fail", "ticket=99"], 2, "an HTTP status from 400 to 599"),
        (["offline.yaml", "--event", "device.offline", "--fail", "ticket=500x0"], 2, "after x comes how often"),
        (["offline.yaml", "--event", "device.offline", "--signal", "device.online@soon"], 2, "--signal: 'soon' is not"),
        (["offline.yaml", "--event", "device.offline", "--takes", "soon"], 2, "--takes: 'soon' is not a duration"),
        (["offline.yaml", "--event", "device.offline", "--set", "type"], 2, "--set takes PATH=VALUE"),
        (["offline.yaml", "--event", "device.offline", "--calendar", "no.yaml"], 2, "no.yaml: no such file"),
        (["-", "--event", "-"], 2, "can come from stdin, not both"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_can_not_be_played_is_told_in_a_sentence(
    arguments: list[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["simulate", *arguments]) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert sentence in told.err


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.25, "0.25 s"),
        (2, "2 s"),
        (61, "1 min 1 s"),
        (900, "15 min"),
        (90_061, "1 d 1 h"),
        (604_800, "7 d"),
    ],
)
def test_time_spans_have_their_two_largest_units(seconds: float, text: str) -> None:
    assert offset(seconds) == text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["resume"], "Name a RUN, or a filter such as '--failed --since 2h'."),
        (["rerun"], "Name a RUN, or a filter"),
        (["resume", "abcd", "--failed"], "Name either a RUN or a filter."),
        (["rerun", "--status", "broken"], "'broken' is not a status; they are running"),
        (["resume", "abcd", "--version", "old"], "--version takes same or current, not 'old'."),
        (["resume", "--failed", "--step", "note"], "A --step is one of a RUN"),
        (["disable", "wf"], "Missing option '--org'"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_wrong_request_is_refused_before_anything_is_asked(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["why", "ev-1"],
        ["cancel", "abcd"],
        ["resume", "--failed", "--dry-run"],
        ["rerun", "abcd"],
        ["backtest", "offline.yaml"],
    ],
)
@pytest.mark.usefixtures("folder")
def test_without_a_history_the_sentence_says_where_it_was_looked_for(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 1
    assert "127.0.0.1:1/history (ONESTACK_POSTGRES_URL) does not answer" in capsys.readouterr().err
