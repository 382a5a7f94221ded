"""The definitions in force: the fold of the definitions topic, with an index by what triggers them; and the calendars.

A record is accepted where it is valid, its key names what its body does, and its version is higher than the one in
force. What is refused comes back with what is in force, so that the caller can publish that again; published again it
is `Unchanged`, and a null is always `Deleted`, so the two never go around in circles.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.calendars import Calendar, compile_calendar
from engine.workflow import Workflow, canonical, compile_workflow
from schemas.calendars import KIND, calendar_key, parse_calendar
from schemas.definitions import LARGEST, parse_definition, read_document
from schemas.errors import Fault, Refused
from schemas.names import is_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(slots=True, frozen=True)
class Accepted:
    """The definition is in force now, in place of `previous`."""

    workflow: Workflow
    previous: Workflow | None


@dataclass(slots=True, frozen=True)
class Unchanged:
    """The definition was in force before, to the letter."""

    workflow: Workflow


@dataclass(slots=True, frozen=True)
class AcceptedCalendar:
    """The business calendar is in force now, in place of `previous`."""

    calendar: Calendar
    previous: Calendar | None


@dataclass(slots=True, frozen=True)
class UnchangedCalendar:
    """The calendar was in force before, to the letter."""

    calendar: Calendar


@dataclass(slots=True, frozen=True)
class Deleted:
    """Nothing is in force under the key now; the workflow `previous` was, if any."""

    previous: Workflow | None


@dataclass(slots=True, frozen=True)
class RefusedDefinition:
    """The record changes nothing. `in_force` is the value to publish again under its key; None is a null."""

    faults: tuple[Fault, ...]
    in_force: bytes | None


_MOST_PAST: Final = 5
_STARTED: Final = frozenset({"enabled", "shadow"})
Applied = Accepted | Unchanged | AcceptedCalendar | UnchangedCalendar | Deleted | RefusedDefinition


@dataclass(slots=True, frozen=True)
class _Kept:
    workflow: Workflow
    value: bytes
    canonical: bytes


@dataclass(slots=True, frozen=True)
class _KeptCalendar:
    calendar: Calendar
    value: bytes
    canonical: bytes


class Registry:
    """Definitions by key. Not safe for use from several threads."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._calendars: dict[str, _KeptCalendar] = {}
        self._index: dict[tuple[str, str], dict[str, Workflow]] = {}
        # What `by_trigger` gave, until one of them changes: sorted at each change, 10,000 would take 10 s to load.
        self._sorted: dict[tuple[str, str], tuple[Workflow, ...]] = {}
        self._past: dict[tuple[str, str], dict[str, deque[Workflow]]] = {}
        self._watched: dict[str, frozenset[str]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def apply(self, key: str | bytes, value: bytes | None) -> Applied:
        """What came of one record of the definitions topic. Never raises on what a record holds."""
        try:
            name = key.decode() if isinstance(key, bytes) else key
            if _is_calendar_key(name):
                return self._apply_calendar(name, value)
            before = self._kept.get(name)
            if value is None:
                return self._delete(name)
            org, workflow_id = _split(name)
            document = read_document(value)
            workflow = compile_workflow(parse_definition(document))
            written = canonical(document)
            if (size := len(written)) > LARGEST:
                # As commands carry it: 1e15 is longer there than where it was written.
                raise Refused.one("", f"the definition has {size:,} bytes when written out; at most {LARGEST:,} fit")
            _check_key(name, workflow, org, workflow_id)
        except UnicodeDecodeError:
            return Deleted(None) if value is None else RefusedDefinition((Fault("key", "is not UTF-8 text"),), None)
        except Refused as refused:
            return RefusedDefinition(refused.faults, before.value if before else None)
        return self._put(name, _Kept(workflow, value, written), before)

    def _put(self, key: str, kept: _Kept, before: _Kept | None) -> Applied:
        if before is not None:
            if kept.canonical == before.canonical:
                return Unchanged(before.workflow)
            if fault := _not_higher(kept.workflow.version, before.workflow.version):
                return RefusedDefinition((fault,), before.value)
        self._kept[key] = kept
        self._remember(kept.workflow)
        self._reindex(_workflow(before), kept.workflow)
        return Accepted(kept.workflow, _workflow(before))

    def _delete(self, key: str) -> Deleted:
        before = self._kept.pop(key, None)
        if before is not None:
            self._reindex(before.workflow, None)
        return Deleted(_workflow(before))

    def _apply_calendar(self, key: str, value: bytes | None) -> Applied:
        before = self._calendars.get(key)
        if value is None:
            self._calendars.pop(key, None)
            return Deleted(None)
        try:
            org, calendar_id = _split_calendar(key)
            document = read_document(value)
            calendar = compile_calendar(parse_calendar(document))
            _check_key(key, calendar, org, calendar_id)
        except Refused as refused:
            return RefusedDefinition(refused.faults, before.value if before else None)
        kept = _KeptCalendar(calendar, value, canonical(document))
        if before is not None:
            if kept.canonical == before.canonical:
                return UnchangedCalendar(before.calendar)
            if fault := _not_higher(calendar.version, before.calendar.version):
                return RefusedDefinition((fault,), before.value)
        self._calendars[key] = kept
        return AcceptedCalendar(calendar, None if before is None else before.calendar)

    def _reindex(self, before: Workflow | None, after: Workflow | None) -> None:
        for workflow in (before, after):
            if workflow is None or workflow.trigger_type is None:
                continue
            at = (workflow.org, workflow.trigger_type)
            self._sorted.pop(at, None)
            by_id = self._index.setdefault(at, {})
            if workflow is after and workflow.state in _STARTED:
                by_id[workflow.id] = workflow
            else:
                by_id.pop(workflow.id, None)
            if not by_id:
                del self._index[at]

    def _remember(self, workflow: Workflow) -> None:
        if workflow.watches:
            self._watched[workflow.org] = self.watched(workflow.org) | workflow.watches
        if workflow.trigger_type is not None and workflow.state in _STARTED:
            by_id = self._past.setdefault((workflow.org, workflow.trigger_type), {})
            by_id.setdefault(workflow.id, deque(maxlen=_MOST_PAST)).append(workflow)

    def past(self, org: str, event_type: str) -> Mapping[str, Iterable[Workflow]]:
        """By id: the last versions that such an event could have started, also those replaced or deleted since.

        A run that began just before its workflow was changed must be found again after a crash.
        """
        return self._past.get((org, event_type), {})

    def by_trigger(self, org: str, event_type: str) -> tuple[Workflow, ...]:
        """The workflows of an organisation, enabled or in shadow, that such an event starts, by id."""
        at = (org, event_type)
        found = self._sorted.get(at)
        if found is None:
            by_id = self._index.get(at)
            if by_id is None:
                return ()
            found = self._sorted[at] = tuple(by_id[name] for name in sorted(by_id))
        return found

    def watched(self, org: str) -> frozenset[str]:
        """The types of all events that cancel or restart runs of the organisation.

        Of every workflow that is or was in force, whatever its state: its runs may go on for long.
        """
        return self._watched.get(org, frozenset())

    def get(self, org: str, workflow_id: str) -> Workflow | None:
        """The workflow in force under this id, whatever its state."""
        kept = self._kept.get(f"{org}/{workflow_id}")
        return _workflow(kept)

    def workflows(self, org: str) -> tuple[Workflow, ...]:
        """Every workflow of an organisation, whatever its state, by id."""
        mine = [kept.workflow for kept in self._kept.values() if kept.workflow.org == org]
        return tuple(sorted(mine, key=lambda one: one.id))

    def calendar(self, org: str, calendar_id: str) -> Calendar | None:
        """The business calendar in force under this id."""
        kept = self._calendars.get(calendar_key(org, calendar_id))
        return None if kept is None else kept.calendar

    def in_force(self, key: str | bytes) -> bytes | None:
        """The value in force under this key, as it was published; None where there is none."""
        try:
            name = key.decode() if isinstance(key, bytes) else key
        except UnicodeDecodeError:
            return None
        kept = self._calendars.get(name) if _is_calendar_key(name) else self._kept.get(name)
        return None if kept is None else kept.value

    def snapshot(self) -> dict[str, bytes]:
        """The values in force by key, as they were published."""
        return {key: kept.value for kind in (self._kept, self._calendars) for key, kept in kind.items()}


def _workflow(kept: _Kept | None) -> Workflow | None:
    return None if kept is None else kept.workflow


def _split(key: str) -> tuple[str, str]:
    org, slash, workflow_id = key.partition("/")
    if not slash or not is_id(org) or not is_id(workflow_id):
        raise Refused.one("key", f"{key[:210]!r} is not of the form organisation/workflow id")
    return org, workflow_id


def _is_calendar_key(key: str) -> bool:
    return key.partition("/")[2].startswith(f"{KIND}/")


def _split_calendar(key: str) -> tuple[str, str]:
    org, _, calendar_id = key.partition(f"/{KIND}/")
    if not is_id(org) or not is_id(calendar_id):
        raise Refused.one("key", f"{key[:210]!r} is not of the form organisation/{KIND}/calendar id")
    return org, calendar_id


def _check_key(key: str, body: Workflow | Calendar, org: str, identity: str) -> None:
    if (body.org, body.id) != (org, identity):
        field = "org" if body.org != org else "id"
        raise Refused.one(field, f"is {getattr(body, field)!r}, but the record's key is {key!r}")


def _not_higher(version: int, in_force: int) -> Fault | None:
    if version > in_force:
        return None
    return Fault("version", f"is {version}, but version {in_force} is in force: only a higher one replaces it")
