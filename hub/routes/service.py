"""For those who operate the Hub: is it alive, can it work, what does it count, and what can it do."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from hub.access import anyone
from hub.documents.service import Alive, Readiness
from hub.readiness import readiness
from hub.routing import answers, json

router = APIRouter(tags=["service"])


@router.get("/healthz", dependencies=[anyone()], responses=answers(Alive))
async def healthz() -> Response:
    """The process is alive; whether it can work is told by `/readyz`."""
    return json({"status": "alive"})


@router.get(
    "/readyz",
    dependencies=[anyone()],
    responses=answers(Readiness, description="Ready")
    | answers(Readiness, 503, "Not ready: `parts` says what is missing, and what to do"),
)
async def readyz(request: Request) -> Response:
    """Whether the Hub can work: Kafka, Postgres, its tables, and how far the projector is behind."""
    found, _behind = await readiness(request.app.state.parts)
    return json(found.model_dump(), 200 if found.ready else 503, {"cache-control": "no-store"})


@router.get(
    "/metrics",
    dependencies=[anyone()],
    response_class=Response,
    responses={
        200: {"description": "What the process counts", "content": {"text/plain": {"schema": {"type": "string"}}}}
    },
)
async def metrics(request: Request) -> Response:
    """What the process counts, for Prometheus. No organisation or workflow is a label."""
    await request.app.state.look.look()
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@router.get("/openapi.json", dependencies=[anyone()], include_in_schema=False)
async def openapi(request: Request) -> Response:
    """This document."""
    return json(request.app.openapi(), headers={"cache-control": "no-cache"})
