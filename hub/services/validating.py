"""What is to be said of a definition that somebody is writing: whether it fits its state, and what it lacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from engine.check import check_workflow
from engine.workflow import Workflow, canonical, compile_workflow
from hub.services.ids import slug
from hub.services.ordering import ordered
from hub.services.reviewing import missing_calendars
from hub.services.wording import sentences
from schemas.definitions import LARGEST, Definition, parse_definition, read_document, unfinished
from schemas.documents import dump_yaml, load_yaml
from schemas.errors import Fault, Refused

HasCalendar = Callable[[str], bool]
"""Whether the organisation has a calendar of this id."""
_MOST: Final = 50
"""Faults of one kind that are told."""


@dataclass(slots=True)
class Checked:
    """A definition, looked at: `given` is what was read, `workflow` what it compiles to where it has no faults."""

    given: dict[str, Any] | None = None
    definition: Definition | None = None
    workflow: Workflow | None = None
    faults: list[Fault] = field(default_factory=list)
    missing: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)

    @property
    def ready(self) -> bool:
        """Whether it could be enabled as it is."""
        return not self.faults and not self.missing


def completed(given: dict[str, Any], org: str, version: int = 1) -> dict[str, Any]:
    """The definition with what the Hub fills in: organisation, version, the id from the name, `draft` as its state."""
    body = {name: value for name, value in given.items() if name not in ("id", "org", "version") or value is not None}
    name = body.get("name")
    head = {"id": body.get("id", slug(name) if isinstance(name, str) else "workflow"), "org": org, "version": version}
    return {"state": "draft", **body, **head}


def check(given: dict[str, Any], org: str, has_calendar: HasCalendar) -> Checked:
    """Everything that is to be said of a definition by itself, for this organisation."""
    found = Checked(given)
    try:
        read_document(given)
        found.faults += foreign(given, org)
        body = completed(given, org)
        found.definition = parse_definition(body)
        found.workflow = compiled(found.definition)
    except Refused as refused:
        found.faults += refused.faults
    if found.definition is None or found.workflow is None:
        return found
    if found.definition.state == "draft":
        found.missing = [one for one in unfinished(found.definition) if one not in found.faults][:_MOST]
    found.warnings = [*check_workflow(found.workflow), *missing_calendars(found.definition, has_calendar)][:_MOST]
    return found


def compiled(definition: Definition) -> Workflow:
    """The workflow that a definition becomes. Raises Refused where it can't run, or is too large to be carried."""
    workflow = compile_workflow(definition)
    if (size := len(canonical(workflow.body))) > LARGEST:
        raise Refused.one("", f"the definition has {size:,} bytes when written out; at most {LARGEST:,} fit")
    return workflow


def foreign(given: dict[str, Any], org: str) -> list[Fault]:
    """The fault that the definition is another organisation's, where it says so."""
    named = given.get("org")
    if named is None or named == org:
        return []
    return [Fault("org", f"is {str(named)[:100]!r}, but you work for {org!r}: leave it out")]


def check_text(text: bytes, org: str, has_calendar: HasCalendar) -> Checked:
    """The same of a YAML (or JSON) text with one definition."""
    try:
        bodies = load_yaml(text, LARGEST)
    except Refused as refused:
        return Checked(faults=list(refused.faults))
    if len(bodies) != 1:
        return Checked(faults=[Fault("", f"has {len(bodies)} documents: write one definition")])
    return check(bodies[0], org, has_calendar)


def told(found: Checked) -> dict[str, Any]:
    """The definition both ways, and its cards in words, as far as it could be read."""
    try:
        given = None if found.given is None else ordered(read_document(found.given))
    except Refused:
        given = None
    if given is None:
        return {"definition": None, "yaml": None, "sentences": {}}
    return {"definition": given, "yaml": dump_yaml(given), "sentences": sentences(given)}
