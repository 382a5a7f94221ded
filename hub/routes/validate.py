"""Checking a definition while it is written."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

import orjson
from fastapi import Request
from fastapi.responses import Response
from pydantic import ValidationError

from hub.access import READ, Caller, needs
from hub.bodies import YAML_TYPES, bounded, media_type, takes
from hub.documents.definitions import EXAMPLE
from hub.documents.validation import Validate, Validation
from hub.parts import Parts
from hub.problems import Problem, faults_of
from hub.routing import answers, api_router, json, problems
from hub.services.loops import FINDER
from hub.services.validating import Checked, check, check_text, told
from hub.services.whole import in_force
from schemas.definitions import LARGEST
from schemas.errors import Refused

router = api_router("validation")

_QUICK: Final = 20_000
"""Bytes of a definition up to which looking at it keeps nobody waiting."""


@router.post(
    "/validate",
    responses=answers(Validation) | problems(400, 413, 415, 422),
    openapi_extra=takes(Validate, {"type": "object", "description": "The definition.", "examples": [EXAMPLE]}),
)
async def validate(request: Request, caller: Annotated[Caller, needs(READ)]) -> Response:
    """What keeps a definition from its state, what it lacks, what looks wrong in it, and each card as a sentence.

    Takes JSON, or the definition as YAML; answers with both. Nothing is saved.
    """
    parts: Parts = request.app.state.parts
    registry = await in_force(parts, caller.org)
    raw = await bounded(request, LARGEST + 1024)

    def has_calendar(name: str) -> bool:
        return registry.calendar(caller.org, name) is not None

    def look() -> tuple[Checked, dict[str, Any]]:
        if media_type(request) in YAML_TYPES:
            found = check_text(raw, caller.org, has_calendar)
        else:
            found = check(_definition(raw), caller.org, has_calendar)
        return found, told(found)

    found, shown = look() if len(raw) <= _QUICK else await asyncio.to_thread(look)
    whole = found.definition if found.workflow is not None else None
    cycles = [] if whole is None else await FINDER.through(whole, registry.workflows(caller.org))
    return json(
        {
            "valid": not found.faults,
            "ready": found.ready,
            "faults": faults_of(found.faults),
            "missing": faults_of(found.missing),
            "warnings": faults_of(found.warnings),
            "cycles": cycles,
            **shown,
        },
        headers={"cache-control": "no-store"},
    )


def _definition(raw: bytes) -> dict[str, Any]:
    try:
        return Validate.model_validate(orjson.loads(raw)).definition
    except orjson.JSONDecodeError:
        raise Problem(400, "The body is no JSON.") from None
    except ValidationError as error:
        raise Refused.from_validation(error) from None
