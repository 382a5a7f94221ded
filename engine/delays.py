"""When a delay is over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engine.errors import ParametersError
from engine.filters import as_text
from schemas.actions import BUSINESS_TIMES, DEFAULT_CALENDAR
from schemas.durations import LONGEST, parse_duration, parse_time

if TYPE_CHECKING:
    from engine.rules import Calendar, Rules


def due(given: dict[str, Any], org: str, now: datetime, rules: Rules) -> datetime:
    """When a delay with these rendered parameters, begun now, is over; a moment that is past where it need not wait.

    Puts the calendar's id into `given` where it is used and was not named. Raises ParametersError.
    """
    until = given.get("until")
    if until in BUSINESS_TIMES:
        given.setdefault("calendar", DEFAULT_CALENDAR)
    calendar = _calendar(given["calendar"], org, rules) if "calendar" in given else None
    try:
        if until is not None:
            found = _until(until, now, calendar)
        elif calendar is not None:
            found = calendar.after(now, parse_duration(as_text(given["for"])))
        else:
            found = now + parse_duration(as_text(given["for"]))
    except (ValueError, OverflowError) as error:
        raise ParametersError(f"{'for' if until is None else 'until'}: {error}") from None
    if found - now > LONGEST:
        raise ParametersError(f"{'for' if until is None else 'until'}: is more than ten years away")
    return found.astimezone(UTC)


def _until(until: Any, now: datetime, calendar: Calendar | None) -> datetime:
    if calendar is None or until not in BUSINESS_TIMES:
        moment = parse_time(as_text(until))
        return moment if calendar is None else calendar.next_open(moment)
    return calendar.next_open(now) if until == "business_hours" else calendar.next_day(now)


def _calendar(name: Any, org: str, rules: Rules) -> Calendar:
    found = rules.calendar(org, as_text(name))
    if found is None:
        raise ParametersError(f"calendar: there is no calendar {as_text(name)[:100]!r} in this organisation")
    return found
