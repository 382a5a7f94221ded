"""Module events: what came in, and publishing events without a Kafka client."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

import orjson
from fastapi import Request
from fastapi.responses import Response

from hub.access import READ, RUN, Caller, needs
from hub.asking import CURSOR, LIMIT, PAGE, Asked, Moment, Text, in_path
from hub.direct import direct
from hub.documents.events import BATCH, CLOUD_EVENT, EventDetail, EventPage, SentEvents
from hub.parts import Parts
from hub.problems import Problem, not_found
from hub.routing import answers, api_router, json, problems
from hub.sending import Outgoing
from hub.services import events
from hub.services.emitting import MOST, accepted, is_foreign, of_org
from hub.spans import carried
from schemas.errors import Fault, Refused

router = api_router("events")

_LIST: Final = Asked(
    Text("type", "Of this event type only.", 100, "device.offline"),
    Text("entity", "About this entity only, with or without the organisation in front.", 1200, "device/d-17"),
    Moment("since", "That happened at this time or later."),
    Moment("until", "That happened before this time."),
    CURSOR,
    LIMIT,
)
_SOURCE: Final = Asked(Text("source", "Of this sender; needed where several have sent this id.", 1024, "/rmm"))
_ID: Final = in_path("id", "The event's id, as its sender chose it.", r"^[^\x00]{1,1024}$")
_ONE: Final = {"parameters": [_ID, *_SOURCE.openapi["parameters"]]}
_STRUCTURED: Final = "application/cloudevents+json"
_BATCHED: Final = "application/cloudevents-batch+json"
_JSON: Final = "application/json"
_SCHEMAS: Final = {_STRUCTURED: CLOUD_EVENT, _BATCHED: BATCH, _JSON: {"anyOf": [CLOUD_EVENT, BATCH]}}
_BODY: Final = {"requestBody": {"required": True, "content": {kind: {"schema": one} for kind, one in _SCHEMAS.items()}}}
_QUICK: Final = 20_000
"""Bytes of events up to which looking at them keeps nobody waiting."""
_TOLD: Final = 100
"""Events that the audit log names one by one."""
_FRESH: Final = {"cache-control": "no-store"}


@direct(router, "/events", responses=answers(EventPage), openapi_extra=_LIST.openapi)
async def list_events(request: Request, caller: Annotated[Caller, needs(READ)]) -> Response:
    """Module events that fit all filters, those that happened last first; one that was sent twice is there once."""
    parts: Parts = request.app.state.parts
    given = _LIST.read(request.query_params)
    wanted = events.EventFilter(given["type"], given["entity"], given["since"], given["until"])
    items, following = await events.page(parts.reads, caller.org, wanted, given["cursor"], given["limit"] or PAGE)
    return json({"items": items, "next": following}, headers=_FRESH)


@direct(router, "/events/{id:path}", responses=answers(EventDetail) | problems(404, 409), openapi_extra=_ONE)
async def get_event(request: Request, caller: Annotated[Caller, needs(READ)]) -> Response:
    """An event whole, as it was sent. Where several senders have used its id, `source` says which is meant."""
    parts: Parts = request.app.state.parts
    id: str = request.path_params["id"]
    source = _SOURCE.read(request.query_params)["source"]
    if not id.isprintable() or len(id) > events.LONGEST:
        raise not_found("event of this id")
    found = await events.of_id(parts.reads, caller.org, id, source)
    if not found:
        raise not_found(f"event {id}" + (f" of {source}" if source else ""))
    if len(found) > 1:
        sources = [one["source"] for one in found]
        raise Problem(
            409, f"Several have sent an event {id}: say with source= which is meant, of {', '.join(sources)}.",
            title="Several events", sources=sources,
        )  # fmt: skip
    return json(found[0], headers=_FRESH)


@router.post(
    "/events",
    status_code=202,
    responses=answers(SentEvents, 202, "Kafka has them; workflows begin to run by themselves") | problems(415),
    openapi_extra=_BODY,
)
async def publish_events(request: Request, caller: Annotated[Caller, needs(RUN)]) -> Response:
    """Send events as a module would: one CloudEvent, or up to 500 in an array. Where one is bad none is sent.

    Each goes to the topic of the module that it says it comes from, under the key of its entity, and starts the
    workflows whose trigger it is. An event that is sent again with the same `id` and `source` starts nothing twice.
    """
    parts: Parts = request.app.state.parts
    media = _media_type(request)
    raw = await request.body()
    limit = parts.settings.max_event_bytes
    sender = request.headers.get("traceparent")

    def look() -> list[Any]:
        given, batch = _read(raw, media)
        for number, one in enumerate(given):
            if is_foreign(one, caller.org):
                fault = Fault(f"[{number}].orgid" if batch else "orgid", f"is not {caller.org!r}")
                raise Problem(403, "An event can be sent for your own organisation alone.", faults=[fault])
        return accepted([carried(of_org(one, caller.org), sender) for one in given], limit, numbered=batch)

    found = look() if len(raw) <= _QUICK else await asyncio.to_thread(look)
    ids = [event.id for event, _ in found]
    target = f"event/{ids[0]}" if len(ids) == 1 else "events"
    async with parts.audited(caller, "event.publish", target, {"count": len(ids), "ids": ids[:_TOLD]}):
        places = await parts.sender.publish_all([Outgoing(*record) for _, record in found])
    items = [
        {"id": event.id, "type": event.type, "subject": event.subject, **place._asdict()}
        for (event, _), place in zip(found, places, strict=True)
    ]
    return json({"items": items}, 202, _FRESH)


def _media_type(request: Request) -> str:
    """What the body is. Raises Problem 415 where it is none of ours."""
    given = request.headers.get("content-type", _JSON).partition(";")[0].strip().lower()
    if given not in (_STRUCTURED, _BATCHED, _JSON):
        raise Problem(415, f"Here {_STRUCTURED}, {_BATCHED} and {_JSON} are read, not {given[:60]!r}.")
    return given


def _read(raw: bytes, media: str) -> tuple[list[Any], bool]:
    """The events of a body, and whether they came as a batch."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise Problem(400, "The body is no JSON.") from None
    if media == _BATCHED and not isinstance(body, list):
        raise Refused.one("", "a batch is a JSON array of CloudEvents")
    if media == _STRUCTURED or not isinstance(body, list):
        return [body], False
    if not body:
        raise Refused.one("", "there is no event in it")
    if len(body) > MOST:
        raise Problem(413, f"There are {len(body):,} events; at most {MOST:,} are sent at once.")
    return body, True
