"""`onestack why`: what became of an event in each workflow of its organisation."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.errors import USAGE, Failure
from cli.output import Json, one_line, painted, show_json, when
from cli.story import tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from projections.queries import Row

_MARKS: Final = {"ran": ("✓", "green"), "condition": ("✗", "red"), "guard": ("✗", "yellow"), "no run": ("?", "yellow")}
_LETTERS: Final = 20


def why(
    event: Annotated[str, typer.Argument(metavar="EVENT-ID", help="The event's id.")],
    org: Annotated[str | None, typer.Option(help="The organisation that it belongs to.")] = None,
    source: Annotated[str | None, typer.Option(help="The module that sent it, such as /rmm.")] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Show the conditions whole, and print long values whole.")
    ] = False,
    json: Json = False,
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
    from hub.services.rules import rules_of
    from hub.services.why import explained
    from projections import queries

    settings = settings_for_people()
    async with postgres(settings) as connection:
        found = await queries.find_event(connection, event_id, org=org, source=source)
        if len(found) > 1:
            raise Failure(_several(event_id, found), USAGE)
        if found:
            return await explained(connection, rules_of(settings, {}), found[0])
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
