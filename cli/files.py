"""Definitions and calendars in files: read, checked as the engine checks them, each fault with its place."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.errors import USAGE, Failure
from schemas.calendars import calendar_key, is_calendar, parse_calendar
from schemas.definitions import parse_definition
from schemas.documents import LIMIT, load_yaml
from schemas.errors import Fault, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.calendars import CalendarDefinition
    from schemas.definitions import Definition

_ENDINGS: Final = (".yaml", ".yml", ".json")


@dataclass(slots=True)
class Document:
    """One definition or calendar in a file, and what is to be said about it.

    Documents are counted from 1; 0 is the file itself.
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


def read(paths: Iterable[Path], changes: dict[str, Any] | None = None) -> list[Document]:
    """Every definition in these files and folders (`-`: stdin), checked; `changes` are written over each body.

    A calendar has no state: of the changes it takes the others.

    Raises Failure where a file can't be read. A file that is no YAML is one refused document.
    """
    found: list[Document] = []
    for path in paths:
        for file in _files(path):
            found += _documents(file, changes or {})
    _check_twins(found)
    return found


def _files(path: Path) -> list[Path]:
    if str(path) == "-":
        return [path]
    if path.is_dir():
        files = sorted(one for one in path.rglob("*") if one.suffix in _ENDINGS and one.is_file())
        if not files:
            raise Failure(f"{path}: there is no {' or '.join(_ENDINGS)} file in this folder", USAGE)
        return files
    if not path.exists():
        raise Failure(f"{path}: no such file", USAGE)
    return [path]


def _documents(file: Path, changes: dict[str, Any]) -> list[Document]:
    name = str(file) if str(file) != "-" else "stdin"
    try:
        bodies = load_yaml(content(file))
    except Refused as refused:
        return [Document(name, 0, faults=refused.faults)]
    return [checked(Document(name, number, _changed(body, changes))) for number, body in enumerate(bodies, start=1)]


def _changed(body: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    fitting = {field: value for field, value in changes.items() if field != "state" or not is_calendar(body)}
    return {**body, **fitting}


def content(file: Path) -> bytes:
    """What the file holds (`-`: stdin), as far as a definition may be long."""
    if str(file) == "-":
        return sys.stdin.buffer.read(LIMIT + 1)
    with file.open("rb") as opened:
        return opened.read(LIMIT + 1)


def checked(document: Document) -> Document:
    """The document with what the engine says of its body: a definition and warnings, a calendar, or faults."""
    from engine.check import check

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


def _check_twins(documents: list[Document]) -> None:
    first: dict[str, Document] = {}
    for one in documents:
        if one.definition is None and one.calendar is None:
            continue
        other = first.setdefault(one.name, one)
        if other is not one:
            place = f"document {other.number} of {other.file}"
            one.faults = (Fault("id", f"{one.name} stands in {place} already"),)
            one.definition = one.calendar = None
