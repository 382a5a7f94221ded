"""The versions of a workflow, and what is different between two."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Request
from fastapi.responses import Response

from hub.access import READ, Caller, needs
from hub.documents.workflows import Diff, VersionList, Workflow
from hub.parts import Parts
from hub.problems import not_found
from hub.routing import answers, api_router, json, problems
from hub.services import workflows
from hub.services.diffs import diff
from hub.services.whole import whole
from hub.services.writing import etag
from runtime.postgres import Connection
from schemas.names import ID_PATTERN

router = api_router("workflows")

Reader = Annotated[Caller, needs(READ)]
Id = Annotated[str, Path(pattern=ID_PATTERN, description="The workflow's id.", examples=["alert-to-ticket"])]
_LARGEST = 2_147_483_647


@router.get("/workflows/{id}/versions", responses=answers(VersionList) | problems(404))
async def list_versions(request: Request, caller: Reader, id: Id) -> Response:
    """Every version that is or was in force, the highest first; also of a workflow that was deleted."""
    parts: Parts = request.app.state.parts
    async with parts.database(caller.org) as connection:
        found = await workflows.versions(connection, caller.org, id)
    if not found:
        raise not_found(f"workflow {id}")
    return json({"items": found}, headers={"cache-control": "no-store"})


@router.get("/workflows/{id}/versions/{version}", responses=answers(Workflow) | problems(404))
async def get_version(
    request: Request, caller: Reader, id: Id, version: Annotated[int, Path(ge=1, le=_LARGEST)]
) -> Response:
    """One version whole, as it was in force."""
    parts: Parts = request.app.state.parts
    async with parts.database(caller.org) as connection:
        row = await _version(connection, caller.org, id, version)
    return json(await whole(parts, caller.org, row), headers={"cache-control": "no-store", "etag": etag(version)})


@router.get("/workflows/{id}/diff", responses=answers(Diff) | problems(404))
async def diff_versions(
    request: Request,
    caller: Reader,
    id: Id,
    first: Annotated[int, Query(alias="from", ge=1, le=_LARGEST, description="The earlier version.")],
    second: Annotated[int, Query(alias="to", ge=1, le=_LARGEST, description="The later version.")],
) -> Response:
    """What is different between two versions: steps by their ids, so that a reorder is told as a move."""
    parts: Parts = request.app.state.parts
    async with parts.database(caller.org) as connection:
        before = await _version(connection, caller.org, id, first)
        after = await _version(connection, caller.org, id, second)
    changes = [
        {"kind": one.kind, "path": one.path, "before": one.before, "after": one.after, "words": one.words}
        for one in diff(before["definition"], after["definition"])
    ]
    return json({"from": first, "to": second, "changes": changes}, headers={"cache-control": "no-store"})


async def _version(connection: Connection, org: str, workflow_id: str, number: int) -> workflows.Row:
    row = await workflows.version(connection, org, workflow_id, number)
    if row is None:
        raise not_found(f"version {number} of a workflow {workflow_id}")
    return row
