"""What is wrong with workflows."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Request
from fastapi.responses import Response

from hub.access import READ, Caller, needs
from hub.asking import Asked, Text
from hub.direct import direct
from hub.documents.health import WorkflowHealth
from hub.parts import Parts
from hub.routing import answers, api_router, json
from hub.services.health import workflow_health

router = api_router("insight")

_ASKED: Final = Asked(Text("workflow", "Of this workflow (its id) only.", 100, "alert-to-ticket"))


@direct(router, "/insight/workflows", responses=answers(WorkflowHealth), openapi_extra=_ASKED.openapi)
async def get_workflow_health(request: Request, caller: Annotated[Caller, needs(READ)]) -> Response:
    """Which workflows never run, always filter, compare with what never comes, fight, mostly fail or are kept back.

    It is what the last check found, which is made every hour: a sentence each, and the runs that show it.
    """
    parts: Parts = request.app.state.parts
    workflow = _ASKED.read(request.query_params)["workflow"]
    return json(await workflow_health(parts.reads, caller.org, workflow))
