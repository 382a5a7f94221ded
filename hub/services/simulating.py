"""Trying a workflow on an event, or on those of the last days, as a request asks for it."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any

from engine.simulate import simulate
from engine.simulation.samples import sample_event
from engine.workflow import Workflow, compile_workflow
from hub.documents.simulation import Enveloped, RealEvent, SimulateRequest
from hub.problems import not_found
from hub.services import trying, workflows
from hub.services.playing import simulation
from hub.services.rules import calendars_from, rules_of
from hub.services.validating import completed, foreign
from projections import queries
from schemas.definitions import parse_definition, read_document
from schemas.durations import parse_duration
from schemas.errors import Fault, Refused
from schemas.events import Event, from_envelope

if TYPE_CHECKING:
    from hub.parts import Parts
    from runtime.postgres import Connection

_LONGEST_CALL = dt.timedelta(hours=1)


async def to_try(
    connection: Connection, org: str, definition: dict[str, Any] | None, workflow_id: str | None
) -> Workflow:
    """The workflow of a definition, or the one in force. Raises Refused, and Problem 404."""
    if definition is not None:
        return _given(definition, org)
    row = await workflows.in_force(connection, org, workflow_id or "")
    if row is None:
        raise not_found(f"workflow {workflow_id}")
    return compile_workflow(parse_definition(row["definition"]))


def _given(definition: dict[str, Any], org: str) -> Workflow:
    try:
        read_document(definition)
        if faults := foreign(definition, org):
            raise Refused(faults)
        version = definition.get("version")
        number = version if isinstance(version, int) and not isinstance(version, bool) and version > 0 else 1
        return compile_workflow(parse_definition(completed(definition, org, min(number, 2_147_483_647))))
    except Refused as refused:
        raise inside("definition", refused) from None


def inside(place: str, refused: Refused) -> Refused:
    """The same faults, of something that stands at this place in the request's body."""
    return Refused(
        Fault(f"{place}{'' if not one.field or one.field.startswith('[') else '.'}{one.field}", one.reason)
        for one in refused.faults
    )


async def play(parts: Parts, org: str, asked: SimulateRequest) -> dict[str, Any]:
    """What would happen. Raises Refused, and Problem 404 where there is no such workflow."""
    now = parts.clock.now()
    async with parts.database(org) as connection:
        workflow = await to_try(connection, org, asked.definition, asked.workflow_id)
        trigger = await _event(connection, org, asked, now)
        calendars = await queries.list_calendars(connection, org)
    begins = asked.at or _time_of(trigger) or now
    failing = {_step(workflow, name): _failing(one) for name, one in asked.fail.items()}
    signals = [
        (after, _about(one.type, trigger, begins + after, index))
        for index, one in enumerate(asked.signals)
        for after in [_duration(f"signals[{index}].after", one.after)]
    ]
    takes = _duration("takes", asked.takes)
    if takes > _LONGEST_CALL:
        raise Refused.one("takes", "is longer than an hour")

    def run() -> dict[str, Any]:
        played = simulate(
            workflow,
            trigger,
            begins.astimezone(dt.UTC),
            outcomes=trying.outcomes(failing),
            signals=signals,
            rules=rules_of(parts.settings, calendars_from(org, calendars)),
            takes=takes,
        )
        return simulation(played.as_json(), workflow.body)

    return await asyncio.to_thread(run)


async def _event(connection: Connection, org: str, asked: SimulateRequest, now: dt.datetime) -> Event:
    given = asked.event
    if isinstance(given, Enveloped):
        try:
            event = from_envelope({"orgid": org, **given.envelope})
        except Refused as refused:
            raise inside("event.envelope", refused) from None
    elif isinstance(given, RealEvent):
        event = await _real(connection, org, given)
    else:
        event = sample_event(given.type, org, asked.at or now.replace(microsecond=0))
    try:
        return trying.changed(event, asked.changes) if asked.changes else event
    except Refused as refused:
        raise inside("changes", refused) from None


async def _real(connection: Connection, org: str, given: RealEvent) -> Event:
    found = await queries.find_event(connection, given.id, org=org, source=given.source)
    if not found:
        raise Refused.one("event.id", f"{given.id[:100]!r} is no event that the history has")
    if len(found) > 1:
        sources = ", ".join(str(one["source"]) for one in found)
        raise Refused.one("event.source", f"is required: this id was used by {sources}")
    try:
        return from_envelope(found[0]["event"])
    except Refused as refused:
        raise Refused.one("event.id", f"can't be tried any more, for the history has it redacted: {refused}") from None


def _step(workflow: Workflow, name: str) -> str:
    found = trying.step_named(workflow, name)
    if found is None:
        known = ", ".join(sorted(trying.callable_steps(workflow))) or "none"
        raise Refused.one(f"fail.{name}", f"is no step that calls something; those are {known}")
    return found


def _failing(given: Any) -> trying.Failing:
    outcome = trying.unanswered() if given.timeout else trying.answered(given.status or 500)
    return trying.Failing(outcome, given.times)


def _about(event_type: str, trigger: Event, at: dt.datetime, index: int) -> Event:
    try:
        return trying.about(event_type, trigger, at)
    except Refused as refused:
        raise Refused.one(f"signals[{index}].type", refused.reason) from None


def _duration(field: str, text: str) -> dt.timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise Refused.one(field, str(error)) from None


def _time_of(event: Event) -> dt.datetime | None:
    return None if event.time is None else dt.datetime.fromisoformat(event.time).astimezone(dt.UTC)
