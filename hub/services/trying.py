"""What a workflow is tried with: an event that is changed, calls that fail, and events that arrive meanwhile."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from engine.program import Action
from engine.simulation.samples import sample_event
from engine.simulation.trial import Outcomes, all_succeed
from schemas.errors import Refused
from schemas.events import Event, from_envelope
from schemas.outcomes import ActionError, Call, Failed, Outcome

if TYPE_CHECKING:
    from engine.workflow import Workflow

_RETRIED: Final = frozenset({408, 409, 425, 429})
"""Statuses below 500 for which an action is tried again, as DESIGN.md §6 has them."""
MOST_TIMES: Final = 100
"""How often a call can be made to fail before it succeeds."""


def changed(event: Event, changes: Mapping[str, Any]) -> Event:
    """The event with these values in its data, by dotted paths. Raises Refused where it is no event any more."""
    envelope: dict[str, Any] = orjson.loads(orjson.dumps(event.envelope))
    for path, value in changes.items():
        put(envelope["data"], path, value)
    return from_envelope(envelope)


def put(data: dict[str, Any], path: str, value: Any) -> None:
    """Set a value in an event's data. Raises Refused where something on the way is no object."""
    place = data
    *outer, last = path.strip().split(".")
    for name in outer:
        place = place.setdefault(name, {})
        if not isinstance(place, dict):
            raise Refused.one(path, f"{name} is no object in this event")
    place[last] = value


def about(event_type: str, trigger: Event, at: dt.datetime) -> Event:
    """A sample event of this type about the trigger's entity, with what the trigger knows of it."""
    sample = sample_event(event_type, trigger.org, at, f"signal-{at:%H%M%S%f}")
    if sample.entity_type != trigger.entity_type:
        return sample
    envelope = dict(sample.envelope)
    mine = {**trigger.data[trigger.entity_type], **sample.data[sample.entity_type], "id": trigger.entity_id}
    envelope |= {"subject": trigger.subject, "data": {**sample.data, sample.entity_type: mine}}
    return from_envelope(envelope)


class Failing(NamedTuple):
    """How a step's calls fail: with this outcome, the first so many times, or always."""

    outcome: Failed
    times: int | None = None


def callable_steps(workflow: Workflow) -> set[str]:
    """The paths of the steps that call something: all actions but delays."""
    return {step.path for step in workflow.steps if isinstance(step, Action) and step.action != "delay"}


def step_named(workflow: Workflow, name: str) -> str | None:
    """The path of the calling step of this path or id; None where there is none."""
    return next((path for path in callable_steps(workflow) if path == name or path.rpartition(".")[2] == name), None)


def answered(status: int) -> Failed:
    """A call that is answered with this HTTP status, from 400 to 599."""
    error: ActionError = {"kind": "http", "message": f"HTTP {status}", "status": status}
    return Failed(error, retryable=status in _RETRIED or status >= 500)


def unanswered() -> Failed:
    """A call that is not answered in time."""
    error: ActionError = {"kind": "timeout", "message": "no answer in time"}
    return Failed(error, retryable=True)


def outcomes(failing: Mapping[str, Failing]) -> Outcomes:
    """Answers the calls of these steps (by path) as they say, and all others with imagined success."""
    asked: Counter[str] = Counter()

    def answer(call: Call) -> Outcome:
        fault = failing.get(call.step)
        asked[call.command_id] += 1
        if fault is None or (fault.times is not None and asked[call.command_id] > fault.times):
            return all_succeed(call)
        return fault.outcome

    return answer
