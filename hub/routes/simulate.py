"""Trying a workflow on one event."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request
from fastapi.responses import Response

from hub.access import READ, Caller, needs
from hub.documents.simulation import SimulateRequest, Simulation
from hub.routing import answers, api_router, json, problems
from hub.services.simulating import play

router = api_router("simulation")


@router.post("/simulate", responses=answers(Simulation) | problems(404))
async def simulate(request: Request, caller: Annotated[Caller, needs(READ)], body: SimulateRequest) -> Response:
    """What a workflow would do with an event, with nothing performed: a sample, a real one, or one that is given.

    Tells each condition with its values, each action with the exact request that would be sent, the steps that are not
    reached and why, and the whole as a story. Delays pass in virtual time.
    """
    found = await play(request.app.state.parts, caller.org, body)
    return json(found, headers={"cache-control": "no-store"})
