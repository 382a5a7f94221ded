from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.main import run
from schemas.definitions import parse_definition
from schemas.documents import load_yaml
from schemas.templates import built_in

USE = ["templates", "use"]


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> tuple[str, str]:
    assert run(list(arguments)) == code
    told = capsys.readouterr()
    return told.out, told.err


def test_the_list_has_each_template_with_its_trigger_and_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = said(capsys, "templates")
    for one in built_in().values():
        (line,) = [line for line in out.splitlines() if line.startswith(f"{one.name} ")]
        assert one.trigger in line
        assert one.about.summary in line


def test_the_list_for_programs_describes_the_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = said(capsys, "templates", "--json")
    told = {one["name"]: one for one in json.loads(out)}
    assert len(told) == 10
    assert told["sla-breach-escalation"]["trigger"] == "ticket.sla_breach"
    team, severity = told["sla-breach-escalation"]["parameters"]
    assert (team["name"], team["type"], team["default"], team["required"]) == ("team", "team", None, True)
    assert (severity["choices"][0], severity["default"], severity["required"]) == ("critical", "high", False)


@pytest.mark.parametrize("name", built_in())
def test_show_tells_parameters_and_yaml(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = said(capsys, "templates", "show", name)
    for parameter in built_in()[name].parameters:
        assert f"<<{parameter.name}>>" in out
        assert parameter.description in out
    (definition,) = load_yaml(out[out.index("trigger:") : out.index("\nUse it:")])
    assert definition == built_in()[name].definition
    shown, _ = said(capsys, "templates", "show", name, "--json")
    assert json.loads(shown)["definition"] == definition


def test_use_prints_a_draft_that_is_filled_in_and_valid(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, *USE, "alert-to-ticket", "--org", "acme", "--set", "board=NOC", "--set", "quiet=1h")
    (body,) = load_yaml(out)
    definition = parse_definition(body)
    assert (definition.id, definition.org, definition.state, definition.version) == (
        "alert-to-ticket",
        "acme",
        "draft",
        1,
    )
    assert definition.throttle is not None
    assert definition.throttle.per == "1h"
    assert out.count("board: NOC") == 2
    assert err == ""


@pytest.mark.parametrize(("flag", "state"), [("--enable", "enabled"), ("--shadow", "shadow"), ("--draft", "draft")])
def test_use_takes_a_state_an_id_and_a_version(flag: str, state: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["deal-won-provisioning", "--org", "acme", "--id", "won", "--version", "4", flag, "--json"]
    out, _ = said(capsys, *USE, *arguments)
    body = json.loads(out)
    assert (body["id"], body["version"], body["state"]) == ("won", 4, state)


def test_use_writes_a_file_that_validate_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.yaml"
    arguments = ["duplicate-entity-review", "--org", "acme", "--set", "admin=ann@acme.example", "--enable"]
    out, _ = said(capsys, *USE, *arguments, "--out", str(file))
    assert out == f"wrote acme/duplicate-entity-review (enabled) to {file}\n"
    out, err = said(capsys, "validate", str(file))
    assert (out, err) == ("1 definition valid.\n", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sla-breach-escalation"], ["team: is required", "severity (critical | high"]),
        (
            ["alert-to-ticket", "--set", "bored=x"],
            ["bored: alert-to-ticket has no such parameter", "board (board, Alerts)"],
        ),
        (["overdue-invoice-reminder", "--set", "first=soon"], ["first: should be a number, not 'soon'"]),
        (["device-offline-alert", "--set", "minutes=a few"], ["minutes: should be a number, not 'a few'"]),
        (["alert-to-ticket", "--set", "quiet=a while"], ["quiet: 'a while' is not a duration"]),
        (["alert-to-ticket", "--id", "not an id"], ["id: should begin with a letter"]),
        (["alert-to-ticket", "--set", "board={{alert.title | shout}}"], ["'shout' is not a filter"]),
    ],
)
def test_what_does_not_fit_is_refused_with_the_parameters(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = said(capsys, *USE, *arguments, "--org", "acme", "--json", code=1)
    assert out == ""
    assert [word for word in words if word not in err] == []


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["nothing", "--org", "acme"], "There is no template 'nothing'; the templates are alert-to-ticket,"),
        (["alert-to-ticket"], "org"),
        (["alert-to-ticket", "--org", "acme", "--set", "board"], "--set takes NAME=VALUE"),
        (["alert-to-ticket", "--org", "acme", "--set", "board=a", "--set", "board=b"], "twice"),
        (["alert-to-ticket", "--org", "acme", "--enable", "--shadow"], "one of --enable, --draft and --shadow"),
        (["alert-to-ticket", "--org", "acme", "--out", "x.yaml", "--publish"], "either --out or --publish"),
    ],
)
def test_a_wrong_command_line_ends_with_2(arguments: list[str], word: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, *USE, *arguments, code=2)
    assert out == ""
    assert word in err


def test_publish_says_where_it_knocked_when_kafka_is_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONESTACK_BROKER", "127.0.0.1:1")
    out, err = said(capsys, *USE, "alert-to-ticket", "--org", "acme", "--publish", code=1)
    assert out == ""
    assert "Kafka at 127.0.0.1:1 (ONESTACK_BROKER) does not answer" in err
