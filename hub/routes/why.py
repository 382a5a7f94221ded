"""Why did it run, or why not: for an event, or for the latest events of an entity."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Request
from fastapi.responses import Response

from hub.access import READ, Caller, needs
from hub.asking import Asked, Moment, Number, Text
from hub.direct import direct
from hub.documents.why import Why, WhyEntity
from hub.parts import Parts
from hub.problems import Problem
from hub.routes.runs import entity_keys
from hub.routing import answers, api_router, json, problems
from hub.services import events, letters
from hub.services.rules import rules_of
from hub.services.why import explained
from projections import queries
from schemas.errors import Refused

router = api_router("runs")

_LATEST: Final = 10
_LETTERS: Final = 20
_EVENTS: Final = "onestack.events."
_ASKED = Asked(
    Text("event", "The id of an event.", 1024, "ev-1"),
    Text("source", "The module that sent it, where more than one sent an event of this id.", 1024, "/rmm"),
    Text("entity", "Instead of an event: an entity, whose latest events are explained.", 1200, "device/d-17"),
    Moment("since", "With an entity: its events that happened at this time or later."),
    Number("limit", "With an entity: how many events at most.", 1, 20, _LATEST),
)


@direct(
    router, "/why", responses=answers(Why | WhyEntity, description="`WhyEntity` where an entity was asked about")
    | problems(409), openapi_extra=_ASKED.openapi,
)  # fmt: skip
async def why(request: Request, caller: Annotated[Caller, needs(READ)]) -> Response:
    """What became of an event in each workflow: the run, or which condition, state, guard or version kept it from one.

    Of an event that was refused, its dead letters; of one that nobody knows, nothing.
    """
    parts: Parts = request.app.state.parts
    given = _ASKED.read(request.query_params)
    if (given["event"] is None) == (given["entity"] is None):
        raise Refused.one("event", "name either an event or an entity")
    if given["event"] is not None:
        found = await _of_event(parts, caller.org, given["event"], given["source"])
        return json(found, headers={"cache-control": "no-store"})
    wanted = events.EventFilter(entity=given["entity"], since=given["since"])
    latest, _ = await events.page(parts.reads, caller.org, wanted, None, given["limit"] or _LATEST)
    told = [await _of_event(parts, caller.org, one["id"], one["source"]) for one in latest]
    key = entity_keys(caller.org, given["entity"])[0]
    return json({"entity": key, "items": told}, headers={"cache-control": "no-store"})


async def _of_event(parts: Parts, org: str, event_id: str, source: str | None) -> dict[str, Any]:
    found = await events.of_id(parts.reads, org, event_id, source)
    if len(found) > 1:
        sources = [one["source"] for one in found]
        detail = f"Several have sent an event {event_id}: say with source= which is meant, of {', '.join(sources)}."
        raise Problem(409, detail, title="Several events", sources=sources)
    if not found:
        refused, _ = await letters.page(parts.reads, org, letters.LetterFilter(None, None, event_id), None, _LETTERS)
        of_events = [one for one in refused if one["topic"].startswith(_EVENTS)]
        return {"event": None, "workflows": [], "also": [], "dead_letters": of_events}
    async with parts.database(org) as connection:
        # Plans over all weeks take longer to make than to carry out.
        await connection.execute("set local plan_cache_mode = force_generic_plan")
        rows = await queries.find_event(connection, event_id, org=org, source=found[0]["source"])
        told = await explained(connection, rules_of(parts.settings, {}), rows[0])
    brief = {name: value for name, value in found[0].items() if name != "envelope"}
    return {**told, "event": brief, "dead_letters": []}
