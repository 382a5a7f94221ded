"""`history.workflows` follows the definitions topic."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import orjson
import pytest

from engine.registry import Registry
from engine.workflow import canonical
from projections.definitions import Definitions
from projections.errors import PositionLost
from projections.queries import workflow_versions
from runtime.postgres import Connection, connect
from schemas.names import DEFINITIONS


class InForce:
    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body


class Fold:
    """The rule alone: a higher version replaces, a null deletes."""

    def __init__(self) -> None:
        self.kept: dict[str, InForce] = {}

    def apply(self, key: str, value: bytes | None) -> None:
        if value is None:
            self.kept.pop(key, None)
            return
        body = orjson.loads(value)
        if key not in self.kept or body["version"] > self.kept[key].body["version"]:
            self.kept[key] = InForce(body)

    def get(self, org: str, workflow_id: str, /) -> InForce | None:
        return self.kept.get(f"{org}/{workflow_id}")


class Record(NamedTuple):
    offset: int
    key: bytes | None
    value: bytes | None
    topic: str = DEFINITIONS
    partition: int = 0
    timestamp: int = 1_795_420_800_000


def definition(version: int, **more: Any) -> bytes:
    return orjson.dumps(
        {"version": version, "name": "N", "state": "enabled", "trigger": {"type": "alert.triggered"}, **more}
    )


async def versions(connection: Connection) -> dict[str, int]:
    return {row["workflow_id"]: row["version"] for row in await connection.fetch("select * from history.workflows")}


async def test_the_table_becomes_what_the_topic_says_when_its_end_is_reached(connection: Connection) -> None:
    definitions = Definitions(connection, Fold)
    definitions.begin(3)
    await definitions.take([Record(0, b"acme/a", definition(1)), Record(1, b"acme/b", definition(1))], 2)
    assert await versions(connection) == {}
    await definitions.take([Record(2, b"acme/a", definition(2))], 3)
    assert await versions(connection) == {"a": 2, "b": 1}
    await definitions.take([Record(3, b"acme/b", None), Record(4, b"acme/a", definition(1))], 5)
    assert await versions(connection) == {"a": 2}


async def test_what_was_deleted_while_no_projector_ran_is_gone_after_the_next_start(connection: Connection) -> None:
    for log in (
        [Record(0, b"acme/a", definition(1)), Record(1, b"acme/b", definition(1))],
        [Record(1, b"acme/b", definition(1))],
    ):
        definitions = Definitions(connection, Fold)
        definitions.begin(2)
        await definitions.take(log, 2)
    assert await versions(connection) == {"b": 1}


async def test_an_older_projector_of_the_topic_writes_no_more(connection: Connection, url: str) -> None:
    other = await connect(url)
    old, new = Definitions(connection, Fold), Definitions(other, Fold)
    for one in (old, new):
        one.begin(0)
        await one.take([], 0)
    await new.take([Record(0, b"acme/a", definition(1))], 1)
    with pytest.raises(PositionLost):
        await old.take([Record(0, b"acme/a", definition(1, name="\0"))], 1)
    await other.close()


async def test_every_version_that_was_in_force_is_kept(connection: Connection) -> None:
    log = [
        Record(0, b"acme/a", definition(1)),
        Record(1, b"acme/a", definition(2, name="N\0")),
        Record(2, b"acme/a", definition(1, name="too late")),
        Record(3, b"acme/a", None),
        Record(4, b"acme/a", definition(2, name="again"), timestamp=1_795_420_900_000),
    ]
    definitions = Definitions(connection, Fold)
    definitions.begin(2)
    await definitions.take(log[:2], 2)
    await definitions.take(log[2:], 5)
    found = await workflow_versions(connection, "acme", "a")
    assert [(one["version"], one["definition"]["name"], one["state"]) for one in found] == [
        (2, "again", "enabled"), (2, "N\\u0000", "enabled"), (1, "N", "enabled"),
    ]  # fmt: skip
    body = orjson.loads(definition(2, name="again"))
    (again,) = [one for one in found if one["definition"]["name"] == "again"]
    assert again["digest"] == hashlib.sha256(canonical(body)).hexdigest()
    assert await workflow_versions(connection, "globex", "a") == []

    # The topic forgets what was replaced; the history does not, whoever reads the topic again.
    later = Definitions(connection, Fold)
    later.begin(5)
    await later.take(log[4:], 5)
    assert await workflow_versions(connection, "acme", "a") == found


async def test_calendars_are_no_workflows(connection: Connection) -> None:
    hours = orjson.dumps({"id": "office", "time_zone": "Europe/Vienna", "hours": {"mon": ["09:00", "17:00"]}})
    definitions = Definitions(connection, Registry)
    definitions.begin(2)
    await definitions.take([Record(0, b"acme/calendar/office", hours), Record(1, b"acme/calendar/old", hours)], 2)
    assert await versions(connection) == {}

    async def calendars() -> list[str]:
        rows = await connection.fetch("select * from history.calendars order by org_id, calendar_id")
        assert all(orjson.loads(row["definition"]) == orjson.loads(hours) for row in rows)
        return [f"{row['org_id']}/{row['calendar_id']}" for row in rows]

    assert await calendars() == ["acme/office", "acme/old"]
    await definitions.take([Record(2, b"acme/calendar/old", None), Record(3, b"globex/calendar/x", hours)], 4)
    assert await calendars() == ["acme/office", "globex/x"]

    again = Definitions(connection, Registry)
    again.begin(1)
    await again.take([Record(0, b"acme/calendar/office", hours)], 1)
    assert await calendars() == ["acme/office"]
