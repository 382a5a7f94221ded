"""Events as somebody gives them: checked as the workers check them, and made the records of their modules' topics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hub.services.records import Record, event_record
from schemas.errors import Fault, Refused
from schemas.events import Event

MOST: Final = 500
"""Events of one request."""
_MOST_FAULTS: Final = 100


def accepted(envelopes: Sequence[object], limit: int, *, numbered: bool = False) -> list[tuple[Event, Record]]:
    """Each event with its record. Raises Refused with the faults of all of them where one is bad.

    `limit` is how many bytes an event may have at most; `numbered` puts an event's index before its faults' fields.
    """
    found: list[tuple[Event, Record]] = []
    faults: list[Fault] = []
    for number, envelope in enumerate(envelopes):
        try:
            found.append(event_record(envelope, limit))
        except Refused as refused:
            place = f"[{number}]" if numbered else ""
            faults += [Fault(_within(place, fault.field), fault.reason) for fault in refused.faults]
    if faults:
        raise Refused(faults[:_MOST_FAULTS])
    return found


def of_org(envelope: object, org: str) -> object:
    """The event with this organisation filled in, where it names none."""
    if isinstance(envelope, dict) and envelope.get("orgid") is None:
        return {**envelope, "orgid": org}
    return envelope


def is_foreign(envelope: object, org: str) -> bool:
    """Whether the event names another organisation."""
    named = envelope.get("orgid") if isinstance(envelope, dict) else None
    return isinstance(named, str) and named != org


def _within(place: str, field: str) -> str:
    return f"{place}.{field}" if place and field else place or field
