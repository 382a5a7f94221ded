"""`history.workflows` follows the definitions topic."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson
import pytest

from projections.definitions import Definitions
from projections.errors import PositionLost
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
