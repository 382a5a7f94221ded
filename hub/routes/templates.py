"""Built-in workflows to begin with."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

import orjson
from fastapi import Path, Request
from fastapi.responses import Response

from engine.check import check
from hub.access import READ, Caller, needs
from hub.documents.templates import Fill, Filled, TemplateList
from hub.parts import Parts
from hub.problems import Problem, faults_of
from hub.routing import answers, api_router, json, problems
from hub.services import workflows
from hub.services.ids import unique
from hub.services.ordering import ordered
from hub.services.reviewing import missing_calendars
from hub.services.whole import in_force
from schemas.definitions import parse_definition
from schemas.templates import Template, built_in, drawn, fill

router = api_router("templates")

Reader = Annotated[Caller, needs(READ)]


@router.get("/templates", responses=answers(TemplateList))
async def list_templates(_: Reader) -> Response:
    """The built-in workflows, each with its parameters and a definition to be drawn."""
    return json(_listed(), headers={"cache-control": "private, no-cache"})


@cache
def _listed() -> bytes:
    return orjson.dumps({"items": [_told(one) for one in built_in().values()]})


def _told(template: Template) -> dict[str, Any]:
    parameters = [{**one.model_dump(mode="json"), "required": one.required} for one in template.parameters]
    return {
        **template.about.model_dump(mode="json"),
        "trigger": template.trigger,
        "parameters": parameters,
        "definition": ordered(drawn(template)),
    }


@router.post("/templates/{name}/fill", responses=answers(Filled) | problems(404))
async def fill_template(
    request: Request, caller: Reader, name: Annotated[str, Path(max_length=100)], body: Fill
) -> Response:
    """A draft made from a template, its parameters filled in; nothing is saved.

    The id is one that the organisation has not used yet, unless one is given.
    """
    template = built_in().get(name)
    if template is None:
        raise Problem(404, f"There is no template {name!r}; the templates are {', '.join(built_in())}.")
    parts: Parts = request.app.state.parts
    made = ordered(fill(template, body.values, caller.org, body.id or await _free(parts, caller.org, name)))
    if body.name is not None:
        made["name"] = body.name
    definition = parse_definition(made)
    registry = await in_force(parts, caller.org)
    missing = missing_calendars(definition, lambda one: registry.calendar(caller.org, one) is not None)
    return json({"definition": made, "warnings": faults_of([*check(definition), *missing])})


async def _free(parts: Parts, org: str, wanted: str) -> str:
    async with parts.database(org) as connection:
        taken = await workflows.known_ids(connection, org, wanted)
    taken |= {one.id for one in (await in_force(parts, org)).workflows(org)}
    return unique(wanted, taken)
