"""Durations and moments as people, ISO 8601 and RFC 3339 write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_SHORT = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(ms|s|m|h|d|w)", re.ASCII)
_ISO = re.compile(
    r"P(?!$)(?:(?P<weeks>\d{1,6}(?:[.,]\d+)?)W)?(?:(?P<days>\d{1,7}(?:[.,]\d+)?)D)?"
    r"(?:T(?!$)(?:(?P<hours>\d{1,9}(?:[.,]\d+)?)H)?(?:(?P<minutes>\d{1,10}(?:[.,]\d+)?)M)?"
    r"(?:(?P<seconds>\d{1,12}(?:[.,]\d{1,9})?)S)?)?",
    re.ASCII,
)
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
LONGEST: Final = timedelta(days=3660)
"""Ten years: more than any automation waits, and far from what a clock can't hold."""


def parse_duration(text: str) -> timedelta:
    """A duration from `PT15M` (ISO 8601, without years and months) or `15m`, `2.5s`, `250ms`, `7d`, `2w`.

    Raises ValueError with a sentence for people where it is none, or longer than ten years.
    """
    text = text.strip()
    if short := _SHORT.fullmatch(text):
        seconds = float(short[1]) * _SECONDS[short[2]]
    elif (iso := _ISO.fullmatch(text)) and len(text) > 1:
        parts = {name: float(value.replace(",", ".")) for name, value in iso.groupdict().items() if value}
        weeks, days = parts.get("weeks", 0.0), parts.get("days", 0.0)
        seconds = (weeks * 7 + days) * 86400.0 + parts.get("hours", 0.0) * 3600.0
        seconds += parts.get("minutes", 0.0) * 60.0 + parts.get("seconds", 0.0)
    else:
        message = f"{text[:40]!r} is not a duration: write PT15M, or a number with ms, s, m, h, d or w, such as 15m"
        raise ValueError(message)
    if seconds > LONGEST.total_seconds():
        message = f"{text[:40]!r} is longer than ten years"
        raise ValueError(message)
    return timedelta(seconds=seconds)


_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[-+]\d\d:?\d\d)?)?", re.ASCII)


def parse_time(text: str) -> datetime:
    """The moment in an RFC 3339 text, in UTC; without an offset it is taken as UTC, a date as its first moment.

    Raises ValueError with a sentence for people where the text is none.
    """
    text = text.strip()
    if len(text) <= 40 and _TIME.fullmatch(text):
        try:
            moment = datetime.fromisoformat(text.upper())
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    message = f"{text[:40]!r} is not a time: write it as in RFC 3339, such as 2026-11-23T08:00:00Z"
    raise ValueError(message)
