"""What the history is asked: read functions on the documented views, for whoever shows it to people.

Each takes an organisation, and then answers of that organisation alone.
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


class RunFilter(NamedTuple):
    """Which runs: None asks for all. `entity` is an entity key, or in it what follows the organisation."""

    org: str | None = None
    workflow: str | None = None
    status: str | None = None
    entity: str | None = None
    trigger: str | None = None
    since: datetime | None = None


EVERY_RUN: Final = RunFilter()


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
    entity = wanted.entity
    if entity and wanted.org and not entity.startswith(f"{wanted.org}/"):
        entity = f"{wanted.org}/{entity}"
    where, values = _where({
        "org_id = ?": wanted.org, "workflow_id = ?": wanted.workflow, "status = ?": wanted.status,
        "entity_key = ?": entity, "trigger_type = ?": wanted.trigger, "started_at >= ?": wanted.since,
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
    steps = await connection.fetch("select * from history.steps where run_id = $1 order by position", run_id)
    entries = await connection.fetch("select * from history.entries where run_id = $1 order by seq", run_id)
    parts = {"steps": [_row(one) for one in steps], "entries": [_row(one) for one in entries]}
    return _row(found, of_run=True) | parts


async def list_dead_letters(
    connection: Connection, *, org: str | None = None, since: datetime | None = None, limit: int = 50
) -> list[Row]:
    """The latest dead letters, newest first; an organisation's are those whose key begins with it."""
    where, values = _where({"starts_with(key, ? || '/')": org, "at >= ?": since})
    found = await connection.fetch(
        f"select * from history.dead_letters{where} order by at desc limit ${len(values) + 1}",  # noqa: S608 - our own text
        *values,
        limit,
    )
    return [dict(one) for one in found]


async def list_workflows(connection: Connection, *, org: str | None = None) -> list[Row]:
    """The definitions in force."""
    where, values = _where({"org_id = ?": org})
    query = f"select * from history.workflows{where} order by org_id, workflow_id"  # noqa: S608 - our own text
    return [_row(one) for one in await connection.fetch(query, *values)]


async def counts(connection: Connection, *, org: str | None = None, since: datetime | None = None) -> dict[str, int]:
    """How many runs there are by status."""
    where, values = _where({"org_id = ?": org, "started_at >= ?": since})
    query = f"select status, count(*) as runs from history.runs{where} group by status order by status"  # noqa: S608 - our own text
    return {one["status"]: one["runs"] for one in await connection.fetch(query, *values)}
