"""Workflows: list, read, write and switch."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import Body, Header, Path, Query, Request
from fastapi.responses import Response

from hub.access import READ, RUN, WRITE, Caller, needs
from hub.documents.definitions import DefinitionInput, State
from hub.documents.workflows import Disable, Workflow, WorkflowList
from hub.parts import Parts
from hub.problems import Problem, not_found
from hub.routing import API, Responses, answers, api_router, json, problems
from hub.sending import Outgoing
from hub.services import workflows
from hub.services.cancelling import cancel_all
from hub.services.cursors import LONGEST
from hub.services.records import Record
from hub.services.whole import whole
from hub.services.writing import Expected, Writer, Written, etag
from schemas.messages import By
from schemas.names import ID_PATTERN

router = api_router("workflows")

Reader = Annotated[Caller, needs(READ)]
Author = Annotated[Caller, needs(WRITE)]
Id = Annotated[str, Path(pattern=ID_PATTERN, description="The workflow's id.", examples=["alert-to-ticket"])]
IfMatch = Annotated[
    str | None,
    Header(max_length=1000, description='The `ETag` that was read, such as `"3"`: another version is not changed.'),
]
Words = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]
_PATIENCE: Final = 10.0
"""Seconds in which all runs of a workflow should be cancelled."""
_NO_STORE: Final = {"cache-control": "no-store"}
_ETAG: Final = {"ETag": {"description": "The version, for If-Match.", "schema": {"type": "string"}}}
_WHOLE: Final = answers(Workflow, headers=_ETAG)
_LATER: Final = answers(
    Workflow, 202, "Done, but not to be read everywhere yet: the header `Onestack-Pending: true` says so", headers=_ETAG
)
_DELETED_LATER: Final[Responses] = {202: {"description": "Done, but not to be seen everywhere yet"}}


def _written(status: int = 200, *more: int) -> Responses:
    return answers(Workflow, status, headers=_ETAG) | _LATER | problems(404, 409, 412, *more)


@router.get("/workflows", responses=answers(WorkflowList))
async def list_workflows(
    request: Request,
    caller: Reader,
    search: Annotated[Words, Query(description="Part of the name, the id, the description or the trigger.")] = None,
    state: State | None = None,
    trigger: Annotated[Words, Query(description="The event type that starts it.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=LONGEST)] = None,
) -> Response:
    """The organisation's workflows by name, each with its last runs and the last seven days."""
    parts: Parts = request.app.state.parts
    wanted = workflows.Wanted(search or None, state, trigger or None, cursor or None, limit)
    async with parts.database(caller.org) as connection:
        rows, following = await workflows.page(connection, caller.org, wanted)
        counts = await workflows.counts(connection, caller.org, wanted)
    figures, age = await parts.figures.of(caller.org, [row["workflow_id"] for row in rows], parts.clock.now())
    items = [workflows.summary(row) | figures[row["workflow_id"]] for row in rows]
    return json({"items": items, "next": following, "counts": counts, "age_ms": age}, headers=_NO_STORE)


@router.post("/workflows", status_code=201, responses=_written(201))
async def create_workflow(request: Request, caller: Author, body: DefinitionInput) -> Response:
    """Make a workflow: a draft, which may be unfinished, or one that runs at once.

    Its version is 1; without an id it gets one from its name.
    """
    written = await Writer(request.app.state.parts, caller).create(body.root)
    where = {"location": f"{API}/workflows/{written.workflow.id}"}
    return await _answer(request, caller, written, 201, where)


@router.get("/workflows/{id}", responses=_WHOLE | problems(404))
async def get_workflow(request: Request, caller: Reader, id: Id) -> Response:
    """The version in force, with warnings, and the loops that it can form with others."""
    parts: Parts = request.app.state.parts
    async with parts.database(caller.org) as connection:
        row = await workflows.in_force(connection, caller.org, id)
    if row is None:
        raise not_found(f"workflow {id}")
    return json(await whole(parts, caller.org, row), headers={**_NO_STORE, "etag": etag(row["version"])})


@router.put("/workflows/{id}", responses=_written(200, 428))
async def replace_workflow(
    request: Request, caller: Author, id: Id, body: DefinitionInput, if_match: IfMatch = None
) -> Response:
    """Change a workflow: what is sent becomes its next version. Runs that are under way keep theirs."""
    if if_match is None:
        raise Problem(428, "Send the ETag of the version that you changed as If-Match, or * for any.")
    written = await Writer(request.app.state.parts, caller).replace(id, body.root, Expected.of(if_match))
    return await _answer(request, caller, written)


@router.delete(
    "/workflows/{id}",
    status_code=204,
    response_class=Response,
    responses=_DELETED_LATER | problems(404, 412),
)
async def delete_workflow(request: Request, caller: Author, id: Id, if_match: IfMatch = None) -> Response:
    """Delete a workflow. Its runs that are under way go on, and its history stays."""
    parts: Parts = request.app.state.parts
    place = await Writer(parts, caller).remove(id, Expected.of(if_match))
    if await parts.readable(place):
        return Response(status_code=204)
    return Response(status_code=202, headers={"onestack-pending": "true"})


@router.post("/workflows/{id}/enable", responses=_written())
async def enable_workflow(request: Request, caller: Author, id: Id, if_match: IfMatch = None) -> Response:
    """Let events start it. An unfinished draft is refused, with what it lacks."""
    return await _switch(request, caller, id, "enabled", if_match)


@router.post("/workflows/{id}/shadow", responses=_written())
async def shadow_workflow(request: Request, caller: Author, id: Id, if_match: IfMatch = None) -> Response:
    """Let events start it, without performing any action: its runs tell what each would have done."""
    return await _switch(request, caller, id, "shadow", if_match)


@router.post("/workflows/{id}/disable", responses=_written())
async def disable_workflow(
    request: Request, caller: Author, id: Id, body: Annotated[Disable | None, Body()] = None, if_match: IfMatch = None
) -> Response:
    """Let no event start it. It keeps its configuration; its runs go on to their end, unless they are cancelled too.

    Cancelling needs the permission to steer runs. Where some go on after ten seconds, the answer is 202.
    """
    cancels = body is not None and body.cancel_running
    if cancels and RUN not in caller.permissions:
        raise Problem(403, f"Cancelling runs needs the permission {RUN}, which {caller.person} does not have.")
    return await _switch(request, caller, id, "disabled", if_match, cancels=cancels)


async def _switch(
    request: Request, caller: Caller, id: str, state: str, if_match: str | None, *, cancels: bool = False
) -> Response:
    parts: Parts = request.app.state.parts
    written = await Writer(parts, caller).switch(id, state, Expected.of(if_match))
    left = await _cancel_all(parts, caller, id) if cancels else 0
    return await _answer(request, caller, written, 202 if left else 200)


async def _cancel_all(parts: Parts, caller: Caller, id: str) -> int:
    """Cancel all that it has under way; how many runs go on all the same."""
    by = By(person=caller.person[:200], reason="the workflow was disabled")

    async def send(records: Sequence[Record]) -> None:
        await parts.sender.publish_all([Outgoing(topic, key, value) for topic, key, value, _ in records])

    async with parts.audited(caller, "run.cancel", workflows.target_of(id)) as record:
        told = await cancel_all(send, lambda: parts.database(caller.org), caller.org, id, by, seconds=_PATIENCE)
        record.details |= {"cancelled": told.done, "left": told.left}
    return told.left


async def _answer(
    request: Request, caller: Caller, written: Written, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """What is in force now, once everybody can read it; 202 where that takes too long."""
    parts: Parts = request.app.state.parts
    found = written.workflow
    told = {**_NO_STORE, **(headers or {}), "etag": etag(found.version)}
    if written.place is not None and not await parts.readable(written.place):
        status = 202
    if status == 202:
        told["onestack-pending"] = "true"
    async with parts.database(caller.org) as connection:
        row = await workflows.version(connection, caller.org, found.id, found.version)
    updated = row["updated_at"] if row is not None else dt.datetime.now(dt.UTC)
    shown: dict[str, Any] = {
        "workflow_id": found.id, "version": found.version, "state": found.state, "definition": found.body,
        "updated_at": updated,
    }  # fmt: skip
    return json(await whole(parts, caller.org, shown), status, told)
