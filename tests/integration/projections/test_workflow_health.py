"""What is wrong with workflows is found in folded run logs: each finding, and what nearly is one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import asyncpg
import orjson
import pytest

from cli.main import run as command
from engine.run import decide, fold, start, suppress
from engine.workflow import Workflow, compile_workflow
from projections.health.check import check, check_all
from projections.projection import Projection
from projections.retention import keep_of
from projections.store import Partition, Store
from runtime.postgres import Connection
from runtime.settings import load
from schemas.definitions import parse_definition
from schemas.events import Event, from_envelope
from schemas.names import RUNS
from schemas.outcomes import Failed, Succeeded

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=60)
KEEP = keep_of(load())
NOTE = {"id": "note", "action": "create_note", "with": {"body": "x", "company_id": "c-1"}}


class Record:
    def __init__(self, offset: int, entries: Any) -> None:
        self.topic, self.partition, self.offset, self.timestamp = RUNS, 0, offset, 0
        self.key, self.value = b"k", orjson.dumps(entries)


class House:
    """An organisation's history, made by the engine and folded by the projector."""

    def __init__(self, connection: Connection, org: str = "acme") -> None:
        self.connection, self.org, self.keep = connection, org, KEEP
        self.projection = Projection(Store(connection))
        self._numbers = count()

    async def workflow(
        self, name: str, *, since: datetime = LONG_AGO, state: str = "enabled", version: int = 1, **more: Any
    ) -> Workflow:
        body = {
            "id": name, "org": self.org, "version": version, "name": name.title(), "state": state,
            "trigger": {"type": "alert.triggered"}, "steps": [NOTE], **more,
        }  # fmt: skip
        workflow = compile_workflow(parse_definition(body))
        await self.connection.execute(
            "insert into history_data.workflows values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (org_id, "
            "workflow_id) do update set version = excluded.version, state = excluded.state, "
            "definition = excluded.definition, updated_at = excluded.updated_at",
            self.org, name, version, name.title(), state, body["trigger"]["type"], json.dumps(body), since,
        )  # fmt: skip
        await self.connection.execute(
            "insert into history_data.workflow_versions values ($1, $2, $3, $4, $5, $6, $7)",
            self.org, name, version, f"{name}{version}", state, json.dumps(body), since,
        )  # fmt: skip
        return workflow

    def event(self, at: datetime, severity: str = "high", entity: str = "a-1", **data: Any) -> Event:
        return from_envelope({
            "specversion": "1.0", "id": f"ev-{next(self._numbers)}", "source": "/security", "type": "alert.triggered",
            "subject": f"alert/{entity}", "time": at.isoformat(), "orgid": self.org,
            "data": {"alert": {"id": entity, "title": "T", "severity": severity}, **data},
        })  # fmt: skip

    async def come(self, *events: Event) -> None:
        """The events as the event log has them."""
        for event in events:
            at = datetime.fromisoformat(event.envelope["time"])
            await self.connection.execute("select history_data.add_day($1)", at.date())
            await self.connection.execute(
                "insert into history_data.events (event_id, org_id, type, time, received_at, topic, partition, "
                '"offset", event) values ($1, $2, $3, $4, $4, $5, 0, 0, $6)',
                event.id, self.org, event.type, at, "onestack.events.security", json.dumps(event.envelope),
            )  # fmt: skip

    async def run(self, workflow: Workflow, event: Event, outcome: Any = None) -> str:
        """The run that it starts: each of its actions has this outcome, and else succeeds."""
        at = datetime.fromisoformat(event.envelope["time"])
        entries = start(workflow, event, at)
        state = fold(None, entries, workflow.body)
        while not state.finished:
            at += timedelta(milliseconds=10)
            more = decide(workflow, state, outcome or Succeeded({"id": "x"}), at)
            state = fold(state, more, workflow.body)
            entries += more
        await self.fold(entries)
        return state.run

    async def suppressed(self, workflow: Workflow, event: Event, guard: Any, reason: str) -> None:
        at = datetime.fromisoformat(event.envelope["time"])
        await self.fold(suppress(workflow, event, at, guard, reason))

    async def fold(self, entries: Any) -> None:
        if not self.projection.positions:
            self.projection.positions = await self.projection.store.positions([Partition(RUNS, 0)])
        offset = self.projection.positions[Partition(RUNS, 0)]
        await self.projection.project([Record(offset, entries)])

    async def found(self) -> dict[tuple[str, str], asyncpg.Record]:
        await check(self.connection, self.org, NOW, self.keep)
        rows = await self.connection.fetch("select * from history.workflow_health where org_id = $1", self.org)
        return {(row["workflow_id"], row["finding"]): row for row in rows}


@pytest.fixture
def house(connection: Connection) -> House:
    return House(connection)


def hours(number: float) -> datetime:
    return NOW - timedelta(hours=number)


def wants(value: str, op: str = "equals", field: str = "alert.severity") -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


async def test_a_sentence_speaks_of_no_more_days_than_the_history_keeps(house: House) -> None:
    house.keep = KEEP._replace(skipped=timedelta(days=90), events_by_org={"acme": timedelta(days=7)})
    quiet = await house.workflow("quiet", conditions=wants("crit"))
    for number in range(24):
        event = house.event(hours(100 - number))
        await house.come(event)
        await house.run(quiet, event)
    found = await house.found()
    assert "24 of 24 events in 30 days were skipped" in found["quiet", "always_filtered"]["sentence"]
    assert "24 alert.triggered events in 7 days" in found["quiet", "value_never_came"]["sentence"]


async def test_a_condition_that_keeps_all_events_out_is_named_with_what_came_instead(house: House) -> None:
    both = {"all": [wants("T", field="alert.title"), wants("crit")]}
    quiet = await house.workflow("quiet", conditions=both)
    runs = []
    for number in range(24):
        event = house.event(hours(100 - number), "high" if number % 4 else "low")
        await house.come(event)
        runs.append(await house.run(quiet, event))
    found = await house.found()
    assert set(found) == {("quiet", "always_filtered"), ("quiet", "value_never_came")}
    always = found["quiet", "always_filtered"]
    assert always["sentence"] == "24 of 24 events in 14 days were skipped by `alert.severity equals crit`"
    assert always["run_ids"] == runs[:-4:-1]
    assert (always["workflow_name"], always["first_seen"], always["last_seen"]) == ("Quiet", hours(100), NOW)
    told = json.loads(always["details"])
    assert (told["skipped"], told["conditions"][0]["path"]) == (24, "conditions.all[1]")
    assert told["conditions"][0]["actual"] == [["high", 18], ["low", 6]]
    never = found["quiet", "value_never_came"]
    assert never["severity"] == "high"
    assert never["sentence"] == (
        "It compares with a value that none of 24 alert.triggered events in 30 days had: "
        "`alert.severity equals crit`; they had high (18), low (6)"
    )
    assert never["run_ids"] == runs[:-4:-1]


async def test_filters_that_do_their_work_are_no_finding(house: House) -> None:
    works = await house.workflow("works", conditions=wants("high"))
    few = await house.workflow("few", conditions=wants("critical"))
    fresh = await house.workflow("fresh", since=hours(23), conditions=wants("critical"))
    mended = await house.workflow("mended", conditions=wants("critical"))
    for number in range(24):
        event = house.event(hours(20 - number / 2), "low" if number else "high")
        await house.come(event)
        for one in (works, fresh, mended, *([few] if number < 19 else [])):
            await house.run(one, event)
    # What was filtered under an earlier version says nothing of this one.
    await house.workflow("mended", since=hours(1), version=2, conditions=wants("low"))
    for state in ("draft", "disabled", "shadow"):
        off = await house.workflow(f"off-{state}", state=state, conditions=wants("crit"))
        for number in range(24):
            await house.run(off, house.event(hours(20 - number / 2)))
    found = await house.found()
    assert {key for key in found if key[1] == "always_filtered"} == set()
    # Those that have been enabled for long and did not run are told of; a severity that is only rare is no mistake.
    assert set(found) == {("few", "not_run")}
    assert found["few", "not_run"]["sentence"] == (
        "It has not run for 30 days: 19 events skipped meanwhile; no run of it is known"
    )


async def test_a_severity_that_may_come_is_a_low_finding(house: House) -> None:
    rare = await house.workflow("rare", conditions=wants("critical"))
    for number in range(20):
        await house.run(rare, house.event(hours(50 - number)))
    found = await house.found()
    assert {key: row["severity"] for key, row in found.items()} == {("rare", "always_filtered"): "low"}


async def test_another_organisations_events_do_not_count(house: House, connection: Connection) -> None:
    await house.workflow("stage", conditions={"any": [wants("won", field="alert.stage"), wants("high")]})
    other = House(connection, "globex")
    other.projection = house.projection
    for number in range(20):
        await other.come(other.event(hours(30 - number), alert={"id": "a-1", "title": "T", "stage": "won"}))
        await house.come(house.event(hours(30 - number), alert={"id": "a-1", "title": "T", "stage": "lost"}))
    found = await house.found()
    assert found["stage", "value_never_came"]["sentence"].endswith("`alert.stage equals won`; they had lost (20)")
    assert found["stage", "value_never_came"]["severity"] == "low"
    await other.workflow("stage", conditions={"any": [wants("won", field="alert.stage")]})
    assert ("stage", "value_never_came") not in await other.found()


async def test_a_workflow_that_does_not_run_is_found_after_thirty_days(house: House) -> None:
    old = await house.workflow("old")
    last = await house.run(old, house.event(NOW - timedelta(days=31)))
    await house.workflow("new", since=NOW - timedelta(days=29))
    await house.workflow("paused-lately", state="disabled", since=LONG_AGO)
    await house.workflow("paused-lately", version=2, since=NOW - timedelta(days=2))
    ran = await house.workflow("ran")
    await house.run(ran, house.event(NOW - timedelta(days=29)))
    found = await house.found()
    assert set(found) == {("old", "not_run")}
    assert found["old", "not_run"]["sentence"] == (
        "It has not run for 30 days: no alert.triggered event has come; its last run was on 2026-10-27"
    )
    assert (found["old", "not_run"]["run_ids"], found["old", "not_run"]["severity"]) == ([last], "low")


async def test_workflows_that_mostly_fail_are_found_with_the_step_and_its_error(house: House) -> None:
    bad = await house.workflow("bad")
    refused = Failed({"kind": "http", "message": "422: no such company", "status": 422}, retryable=False)
    runs = [await house.run(bad, house.event(hours(10 - n)), refused) for n in range(4)]
    runs += [await house.run(bad, house.event(hours(5 - n))) for n in range(2)]
    mended = await house.workflow("mended")
    few = await house.workflow("few")
    for number in range(12):
        await house.run(mended, house.event(hours(60 - number)), refused)
    for number in range(10):
        await house.run(mended, house.event(hours(40 - number)))
    for number in range(4):
        await house.run(few, house.event(hours(9 - number)), refused)
    found = await house.found()
    assert set(found) == {("bad", "mostly_fails")}
    told = found["bad", "mostly_fails"]
    assert told["sentence"].startswith("4 of 6 runs in 7 days failed, at step note: ")
    assert "no such company" in told["sentence"]
    assert told["run_ids"] == [runs[3], runs[2], runs[1]]


async def test_what_guards_kept_back_is_told_by_guard(house: House) -> None:
    busy = await house.workflow("busy")
    await house.run(busy, house.event(hours(5)))
    for number in range(3):
        await house.suppressed(busy, house.event(hours(4 - number)), "throttle", "at most 1 in 30m for d-1")
    await house.suppressed(busy, house.event(hours(200)), "storm", "long ago")
    found = await house.found()
    assert set(found) == {("busy", "kept_back")}
    told = found["busy", "kept_back"]
    assert (told["severity"], len(told["run_ids"]), told["first_seen"]) == ("low", 3, hours(4))
    assert told["sentence"] == (
        "3 of 4 events that fit in 7 days were kept back by its throttle: at most 1 in 30m for d-1"
    )


def sets(value: str, field: str = "status") -> list[dict[str, Any]]:
    return [{"id": "set", "action": "update_field", "with": {"field": field, "value": value}}]


async def test_workflows_that_set_a_field_back_and_forth_are_found(house: House) -> None:
    opens, closes = (
        await house.workflow("opens", steps=sets("open")),
        await house.workflow("closes", steps=sets("done")),
    )
    runs = [await house.run(one, house.event(hours(3 - n / 10))) for n, one in enumerate((opens, closes) * 2)]
    # Of another entity, too slowly, only one after the other, or another field: no fight.
    await house.run(opens, house.event(hours(2), entity="a-2"))
    for number, one in enumerate((opens, closes, opens)):
        await house.run(one, house.event(hours(30 - number), entity="a-3"))
    alone = await house.workflow("alone", steps=sets("x"))
    same = await house.workflow("same", steps=sets("open"))
    note = await house.workflow("other-field", steps=sets("open", "note"))
    for number, one in enumerate((alone, alone, note, alone)):
        await house.run(one, house.event(hours(1 - number / 100), entity="a-4"))
    for number, one in enumerate((opens, same, opens)):
        await house.run(one, house.event(hours(1 - number / 100), entity="a-5"))
    found = await house.found()
    assert set(found) == {("opens", "fights"), ("closes", "fights")}
    told = found["opens", "fights"]
    assert told["sentence"] == (
        "`status` of alert/a-1 was set to done by closes, to open by opens, and back to done by closes, "
        "2 times in 7 days"
    )
    assert json.loads(told["details"])["other_workflow"] == "closes"
    assert set(told["run_ids"]) == {runs[1], runs[2], runs[3]}
    assert told["severity"] == "medium"


async def test_findings_go_when_they_are_mended_and_keep_their_beginning_while_not(
    house: House, connection: Connection
) -> None:
    busy = await house.workflow("busy")
    await house.suppressed(busy, house.event(hours(24 * 6)), "loop", "busy → busy")
    assert (await house.found())["busy", "kept_back"]["first_seen"] == hours(24 * 6)
    later = NOW + timedelta(days=2)
    await house.suppressed(busy, house.event(NOW), "loop", "busy → busy")
    await check(connection, "acme", later, KEEP)
    [row] = await connection.fetch("select * from history.workflow_health where finding = 'kept_back'")
    assert (row["first_seen"], row["last_seen"]) == (hours(24 * 6), later)
    await house.workflow("busy", version=2, state="disabled", since=NOW)
    assert await check_all(connection, later, KEEP) == 0
    assert await connection.fetch("select * from history.workflow_health") == []


async def test_a_reader_of_one_organisation_sees_its_findings_alone(house: House, connection: Connection) -> None:
    other = House(connection, "globex")
    other.projection = house.projection
    for one in (house, other):
        await one.workflow("old")
        await one.found()
    async with connection.transaction():
        await connection.execute("set local role onestack_hub")
        await connection.execute("set local onestack.org = 'acme'")
        rows = await connection.fetch("select org_id from history.workflow_health")
        checks = await connection.fetch("select org_id from history.health_checks")
    assert [row["org_id"] for row in rows] == [row["org_id"] for row in checks] == ["acme"]


async def test_the_command_tells_and_checks(
    house: House, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio

    monkeypatch.setenv("ONESTACK_POSTGRES_URL", url)
    await house.workflow("old", since=datetime.now(UTC) - timedelta(days=40))
    assert await asyncio.to_thread(command, ["health"]) == 0
    assert "Nothing has been checked yet" in capsys.readouterr().out
    assert await asyncio.to_thread(command, ["health", "--check"]) == 0
    told = capsys.readouterr().out
    assert "acme/old  not_run" in told
    assert "1 thing is wrong" in told
    assert await asyncio.to_thread(command, ["health", "--org", "globex", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"checked_at": None, "findings": []}
