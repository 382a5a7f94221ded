"""A history that a test writes: runs as the engine plays them, folded by the projection as the projector does."""

from __future__ import annotations

import datetime as dt
from itertools import count
from typing import Any, NamedTuple

import orjson

from engine.registry import Registry
from engine.simulate import simulate
from engine.simulation.trial import Outcomes, all_succeed
from engine.workflow import compile_workflow
from projections.definitions import Definitions
from projections.events import EventLog
from projections.projection import Projection
from projections.store import Partition, Store
from runtime.postgres import Connection
from schemas.definitions import parse_definition
from schemas.events import from_envelope
from schemas.names import DEAD_LETTERS, DEFINITIONS, EVENT_TOPICS, RUNS
from schemas.outcomes import Call, Failed

RMM = EVENT_TOPICS["rmm"]
NOW = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)
"""A Thursday."""


class Record(NamedTuple):
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = 0
    headers: tuple[Any, ...] = ()


def milliseconds(at: dt.datetime) -> int:
    return int(at.timestamp() * 1000)


def event(name: str, subject: str = "device/d-1", org: str = "acme", **more: Any) -> dict[str, Any]:
    kind, _, identity = subject.partition("/")
    data = {kind: {"id": identity, "name": f"The {identity}", "criticality": 5}}
    return {
        "specversion": "1.0", "id": name, "source": "/rmm", "type": "device.offline", "subject": subject,
        "time": "2026-11-26T11:59:59Z", "orgid": org, "data": data, **more,
    }  # fmt: skip


def definition(org: str = "acme", **more: Any) -> dict[str, Any]:
    return {
        "id": "wake", "org": org, "version": 1, "name": "Wake it", "state": "enabled",
        "trigger": {"type": "device.offline"},
        "conditions": {"field": "device.criticality", "op": "greater_than", "value": 3},
        "steps": [
            {"id": "wake", "name": "Wake", "action": "run_script", "with": {"script_id": "wake", "device_id": "d-1"}},
            {"id": "bad", "if": {"field": "device.criticality", "op": "equals", "value": 9},
             "then": [{"id": "call", "action": "escalate_on_call", "with": {"team": "noc"}}],
             "else": [{"id": "note", "action": "create_note", "with": {"body": "{{device.name}}", "company_id": "c"}}]},
        ],
        **more,
    }  # fmt: skip


def failing(call: Call) -> Any:
    """The PSA is down for good; all else works."""
    if call.action == "create_note":
        return Failed({"kind": "http", "message": "Hub answered 503 Service Unavailable", "status": 503}, True)
    return all_succeed(call)


class Past:
    """Writes through one connection of the owner's."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.registry = Registry()
        self._offsets = count()
        self._projection = Projection(Store(connection))
        self._events = EventLog(Store(connection), lambda found: found, 262_144)
        self._definitions = Definitions(connection, lambda: self.registry)

    async def begin(self) -> Past:
        topics = [Partition(RUNS, 0), Partition(DEAD_LETTERS, 0)]
        self._projection.positions = await self._projection.store.positions(topics)
        self._events.positions = await self._events.store.positions([Partition(RMM, 0)])
        self._definitions.begin(0)
        await self._definitions.take((), 0)
        return self

    async def define(self, body: dict[str, Any], at: dt.datetime = NOW - dt.timedelta(days=30)) -> None:
        offset = next(self._offsets)
        key = f"{body['org']}/{body['id']}".encode()
        record = Record(DEFINITIONS, 0, offset, key, orjson.dumps(body), milliseconds(at))
        await self._definitions.take([record], offset + 1)

    async def happen(self, *events: dict[str, Any], at: dt.datetime = NOW) -> None:
        """Events as Kafka took them then."""
        records = [Record(RMM, 0, next(self._offsets), None, orjson.dumps(one), milliseconds(at)) for one in events]
        await self._events.add(records, at + dt.timedelta(seconds=1))

    async def run(
        self, body: dict[str, Any], of: dict[str, Any], at: dt.datetime = NOW, outcomes: Outcomes = all_succeed,
        upto: int | None = None,
    ) -> str:  # fmt: skip
        """The run that the workflow has of this event, to its end or the first so many entries; its id."""
        workflow = compile_workflow(parse_definition(body))
        entries = simulate(workflow, from_envelope(of), at, outcomes=outcomes).entries
        await self.log(entries[:upto])
        return str(entries[0]["id"]).rpartition(":")[0]

    async def log(self, entries: Any) -> None:
        """Entries as they are."""
        await self._project(RUNS, entries)

    async def refuse(self, **fields: Any) -> None:
        """A dead letter."""
        letter = {"reason": "not JSON", "field": "", "topic": RMM, "partition": 0, "offset": 7, "key": "acme/device/d",
                  "value": "{", "at": NOW.isoformat(), **fields}  # fmt: skip
        await self._project(DEAD_LETTERS, letter)

    async def _project(self, topic: str, value: Any) -> None:
        await self._projection.project([Record(topic, 0, next(self._offsets), b"acme/x", orjson.dumps(value))])
