"""What the history says, asked as people ask it: the queries themselves are those of `projections.queries`."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from cli.clients import postgres, settings_for_people
from cli.errors import USAGE, Failure
from projections import queries
from schemas.durations import parse_duration
from schemas.names import RUN_ENDS

if TYPE_CHECKING:
    from projections.queries import Row

STATUSES: Final = ("running", "waiting", *RUN_ENDS)


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


async def runs(wanted: queries.RunFilter, limit: int) -> list[Row]:
    """The latest runs, newest first."""
    async with postgres(settings_for_people()) as connection:
        return await queries.list_runs(connection, wanted, limit=limit)


async def dead_letters(topic: str | None, since: dt.datetime | None, limit: int) -> list[Row]:
    """The latest dead letters, newest first."""
    async with postgres(settings_for_people()) as connection:
        return await queries.list_dead_letters(connection, topic=topic, since=since, limit=limit)


async def workflows(org: str | None, state: str | None) -> list[Row]:
    """The definitions in force."""
    async with postgres(settings_for_people()) as connection:
        return await queries.list_workflows(connection, org=org, state=state)


async def story(run: str, org: str | None) -> Row:
    """All that the history knows of one run, named by its id or the beginning of it: the run, `steps`, `entries`.

    Raises Failure where there is none, or more than one.
    """
    async with postgres(settings_for_people()) as connection:
        found = await queries.find_run(connection, run, org=org)
    if found is None:
        raise Failure(f"The history has no run {run!r}{f' of {org}' if org else ''}.")
    if isinstance(found, queries.Ambiguous):
        raise Failure(f"More than one run begins with {run!r}: give more of the id.")
    return found
