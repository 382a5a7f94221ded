"""What the runs of a list did: asked for behind the list, for the rows that are on the screen."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request
from fastapi.responses import Response

from hub.access import READ, Caller, needs
from hub.asking import Asked, Text
from hub.documents.outcomes import MOST, Outcomes
from hub.parts import Parts
from hub.routing import answers, api_router, json
from hub.services.outcomes import outcomes, wanted_ids
from schemas.errors import Refused

router = api_router("runs")

_LONGEST_ID = 100
_IDS = Asked(
    Text("runs", f"Ids of up to {MOST} runs, with commas between them.", MOST * (_LONGEST_ID + 1), "4f0c9d2b,91aa03fe")
)


@router.get("/outcomes", responses=answers(Outcomes), openapi_extra=_IDS.openapi)
async def list_outcomes(request: Request, caller: Annotated[Caller, needs(READ)]) -> Response:
    """What each of these runs did: the ways that it took and the actions that it performed, in a few words."""
    ids = list(wanted_ids(_IDS.read(request.query_params)["runs"] or ""))
    if len(ids) > MOST:
        raise Refused.one("runs", f"names {len(ids)} runs; {MOST} are told at once")
    parts: Parts = request.app.state.parts
    found = await outcomes(parts.reads, caller.org, ids) if ids else {}
    return json({"outcomes": found}, headers={"cache-control": "no-store"})
