"""What the history views say, asked as people ask it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from cli.clients import postgres, settings_for_people
from cli.errors import USAGE, Failure
from schemas.durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = dict[str, Any]

STATUSES: Final = ("running", "waiting", "completed", "failed", "cancelled", "skipped", "suppressed")
_RUN: Final = (
    "run_id, org_id, workflow_id, workflow_name, workflow_version, status, trigger_type, entity_key, "
    "started_at, finished_at, duration_ms, error, causation_chain"
)


def moment(text: str | None) -> dt.datetime | None:
    """`2h` (so long ago), or a time such as 2026-11-23T08:00:00Z; without an offset it is UTC. Raises Failure."""
    if text is None:
        return None
    try:
        return dt.datetime.now(dt.UTC) - parse_duration(text)
    except ValueError:
        pass
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise Failure(
            f"{text!r} is neither a duration, such as 2h, nor a time, such as 2026-11-23T08:00:00Z.", USAGE
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def _where(filters: dict[str, Any]) -> tuple[str, list[Any]]:
    given = [(condition, value) for condition, value in filters.items() if value is not None]
    text = " and ".join(condition.replace("?", f"${n}") for n, (condition, _) in enumerate(given, start=1))
    return (f" where {text}" if text else ""), [value for _, value in given]


async def runs(filters: dict[str, Any], limit: int) -> list[Row]:
    """The latest runs, newest first; `filters` are SQL conditions with `?` and their values (None: not asked for)."""
    where, values = _where(filters)
    query = f"select {_RUN} from history.runs{where} order by started_at desc limit {int(limit)}"  # noqa: S608 - our text
    return await _rows(query, values)


async def dead_letters(filters: dict[str, Any], limit: int) -> list[Row]:
    """The latest dead letters, newest first."""
    where, values = _where(filters)
    query = (
        'select reason, field, topic, partition, "offset", key, value, at '  # noqa: S608 - our text
        f"from history.dead_letters{where} order by at desc limit {int(limit)}"
    )
    return await _rows(query, values)


async def workflows(filters: dict[str, Any]) -> list[Row]:
    """The definitions in force."""
    where, values = _where(filters)
    return await _rows(f"select * from history.workflows{where} order by org_id, workflow_id", values)  # noqa: S608


async def _rows(query: str, values: Sequence[Any]) -> list[Row]:
    async with postgres(settings_for_people()) as connection:
        return [dict(row) for row in await connection.fetch(query, *values)]


async def story(run: str, org: str | None) -> Row:
    """All that the history knows of one run, named by its id or the beginning of it: the run, `steps`, `entries`.

    Raises Failure where there is none, or more than one.
    """
    only, more = (" and org_id = $2", [org]) if org else ("", [])
    async with postgres(settings_for_people()) as connection:
        found = await connection.fetch(f"select * from history.runs where run_id = $1{only}", run, *more)  # noqa: S608
        if not found and len(run) >= 4:
            begins = f"select * from history.runs where starts_with(run_id, $1){only} limit 2"  # noqa: S608
            found = await connection.fetch(begins, run, *more)
        if not found:
            raise Failure(f"The history has no run {run!r}{f' of {org}' if org else ''}.")
        if len(found) > 1:
            raise Failure(f"More than one run begins with {run!r}: give more of the id.")
        steps = await connection.fetch(
            "select * from history.steps where run_id = $1 order by position", found[0]["run_id"]
        )
        entries = await connection.fetch(
            "select seq, type, at, data from history.entries where run_id = $1 order by seq", found[0]["run_id"]
        )
    return {**found[0], "steps": [dict(row) for row in steps], "entries": [dict(row) for row in entries]}
