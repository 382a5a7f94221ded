"""What can be named of an event: every path that its data model knows, with a title, a type and a sample value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel

from engine.paths import MISSING, walk
from engine.simulation.samples import sample_event
from schemas.events import EVENT_TYPES, entity_of

Type = Literal["text", "number", "boolean", "time", "list", "object", "any"]

SAMPLE_ORG: Final = "acme"
SAMPLE_TIME: Final = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
"""When the samples happened: always the same, so that the catalogue is."""
_TITLES: Final = {
    "id": "ID", "os": "Operating system", "ip": "IP address", "sla": "SLA", "size_gb": "Size (GB)", "type": "Type",
    "orgid": "Organisation", "subject_type": "Entity type", "subject_id": "Entity ID", "previous": "Old values",
    "created_at": "Created", "updated_at": "Updated", "due_at": "Due", "breached_at": "Breached",
    "triggered_at": "Triggered", "resolved_at": "Resolved", "last_seen_at": "Last seen", "started_at": "Started",
    "finished_at": "Finished", "paid_at": "Paid", "closed_at": "Closed", "entity_id": "Entity ID", "email": "E-mail",
}  # fmt: skip
_SPECIAL: Final = frozenset({"ID", "SLA", "IP"})
"""Titles whose first word keeps its capitals inside another."""


class Field(NamedTuple):
    """A path, as a condition's field and a template take it."""

    path: str
    title: str
    type: Type
    choices: list[str] | None
    sample: Any
    description: str | None


class _Kind(NamedTuple):
    name: Type
    choices: list[str] | None = None
    model: type[BaseModel] | None = None


@cache
def sample_of(event_type: str) -> dict[str, Any]:
    """A whole sample event of this type."""
    return sample_event(event_type, SAMPLE_ORG, SAMPLE_TIME).envelope


@cache
def fields_of(event_type: str) -> tuple[Field, ...]:
    """Every path of an event of this type: its own entity first, then those that mostly come with it, then the rest."""
    sample, entity = sample_of(event_type), entity_of(event_type)
    data: Mapping[str, Any] = sample["data"]
    known = EVENT_TYPES[event_type].model_fields
    names = [entity, *(name for name in data if name in known and name not in (entity, "previous"))]
    names += [name for name in known if name not in names]
    found: list[Field] = []
    for name in names:
        found += _described(known[name].annotation, (name,), entity, data, known[name].description)
    return (*found, *_envelope(event_type, sample), *_surroundings(sample))


def _described(
    annotation: Any, path: tuple[str, ...], entity: str, data: Mapping[str, Any], description: str | None
) -> Iterator[Field]:
    kind = _kind(annotation)
    value = walk(data, path)
    told = description or (_first_line(kind.model) if kind.model is not None else None)
    sample = None if value is MISSING or kind.name == "object" else value
    yield Field(".".join(path), title_of(path, entity), kind.name, kind.choices, sample, told)
    if kind.model is not None:
        for name, info in kind.model.model_fields.items():
            yield from _described(info.annotation, (*path, name), entity, data, info.description)


def _kind(annotation: Any) -> _Kind:
    """What a field of a model takes; of several types the one that can be compared with least is left open."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        found = _kind(inner)
        return found if more else _Kind("any")
    if get_origin(annotation) is Literal:
        return _Kind("text", [str(one) for one in get_args(annotation)])
    if annotation is Any:
        return _Kind("any")
    if (plain := _PLAIN.get(get_origin(annotation) or annotation)) is not None:
        return _Kind(plain)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _Kind("object", model=annotation)
    parts = [_kind(part) for part in get_args(annotation) if part is not type(None)]
    model = next((part.model for part in parts if part.model is not None), None)
    if len(parts) == 1:
        return parts[0]
    texts = all(part.name in ("text", "number") for part in parts) and any(part.name == "text" for part in parts)
    return _Kind("text" if texts else "any", model=model)


_PLAIN: Final[dict[Any, Type]] = {
    str: "text",
    int: "number",
    float: "number",
    bool: "boolean",
    datetime: "time",
    list: "list",
    dict: "object",
}


def title_of(path: tuple[str, ...], entity: str | None = None) -> str:
    """What a path is called: `alert.severity` is Severity of an alert's event, and Alert severity elsewhere."""
    parts = path[1:] if len(path) > 1 and path[0] == entity else path
    titles = [_TITLES.get(part) or part.replace("_", " ").capitalize() for part in parts]
    rest = [one if one.split(" ")[0] in _SPECIAL else one[:1].lower() + one[1:] for one in titles[1:]]
    return " ".join([titles[0], *rest])


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().partition("\n")[0]


_ENVELOPE: Final[tuple[tuple[str, Type, str], ...]] = (
    ("id", "text", "By which the event is known at its source."),
    ("source", "text", "The module that sent it."),
    ("type", "text", "The event's type."),
    ("subject", "text", "The triggering entity, as type and id."),
    ("subject_type", "text", "The triggering entity's type."),
    ("subject_id", "text", "The triggering entity's id."),
    ("time", "time", "When it happened, as the module says."),
)


def _envelope(event_type: str, sample: Mapping[str, Any]) -> Iterator[Field]:
    entity, _, id = str(sample["subject"]).partition("/")
    values = {**sample, "subject_type": entity, "subject_id": id}
    yield Field("event", "Event", "object", None, None, "The whole event, as it came.")
    for name, kind, description in _ENVELOPE:
        choices = [event_type] if name == "type" else None
        yield Field(f"event.{name}", title_of(("event", name)), kind, choices, values[name], description)


def _surroundings(sample: Mapping[str, Any]) -> Iterator[Field]:
    yield Field("workflow.id", "Workflow ID", "text", None, "my-workflow", "This workflow's id.")
    yield Field("workflow.name", "Workflow name", "text", None, "My workflow", "This workflow's name.")
    yield Field("workflow.version", "Workflow version", "number", None, 1, "The version that runs.")
    yield Field("run.id", "Run ID", "text", None, "0f2b7c9d4e6a8135" * 2, "By which the run stands in the history.")
    yield Field("run.started", "Run started", "time", None, sample["time"], "When the run began.")
    yield Field("org", "Organisation", "text", None, SAMPLE_ORG, "The organisation's id.")
