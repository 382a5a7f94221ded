"""Trying a workflow on the events of the last days."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request
from fastapi.responses import Response

from hub.access import READ, Caller, needs
from hub.documents.simulation import BacktestReport, BacktestRequest
from hub.routing import answers, api_router, json, problems
from hub.services.backtests import run

router = api_router("simulation")


@router.post("/backtest", responses=answers(BacktestReport) | problems(404, 429))
async def backtest(request: Request, caller: Annotated[Caller, needs(READ)], body: BacktestRequest) -> Response:
    """What a definition would have done with the organisation's events of the last days; nothing is performed.

    Tells how many runs a day it would have started, what they would have done, and what differs from the version in
    force. Two at once are made; who comes then is asked to wait (429).
    """
    found = await run(request.app.state.parts, caller.org, body)
    return json(found, headers={"cache-control": "no-store"})
