"""The read functions on the views."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from cli.main import run as command
from projections.projection import Projection
from projections.queries import (
    Ambiguous,
    RunFilter,
    counts,
    find_run,
    get_run,
    list_dead_letters,
    list_runs,
    list_workflows,
    run_log,
)
from projections.store import Partition, Store
from runtime.postgres import Connection
from schemas.names import DEAD_LETTERS, RUNS


class Record:
    def __init__(self, topic: str, offset: int, value: Any) -> None:
        self.topic, self.partition, self.offset, self.timestamp = topic, 0, offset, 0
        self.key, self.value = b"k", orjson.dumps(value)


def started(org: str, run: str, kind: str, minute: int) -> list[dict[str, Any]]:
    data = {
        "workflow": {"id": "wf", "name": "WF", "version": 1},
        "event": {"type": "device.offline"},
        "conditions": None,
    }
    return [
        {
            "id": f"{run}:0", "type": kind, "orgid": org, "subject": "device/d-1",
            "time": f"2026-11-23T08:{minute:02}:00Z", "data": data,
        }
    ]  # fmt: skip


@pytest.fixture
async def history(connection: Connection) -> Connection:
    projection = Projection(Store(connection))
    topics = (RUNS, DEAD_LETTERS)
    projection.positions = await projection.store.positions(Partition(topic, 0) for topic in topics)
    runs = [("acme", "r1", "run.started"), ("acme", "r2", "run.skipped"), ("globex", "r3", "run.started")]
    await projection.project([Record(RUNS, n, started(*one, n)) for n, one in enumerate(runs)])
    letters = [{"reason": "not JSON", "key": f"{org}/device/d-1", "value": org} for org in ("acme", "acme2")]
    await projection.project([Record(DEAD_LETTERS, n, one) for n, one in enumerate(letters)])
    return connection


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (RunFilter(), ["r3", "r2", "r1"]),
        (RunFilter(org="acme"), ["r2", "r1"]),
        (RunFilter(org="acme", status="skipped"), ["r2"]),
        (RunFilter(org="globex", entity="device/d-1"), ["r3"]),
        (RunFilter(entity="acme/device/d-1", workflow="wf", trigger="device.offline"), ["r2", "r1"]),
        (RunFilter(since=datetime(2026, 11, 23, 8, 1, tzinfo=UTC)), ["r3", "r2"]),
        (RunFilter(until=datetime(2026, 11, 23, 8, 1, tzinfo=UTC)), ["r1"]),
        (RunFilter(org="acme", entity="acme/device/d-1", since=datetime(2026, 11, 23, 8, 1, tzinfo=UTC)), ["r2"]),
        (RunFilter(org="acme", entity="globex/device/d-1"), []),
        (RunFilter(org=""), []),
    ],
)
async def test_runs_are_found_newest_first_by_what_is_asked(
    wanted: RunFilter, found: list[str], history: Connection
) -> None:
    assert [run["run_id"] for run in await list_runs(history, wanted)] == found


async def test_a_run_of_another_organisation_is_not_to_be_had(history: Connection) -> None:
    assert await get_run(history, "r3", org="acme") is None
    run = await get_run(history, "r3", org="globex")
    assert run is not None
    assert (run["trigger_event"], run["conditions"], len(run["entries"])) == ({"type": "device.offline"}, None, 1)


async def test_dead_letters_and_counts_are_of_one_organisation_where_it_is_named(history: Connection) -> None:
    assert [one["value"] for one in await list_dead_letters(history, org="acme")] == ["acme"]
    assert len(await list_dead_letters(history)) == 2
    assert await counts(history, org="acme") == {"running": 1, "skipped": 1}
    assert await list_workflows(history, org="acme") == []


async def test_dead_letters_are_found_by_where_they_came_from_and_when(history: Connection) -> None:
    letter = {"reason": "no", "topic": "t", "partition": 0, "offset": 5, "key": "acme/x", "value": "{}"}
    letter["at"] = "2026-11-23T08:00:00Z"
    projection = Projection(Store(history))
    projection.positions = await projection.store.positions([Partition(DEAD_LETTERS, 0)])
    await projection.project([Record(DEAD_LETTERS, 2, letter)])
    [found] = await list_dead_letters(history, topic="t")
    assert (found["offset"], found["value"]) == (5, "{}")
    assert await list_dead_letters(history, topic="t", org="globex") == []
    assert [one["topic"] for one in await list_dead_letters(history, since=datetime(2026, 1, 1, tzinfo=UTC))] == ["t"]


@pytest.fixture
async def told(connection: Connection) -> Connection:
    """Runs whose ids begin alike, an organisation called as a kind of entity is, and texts that look like JSON."""
    projection = Projection(Store(connection))
    projection.positions = await projection.store.positions([Partition(RUNS, 0)])
    one = {"generation": 0, "step": "look", "position": 0, "action": "run_script", "attempt": 1}
    parts: list[tuple[str, dict[str, Any]]] = [
        ("step.started", {**one, "input": {"script": "{}"}}),
        ("step.succeeded", {**one, "output": '{"a": 1}'}),
        ("step.started", {**one, "position": 1, "input": {"n": 1}}),
        ("step.failed", {**one, "position": 1, "error": {"kind": "http"}, "next_try": None}),
        ("run.failed", {"generation": 0, "error": "42"}),
    ]
    [first] = started("device", "abcd1", "run.started", 0)
    first["data"]["conditions"] = {"all": [], "result": True}
    more = [
        {**first, "id": f"abcd1:{seq}", "type": kind, "data": data} for seq, (kind, data) in enumerate(parts, start=1)
    ]
    others = [("device", "abcd"), ("device", "abce1"), ("globex", "abcf1"), ("globex", "abcd12")]
    logs = [[first, *more], *(started(org, run, "run.started", n) for n, (org, run) in enumerate(others, start=1))]
    await projection.project([Record(RUNS, n, entries) for n, entries in enumerate(logs)])
    await connection.execute(
        "insert into history_data.workflows values ('device', 'wf', 1, 'WF', 'enabled', 't', $1, now()),"
        " ('globex', 'wf', 1, 'WF', 'draft', 't', $1, now())",
        '{"id": "wf"}',
    )
    return connection


async def test_the_entity_of_an_organisation_that_is_called_as_its_kind_is_found(told: Connection) -> None:
    found = await list_runs(told, RunFilter(org="device", entity="device/d-1"))
    assert [run["run_id"] for run in found] == ["abce1", "abcd", "abcd1"]


@pytest.mark.parametrize(
    ("named", "org", "found"),
    [
        ("abcd", None, "abcd"),
        ("abcd1", None, "abcd1"),
        ("abcd", "globex", "abcd12"),
        ("abce", None, "abce1"),
        ("abcf", "globex", "abcf1"),
        ("abcf", "device", None),
        ("abcf1", "device", None),
        ("abc", None, None),
        ("ab%d", None, None),
        ("", None, None),
    ],
)
async def test_a_run_is_found_by_its_id_or_by_the_beginning_of_it(
    named: str, org: str | None, found: str | None, told: Connection
) -> None:
    run = await find_run(told, named, org=org)
    assert not isinstance(run, Ambiguous)
    assert (run and run["run_id"]) == found


async def test_a_beginning_that_several_runs_share_is_ambiguous(told: Connection) -> None:
    await told.execute("delete from history_data.runs where run_id = 'abcd'")
    assert await find_run(told, "abcd") == Ambiguous("abcd", ("abcd1", "abcd12"))
    run = await find_run(told, "abcd", org="device")
    assert not isinstance(run, Ambiguous)
    assert run is not None
    assert (run["run_id"], len(run["steps"]), len(run["entries"])) == ("abcd1", 2, 6)


async def test_jsonb_comes_parsed_once_and_text_stays_text(told: Connection) -> None:
    run = await get_run(told, "abcd1", org="device")
    assert run is not None
    assert (run["trigger_event"], run["conditions"]) == ({"type": "device.offline"}, {"all": [], "result": True})
    assert run["error"] == "42"
    look, again = run["steps"]
    assert (look["input"], look["output"], look["error"]) == ({"script": "{}"}, '{"a": 1}', None)
    assert (again["output"], again["error"]) == (None, {"kind": "http"})
    assert run["entries"][5]["data"] == {"generation": 0, "error": "42"}


async def test_a_run_s_log_comes_whole_as_the_engine_takes_it(told: Connection) -> None:
    entries = await run_log(told, "abcd1")
    assert [one["id"] for one in entries] == [f"abcd1:{seq}" for seq in range(6)]
    assert (entries[0]["orgid"], entries[0]["subject"]) == ("device", "device/d-1")
    assert await run_log(told, "abcd1", org="device") == entries
    assert await run_log(told, "abcd1", org="globex") == []
    assert await run_log(told, "none") == []


async def test_failed_runs_are_found_by_when_they_ended(told: Connection) -> None:
    await told.execute("update history_data.runs set finished_at = '2026-11-23T10:00Z' where run_id = 'abcd1'")
    ended = datetime(2026, 11, 23, 9, tzinfo=UTC)
    wanted = RunFilter(status="failed", workflow="wf", ended_since=ended)
    assert [run["run_id"] for run in await list_runs(told, wanted)] == ["abcd1"]
    assert await list_runs(told, wanted._replace(ended_since=ended + timedelta(hours=2))) == []


async def test_definitions_are_found_by_organisation_and_state(told: Connection) -> None:
    [found] = await list_workflows(told, state="enabled")
    assert (found["org_id"], found["definition"]) == ("device", {"id": "wf"})
    assert await list_workflows(told, org="globex", state="enabled") == []


async def test_the_command_line_prints_json_and_no_json_in_strings(
    told: Connection, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONESTACK_POSTGRES_URL", url)

    async def asked(*arguments: str) -> Any:
        assert await asyncio.to_thread(command, [*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    run = await asked("show", "abcd1", "--org", "device")
    assert (run["trigger_event"], run["steps"][0]["output"]) == ({"type": "device.offline"}, '{"a": 1}')
    assert run["steps"][1]["error"] == run["entries"][4]["data"]["error"] == {"kind": "http"}
    runs = await asked("runs", "--org", "device", "--entity", "device/d-1", "--until", "2026-11-23T08:01:00Z")
    assert [(one["run_id"], one["causation_chain"], one["error"]) for one in runs] == [("abcd1", [], "42")]
    assert [one["definition"] for one in await asked("workflows", "--state", "draft")] == [{"id": "wf"}]
    assert await asked("dead-letters", "--topic", "t", "--since", "1h") == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "abcd1"], 0, 'output  "{\\"a\\": 1}"'),
        (["show", "abcd1"], 0, 'error   {"kind":"http"}'),
        (["show", "abc"], 1, "onestack: The history has no run 'abc'.\n"),
        (["show", "abce", "--org", "globex"], 1, "onestack: The history has no run 'abce' of globex.\n"),
        (["show", "abcd", "--org", "device"], 0, "Run abcd\n"),
        (["runs", "--org", "globex"], 0, "abcd12"),
        (["workflows", "--org", "globex"], 0, "draft"),
        (["dead-letters"], 0, "There is no dead letter that fits."),
    ],
)
async def test_the_command_line_tells_people_the_same(
    arguments: list[str], code: int, said: str, told: Connection, url: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("ONESTACK_POSTGRES_URL", url)
    assert await asyncio.to_thread(command, arguments) == code
    output = capsys.readouterr()
    assert said in (output.err if code else output.out)


async def test_the_command_line_asks_for_more_of_an_ambiguous_id(
    told: Connection, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONESTACK_POSTGRES_URL", url)
    await told.execute("delete from history_data.runs where run_id = 'abcd'")
    assert await asyncio.to_thread(command, ["show", "abcd"]) == 1
    assert capsys.readouterr().err == "onestack: More than one run begins with 'abcd': give more of the id.\n"
