"""Workflows as files: export and import."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, Literal

from fastapi import Path, Query, Request
from fastapi.responses import Response

from hub.access import READ, WRITE, Caller, needs
from hub.bodies import JSON_TYPE, YAML_TYPES, bounded, media_type, takes
from hub.documents.definitions import EXAMPLE, State
from hub.documents.workflows import ImportReport
from hub.middleware import LARGEST_BODY
from hub.parts import Parts
from hub.problems import Problem, not_found
from hub.routing import Responses, answers, api_router, json, problems
from hub.services import workflows
from hub.services.exchanging import MOST, Import, from_json, from_yaml, to_yaml
from hub.services.writing import Writer, etag
from schemas.names import ID_PATTERN

router = api_router("workflows")

Format = Annotated[Literal["yaml", "json"], Query(description="YAML for people, or JSON.")]
_ONE: Final = {"type": "object", "description": "A definition.", "examples": [EXAMPLE]}
_MANY: Final = {"anyOf": [_ONE, {"type": "array", "items": _ONE, "maxItems": MOST}]}
_BODY: Final = takes(_MANY, {**_ONE, "description": "A definition; several are documents with `---` between them."})


_ALL: Final[Responses] = {
    200: {
        "description": "A file",
        "content": {
            # A stream of YAML documents is no one document, which readers of application/yaml mostly take.
            "text/plain": {"schema": {"type": "string"}},
            JSON_TYPE: {"schema": {"type": "array", "items": _ONE}},
        },
    }
}
_FILE: Final[Responses] = {
    200: {"description": "A file", "content": {YAML_TYPES[0]: {"schema": _ONE}, JSON_TYPE: {"schema": _ONE}}}
}


@router.get("/workflows/{id}/export", responses=_FILE | problems(404))
async def export_workflow(
    request: Request,
    caller: Annotated[Caller, needs(READ)],
    id: Annotated[str, Path(pattern=ID_PATTERN)],
    format: Format = "yaml",
) -> Response:
    """One workflow as a file."""
    parts: Parts = request.app.state.parts
    async with parts.database(caller.org) as connection:
        row = await workflows.in_force(connection, caller.org, id)
    if row is None:
        raise not_found(f"workflow {id}")
    return _file(row["definition"], format, id, {"etag": etag(row["version"])})


@router.get("/export", responses=_ALL)
async def export_all(request: Request, caller: Annotated[Caller, needs(READ)], format: Format = "yaml") -> Response:
    """All workflows of the organisation as one file: YAML documents, or a JSON array."""
    parts: Parts = request.app.state.parts
    async with parts.database(caller.org) as connection:
        rows = await workflows.every_definition(connection, caller.org)
    found = [row["definition"] for row in rows]
    return await asyncio.to_thread(_file, found, format, f"{caller.org}-workflows", {})


def _file(found: dict[str, Any] | list[dict[str, Any]], format: str, name: str, headers: dict[str, str]) -> Response:
    headers |= {"content-disposition": f'attachment; filename="{name}.{format}"', "cache-control": "no-store"}
    if format == "json":
        return json(found, headers=headers)
    if isinstance(found, list):
        return Response(to_yaml(found).encode(), headers=headers, media_type="text/plain")
    return Response(to_yaml([found]).encode(), headers=headers, media_type=YAML_TYPES[0])


@router.post("/import", responses=answers(ImportReport) | problems(400, 413, 415, 422), openapi_extra=_BODY)
async def import_workflows(
    request: Request,
    caller: Annotated[Caller, needs(WRITE)],
    dry_run: Annotated[bool, Query(description="Tell what would become of each, and send nothing.")] = False,
    state: Annotated[State | None, Query(description="Bring all in this state, whatever they say.")] = None,
) -> Response:
    """Put definitions in force, one or many: YAML documents, or a JSON object or array.

    Each is brought into the caller's organisation, whichever it says, under the next version; each has its own result,
    and those that are refused keep none of the others back.
    """
    parts: Parts = request.app.state.parts
    raw = await bounded(request, LARGEST_BODY)
    read = from_json if media_type(request) == JSON_TYPE else from_yaml
    bodies = await asyncio.to_thread(read, raw)
    if len(bodies) > MOST:
        raise Problem(413, f"There are {len(bodies):,} documents; at most {MOST:,} are read at once.")
    importing = Import(Writer(parts, caller), dry_run=dry_run, state=state)
    items = await importing.bring_all(bodies)
    status, headers = 200, {"cache-control": "no-store"}
    if importing.place is not None and not await parts.readable(importing.place):
        status, headers = 202, headers | {"onestack-pending": "true"}
    return json({"items": items}, status, headers)
