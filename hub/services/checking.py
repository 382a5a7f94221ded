"""Definitions and calendars as somebody gives them: checked as the engine checks them, each fault with its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.check import check
from schemas.calendars import CalendarDefinition, calendar_key, is_calendar, parse_calendar
from schemas.definitions import Definition, parse_definition
from schemas.errors import Fault, Refused


@dataclass(slots=True)
class Document:
    """One definition or calendar of a text, and what is to be said about it.

    `file` is what people call the text; documents in it are counted from 1, and 0 is the text itself.
    """

    file: str
    number: int
    body: dict[str, Any] = field(default_factory=dict)
    definition: Definition | None = None
    calendar: CalendarDefinition | None = None
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()

    @property
    def name(self) -> str:
        """Its key on the topic, `org/id` or `org/calendar/id`, as far as the document says it."""
        org, identity = str(self.body.get("org", "?")), str(self.body.get("id", "?"))
        return calendar_key(org, identity) if is_calendar(self.body) else f"{org}/{identity}"

    @property
    def kind(self) -> str:
        """`workflow` or `calendar`."""
        return "calendar" if is_calendar(self.body) else "workflow"

    def lines(self) -> Iterator[str]:
        """Each fault and each warning as `file: document n: field: reason`."""
        place = f"{self.file}: document {self.number}" if self.number else self.file
        yield from (f"{place}: {fault}" for fault in self.faults)
        yield from (f"{place}: warning: {fault}" for fault in self.warnings)

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "file": self.file,
            "document": self.number,
            "kind": self.kind,
            "org": self.body.get("org"),
            "id": self.body.get("id"),
            "version": self.body.get("version"),
            "faults": [fault._asdict() for fault in self.faults],
            "warnings": [fault._asdict() for fault in self.warnings],
        }


def checked(document: Document) -> Document:
    """The document with what the engine says of its body: a definition and warnings, a calendar, or faults."""
    try:
        if is_calendar(document.body):
            document.calendar = parse_calendar(document.body)
            return document
        definition = parse_definition(document.body)
        document.warnings = tuple(check(definition))
        document.definition = definition
    except Refused as refused:
        document.faults = refused.faults
    return document


def refuse_twins(documents: Sequence[Document]) -> None:
    """Of good documents of one name only the first stays so."""
    first: dict[str, Document] = {}
    for one in documents:
        if one.definition is None and one.calendar is None:
            continue
        other = first.setdefault(one.name, one)
        if other is not one:
            place = f"document {other.number} of {other.file}"
            one.faults = (Fault("id", f"{one.name} stands in {place} already"),)
            one.definition = one.calendar = None
