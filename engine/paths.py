"""Paths into an event and what a run has made of it so far: `device.name`, `steps.ticket.id`, `items[0].x`.

A path is read once, into a tuple of segments, and then made into a function that is as direct as Python allows: this
is the hot path. A name that the engine gives (`event`, `workflow`, `org`, `run`, `steps`) wins over the event's data.
No attribute of a Python object can be reached: only keys, indices, and `size`, `first` and `last`.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Final

from engine.redaction import DEFAULT_REDACTION, Redaction
from schemas.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

Segments = tuple[str | int, ...]

RESERVED: Final = frozenset({"event", "workflow", "org", "run", "steps"})
"""The names in a template's scope that are the engine's and not the event's."""
MOST_SEGMENTS: Final = 32
"""An event may nest 64 deep; no path that a person writes comes near half of it."""


class Missing:
    """What a path leads to where there is nothing; never the same as a JSON null."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing()


class Scope:
    """What templates and conditions can see, and what traces may tell of it (`redact`).

    `work` counts what filters have handled, so that it can be bounded.
    """

    __slots__ = ("data", "entity_id", "entity_type", "event", "org", "redact", "run", "steps", "work", "workflow")

    def __init__(
        self,
        event: dict[str, Any],
        workflow: dict[str, Any],
        run: dict[str, Any],
        steps: dict[str, Any],
        redact: Redaction = DEFAULT_REDACTION,
    ) -> None:
        self.event = event
        self.data: dict[str, Any] = event["data"]
        self.org: str = event["orgid"]
        self.entity_type, _, self.entity_id = event["subject"].partition("/")
        self.workflow = workflow
        self.run = run
        self.steps = steps
        self.redact = redact
        self.work = 0


def checked(segments: list[Any], field: str) -> Segments:
    """The segments of a path that may be followed. Raises Refused where it may not."""
    for segment in segments:
        if not isinstance(segment, str | int):
            raise Refused.one(field, "a path can't be looked up inside a path: write [0] or ['name']")
        if isinstance(segment, str) and segment.startswith("__"):
            raise Refused.one(field, f"{segment[:40]!r} is not a name that a path may have")
    if isinstance(segments[0], int):
        raise Refused.one(field, "a path begins with a name")
    if len(segments) > MOST_SEGMENTS:
        raise Refused.one(field, f"a path has at most {MOST_SEGMENTS} parts")
    return tuple(segments)


def text_of(segments: Segments) -> str:
    """The path as a person would write it."""
    text = ""
    for segment in segments:
        if isinstance(segment, int):
            text += f"[{segment}]"
        elif segment.replace("_", "").replace("-", "").isalnum():
            text += f".{segment}" if text else segment
        else:
            text += f"[{segment!r}]"
    return text


def walk(value: Any, segments: Segments) -> Any:
    """What the path leads to from here, or MISSING."""
    for segment in segments:
        value = _step(value, segment)
        if value is MISSING:
            return MISSING
    return value


def _step(value: Any, segment: str | int) -> Any:
    if isinstance(value, dict):
        found = value.get(str(segment), MISSING)
        return len(value) if found is MISSING and segment == "size" else found
    if isinstance(value, list):
        if isinstance(segment, int):
            return value[segment] if -len(value) <= segment < len(value) else MISSING
        if segment == "size":
            return len(value)
        if segment in {"first", "last"} and value:
            return value[0 if segment == "first" else -1]
    if isinstance(value, str) and segment == "size":
        return len(value)
    return MISSING


def _walk_steps(steps: dict[str, Any], segments: Segments) -> Any:
    value = walk(steps.get(str(segments[0]), MISSING), segments[1:])
    if value is not MISSING:
        return value
    # An id may have dots: the longest run of segments that is the id of a finished step.
    for end in range(len(segments), 0, -1):
        name = ".".join(str(segment) for segment in segments[:end])
        if name in steps:
            return walk(steps[name], segments[end:])
    return MISSING


def _from_data(segments: Segments) -> Callable[[Scope], Any]:
    if all(isinstance(segment, str) for segment in segments):
        if len(segments) == 2:
            first, second = segments

            def two(scope: Scope) -> Any:
                try:
                    return scope.data[first][second]  # type: ignore[index]  # both are text, seen above
                except (KeyError, TypeError):
                    return walk(scope.data, segments)

            return two
        if len(segments) == 3:
            first, second, third = segments

            def three(scope: Scope) -> Any:
                try:
                    return scope.data[first][second][third]  # type: ignore[index]  # all are text, seen above
                except (KeyError, TypeError):
                    return walk(scope.data, segments)

            return three
    return lambda scope: walk(scope.data, segments)


def accessor(segments: Segments) -> Callable[[Scope], Any]:
    """A function from a scope to the value at this path, or MISSING."""
    root, rest = segments[0], segments[1:]
    if root not in RESERVED:
        return _from_data(segments)
    if root == "steps":
        return (lambda scope: _walk_steps(scope.steps, rest)) if rest else operator.attrgetter("steps")
    if root == "event" and rest in {("subject_type",), ("subject_id",)}:
        return operator.attrgetter("entity_type" if rest == ("subject_type",) else "entity_id")
    name = str(root)
    return lambda scope: walk(getattr(scope, name), rest)
