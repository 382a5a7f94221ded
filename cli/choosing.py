"""Which runs a command is about: one by its id, or all that fit a filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cli.errors import USAGE, Failure
from cli.history import STATUSES, moment
from projections import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.queries import Row
    from runtime.postgres import Connection


class Choice(NamedTuple):
    """What the command line says: a run, or statuses and more."""

    run: str | None
    statuses: Sequence[str]
    org: str | None
    workflow: str | None
    since: str | None
    limit: int


def check(choice: Choice, example: str) -> None:
    """Raise Failure where the command line names neither a run nor a filter, or both."""
    if choice.run is not None:
        if choice.statuses or choice.workflow or choice.since:
            raise Failure("Name either a RUN or a filter.", USAGE)
        return
    if not choice.statuses:
        raise Failure(f"Name a RUN, or a filter such as '{example}'.", USAGE)
    for status in choice.statuses:
        if status not in STATUSES:
            raise Failure(f"{status!r} is not a status; they are {', '.join(STATUSES)}.", USAGE)


async def chosen(connection: Connection, choice: Choice) -> tuple[list[Row], bool]:
    """The latest runs, the oldest of them first; and whether there are more. Raises Failure where one is unknown."""
    if choice.run is not None:
        return [await named(connection, choice.run, choice.org)], False
    found: list[Row] = []
    for status in dict.fromkeys(choice.statuses):
        wanted = queries.RunFilter(choice.org, choice.workflow, status, ended_since=moment(choice.since))
        found += await queries.list_runs(connection, wanted, limit=choice.limit + 1)
    found.sort(key=lambda row: row["started_at"])
    more = len(found) > choice.limit
    return found[-choice.limit :], more


async def named(connection: Connection, run: str, org: str | None) -> Row:
    """The run with this id, or the only one whose id begins so. Raises Failure."""
    found = await queries.find_run(connection, run, org=org)
    if found is None:
        raise Failure(f"The history has no run {run!r}{f' of {org}' if org else ''}.")
    if isinstance(found, queries.Ambiguous):
        raise Failure(f"More than one run begins with {run!r}: give more of the id.")
    return found
