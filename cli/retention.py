"""`onestack retention`: remove what is too old from the history, now."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from cli.clients import postgres, settings_for_people
from cli.output import Json, show_json, table

if TYPE_CHECKING:
    from projections.retention import Removed


def retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    json: Json = False,
) -> None:
    """Remove from the history what is too old.

    By ONESTACK_KEEP_SKIPPED, ONESTACK_KEEP_COMPLETED, ONESTACK_KEEP_FAILED, ONESTACK_KEEP_EVENTS and
    ONESTACK_KEEP_EVENTS_BY_ORG. Runs that run or wait are never removed. The projector does the same every hour.
    """
    removed = asyncio.run(_remove(dry_run))
    if json:
        show_json(
            {
                "dry_run": dry_run,
                "runs": removed.runs,
                "dead_letters": removed.dead_letters,
                "events": removed.events,
                "tables": removed.tables,
            }
        )
        return
    if not removed:
        print("Nothing is too old.")
        return
    print("This would be removed:" if dry_run else "Removed:")
    rows = [(f"runs {status}", count) for status, count in sorted(removed.runs.items())]
    rows += [(what, n) for what, n in (("dead letters", removed.dead_letters), ("events", removed.events)) if n]
    if removed.tables:
        rows.append(("tables that were left empty", len(removed.tables)))
    table(("what", "how many"), rows, "")


async def _remove(dry_run: bool) -> Removed:
    from projections.retention import keep_of, remove_old
    from runtime.clock import Clock

    settings = settings_for_people()
    now = Clock(settings.clock_file).now()
    async with postgres(settings) as connection:
        return await remove_old(connection, keep_of(settings), now, dry_run=dry_run)
