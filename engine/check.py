"""What looks wrong in a definition that is valid: paths that its events are not known to have, steps it can't refer to.

Events may have fields that nobody has told us of, so these are warnings and never refusals.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic import BaseModel

from engine.paths import Segments, text_of
from engine.program import Action, Branch, Gate
from engine.workflow import Workflow, compile_workflow
from schemas.definitions import Definition
from schemas.errors import Fault
from schemas.events import EVENT_TYPES

_ENVELOPE: Final = frozenset(
    {
        *("id", "source", "type", "subject", "time", "orgid", "specversion", "datacontenttype", "data"),
        *("traceparent", "causationid", "causationchain", "subject_type", "subject_id"),
    }
)
_GIVEN: Final = {"workflow": frozenset({"id", "name", "version"}), "run": frozenset({"id", "started"})}
_ON_ANY: Final = frozenset({"size", "first", "last"})
_WATCH = re.compile(r"(cancel_on|restart_on)\[(\d+)\]\.")


def check(definition: Definition) -> list[Fault]:
    """The warnings for a definition, each with its field; none does not mean that every path will be there.

    Raises Refused where the definition can't be compiled at all.
    """
    return check_workflow(compile_workflow(definition))


def check_workflow(workflow: Workflow) -> list[Fault]:
    """The warnings for a workflow that is compiled already."""
    found: dict[Fault, None] = {}
    for field, template in workflow.templates:
        for path in template.paths:
            if reason := _reason(workflow, field, path):
                found[Fault(field, reason)] = None
    return list(found)


def _reason(workflow: Workflow, field: str, path: Segments) -> str | None:
    root = str(path[0])
    if root == "steps":
        return _step_reason(workflow, field, path)
    if root == "org":
        return None if len(path) == 1 else f"{text_of(path)} is not there: 'org' is text"
    if root in _GIVEN:
        if len(path) > 1 and path[1] not in _GIVEN[root]:
            return f"{text_of(path)} is not there: {root} has {', '.join(sorted(_GIVEN[root]))}"
        return None
    inside = path
    if root == "event":
        if len(path) > 1 and path[1] not in _ENVELOPE:
            return f"{text_of(path)} is not an attribute that events are known to have"
        inside = path[2:]
        if len(path) < 3 or path[1] != "data":
            return None
    event_type = _type_at(workflow, field)
    if event_type is None or _known(EVENT_TYPES[event_type], inside):
        return None
    return f"{text_of(path)} is not a field that {event_type} events are known to have"


def _type_at(workflow: Workflow, field: str) -> str | None:
    """The type of the event that a template in this field sees."""
    watch = _WATCH.match(field)
    if watch is None:
        return workflow.trigger_type
    return (workflow.cancel_on if watch[1] == "cancel_on" else workflow.restart_on)[int(watch[2])].type


@lru_cache(maxsize=4096)
def _known(model: Any, path: Segments) -> bool:
    """Whether the model tells of such a path, or leaves open what is there."""
    for index, segment in enumerate(path):
        fields = model.model_fields
        if str(segment) not in fields:
            return segment in _ON_ANY
        inner, open_ended = _inside(fields[str(segment)].annotation)
        rest = path[index + 1 :]
        if inner is None or open_ended:
            return open_ended or not rest or rest[0] in _ON_ANY
        model = inner
    return True


def _inside(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The model in an annotation, if any; and whether there may be anything below, as in lists and dicts."""
    if get_origin(annotation) is Annotated:
        return _inside(get_args(annotation)[0])
    if annotation is Any or annotation in {dict, list} or get_origin(annotation) in {dict, list}:
        return None, True
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    parts = [_inside(part) for part in get_args(annotation)]
    model = next((part for part, _ in parts if part is not None), None)
    return model, any(is_open for _, is_open in parts)


def _step_reason(workflow: Workflow, field: str, path: Segments) -> str | None:
    if len(path) == 1:
        return None
    ids = {step.id: step for step in workflow.steps}
    named = [".".join(map(str, path[1:end])) for end in range(len(path), 1, -1)]
    name = next((one for one in named if one in ids), None)
    if name is None:
        return f"{text_of(path)}: no step has the id {path[1]!r}"
    here, there = _step_at(workflow, field), ids[name]
    if here is None or not _may_be_before(workflow, there, here):
        return f"{text_of(path)}: the step {name!r} has not been performed at this point"
    if not isinstance(there, Action):
        return f"{text_of(path)}: the step {name!r} is a condition and returns nothing"
    return None


def _step_at(workflow: Workflow, field: str) -> Action | Gate | Branch | None:
    """The innermost step that this field belongs to."""
    found = None
    for step in workflow.steps:
        if field.startswith(f"{step.at}."):
            found = step
    return found


def _may_be_before(workflow: Workflow, one: Action | Gate | Branch, other: Action | Gate | Branch) -> bool:
    """Whether the one can have been passed when the other begins: it stands before, and not in a branch's other arm."""
    if workflow.index[one.path] >= workflow.index[other.path]:
        return False
    for left, right in zip(one.at.split("."), other.at.split("."), strict=False):
        if left != right:
            return left.partition("[")[0] == right.partition("[")[0]
    return True
