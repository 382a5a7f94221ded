"""`onestack history`: what whoever keeps the history asks of it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from cli.clients import postgres, settings_for_people
from cli.output import Json, show_json, table

history = typer.Typer(
    help="Checksums of the history, and runs that a lost log has left.", no_args_is_help=True, rich_markup_mode=None
)

Org = Annotated[str | None, typer.Option(help="Of this organisation alone.")]


@history.command("checksum")
def checksum(org: Org = None, json: Json = False) -> None:
    """Print a checksum of each table of the history, all of one moment.

    Equal rows have equal checksums, on whatever server they are: before a backup and after a restore, or of the history
    that a rebuild has made. It reads all there is. The offsets say how far the history was then: a sum for each topic.
    """
    sums, offsets = asyncio.run(_sums(org))
    if json:
        show_json({"tables": {name: one._asdict() for name, one in sums.items()}, "offsets": offsets})
        return
    table(("table", "rows", "checksum"), [(name, one.rows, one.checksum) for name, one in sums.items()], "")
    print()
    table(("topic", "offsets"), list(offsets.items()), "Nothing has been read yet.")


@history.command("stranded")
def stranded(org: Org = None, json: Json = False) -> None:
    """List the runs that were under way when the run log was lost, and that don't go on by themselves.

    Their commands and timers were in the log. 'onestack rerun' repeats one from the beginning.
    """
    rows = asyncio.run(_stranded(org))
    if json:
        show_json(rows)
        return
    shown = ("run_id", "org_id", "workflow_id", "status", "entity_key", "started_at", "lost_at")
    table(shown, [[row[column] for column in shown] for row in rows], "No run is stranded.")


async def _sums(org: str | None) -> tuple[Any, Any]:
    from projections.checksum import checksums

    async with postgres(settings_for_people()) as connection:
        return await checksums(connection, org=org)


async def _stranded(org: str | None) -> list[dict[str, Any]]:
    async with postgres(settings_for_people()) as connection:
        rows = await connection.fetch(
            "select * from history.stranded_runs where $1::text is null or org_id = $1 order by started_at", org
        )
    return [dict(row) for row in rows]
