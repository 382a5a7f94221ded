"""How it goes."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Request
from fastapi.responses import Response

from hub.access import READ, Caller, needs
from hub.asking import Asked, Number
from hub.direct import direct
from hub.documents.insight import Insight
from hub.parts import Parts
from hub.routing import answers, api_router, json

router = api_router("insight")

_HOUR: Final = 60
_ASKED: Final = Asked(Number("minutes", "How many of the last minutes it is about.", 1, 1440, _HOUR))


@direct(router, "/insight", responses=answers(Insight), openapi_extra=_ASKED.openapi)
async def get_insight(request: Request, caller: Annotated[Caller, needs(READ)]) -> Response:
    """How it goes: throughput, failures, what guards kept back, how long steps take, and who is behind.

    The answer may be two seconds old, and older where it takes long to find out: `at` says when it was so.
    """
    parts: Parts = request.app.state.parts
    minutes = _ASKED.read(request.query_params)["minutes"] or _HOUR
    found = await parts.insights.of(caller.org, minutes, parts.clock.now())
    return json(found, headers={"cache-control": "no-store"})
