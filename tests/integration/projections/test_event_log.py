"""Module events in `history.events`, and what is asked of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson
import pytest

from projections.errors import PositionLost
from projections.events import EventLog
from projections.projection import Projection
from projections.queries import events_between, find_event, runs_by_id, runs_of_event
from projections.store import Partition, Store
from runtime.postgres import Connection, connect
from schemas.names import EVENT_TOPICS, RUNS, run_id

TOPIC = EVENT_TOPICS["rmm"]
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
COLUMNS = "org_id event_id source type subject entity_key time received_at topic partition offset event"


class Record(NamedTuple):
    offset: int
    value: bytes | None
    timestamp: int = int(NOW.timestamp() * 1000)
    headers: tuple[tuple[str, bytes], ...] = ()
    topic: str = TOPIC
    partition: int = 0
    key: bytes | None = b"acme/device/d-1"


def event(event_id: str, *, org: str = "acme", **more: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": event_id, "source": "/rmm", "type": "device.offline", "subject": "device/d-1",
        "time": "2026-11-23T08:00:00Z", "orgid": org, "data": {"device": {"id": "d-1", "note": "a"}}, **more,
    }  # fmt: skip


def numbered(events: Sequence[dict[str, Any] | bytes], first: int = 0) -> list[Record]:
    return [Record(first + n, one if isinstance(one, bytes) else orjson.dumps(one)) for n, one in enumerate(events)]


async def event_log(connection: Connection) -> EventLog:
    found = EventLog(Store(connection), lambda envelope: envelope, 256 * 1024)
    found.positions = await found.store.positions([Partition(TOPIC, 0), Partition(TOPIC, 1)])
    return found


async def ids(connection: Connection) -> list[str]:
    rows = await connection.fetch('select event_id from history.events order by topic, partition, "offset"')
    return [row["event_id"] for row in rows]


async def test_an_event_is_a_row_with_where_it_came_from(connection: Connection) -> None:
    await (await event_log(connection)).add(numbered([event("ev-1")]), NOW)
    (row,) = await connection.fetch("select * from history.events")
    assert list(row.keys()) == COLUMNS.split()
    assert tuple(row)[:6] == ("acme", "ev-1", "/rmm", "device.offline", "device/d-1", "acme/device/d-1")
    assert tuple(row)[6:11] == (NOW, NOW, TOPIC, 0, 0)
    assert orjson.loads(row["event"]) == event("ev-1")


async def test_each_record_is_a_row_once_whatever_is_delivered_again(connection: Connection) -> None:
    events = await event_log(connection)
    records = numbered([event(f"ev-{n}") for n in range(4)])
    await events.add(records[:3], NOW)
    await events.add(records, NOW)
    assert await ids(connection) == ["ev-0", "ev-1", "ev-2", "ev-3"]
    again = await event_log(connection)
    assert again.positions[Partition(TOPIC, 0)] == 4
    await again.add(records, NOW)
    assert len(await ids(connection)) == 4


async def test_a_projector_that_lost_its_partition_writes_nothing(connection: Connection, url: str) -> None:
    other = await connect(url)
    ours, theirs = await event_log(connection), await event_log(other)
    await theirs.add(numbered([event("ev-1")]), NOW)
    with pytest.raises(PositionLost):
        await ours.add(numbered([event("ev-1"), event("ev-2")]), NOW)
    assert await ids(connection) == ["ev-1"]
    await other.close()


async def test_what_the_workers_refuse_is_passed_over(connection: Connection) -> None:
    events = await event_log(connection)
    await events.add(numbered([b"{", event("ev-1"), event("ev-2", type="no.such"), event("ev-3")]), NOW)
    assert await ids(connection) == ["ev-1", "ev-3"]
    assert events.positions[Partition(TOPIC, 0)] == 4


_REFUSING = """
create function refuse() returns trigger language plpgsql as $$
begin raise data_exception using message = 'too odd'; end $$;
create trigger refuse before insert on history_data.events for each row when (new.event_id = 'odd')
execute function refuse();
"""


async def test_what_postgres_refuses_is_passed_over_alone(connection: Connection) -> None:
    await connection.execute(_REFUSING)
    events = await event_log(connection)
    await events.add(numbered([event(one) for one in ("ev-1", "ev-2", "odd", "ev-3", "odd")]), NOW)
    assert await ids(connection) == ["ev-1", "ev-2", "ev-3"]
    assert (events.positions[Partition(TOPIC, 0)], events.refused) == (5, 2)


async def test_days_are_made_as_they_come_also_when_one_was_dropped(connection: Connection) -> None:
    events = await event_log(connection)
    times = [
        NOW - timedelta(days=3),
        NOW - timedelta(days=400),
        NOW + timedelta(days=9),
        datetime(1970, 1, 1, tzinfo=UTC),
    ]
    records = [Record(n, orjson.dumps(event(f"ev-{n}")), int(at.timestamp() * 1000)) for n, at in enumerate(times)]
    await events.add(records, NOW)
    rows = await connection.fetch("select distinct tableoid::regclass::text as name from history_data.events")
    assert {row["name"].removeprefix("history_data.events_") for row in rows} == {
        "20261120", "20251019", "20261123", "past",
    }  # fmt: skip
    await connection.execute("drop table history_data.events_20261120")
    await events.add([records[0]._replace(offset=4)], NOW)
    assert "ev-0" in await ids(connection)


async def test_an_event_is_found_by_its_id_once_for_each_organisation_and_source(connection: Connection) -> None:
    events = await event_log(connection)
    await events.add(
        numbered([event("ev-1"), event("ev-1"), event("ev-1", org="globex"), event("ev-1", source="/other")]), NOW
    )
    found = await find_event(connection, "ev-1")
    assert [(one["org_id"], one["source"], one["offset"]) for one in found] == [
        ("acme", "/other", 3), ("acme", "/rmm", 0), ("globex", "/rmm", 2),
    ]  # fmt: skip
    (one,) = await find_event(connection, "ev-1", org="acme", source="/rmm")
    assert one["event"] == event("ev-1")
    assert await find_event(connection, "ev-1", org="initech") == []


async def test_the_event_s_id_is_looked_up_by_an_index(connection: Connection) -> None:
    await connection.execute("set enable_seqscan = off")
    plan = await connection.fetch("explain select * from history.events where event_id = 'ev-1' and org_id = 'acme'")
    text = "\n".join(row[0] for row in plan)
    assert "Seq Scan" not in text
    assert "event_id_idx" in text


async def test_events_come_in_the_order_of_their_time_each_once_and_of_one_organisation(connection: Connection) -> None:
    events = await event_log(connection)
    times = ["2026-11-23T08:00:03Z", "2026-11-23T08:00:01Z", "2026-11-23T08:00:02Z", "2026-11-23T08:00:04Z"]
    told = [event(f"ev-{n}", time=at) for n, at in enumerate(times)]
    other = [event("x", org="globex"), event("y", type="device.online", time=times[0])]
    await events.add(numbered([*told, told[2], *other]), NOW)
    await events.add([record._replace(partition=1) for record in numbered([told[0]])], NOW)

    async def between(*types: str) -> list[str]:
        until = NOW + timedelta(seconds=4)
        return [
            one["event"]["id"]
            async for one in events_between(connection, "acme", types, NOW + timedelta(seconds=1), until)
        ]

    assert await between("device.offline") == ["ev-1", "ev-2", "ev-0"]
    assert sorted(await between("device.offline", "device.online")) == ["ev-0", "ev-1", "ev-2", "y"]
    assert await between("alert.triggered") == []
    assert not connection.is_in_transaction()


class RunRecord:
    topic, partition, key, timestamp = RUNS, 0, b"k", 0

    def __init__(self, offset: int, run: str, data: dict[str, Any], kind: str = "run.skipped") -> None:
        self.offset = offset
        self.value = orjson.dumps(
            [
                {
                    "id": f"{run}:0", "type": kind, "orgid": "acme", "subject": "device/d-1",
                    "time": "2026-11-23T08:00:01Z",
                    "data": {"workflow": {"id": "wf"}, "conditions": {"all": []}, **data},
                }
            ]
        )  # fmt: skip


async def test_the_runs_of_an_event_are_those_that_it_started_and_their_reruns(connection: Connection) -> None:
    await (await event_log(connection)).add(numbered([event("ev-1"), event("ev-2")]), NOW)
    await connection.execute(
        "insert into history_data.workflow_versions values ('acme', 'wf', 1, 'd', 'enabled', '{}', now())"
    )
    mine, other = run_id("acme", "wf", "/rmm", "ev-1"), run_id("acme", "wf", "/rmm", "ev-2")
    projection = Projection(Store(connection))
    projection.positions = await projection.store.positions([Partition(RUNS, 0)])
    await projection.project(
        [
            RunRecord(0, mine, {"event": event("ev-1")}),
            RunRecord(1, other, {"event": event("ev-2")}),
            RunRecord(2, "again", {"event": event("ev-1"), "rerun_of": mine}),
        ]
    )
    found = await runs_of_event(connection, "acme", "/rmm", "ev-1")
    assert sorted(one["run_id"] for one in found) == sorted([mine, "again"])
    assert found[0]["conditions"] == {"all": []}
    await connection.execute("truncate history_data.events")
    assert [one["run_id"] for one in await runs_of_event(connection, "acme", "/rmm", "ev-1")] == [mine]
    assert await runs_of_event(connection, "globex", "/rmm", "ev-1") == []
    assert [one["run_id"] for one in await runs_by_id(connection, ["again", "none"])] == ["again"]
    assert await runs_by_id(connection, ["again"], org="globex") == []
