"""The smallest parts of a sentence: how a field, a value and a span of time are told to people."""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from schemas.durations import parse_duration

LONGEST_VALUE: Final = 80
"""Characters of one value in a sentence: what a card of the designer shows on two lines."""
_MOST_LISTED: Final = 6
_LONE = re.compile(r"\s*\{\{(?P<inside>(?:(?!\}\}).)*)\}\}\s*", re.DOTALL)
_PATH = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+|\[-?\d+\])*")
_PLAIN = re.compile(r"[\w@:/+#%&.-]*[\w@/+#%&-]|\{\{[^{}]*\}\}")
_UNITS: Final = (("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def short(text: str, most: int = LONGEST_VALUE) -> str:
    """The text on one line, and no longer than so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def quoted(value: Any, most: int = LONGEST_VALUE) -> str:
    """A text that a person wrote, in quotation marks: “Disk full”."""
    return f"“{short(value if isinstance(value, str) else plain(value), most)}”"


def plain(value: Any) -> str:
    """A value as it stands in a sentence: texts as they are, the rest as JSON writes it."""
    if isinstance(value, str):
        return short(value)
    if value is None:
        return "nothing"
    try:
        return short(orjson.dumps(value).decode())
    except (TypeError, ValueError, RecursionError):
        return "…"


def wanted(value: Any) -> str:
    """What a field is compared with: in quotation marks where it would not be seen where it begins and ends."""
    if isinstance(value, list):
        return either([wanted(one) for one in value])
    if not isinstance(value, str):
        return plain(value)
    line = short(value)
    return line if _PLAIN.fullmatch(line) else f"“{line}”"


def either(parts: list[str], word: str = "or") -> str:
    """`critical`, `critical or high`, `critical, high or medium`; of very many the first ones."""
    if not parts:
        return "nothing"
    if len(parts) > _MOST_LISTED:
        parts = [*parts[: _MOST_LISTED - 1], f"{len(parts) - _MOST_LISTED + 1} more"]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def field(path: Any, entity: str | None = None) -> str:
    """A field as people call it: `device.assigned_technician` is `device assigned technician`.

    What belongs to the triggering `entity` is told without it: `alert.severity` is `severity` of an alert's event.
    """
    if not isinstance(path, str) or not path.strip():
        return "…"
    lone = _LONE.fullmatch(path)
    inside = (lone["inside"] if lone else path).strip()
    name, bar, filters = inside.partition("|")
    name = name.strip()
    if not _PATH.fullmatch(name):
        return short(path)
    told = _path(name.split("."), entity)
    return f"{told} ({short(filters.strip(), 40)})" if bar else told


def _path(parts: list[str], entity: str | None) -> str:
    if parts[:2] == ["event", "data"] and len(parts) > 2:
        parts = parts[2:]
    if parts[0] == "steps" and len(parts) > 2:
        return f"{_words(parts[2:])} of step {parts[1]}"
    if parts[0] == "previous" and len(parts) > 1:
        rest = parts[2:] if len(parts) > 2 and parts[1] == entity else parts[1:]
        return f"previous {_words(rest)}"
    if len(parts) > 1 and parts[0] == entity:
        parts = parts[1:]
    return _words(parts)


def _words(parts: list[str]) -> str:
    return short(" ".join(part.replace("_", " ") for part in parts))


def span(text: Any) -> str:
    """A duration in words: `PT15M` is `15 minutes`, `1.5h` is `1 hour 30 minutes`; a template stays as it is."""
    if not isinstance(text, str):
        return plain(text)
    try:
        seconds = parse_duration(text).total_seconds()
    except ValueError:
        return short(text)
    if seconds < 1:
        return f"{round(seconds * 1000)} milliseconds"
    parts = []
    for unit, size in _UNITS:
        # Weeks are told only where they are whole: 10 days are 10 days.
        if unit == "week" and (seconds % size or not seconds):
            continue
        count = int(seconds // size) if unit != "second" else round(seconds, 3)
        if count:
            parts.append(f"{count:g} {unit}{'' if count == 1 else 's'}")
        seconds -= count * size
    return " ".join(parts)


def offset(seconds: float) -> str:
    """A time span in the two largest units that it has: `15 min`, `3 d 2 h`, `1.02 s`."""
    if seconds < 60:
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + " s"
    whole = round(seconds)
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])
