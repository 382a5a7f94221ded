"""Dead letters: what could not be read, and sending it again."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import Body, Path, Request
from fastapi.responses import Response

from hub.access import READ, RUN, Caller, needs
from hub.asking import CURSOR, LIMIT, PAGE, Asked, Moment, Text, in_path
from hub.direct import direct
from hub.documents.dead_letters import DeadLetter, DeadLetterPage, Place, Redrive
from hub.parts import Parts
from hub.problems import not_found
from hub.routing import answers, api_router, json, problems
from hub.services import letters
from hub.services.redrive import as_bytes, outgoing

router = api_router("dead-letters")

_LIST: Final = Asked(
    Text("topic", "From this topic only.", 300, "onestack.events.rmm"),
    Moment("since", "Refused at this time or later."),
    Text("text", "With this text in their reason, key or value, in whichever case.", 300, "is required"),
    CURSOR,
    LIMIT,
)
_ID: Final = re.compile(r"[0-9a-f]{32}")
_IN_PATH: Final = {"parameters": [in_path("id", "The dead letter's id.", f"^{_ID.pattern}$")]}
_FRESH: Final = {"cache-control": "no-store"}


@direct(router, "/dead-letters", responses=answers(DeadLetterPage), openapi_extra=_LIST.openapi)
async def list_dead_letters(request: Request, caller: Annotated[Caller, needs(READ)]) -> Response:
    """Records under a key of the organisation that could not be read and that fit all filters, newest first.

    Where a filter leaves out much, a page may be shorter than its limit, or empty, and still have a `next`.
    """
    parts: Parts = request.app.state.parts
    given = _LIST.read(request.query_params)
    wanted = letters.LetterFilter(given["topic"], given["since"], given["text"])
    items, following = await letters.page(parts.reads, caller.org, wanted, given["cursor"], given["limit"] or PAGE)
    return json({"items": items, "next": following}, headers=_FRESH)


@direct(router, "/dead-letters/{id}", responses=answers(DeadLetter) | problems(404), openapi_extra=_IN_PATH)
async def get_dead_letter(request: Request, caller: Annotated[Caller, needs(READ)]) -> Response:
    """One dead letter."""
    parts: Parts = request.app.state.parts
    id: str = request.path_params["id"]
    found = await letters.letter(parts.reads, caller.org, id) if _ID.fullmatch(id) else None
    if found is None:
        raise not_found("dead letter of this id")
    return json(found, headers=_FRESH)


@router.post("/dead-letters/{id}/redrive", responses=answers(Place) | problems(404, 409, 410))
async def redrive_dead_letter(
    request: Request,
    caller: Annotated[Caller, needs(RUN)],
    id: Annotated[str, Path(pattern=f"^{_ID.pattern}$", description="The dead letter's id.")],
    body: Annotated[Redrive | None, Body()] = None,
) -> Response:
    """Send the record again, to the topic that it came from: as it is, or with a corrected value.

    It has to be an event or a definition of the caller's organisation, and good: `faults` say what is wrong with it
    still. A definition needs the permission to write workflows too. The letter stays where it is.
    """
    parts: Parts = request.app.state.parts
    letter = await letters.letter(parts.reads, caller.org, id)
    if letter is None:
        raise not_found("dead letter of this id")
    corrected = as_bytes(body.value if body is not None else None)
    record = await outgoing(parts, caller, letter, corrected)
    told = {
        "topic": record.topic,
        "key": record.key.decode(errors="replace")[:1200],
        "corrected": corrected is not None,
    }
    async with parts.audited(caller, "dead-letter.redrive", f"dead-letter/{id}", told) as noted:
        place = await parts.publish(record.topic, record.key, record.value, record.headers)
        noted.details |= {"partition": place.partition, "offset": place.offset}
    return json(place._asdict(), headers=_FRESH)
