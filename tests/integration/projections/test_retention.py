"""What is too old is removed, and nothing else."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson
import pytest

from cli.main import run as command
from projections.errors import RetentionBusy
from projections.events import EventLog
from projections.projection import Projection
from projections.retention import REMOVED, Keep, remove_old
from projections.store import Partition, Store
from runtime.postgres import Connection, connect
from schemas.names import DEAD_LETTERS, RUNS

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)
KEEP = Keep(14 * DAY, 90 * DAY, 365 * DAY, 30 * DAY, {})
TOPIC = "onestack.events.rmm"


class Record(NamedTuple):
    offset: int
    value: bytes
    topic: str = RUNS
    partition: int = 0
    key: bytes | None = b"k"
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


def log_of(run: str, kind: str, began: datetime, ended: datetime) -> bytes:
    begun = {"workflow": {"id": "wf"}, "event": {"type": "t"}, "conditions": None}
    step = {"step": "s", "position": 0, "action": "delay"}
    kinds: list[tuple[str, datetime, dict[str, Any]]] = [("run.started", began, begun), ("step.started", began, step)]
    if kind in ("skipped", "suppressed"):
        kinds = [(f"run.{kind}", began, begun)]
    elif kind == "waiting":
        kinds.append(("run.waiting", began, {}))
    elif kind != "running":
        kinds.append((f"run.{kind}", ended, {"error": "x"}))
    return orjson.dumps(
        [
            {"id": f"{run}:{n}", "type": kind, "orgid": "acme", "subject": "a/1", "time": at.isoformat(), "data": data}
            for n, (kind, at, data) in enumerate(kinds)
        ]
    )


async def project(connection: Connection, values: list[bytes], topic: str = RUNS) -> Projection:
    projection = Projection(Store(connection))
    projection.positions = await projection.store.positions([Partition(topic, 0)])
    first = projection.positions[Partition(topic, 0)]
    await projection.project([Record(first + n, value, topic) for n, value in enumerate(values)])
    return projection


async def runs(connection: Connection) -> set[str]:
    found = {row["run_id"] for row in await connection.fetch("select run_id from history.runs")}
    for table in ("records", "run_keys"):
        rows = await connection.fetch(f"select distinct run_id from history_data.{table}")
        assert {row["run_id"] for row in rows} == found
    steps = await connection.fetch("select distinct run_id from history.steps")
    assert {row["run_id"] for row in steps} <= found
    return found


@pytest.mark.parametrize(
    ("kind", "days"),
    [("skipped", 14), ("suppressed", 14), ("completed", 90), ("cancelled", 90), ("failed", 365)],
)
async def test_a_run_goes_so_long_after_it_finished(kind: str, days: int, connection: Connection) -> None:
    old, young = NOW - days * DAY - timedelta(minutes=1), NOW - days * DAY + timedelta(minutes=1)
    began = {"old": old, "young": young}
    if kind not in ("skipped", "suppressed"):
        # It is the end that counts.
        began = {"old": old - 3 * DAY, "young": young - 30 * DAY}
    await project(
        connection,
        [log_of("old", kind, began["old"], old), log_of("young", kind, began["young"], young)],
    )
    told = await remove_old(connection, KEEP, NOW, dry_run=True)
    assert (told.runs, await runs(connection)) == ({kind: 1}, {"old", "young"})
    assert (await remove_old(connection, KEEP, NOW)).runs == {kind: 1}
    assert await runs(connection) == {"young"}
    assert not (await remove_old(connection, KEEP, NOW)).runs


@pytest.mark.parametrize("kind", ["running", "waiting"])
async def test_a_run_that_is_not_over_is_never_removed(kind: str, connection: Connection) -> None:
    await project(connection, [log_of("r1", kind, NOW - 5000 * DAY, NOW)])
    removed = await remove_old(connection, KEEP, NOW)
    assert not removed.runs
    assert not [one for one in removed.tables if one.endswith("20130311")]
    assert await runs(connection) == {"r1"}
    assert await connection.fetchval("select count(*) from history.steps") == 1


async def test_weeks_in_which_nothing_is_left_are_dropped(connection: Connection) -> None:
    old = [log_of(f"r{n}", "completed", NOW - 100 * DAY, NOW - 100 * DAY) for n in range(3)]
    await project(connection, [*old, log_of("kept", "failed", NOW - 130 * DAY, NOW - 130 * DAY)])
    assert await connection.fetchval("select to_regclass('history_data.runs_20260817')") is not None
    told = await remove_old(connection, KEEP, NOW, dry_run=True)
    removed = await remove_old(connection, KEEP, NOW)
    assert told == removed
    assert removed.tables == ["records_20260817", "runs_20260817", "steps_20260817"]
    assert await connection.fetchval("select to_regclass('history_data.runs_20260817')") is None
    assert await runs(connection) == {"kept"}
    # The next run of that week makes it again.
    await project(connection, [log_of("late", "waiting", NOW - 100 * DAY, NOW)])
    assert await runs(connection) == {"kept", "late"}


async def test_records_of_a_run_whose_beginning_was_never_seen_stay_as_long_as_any(connection: Connection) -> None:
    def headless(run: str, at: datetime) -> bytes:
        return orjson.dumps([{"id": f"{run}:7", "type": "run.completed", "time": at.isoformat(), "data": {}}])

    await project(connection, [headless("young", NOW - 200 * DAY), headless("old", NOW - 400 * DAY)])
    told = await remove_old(connection, KEEP, NOW, dry_run=True)
    removed = await remove_old(connection, KEEP, NOW)
    assert told == removed
    found = await connection.fetch("select run_id from history_data.run_keys")
    assert [row["run_id"] for row in found] == ["young"]
    assert len(removed.tables) == 3


async def test_more_runs_than_fit_into_one_transaction_are_all_removed(connection: Connection) -> None:
    at = NOW - 20 * DAY
    await project(connection, [log_of(f"r{n}", "skipped", at, at) for n in range(1203)])
    assert (await remove_old(connection, KEEP, NOW)).runs == {"skipped": 1203}
    assert await runs(connection) == set()


async def test_projectors_hear_that_runs_were_removed(connection: Connection, url: str) -> None:
    heard = asyncio.Event()
    other = await connect(url)
    await other.add_listener(REMOVED, lambda *_told: heard.set())
    projection = await project(connection, [log_of("r1", "skipped", NOW - 20 * DAY, NOW)])
    await remove_old(connection, KEEP, NOW, dry_run=True)
    await remove_old(connection, KEEP, NOW)
    await asyncio.wait_for(heard.wait(), 10)
    await other.close()
    # The same event, sent again after all that time, is a run of its own once what is remembered is forgotten.
    projection.forget_finished()
    await projection.project([Record(1, log_of("r1", "skipped", NOW, NOW))])
    assert await runs(connection) == {"r1"}


async def test_a_run_that_the_projector_holds_is_left_for_the_next_time(connection: Connection, url: str) -> None:
    await project(connection, [log_of(one, "failed", NOW - 400 * DAY, NOW - 400 * DAY) for one in ("r1", "r2")])
    other = await connect(url)
    holding = other.transaction()
    await holding.start()
    await other.execute("update history_data.runs set status = 'running', finished_at = null where run_id = 'r1'")
    removed = await remove_old(connection, KEEP, NOW)
    assert (removed.runs, removed.tables) == ({"failed": 1}, [])
    await holding.commit()
    await other.close()
    assert await runs(connection) == {"r1"}


async def test_one_process_at_a_time_removes(connection: Connection, url: str) -> None:
    other = await connect(url)
    await other.execute("select pg_advisory_lock($1)", 0x6F73_7765_0004)
    with pytest.raises(RetentionBusy):
        await remove_old(connection, KEEP, NOW)
    await other.close()


async def test_dead_letters_are_kept_as_long_as_failed_runs(connection: Connection) -> None:
    letters = [
        orjson.dumps({"reason": name, "at": at.isoformat()})
        for name, at in (("old", NOW - 366 * DAY), ("young", NOW - 364 * DAY))
    ]
    await project(connection, letters, DEAD_LETTERS)
    assert (await remove_old(connection, KEEP, NOW, dry_run=True)).dead_letters == 1
    assert (await remove_old(connection, KEEP, NOW)).dead_letters == 1
    assert [row["reason"] for row in await connection.fetch("select reason from history.dead_letters")] == ["young"]


async def events(connection: Connection) -> set[str]:
    return {row["event_id"] for row in await connection.fetch("select event_id from history.events")}


async def add_events(connection: Connection, days: dict[str, int], org: str) -> None:
    log = EventLog(Store(connection), lambda envelope: envelope, 10_000)
    log.positions = await log.store.positions([Partition(TOPIC, 0)])
    first = log.positions[Partition(TOPIC, 0)]
    records = []
    for number, (name, age) in enumerate(days.items()):
        envelope = {
            "specversion": "1.0", "id": name, "source": "/rmm", "type": "device.offline", "subject": "device/d-1",
            "orgid": org, "data": {"device": {"id": "d-1"}},
        }  # fmt: skip
        stamp = int((NOW - age * DAY).timestamp() * 1000)
        records.append(Record(first + number, orjson.dumps(envelope), TOPIC, timestamp=stamp))
    await log.add(records, NOW)


async def test_events_go_by_whole_days(connection: Connection) -> None:
    await add_events(connection, {"new": 0, "kept": 30, "gone": 31}, "acme")
    told = await remove_old(connection, KEEP, NOW, dry_run=True)
    removed = await remove_old(connection, KEEP, NOW)
    assert told == removed
    assert (removed.events, removed.tables) == (1, ["events_20261025"])
    assert await events(connection) == {"new", "kept"}


async def test_an_organisation_may_keep_its_events_longer_or_shorter(connection: Connection) -> None:
    ages = {"a": 5, "b": 20, "c": 60, "d": 100}
    for org in ("acme", "globex", "initech"):
        await add_events(connection, {f"{org}-{name}": age for name, age in ages.items()}, org)
    keep = KEEP._replace(events_by_org={"acme": 90 * DAY, "globex": 7 * DAY})
    told = await remove_old(connection, keep, NOW, dry_run=True)
    removed = await remove_old(connection, keep, NOW)
    assert (told.events, removed.events) == (6, 6)
    assert await events(connection) == {
        "acme-a", "acme-b", "acme-c", "globex-a", "initech-a", "initech-b",
    }  # fmt: skip
    assert removed.tables == ["events_20260817"]


async def test_a_day_in_which_nothing_is_left_is_dropped_before_its_last_time(connection: Connection) -> None:
    await add_events(connection, {"x": 40}, "initech")
    removed = await remove_old(connection, KEEP._replace(events_by_org={"acme": 90 * DAY}), NOW)
    assert (removed.events, removed.tables) == (1, ["events_20261016"])


async def test_the_command_says_what_would_go_and_removes_it(
    connection: Connection, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONESTACK_POSTGRES_URL", url)
    monkeypatch.setenv("ONESTACK_KEEP_COMPLETED", "4w")
    at = datetime.now(UTC) - 50 * DAY
    await project(connection, [log_of("r1", "completed", at, at), log_of("r2", "failed", at, at)])

    async def said(*arguments: str) -> str:
        assert await asyncio.to_thread(command, ["retention", *arguments]) == 0
        return capsys.readouterr().out

    assert "This would be removed:" in await said("--dry-run")
    assert await runs(connection) == {"r1", "r2"}
    assert orjson.loads(await said("--json")) == {
        "dry_run": False, "runs": {"completed": 1}, "dead_letters": 0, "events": 0, "tables": [],
    }  # fmt: skip
    assert await said() == "Nothing is too old.\n"
    assert await runs(connection) == {"r2"}
