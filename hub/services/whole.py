"""A workflow whole, with what is to be said of it beside the organisation's others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from engine.check import check_workflow
from engine.registry import Registry
from engine.workflow import compile_workflow
from hub.problems import faults_of
from hub.services import workflows
from hub.services.loops import FINDER
from hub.services.ordering import ordered
from hub.services.reviewing import missing_calendars
from projections import queries
from schemas.calendars import calendar_key
from schemas.definitions import Definition, parse_definition
from schemas.documents import dump_yaml
from schemas.errors import Fault, Refused

if TYPE_CHECKING:
    from hub.parts import Parts


async def in_force(parts: Parts, org: str) -> Registry:
    """What is in force in the organisation: from the topic, and from the history while Kafka has not answered yet."""
    if parts.definitions.ready:
        return parts.definitions.registry
    found = Registry()
    async with parts.database(org) as connection:
        for row in await workflows.every_definition(connection, org):
            found.apply(f"{org}/{row['workflow_id']}", orjson.dumps(row["definition"]))
        for row in await queries.list_calendars(connection, org):
            found.apply(calendar_key(org, row["calendar_id"]), orjson.dumps(row["definition"]))
    return found


async def whole(parts: Parts, org: str, row: workflows.Row) -> dict[str, Any]:
    """A version of a workflow as the API tells it; `row` has version, state, definition and updated_at."""
    body = ordered(row["definition"])
    registry = await in_force(parts, org)
    try:
        definition = parse_definition(body)
        warnings = _warnings(definition, org, registry)
        cycles = await FINDER.through(definition, registry.workflows(org))
    except Refused as refused:
        # It was in force under another release of ours.
        warnings, cycles = list(refused.faults), []
    return {
        "id": row["workflow_id"],
        "version": row["version"],
        "state": row["state"],
        "updated_at": row["updated_at"],
        "definition": body,
        "yaml": dump_yaml(body),
        "warnings": faults_of(warnings),
        "cycles": cycles,
    }


def _warnings(definition: Definition, org: str, registry: Registry) -> list[Fault]:
    known = registry.get(org, definition.id)
    workflow = known if known is not None and known.version == definition.version else compile_workflow(definition)
    missing = missing_calendars(definition, lambda name: registry.calendar(org, name) is not None)
    return [*check_workflow(workflow), *missing]
