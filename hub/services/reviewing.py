"""What is to be said of definitions together: the loops that they can form, and calendars that are not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from engine.cycles import Loops, analyse
from schemas.actions import BUSINESS_TIMES, DEFAULT_CALENDAR, has_template
from schemas.definitions import ActionStep, BranchStep, Definition
from schemas.errors import Fault

if TYPE_CHECKING:
    from engine.registry import Registry
    from hub.services.checking import Document

RUNNING: Final = frozenset({"enabled", "shadow"})
"""The states in which a workflow starts runs, and so can be part of a loop."""


def review(documents: Sequence[Document], in_force: Registry | None, *, as_enabled: bool) -> Loops:
    """The loops that one of these documents is part of; calendars that they miss become warnings of theirs.

    Without `in_force` the documents are looked at by themselves, and nothing is known of calendars elsewhere. A draft
    or a disabled definition counts where `as_enabled`, as if it were enabled.
    """
    mine = [one for one in documents if one.definition and (as_enabled or one.definition.state in RUNNING)]
    orgs = {one.definition.org for one in documents if one.definition}
    names = {one.name for one in documents}
    others = [
        workflow
        for org in sorted(orgs if in_force else ())
        for workflow in (in_force.workflows(org) if in_force else ())
        if workflow.state in RUNNING and f"{org}/{workflow.id}" not in names
    ]
    if in_force is not None:
        _look_for_calendars(documents, in_force)
    through = {(one.definition.org, one.definition.id) for one in mine if one.definition}
    return analyse([*mine, *others], through)


def _look_for_calendars(documents: Sequence[Document], in_force: Registry) -> None:
    there = {one.name for one in documents if one.calendar}

    def is_there(org: str, name: str) -> bool:
        return f"{org}/calendar/{name}" in there or in_force.calendar(org, name) is not None

    for one in documents:
        if one.definition is not None:
            missing = missing_calendars(one.definition, partial(is_there, one.definition.org))
            one.warnings = (*one.warnings, *missing)


def missing_calendars(definition: Definition, is_there: Callable[[str], bool]) -> list[Fault]:
    """A warning for each delay whose calendar its organisation does not have."""
    return [
        Fault(f"{at}.calendar", f"there is no calendar {name!r} in {definition.org} yet: such a delay fails")
        for at, name in _calendars("steps", definition.steps)
        if not is_there(name)
    ]


def _calendars(where: str, steps: list[Any]) -> Iterator[tuple[str, str]]:
    """Each calendar that a delay names, or takes by default, with the field path of the delay's parameters."""
    for index, step in enumerate(steps):
        at = f"{where}[{index}]"
        if isinstance(step, BranchStep):
            yield from _calendars(f"{at}.then", step.then)
            yield from _calendars(f"{at}.else", step.else_)
        elif isinstance(step, ActionStep) and step.action == "delay":
            name = step.with_.get("calendar", DEFAULT_CALENDAR if step.with_.get("until") in BUSINESS_TIMES else None)
            if name is not None and not has_template(name):
                yield f"{at}.with", str(name)
