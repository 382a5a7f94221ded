"""What looks wrong in a definition that is valid: paths that its events are not known to have, steps it can't refer to.

Events may have fields that nobody has told us of, so these are warnings and never refusals.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic import BaseModel

from engine.paths import Segments, text_of
from engine.workflow import Action, Workflow, compile_workflow
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
_STEP = re.compile(r"steps\[(\d+)\]")


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
    if workflow.trigger_type is None or _known(EVENT_TYPES[workflow.trigger_type], inside):
        return None
    return f"{text_of(path)} is not a field that {workflow.trigger_type} events are known to have"


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
    ids = [step.id for step in workflow.steps]
    named = [".".join(map(str, path[1:end])) for end in range(len(path), 1, -1)]
    name = next((one for one in named if one in ids), None)
    if name is None:
        return f"{text_of(path)}: no step has the id {path[1]!r}"
    here = _STEP.match(field)
    index = ids.index(name)
    if here is None or index >= int(here[1]):
        return f"{text_of(path)}: the step {name!r} has not been performed at this point"
    if not isinstance(workflow.steps[index], Action):
        return f"{text_of(path)}: the step {name!r} is a condition and returns nothing"
    return None
