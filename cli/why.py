"""`onestack why`: what became of an event in each workflow of its organisation."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.errors import USAGE, Failure
from cli.output import one_line, painted, show_json, when
from cli.story import tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.why import Begun, Verdict
    from projections.queries import Row
    from runtime.postgres import Connection
    from runtime.settings import Settings

_MARKS: Final = {"ran": ("✓", "green"), "condition": ("✗", "red"), "guard": ("✗", "yellow"), "no run": ("?", "yellow")}
_LETTERS: Final = 20
_ENTITYS_RUNS: Final = 200
"""Cancelled runs of the entity that are looked through for this event."""


def why(
    event: Annotated[str, typer.Argument(metavar="EVENT-ID", help="The event's id.")],
    org: Annotated[str | None, typer.Option(help="The organisation that it belongs to.")] = None,
    source: Annotated[str | None, typer.Option(help="The module that sent it, such as /rmm.")] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Show the conditions whole, and print long values whole.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Tell why an event started a workflow, or did not.

    For each workflow of its organisation: the run, or which condition, state, guard or version kept it from running,
    with the values.
    """
    told = asyncio.run(_why(event, org, source))
    if json:
        show_json(told)
        return
    for line in _refused(told) if told["event"] is None else _tell(told, full=full):
        print(line)


async def _why(event_id: str, org: str | None, source: str | None) -> dict[str, Any]:
    from cli.clients import postgres, settings_for_people
    from projections import queries

    settings = settings_for_people()
    async with postgres(settings) as connection:
        found = await queries.find_event(connection, event_id, org=org, source=source)
        if len(found) > 1:
            raise Failure(_several(event_id, found), USAGE)
        if found:
            return await _explained(connection, settings, found[0])
        letters = await queries.list_dead_letters(connection, org=org, containing=event_id, limit=_LETTERS)
        letters = [one for one in letters if one["topic"].startswith("onestack.events.")]
        if letters:
            return {"event": None, "id": event_id, "dead_letters": letters}
        others = await queries.find_event(connection, event_id) if org or source else []
        raise Failure(_unknown(event_id, org, source, others))


def _several(event_id: str, found: list[Row]) -> str:
    places = "\n".join(f"  --org {one['org_id']} --source {one['source']}  ({one['type']})" for one in found)
    return f"{len(found)} events have the id {event_id!r}; choose one:\n{places}"


def _unknown(event_id: str, org: str | None, source: str | None, others: list[Row]) -> str:
    if org and any(one["org_id"] == org for one in others):
        sources = ", ".join(sorted({one["source"] for one in others if one["org_id"] == org}))
        return f"{org} has no event {event_id!r} from {source}, but one from {sources}."
    if org and others:
        return f"{org} has no event {event_id!r}; it is another organisation's."
    of = f" of {org}" if org else ""
    return (
        f"The history has no event {event_id!r}{of}, and no dead letter has that id: it never came, "
        "is not in the history yet, or is no longer kept."
    )


async def _explained(connection: Connection, settings: Settings, row: Row) -> dict[str, Any]:
    from engine.why import Version
    from engine.why import why as reason
    from hub.services.rules import rules_of
    from projections import queries
    from schemas.events import from_envelope
    from schemas.names import run_id

    org, event = row["org_id"], from_envelope(row["event"])
    rules = rules_of(settings, {})
    in_force = {one["workflow_id"] for one in await queries.list_workflows(connection, org=org)}
    begun, also = await _runs(connection, row)
    verdicts: list[Verdict] = []
    for workflow_id in await queries.workflow_ids(connection, org):
        versions = [
            Version(one["definition"], one["published_at"])
            for one in await queries.workflow_versions(connection, org, workflow_id)
        ]
        run = begun.get(run_id(org, workflow_id, event.source, event.id))
        if versions and (run is not None or workflow_id in in_force or _once_matched(versions, event.type)):
            verdicts.append(
                reason(event, row["received_at"], versions, run, in_force=workflow_id in in_force, rules=rules)
            )
    return {
        "event": {name: row[name] for name in ("org_id", "source", "type", "subject", "time", "received_at")}
        | {"id": row["event_id"]},
        "workflows": [one.as_json() for one in sorted(verdicts, key=lambda one: one.workflow_id)],
        "also": also + await _cancelled(connection, row),
    }


def _once_matched(versions: list[Any], event_type: str) -> bool:
    """Whether a workflow that is deleted could have been meant."""
    return any((one.body.get("trigger") or {}).get("type") == event_type for one in versions)


async def _runs(connection: Connection, row: Row) -> tuple[dict[str, Begun], list[dict[str, Any]]]:
    """The runs that the event began, by id; and what else it had a part in."""
    from engine.why import Begun
    from projections import queries

    begun: dict[str, Begun] = {}
    also: list[dict[str, Any]] = []
    for run in await queries.runs_of_event(connection, row["org_id"], row["source"], row["event_id"]):
        entries = await queries.run_log(connection, run["run_id"])
        if not entries:
            continue
        data = entries[0]["data"]
        begun[run["run_id"]] = Begun(run["run_id"], run["status"], data, run["error"])
        what = None
        if data.get("rerun_of"):
            what = f"ran again, of run {data['rerun_of']}"
        elif (data["event"].get("id"), data["event"].get("source")) != (row["event_id"], row["source"]):
            what = "was begun again by it"
        if what is not None:
            also.append(_also(run, what))
    return begun, also


async def _cancelled(connection: Connection, row: Row) -> list[dict[str, Any]]:
    """Runs of the same entity that this event cancelled."""
    from projections import queries

    wanted = queries.RunFilter(row["org_id"], status="cancelled", entity=row["entity_key"])
    found = []
    for run in await queries.list_runs(connection, wanted, limit=_ENTITYS_RUNS):
        for entry in await queries.run_log(connection, run["run_id"]):
            by = entry["data"].get("by", {}).get("event") if entry["type"] == "run.cancelled" else None
            if by and (by.get("id"), by.get("source")) == (row["event_id"], row["source"]):
                found.append(_also(run, "was cancelled by it"))
    return found


def _also(run: Row, what: str) -> dict[str, Any]:
    return {"run_id": run["run_id"], "workflow": run["workflow_id"], "status": run["status"], "what": what}


def _refused(told: dict[str, Any]) -> Iterator[str]:
    yield f"Event {told['id']} was refused: no workflow saw it"
    for letter in told["dead_letters"]:
        field = f"{letter['field']}: " if letter["field"] else ""
        yield f"  {when(letter['at'])} UTC  {letter['topic']}[{letter['partition']}]@{letter['offset']}"
        yield f"    {field}{one_line(letter['reason'], 500)}"


def _tell(told: dict[str, Any], *, full: bool) -> Iterator[str]:
    event = told["event"]
    yield f"Event {event['id']}: {event['type']} from {event['source']} about {event['subject']}, of {event['org_id']}"
    yield f"  happened {when(event['time'])} UTC, received {when(event['received_at'])} UTC"
    yield ""
    others = [one for one in told["workflows"] if one["verdict"] == "other trigger"]
    rest = [one for one in told["workflows"] if one["verdict"] != "other trigger"]
    if not told["workflows"]:
        yield f"{event['org_id']} has no workflow"
    width = max((len(one["workflow"]) for one in rest), default=0)
    for one in rest:
        yield from _verdict(one, width, full=full)
    if others:
        names = ", ".join(one["workflow"] for one in others)
        yield f"  – of other triggers: {names if full else one_line(names, 300)}"
    for one in told["also"]:
        yield f"  run {one['run_id']} of {one['workflow']} {one['what']}: {one['status']}"


def _verdict(one: dict[str, Any], width: int, *, full: bool) -> Iterator[str]:
    mark, colour = _MARKS.get(one["verdict"], ("–", ""))
    skipped = one["verdict"] == "condition"
    reason = "its conditions were false" if skipped else one_line(one["reason"], 1000)
    yield f"  {painted(mark, colour)} {one['workflow']:<{width}}  {reason}"
    indent = " " * (width + 6)
    if skipped and full:
        yield from tree(one["conditions"], indent)
    elif skipped:
        for leaf in one["failing"]:
            held = "not " if leaf.get("result") else ""
            yield from (line.replace("✗ ", f"✗ {held}").replace("✓ ", f"✗ {held}") for line in tree(leaf, indent))
    if one["run_id"]:
        yield f"{indent}run {one['run_id']}, under version {one['version']}"
    if one["note"]:
        yield f"{indent}{one_line(one['note'], 300)}"
