"""The commands that tell what happened: from the history in Postgres, and from the run log in Kafka."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from cli.errors import USAGE, Failure
from cli.output import Json, lasted, show_json, table

Org = Annotated[str | None, typer.Option(help="Of this organisation only.")]
Workflow = Annotated[str | None, typer.Option(help="Of this workflow (its id) only.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")]
Since = Annotated[str | None, typer.Option(help="Not before: 2h (ago), or 2026-11-23T08:00:00Z.")]


def runs(
    org: Org = None,
    workflow: Workflow = None,
    status: Annotated[
        str | None, typer.Option(help="running, waiting, completed, failed, cancelled, skipped, suppressed.")
    ] = None,
    trigger: Annotated[str | None, typer.Option(help="Of this event type only.")] = None,
    entity: Annotated[str | None, typer.Option(help="About this entity only: device/d-17, with --org.")] = None,
    since: Since = None,
    until: Annotated[str | None, typer.Option(help="Before: 1h (ago), or a time.")] = None,
    limit: Limit = 20,
    json: Json = False,
) -> None:
    """List runs, the latest first."""
    from cli import history
    from projections.queries import RunFilter

    if status is not None and status not in history.STATUSES:
        raise Failure(f"{status!r} is not a status; they are {', '.join(history.STATUSES)}.", USAGE)
    if entity is not None and org is None:
        raise Failure("An --entity is known within an organisation: name that with --org.", USAGE)
    wanted = RunFilter(org, workflow, status, entity, trigger, history.moment(since), history.moment(until))
    found = asyncio.run(history.runs(wanted, limit))
    if json:
        show_json(found)
        return
    rows = [
        (
            r["started_at"],
            r["run_id"],
            r["org_id"],
            r["workflow_id"],
            r["status"],
            lasted(r["duration_ms"]),
            r["entity_key"].partition("/")[2],
        )
        for r in found
    ]
    table(("started (UTC)", "run", "org", "workflow", "status", "took", "entity"), rows, "No run is known that fits.")


def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run's id, or the beginning of it.")],
    org: Org = None,
    full: Annotated[bool, typer.Option("--full", help="Print long values whole.")] = False,
    json: Json = False,
) -> None:
    """Tell a run's whole story.

    The trigger, each condition with its values, each action with its input, outcome and duration.
    """
    from cli import history
    from cli.story import tell

    found = asyncio.run(history.story(run, org))
    if json:
        show_json(found)
        return
    for line in tell(found, full=full):
        print(line)


def tail(
    org: Org = None,
    workflow: Workflow = None,
    run: Annotated[str | None, typer.Option(help="Of this run only: its id, or the beginning of it.")] = None,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Begin with the oldest entry that Kafka has.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="End after so many entries.")] = None,
    json: Json = False,
) -> None:
    """Follow the run log as it grows.

    Straight from Kafka, until Ctrl-C. With --json: one entry a line.
    """
    from cli.tail import Filter, follow

    asyncio.run(follow(Filter(org, workflow, run), from_start=from_start, limit=limit, json=json))


def workflows(
    org: Org = None,
    state: Annotated[str | None, typer.Option(help="In this state only: draft, shadow, enabled, disabled.")] = None,
    json: Json = False,
) -> None:
    """List the definitions that are in force."""
    from cli import history

    found = asyncio.run(history.workflows(org, state))
    if json:
        show_json(found)
        return
    rows = [
        (w["org_id"], w["workflow_id"], w["version"], w["state"], w["trigger_type"], w["name"], w["updated_at"])
        for w in found
    ]
    table(
        ("org", "workflow", "version", "state", "trigger", "name", "updated (UTC)"),
        rows,
        "No definition is known that fits.",
    )


def dead_letters(
    topic: Annotated[str | None, typer.Option(help="That came from this topic only.")] = None,
    since: Since = None,
    limit: Limit = 20,
    json: Json = False,
) -> None:
    """List what could not be read, and why.

    With where it came from, the latest first.
    """
    from cli import history

    found = asyncio.run(history.dead_letters(topic, history.moment(since), limit))
    if json:
        show_json(found)
        return
    rows = [
        (r["at"], f"{r['topic']}[{r['partition']}]@{r['offset']}", r["key"], r["field"] or None, r["reason"])
        for r in found
    ]
    table(("at (UTC)", "from", "key", "field", "reason"), rows, "There is no dead letter that fits.")
