"""Putting definitions in force: what has to be sent for it, seen from what is in force already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from engine.registry import RefusedDefinition, Registry, Unchanged, UnchangedCalendar
from hub.services.checking import Document, checked
from hub.services.records import CALENDAR
from schemas.errors import Fault, Refused

if TYPE_CHECKING:
    from engine.calendars import Calendar
    from engine.workflow import Workflow


def fresh(registry: Registry, documents: Iterable[Document]) -> list[Document]:
    """Those of the documents that have to be sent; the registry is then as it will be with them.

    What is in force word for word is left out. Raises Refused where a version is not higher than the one in force.
    """
    found, faults = [], []
    for one in documents:
        applied = registry.apply(one.name, orjson.dumps(one.body))
        if isinstance(applied, RefusedDefinition):
            faults += [Fault(f"{one.name}: {fault.field}", fault.reason) for fault in applied.faults]
        elif not isinstance(applied, Unchanged | UnchangedCalendar):
            found.append(one)
    if faults:
        raise Refused(faults)
    return found


def told(documents: Sequence[Document], places: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What became of each document; `places` are those in Kafka, by name, of the documents that were sent."""
    return [
        {
            "kind": one.kind,
            **{name: one.body[name] for name in ("org", "id", "version", "state") if name in one.body},
            "published": one.name in places,
            **places.get(one.name, {}),
        }
        for one in documents
    ]


def in_force_as(registry: Registry, org: str, named: str) -> Workflow | Calendar | None:
    """What is in force under this id; a calendar's has `calendar/` before it."""
    if named.startswith(CALENDAR):
        return registry.calendar(org, named.removeprefix(CALENDAR))
    return registry.get(org, named)


def switched(workflow: Workflow, state: str) -> Document:
    """The workflow's next version, the same but in this state; with faults where it can't be in that state."""
    body = {**workflow.body, "version": workflow.version + 1, "state": state}
    return checked(Document(f"{workflow.org}/{workflow.id}", 1, body))
