"""`onestack health`: what is wrong with workflows, as their runs and events tell it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.errors import Failure
from cli.output import Json, one_line, painted, show_json, when

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from projections.queries import Row

_COLOURS: Final = {"high": "red", "medium": "yellow", "low": ""}


def health(
    org: Annotated[str | None, typer.Option(help="Of this organisation only.")] = None,
    workflow: Annotated[str | None, typer.Option(help="Of this workflow (its id) only.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Check now; the projector does so every hour.")] = False,
    json: Json = False,
) -> None:
    """Tell which workflows never run, always filter, compare with what never comes, fight, fail or are kept back.

    Each finding has a sentence, and the runs that show it. It is what the view history.workflow_health has.
    """
    checked, found = asyncio.run(_health(org, workflow, check))
    if json:
        show_json({"checked_at": checked, "findings": found})
        return
    for line in _tell(checked, found):
        print(line)


async def _health(org: str | None, workflow: str | None, check: bool) -> tuple[dt.datetime | None, list[Row]]:
    from cli.clients import postgres, settings_for_people
    from projections import queries
    from projections.health.check import check as check_one
    from projections.health.check import check_all
    from projections.retention import keep_of
    from runtime.clock import Clock

    settings = settings_for_people()
    async with postgres(settings) as connection:
        if check:
            now, keep = Clock(settings.clock_file).now(), keep_of(settings)
            if org is not None:
                await check_one(connection, org, now, keep)
            elif await check_all(connection, now, keep) < 0:
                raise Failure("Another process checks at this moment: try again, or look at what it finds.")
        found = await queries.workflow_health(connection, org=org, workflow=workflow)
        return await queries.health_checked(connection, org=org), found


def _tell(checked: dt.datetime | None, found: Sequence[Row]) -> Iterator[str]:
    if checked is None:
        yield "Nothing has been checked yet: the projector does so every hour, 'onestack health --check' now."
        return
    for one in found:
        yield from _finding(one)
    number = "nothing is" if not found else "1 thing is" if len(found) == 1 else f"{len(found):,} things are"
    yield f"{number} wrong, as of {when(checked)} UTC"


def _finding(one: dict[str, Any]) -> Iterator[str]:
    mark = painted(f"{one['severity']:<6}", _COLOURS.get(one["severity"], ""))
    yield f"{mark} {one['org_id']}/{one['workflow_id']}  {one['finding']}"
    yield f"       {one_line(one['sentence'], 1000)}"
    runs = f"  runs {' '.join(one['run_ids'])}" if one["run_ids"] else ""
    yield f"       since {when(one['first_seen'])} UTC{runs}"
    yield ""
