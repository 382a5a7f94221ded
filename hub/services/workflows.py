"""An organisation's workflows as the history has them: lists by search and state, one of them whole, its versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from hub.services import cursors
from hub.services.ordering import ordered
from hub.services.wording import condition_sentence
from runtime.postgres import Connection
from schemas.events import EVENT_TYPES, entity_of

Row = dict[str, Any]
STATES: Final = ("draft", "shadow", "enabled", "disabled")
_TARGET: Final = "workflow/"
"""What the audit log writes before a workflow's id."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which workflows: None asks for all. `search` is looked for in name, id, description and trigger."""

    search: str | None = None
    state: str | None = None
    trigger: str | None = None
    cursor: str | None = None
    limit: int = 50


# The name is compared by its bytes, so that every server has the same order, and the id makes it whole.
_ORDER: Final = 'lower(name) collate "C", workflow_id collate "C"'
_FITS: Final = """
 where org_id = $1
   and ($2::text is null or strpos(lower(name), lower($2)) > 0 or strpos(lower(workflow_id), lower($2)) > 0
        or strpos(lower(definition ->> 'description'), lower($2)) > 0 or strpos(trigger_type, lower($2)) > 0)
   and ($3::text is null or trigger_type = $3)"""
_PAGE: Final = f"""
select workflow_id, version, name, state, trigger_type, definition, updated_at, lower(name) as sorted
  from history.workflows {_FITS}
   and ($4::text is null or state = $4)
   and ($5::text is null or (lower(name) collate "C", workflow_id collate "C") > ($5, $6))
 order by {_ORDER} limit $7"""  # noqa: S608 - our own text
_COUNTS: Final = f"select state, count(*) as workflows from history.workflows {_FITS} group by state"  # noqa: S608 - our own


async def page(connection: Connection, org: str, wanted: Wanted) -> tuple[list[Row], str | None]:
    """The workflows by name, and the cursor of the next page. Raises Refused where the cursor is none."""
    after: tuple[str | None, str | None] = (None, None)
    if wanted.cursor is not None:
        name, workflow_id = cursors.decode(wanted.cursor, str, str)
        after = (name, workflow_id)
    asked = (org, wanted.search, wanted.trigger, wanted.state, *after, wanted.limit + 1)
    found = await connection.fetch(_PAGE, *asked)
    rows = [_row(one) for one in found[: wanted.limit]]
    more = len(found) > wanted.limit
    return rows, cursors.encode(found[wanted.limit - 1]["sorted"], rows[-1]["workflow_id"]) if more else None


async def counts(connection: Connection, org: str, wanted: Wanted) -> dict[str, int]:
    """How many fit the search by state, whatever state is asked for."""
    found = {one["state"]: one["workflows"] for one in await connection.fetch(
        _COUNTS, org, wanted.search, wanted.trigger
    )}  # fmt: skip
    return {state: found.get(state, 0) for state in STATES}


def _row(record: Any) -> Row:
    row = dict(record)
    row["definition"] = ordered(orjson.loads(row["definition"]))
    return row


def summary(row: Row) -> Row:
    """A workflow as the list tells it, but for its runs."""
    body = row["definition"]
    trigger = row["trigger_type"]
    entity = entity_of(trigger) if trigger in EVENT_TYPES else None
    condition = body.get("conditions")
    return {
        "id": row["workflow_id"],
        "name": row["name"] or "",
        "description": body.get("description"),
        "version": row["version"],
        "state": row["state"],
        "trigger_type": trigger,
        "conditions": None if condition is None else condition_sentence(condition, entity),
        "actions": actions_of(body.get("steps") or []),
        "updated_at": row["updated_at"],
    }


def actions_of(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """The actions in the order in which they stand, those inside branches included."""
    found: list[str] = []
    for step in steps:
        if "action" in step:
            found.append(step["action"])
        found += actions_of([*(step.get("then") or []), *(step.get("else") or [])])
    return found


async def in_force(connection: Connection, org: str, workflow_id: str) -> Row | None:
    """The version in force: version, state, definition, updated_at."""
    found = await connection.fetchrow(
        "select workflow_id, version, state, definition, updated_at from history.workflows "
        "where org_id = $1 and workflow_id = $2",
        org,
        workflow_id,
    )
    return None if found is None else _row(found)


async def version(connection: Connection, org: str, workflow_id: str, number: int) -> Row | None:
    """A version that is or was in force; of several with this number the latest."""
    found = await connection.fetchrow(
        "select workflow_id, version, state, definition, published_at as updated_at from history.workflow_versions "
        "where org_id = $1 and workflow_id = $2 and version = $3 order by published_at desc limit 1",
        org,
        workflow_id,
        number,
    )
    return None if found is None else _row(found)


async def versions(connection: Connection, org: str, workflow_id: str) -> list[Row]:
    """Every version, the highest first, with who published it, where the Hub did."""
    found = await connection.fetch(
        "select version, digest, state, published_at from history.workflow_versions "
        "where org_id = $1 and workflow_id = $2 order by version desc, published_at desc limit 1000",
        org,
        workflow_id,
    )
    by = await _publishers(connection, org, workflow_id)
    return [{**one, "by": by.get((one["version"], one["digest"]))} for one in map(dict, found)]


async def _publishers(connection: Connection, org: str, workflow_id: str) -> dict[tuple[int, str], str]:
    """Who published which version, as the audit log has it: by number and digest, for a number may come again."""
    found = await connection.fetch(
        "select person, details ->> 'version' as version, details ->> 'digest' as digest from hub_data.audit "
        "where org_id = $1 and target = $2 and outcome = 'done' and details ? 'digest' order by id desc limit 5000",
        org,
        f"{_TARGET}{workflow_id}",
    )
    return {(int(one["version"]), one["digest"]): one["person"] for one in found if one["version"]}


async def highest_version(connection: Connection, org: str, workflow_id: str) -> int:
    """The highest number that the workflow's versions ever had; 0 where there was none."""
    found = await connection.fetchval(
        "select max(version) from history.workflow_versions where org_id = $1 and workflow_id = $2", org, workflow_id
    )
    return found or 0


async def every_definition(connection: Connection, org: str, ids: Sequence[str] | None = None) -> list[Row]:
    """All definitions in force, by id; with `ids` those of them."""
    found = await connection.fetch(
        "select workflow_id, version, state, definition, updated_at from history.workflows "
        "where org_id = $1 and ($2::text[] is null or workflow_id = any($2)) order by workflow_id",
        org,
        ids,
    )
    return [_row(one) for one in found]


async def known_ids(connection: Connection, org: str, beginning: str) -> set[str]:
    """The ids that begin so of all workflows that the organisation has or had."""
    found = await connection.fetch(
        "select workflow_id from history.workflow_versions where org_id = $1 and starts_with(workflow_id, $2) "
        "union select workflow_id from history.workflows where org_id = $1 and starts_with(workflow_id, $2)",
        org,
        beginning,
    )
    return {one["workflow_id"] for one in found}


def target_of(workflow_id: str) -> str:
    """The workflow as the audit log names it."""
    return f"{_TARGET}{workflow_id}"
