from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import run

CRITICAL = """\
id: alert-to-ticket
org: acme
version: 1
name: Alert to Ticket
state: enabled
trigger: {type: alert.triggered}
conditions: {field: alert.severity, op: equals, value: critical}
steps:
  - {id: ticket, action: create_ticket, with: {title: "{{alert.title}}"}}
"""
NOWHERE = "127.0.0.1:1"
COMMANDS = [
    *("demo", "up", "worker", "projector", "topics", "migrate", "templates", "validate", "publish", "emit"),
    *("simulate", "backtest", "workflows", "runs", "show", "tail", "why", "cancel", "resume", "rerun"),
    *("disable", "enable", "dead-letters", "retention", "schemas", "version"),
]


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONESTACK_BROKER", NOWHERE)
    monkeypatch.setenv("ONESTACK_POSTGRES_URL", f"postgresql://ann:s3cr3t@{NOWHERE}/history")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(CRITICAL)
    (tmp_path / "bad.yaml").write_text(CRITICAL + "---\nid: a b\norg: acme\n")
    (tmp_path / "warned.yaml").write_text(CRITICAL.replace("alert.title", "alert.titel"))
    return tmp_path


def test_help_names_every_command_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"  {command} " in told for command in COMMANDS)
    assert "Exit codes: 0 done, 1 failed or refused, 2" in told


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    assert f"onestack {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["runs", "--nope"],
        ["show"],
        ["runs", "--limit", "0"],
        ["emit"],
        ["publish"],
        ["validate", "none.yaml"],
    ],
)
def test_a_wrong_command_line_is_one_sentence_and_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("onestack: ")
    assert told.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["runs"],
        ["runs", "--json"],
        ["show", "abc"],
        ["workflows"],
        ["dead-letters"],
        ["migrate"],
        ["migrate", "--json"],
    ],
)
def test_postgres_away_is_one_sentence_without_the_password(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert (
        told.err == "onestack: Postgres at 127.0.0.1:1/history (ONESTACK_POSTGRES_URL) does not answer:"
        " nothing listens there.\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["topics", "create"],
        ["topics", "list"],
        ["tail"],
        ["publish", "good.yaml"],
        ["publish", "--delete", "alert-to-ticket", "--org", "acme"],
        ["emit", "device.offline", "--org", "a"],
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_kafka_away_is_one_sentence(arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == f"onestack: Kafka at {NOWHERE} (ONESTACK_BROKER) does not answer: no connection to it.\n"


def test_a_wrong_setting_is_told_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONESTACK_PARTITIONS", "many")
    assert run(["worker"]) == 1
    assert capsys.readouterr().err.startswith("onestack: ONESTACK_PARTITIONS: ")


def test_a_url_that_is_none_is_refused_without_being_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONESTACK_POSTGRES_URL", "nonsense:s3cr3t")
    assert run(["runs"]) == 1
    told = capsys.readouterr().err
    assert "ONESTACK_POSTGRES_URL" in told
    assert "s3cr3t" not in told


def test_validate_accepts_good_definitions(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "good.yaml"]) == 0
    assert capsys.readouterr().out == "1 definition valid.\n"


def test_validate_says_of_each_fault_where_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "bad.yaml", "good.yaml"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "bad.yaml: document 2: version: is required\n" in told.err
    assert "bad.yaml: document 2: id: " in told.err
    assert "good.yaml: document 1: id: acme/alert-to-ticket stands in document 1 of bad.yaml already\n" in told.err
    assert told.err.endswith("onestack: 2 of 3 definitions refused.\n")


def test_validate_as_json_tells_the_same_and_still_errs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "--json", "bad.yaml"]) == 1
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert found["valid"] is False
    assert [one["document"] for one in found["definitions"]] == [1, 2]
    assert found["definitions"][0]["faults"] == []
    assert {"field": "version", "reason": "is required"} in found["definitions"][1]["faults"]
    assert "onestack: 1 of 2 definitions refused." in told.err


def test_warnings_keep_exit_code_0(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "warned.yaml"]) == 0
    told = capsys.readouterr()
    assert "warned.yaml: document 1: warning: steps[0].with.title: alert.titel" in told.err
    assert told.out == "1 definition valid, with 1 warning.\n"


def test_a_file_that_is_no_yaml_is_told_with_its_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "broken.yaml").write_text("id: a\nid: b\n")
    assert run(["validate", "broken.yaml"]) == 1
    assert "broken.yaml: line 2: the key 'id' stands twice in one mapping\n" in capsys.readouterr().err


def test_a_folder_stands_for_the_definitions_in_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "inner").mkdir()
    (folder / "inner/more.yml").write_text(CRITICAL)
    (folder / "inner/notes.txt").write_text("no definition")
    assert run(["validate", "inner"]) == 0
    assert capsys.readouterr().out == "1 definition valid.\n"


def test_publish_sends_nothing_where_one_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["publish", "bad.yaml"]) == 1
    assert capsys.readouterr().err.endswith("1 of 2 definitions refused; nothing was published.\n")


def test_emit_refuses_an_event_before_it_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    data = '{"alert": {"id": "a-1", "severity": "loud"}}'
    assert run(["emit", "alert.triggered", "--org", "acme", "--data", data]) == 1
    assert capsys.readouterr().err.startswith("onestack: data.alert.severity: ")


def test_schemas_writes_every_document(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schemas", "out", "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert "out/asyncapi.json" in written
    assert all((folder / path).is_file() for path in written)


def test_a_reader_that_has_enough_is_no_error() -> None:
    command = f"{sys.executable} -m cli.main --help | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.parametrize("process", ["worker", "projector"])
def test_starting_a_process_does_not_load_the_command_line_or_the_sandbox(process: str) -> None:
    script = (
        "import sys, cli.processes as p\n"
        "avoidable = {'typer', 'rich', 'sandbox', 'yaml'}\n"
        f"p.{process} = lambda: print(sorted(avoidable & set(sys.modules))) or 0\n"
        "from cli.main import run\n"
        f"raise SystemExit(run(['{process}']))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
