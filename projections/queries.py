"""What the history is asked: read functions on the documented views, for whoever shows it to people.

Each takes an organisation, and then answers of that organisation alone. The connection is one of `runtime.postgres`
as it comes, without a codec for jsonb: what is jsonb is parsed here.

A producer may send an event twice, and a worker forwards one that arrived elsewhere than at home: the history has each
of these records, and what is asked here gives the event once, by its organisation, source and id.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson

from runtime.postgres import Connection
from schemas.names import entity_key
from schemas.names import run_id as id_of_run

Row = dict[str, Any]

_BRIEF = (
    "run_id, org_id, workflow_id, workflow_name, workflow_version, status, trigger_type, entity_key, started_at, "
    "finished_at, duration_ms, error, causation_chain"
)
_JSON = frozenset((
    "trigger_event", "conditions", "input", "output", "error", "data", "definition", "event", "details",
))  # fmt: skip
_FETCHED: Final = 500
"""Events that are read at a time."""
_SHORTEST: Final = 4
"""Letters that the beginning of a run's id has at least: fewer would name many runs, and mostly by mistake."""


class RunFilter(NamedTuple):
    """Which runs: None asks for all. `entity` is an entity key, or with `org` also what follows that in the key.

    A run began at `since` or later, and before `until`; it ended at `ended_since` or later, and before `ended_until`.
    """

    org: str | None = None
    workflow: str | None = None
    status: str | None = None
    entity: str | None = None
    trigger: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ended_since: datetime | None = None
    ended_until: datetime | None = None


EVERY_RUN: Final = RunFilter()


class Ambiguous(NamedTuple):
    """More than one run's id begins so; `runs` are the ids of two of them."""

    beginning: str
    runs: tuple[str, ...]


def _where(conditions: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """`where …` and its values, of the conditions (with `?` for the value) whose value is not None."""
    given = [(text, value) for text, value in conditions.items() if value is not None]
    numbered = [text.replace("?", f"${number}") for number, (text, _) in enumerate(given, 1)]
    return (" where " + " and ".join(numbered) if numbered else ""), [value for _, value in given]


def _row(record: Any, *, of_run: bool = False) -> Row:
    """A record as a dictionary, its jsonb parsed. A run's error is text, a step's is jsonb."""
    row = dict(record)
    for name in _JSON & row.keys():
        if isinstance(row[name], str) and not (of_run and name == "error"):
            row[name] = orjson.loads(row[name])
    return row


async def list_runs(connection: Connection, wanted: RunFilter = EVERY_RUN, *, limit: int = 50) -> list[Row]:
    """The latest runs, newest first, without their events and conditions."""
    org, entity = wanted.org, wanted.entity
    # Both readings of the text, for an organisation may be called as a kind of entity is: device/d-1 is either then.
    keys = entity and [entity, *([f"{org}/{entity}"] if org else [])]
    where, values = _where({
        "org_id = ?": org, "workflow_id = ?": wanted.workflow, "status = ?": wanted.status,
        "entity_key = any(?::text[])": keys, "trigger_type = ?": wanted.trigger,
        "started_at >= ?": wanted.since, "started_at < ?": wanted.until, "finished_at >= ?": wanted.ended_since,
        "finished_at < ?": wanted.ended_until,
    })  # fmt: skip
    limited = f"order by started_at desc, run_id limit ${len(values) + 1}"
    sides = [f"(select {_BRIEF} from history.runs{where}{side} {limited})" for side in _sides(wanted)]  # noqa: S608
    query = f"select * from ({' union all '.join(sides)}) r {limited}"  # noqa: S608 - our own text
    return [_row(one, of_run=True) for one in await connection.fetch(query, *values, limit)]


def _sides(wanted: RunFilter) -> tuple[str, ...]:
    """What is added to the conditions: an organisation's runs have an index for what ran, and one for what did not."""
    if wanted.org is None or wanted.status is not None or wanted.entity is not None:
        return ("",)
    return " and status not in ('skipped', 'suppressed')", " and status in ('skipped', 'suppressed')"


async def get_run(connection: Connection, run_id: str, *, org: str | None = None) -> Row | None:
    """A run whole, with its `steps` and `entries`; None where there is none, or where it is another organisation's."""
    where, values = _where({"run_id = ?": run_id, "org_id = ?": org})
    found = await connection.fetchrow(f"select * from history.runs{where}", *values)  # noqa: S608 - our own text
    if found is None:
        return None
    # These views know no organisation: theirs is their run's.
    where, values = _where({
        "part.run_id = ?": run_id,
        "exists (select from history.runs r where r.run_id = part.run_id and r.org_id = ?)": org,
    })  # fmt: skip
    steps = await connection.fetch(f"select * from history.steps part{where} order by position", *values)  # noqa: S608
    entries = await connection.fetch(
        f"select seq, type, at, data from history.entries part{where} order by seq",  # noqa: S608 - our own text
        *values,
    )
    parts = {"steps": [_row(one) for one in steps], "entries": [_row(one) for one in entries]}
    return _row(found, of_run=True) | parts


async def find_run(connection: Connection, named: str, *, org: str | None = None) -> Row | Ambiguous | None:
    """A run whole, as of `get_run`, by its id or by the beginning of it, of 4 letters or more.

    A whole id wins over one that only begins so.
    """
    run = await get_run(connection, named, org=org)
    if run is not None or len(named) < _SHORTEST:
        return run
    where, values = _where({"starts_with(run_id, ?)": named, "org_id = ?": org})
    found = await connection.fetch(f"select run_id from history.runs{where} order by run_id limit 2", *values)  # noqa: S608
    if len(found) > 1:
        return Ambiguous(named, tuple(one["run_id"] for one in found))
    return await get_run(connection, found[0]["run_id"], org=org) if found else None


async def runs_by_id(connection: Connection, ids: Sequence[str], *, org: str | None = None) -> list[Row]:
    """The runs with these ids, oldest first, with their conditions and trigger events; ids of none are passed over."""
    where, values = _where({"run_id = any(?::text[])": list(ids), "org_id = ?": org})
    found = await connection.fetch(
        f"select {_BRIEF}, trigger_event, conditions from history.runs{where} order by started_at, run_id",  # noqa: S608 - our own text
        *values,
    )
    return [_row(one, of_run=True) for one in found]


async def run_statuses(connection: Connection, ids: Sequence[str]) -> list[Row]:
    """The statuses of the runs with these ids; ids of none are passed over."""
    query = "select run_id, status from history.runs where run_id = any($1::text[])"
    return [dict(one) for one in await connection.fetch(query, list(ids))]


async def run_log(connection: Connection, run_id: str, *, org: str | None = None) -> list[Row]:
    """The run's entries whole, as the run log has them, in the order of `seq`: what the engine's `evolve` takes.

    Empty where there is no such run, or where it is another organisation's.
    """
    # Of what is stored, and not of the view: that has no subject and no organisation.
    records = await connection.fetch("select entries from history_data.records where run_id = $1 order by seq", run_id)
    entries = [entry for record in records for entry in orjson.loads(record["entries"])]
    return entries if org is None or not entries or entries[0].get("orgid") == org else []


async def list_dead_letters(
    connection: Connection,
    *,
    org: str | None = None,
    topic: str | None = None,
    since: datetime | None = None,
    containing: str | None = None,
    limit: int = 50,
) -> list[Row]:
    """The latest dead letters, newest first; an organisation's are those whose key begins with it.

    `value` is text, the start of what was refused, and stays text where that looks like JSON; `containing` is looked
    for in it.
    """
    where, values = _where({
        "starts_with(key, ? || '/')": org, "topic = ?": topic, "at >= ?": since, "strpos(value, ?) > 0": containing,
    })  # fmt: skip
    found = await connection.fetch(
        f"select * from history.dead_letters{where} order by at desc limit ${len(values) + 1}",  # noqa: S608 - our own text
        *values,
        limit,
    )
    return [dict(one) for one in found]


async def list_workflows(connection: Connection, *, org: str | None = None, state: str | None = None) -> list[Row]:
    """The definitions in force."""
    where, values = _where({"org_id = ?": org, "state = ?": state})
    query = f"select * from history.workflows{where} order by org_id, workflow_id"  # noqa: S608 - our own text
    return [_row(one) for one in await connection.fetch(query, *values)]


async def get_workflow(connection: Connection, org: str, workflow_id: str) -> Row | None:
    """The definition in force under this id."""
    query = "select * from history.workflows where org_id = $1 and workflow_id = $2"
    found = await connection.fetchrow(query, org, workflow_id)
    return None if found is None else _row(found)


async def workflow_versions(connection: Connection, org: str, workflow_id: str) -> list[Row]:
    """Every version of a workflow that was ever in force, the highest first; of one number the latest first."""
    found = await connection.fetch(
        "select * from history.workflow_versions where org_id = $1 and workflow_id = $2 "
        "order by version desc, published_at desc",
        org,
        workflow_id,
    )
    return [_row(one) for one in found]


async def workflow_ids(connection: Connection, org: str) -> list[str]:
    """The ids of all workflows that the organisation has or had."""
    found = await connection.fetch(
        "select workflow_id from history.workflow_versions where org_id = $1 "
        "union select workflow_id from history.workflows where org_id = $1 order by workflow_id",
        org,
    )
    return [one["workflow_id"] for one in found]


async def list_calendars(connection: Connection, org: str) -> list[Row]:
    """The organisation's business calendars in force."""
    query = "select * from history.calendars where org_id = $1 order by calendar_id"
    return [_row(one) for one in await connection.fetch(query, org)]


async def read_up_to(connection: Connection, topics: Sequence[str]) -> dict[tuple[str, int], int]:
    """By topic and partition: the offset of the first record that the history does not have yet."""
    query = "select topic, partition, next from history_data.offsets where topic = any($1::text[])"
    return {(one["topic"], one["partition"]): one["next"] for one in await connection.fetch(query, list(topics))}


async def counts(connection: Connection, *, org: str | None = None, since: datetime | None = None) -> dict[str, int]:
    """How many runs there are by status."""
    where, values = _where({"org_id = ?": org, "started_at >= ?": since})
    query = f"select status, count(*) as runs from history.runs{where} group by status order by status"  # noqa: S608 - our own text
    return {one["status"]: one["runs"] for one in await connection.fetch(query, *values)}


async def find_event(
    connection: Connection, event_id: str, *, org: str | None = None, source: str | None = None
) -> list[Row]:
    """The events with this id, one for each organisation and source that has one, as first received."""
    where, values = _where({"event_id = ?": event_id, "org_id = ?": org, "source = ?": source})
    found = await connection.fetch(
        f"select distinct on (org_id, source) * from history.events{where} order by org_id, source, received_at",  # noqa: S608 - our own text
        *values,
    )
    return [_row(one) for one in found]


async def runs_of_event(connection: Connection, org: str, source: str, event_id: str) -> list[Row]:
    """The runs that this event started or restarted, and their reruns, oldest first, with events and conditions.

    A run that it started is found also where another event restarted it. Reruns, and runs that it restarted, are found
    where the history has the event itself.
    """
    ids = {id_of_run(org, one, source, event_id) for one in await workflow_ids(connection, org)}
    for event in await find_event(connection, event_id, org=org, source=source):
        # A run of another id is about the same entity, and its runs are indexed.
        others = await connection.fetch(
            "select run_id from history.runs where entity_key = $1 and org_id = $2 and started_at >= $3 "
            "and trigger_event ->> 'id' = $4 and trigger_event ->> 'source' = $5",
            entity_key(org, event["subject"]),
            org,
            min(event["time"], event["received_at"]),
            event_id,
            source,
        )
        ids.update(row["run_id"] for row in others)
    return await runs_by_id(connection, sorted(ids), org=org)


async def events_between(
    connection: Connection, org: str, types: Sequence[str], since: datetime, until: datetime
) -> AsyncIterator[Row]:
    """The organisation's events of these types whose time is `since` or later and before `until`, in that order.

    They are read as they are asked for: the connection is in a transaction until the last was had or the iterator is
    closed; where it is in one already, that is taken.
    """
    seen: set[tuple[str, str]] = set()
    at: datetime | None = None
    async with nullcontext() if connection.is_in_transaction() else connection.transaction(readonly=True):
        cursor = connection.cursor(
            "select * from history.events where org_id = $1 and type = any($2::text[]) and time >= $3 and time < $4 "
            "order by time, received_at",
            org,
            list(types),
            since,
            until,
            prefetch=_FETCHED,
        )
        async for record in cursor:
            if record["time"] != at:
                seen.clear()
                at = record["time"]
            identity = (record["source"], record["event_id"])
            if identity not in seen:
                seen.add(identity)
                yield _row(record)


SEVEREST_FIRST: Final = "array_position('{high,medium,low}', severity), org_id, workflow_id, finding, sentence"


async def workflow_health(connection: Connection, *, org: str | None = None, workflow: str | None = None) -> list[Row]:
    """What was found wrong with workflows at the last check, the gravest first."""
    where, values = _where({"org_id = ?": org, "workflow_id = ?": workflow})
    query = f"select * from history.workflow_health{where} order by {SEVEREST_FIRST}"  # noqa: S608 - our own text
    return [_row(one) for one in await connection.fetch(query, *values)]


async def health_checked(connection: Connection, *, org: str | None = None) -> datetime | None:
    """When the health of workflows was last checked (of all organisations: the one that was checked longest ago)."""
    where, values = _where({"org_id = ?": org})
    found: datetime | None = await connection.fetchval(
        f"select min(checked_at) from history.health_checks{where}",  # noqa: S608 - our own text
        *values,
    )
    return found
