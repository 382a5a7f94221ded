"""What the history is asked: read functions on the documented views, for whoever shows it to people.

Each takes an organisation, and then answers of that organisation alone. The connection is one of `runtime.postgres`
as it comes, without a codec for jsonb: what is jsonb is parsed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson

from runtime.postgres import Connection

Row = dict[str, Any]

_BRIEF = (
    "run_id, org_id, workflow_id, workflow_name, workflow_version, status, trigger_type, entity_key, started_at, "
    "finished_at, duration_ms, error, causation_chain"
)
_JSON = frozenset(("trigger_event", "conditions", "input", "output", "error", "data", "definition"))
_SHORTEST: Final = 4
"""Letters that the beginning of a run's id has at least: fewer would name many runs, and mostly by mistake."""


class RunFilter(NamedTuple):
    """Which runs: None asks for all. `entity` is an entity key, or with `org` also what follows that in the key.

    A run began at `since` or later, and before `until`.
    """

    org: str | None = None
    workflow: str | None = None
    status: str | None = None
    entity: str | None = None
    trigger: str | None = None
    since: datetime | None = None
    until: datetime | None = None


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
        "started_at >= ?": wanted.since, "started_at < ?": wanted.until,
    })  # fmt: skip
    found = await connection.fetch(
        f"select {_BRIEF} from history.runs{where} order by started_at desc, run_id limit ${len(values) + 1}",  # noqa: S608 - our own text
        *values,
        limit,
    )
    return [_row(one, of_run=True) for one in found]


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


async def list_dead_letters(
    connection: Connection,
    *,
    org: str | None = None,
    topic: str | None = None,
    since: datetime | None = None,
    limit: int = 50,
) -> list[Row]:
    """The latest dead letters, newest first; an organisation's are those whose key begins with it.

    `value` is text, the start of what was refused, and stays text where that looks like JSON.
    """
    where, values = _where({"starts_with(key, ? || '/')": org, "topic = ?": topic, "at >= ?": since})
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


async def counts(connection: Connection, *, org: str | None = None, since: datetime | None = None) -> dict[str, int]:
    """How many runs there are by status."""
    where, values = _where({"org_id = ?": org, "started_at >= ?": since})
    query = f"select status, count(*) as runs from history.runs{where} group by status order by status"  # noqa: S608 - our own text
    return {one["status"]: one["runs"] for one in await connection.fetch(query, *values)}
