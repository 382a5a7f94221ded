"""What the fourteen operators mean (DESIGN.md §5).

Two values compare as what they are. Numbers compare with numbers, and with text that is a number; times with times;
durations with durations; all other text as text, without regard to case unless asked. Two texts are equal as numbers
never (`007` is not `7`), for numbers in text are mostly ids; but they are ordered as numbers where both are.
Equality holds between any two values, false where they are of different kinds; an order or a search between values
that have none is *not comparable*: the result is false, and a note says why. Nothing here raises.

A constant is read once (`Operand`), when its workflow is compiled, and not for each event.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from engine.paths import MISSING, Segments, walk
from schemas.durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable

Verdict = tuple[bool, str | None]
"""The result, and why the values could not be compared, where they could not."""

_NUMBER = re.compile(r"[-+]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][-+]?\d{1,3})?", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[-+]\d\d:?\d\d)?)?", re.ASCII)
_LONGEST_SPECIAL: Final = 64
"""No number, time or duration is longer as text; what is longer is not looked at for one."""
_UNREAD: Final = object()


def number_in(text: str) -> int | float | None:
    """The number that a text is, or None."""
    trimmed = text.strip()
    if len(trimmed) > _LONGEST_SPECIAL or not _NUMBER.fullmatch(trimmed):
        return None
    try:
        return int(trimmed)
    except ValueError:
        return float(trimmed)


def time_in(text: str) -> datetime | None:
    """The moment that an ISO 8601 text is, or None; without an offset it is taken as UTC."""
    if len(text) > _LONGEST_SPECIAL or not _TIME.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text.upper())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def seconds_in(text: str) -> float | None:
    """The seconds of a duration (`PT15M`, `15m`), or None where the text is none."""
    if not 1 < len(text) <= _LONGEST_SPECIAL or text[0] not in "P0123456789":
        return None
    try:
        return parse_duration(text).total_seconds()
    except ValueError:
        return None


class Operand:
    """A value, read lazily for what it may be."""

    __slots__ = ("_folded", "_number", "_seconds", "_time", "kind", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.kind = kind_of(value)
        self._folded: Any = _UNREAD
        self._number: Any = _UNREAD
        self._time: Any = _UNREAD
        self._seconds: Any = _UNREAD

    def number(self) -> int | float | None:
        """The value as a number."""
        if self._number is _UNREAD:
            self._number = (
                self.value if self.kind == "number" else number_in(self.value) if self.kind == "text" else None
            )
        return self._number  # type: ignore[no-any-return]

    def time(self) -> datetime | None:
        """The value as a moment."""
        if self._time is _UNREAD:
            self._time = time_in(self.value) if self.kind == "text" else None
        return self._time  # type: ignore[no-any-return]

    def seconds(self) -> float | None:
        """The value as a duration."""
        if self._seconds is _UNREAD:
            self._seconds = seconds_in(self.value) if self.kind == "text" else None
        return self._seconds  # type: ignore[no-any-return]

    def text(self, case_sensitive: bool) -> str:
        """The value as text for searching; only for text and numbers."""
        if case_sensitive:
            return self.value if self.kind == "text" else str(self.value)
        if self._folded is _UNREAD:
            self._folded = str(self.value).casefold()
        return self._folded  # type: ignore[no-any-return]


def kind_of(value: Any) -> str:
    """What a JSON value is, in the words of our texts."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "number"
    if value is None:
        return "null"
    return "list" if isinstance(value, list) else "object"


def _unlike(left: Operand, right: Operand) -> str:
    return f"{left.kind} and {right.kind} are not comparable"


def equal(left: Operand, right: Operand, case_sensitive: bool) -> Verdict:
    """Whether the two are the same."""
    if left.kind == right.kind:
        if left.kind == "text":
            return _texts_equal(left, right, case_sensitive), None
        if left.kind in {"list", "object"}:
            return same(left.value, right.value), None
        return left.value == right.value, None
    kinds = {left.kind, right.kind}
    if kinds == {"number", "text"}:
        one, other = left.number(), right.number()
        if one is not None and other is not None:
            return one == other, None
    elif kinds == {"true or false", "text"}:
        return str(left.value).casefold() == str(right.value).casefold(), None
    elif "null" in kinds:
        return False, None
    return False, _unlike(left, right)


def _texts_equal(left: Operand, right: Operand, case_sensitive: bool) -> bool:
    if left.value == right.value or left.text(case_sensitive) == right.text(case_sensitive):
        return True
    if (wanted := right.time()) is not None:
        return left.time() == wanted
    if (seconds := right.seconds()) is not None:
        return left.seconds() == seconds
    return False


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are the same to the letter; true is not 1."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(one, right[key]) for key, one in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def order(left: Operand, right: Operand, case_sensitive: bool) -> tuple[int | None, str | None]:
    """-1, 0 or 1 as the left is before, the same as, or after the right; None and a note where there is no order."""
    for read in (Operand.number, Operand.time, Operand.seconds):
        one, other = read(left), read(right)
        if one is not None and other is not None:
            return (one > other) - (one < other), None  # type: ignore[operator]  # both are of one kind
    if left.kind == right.kind == "text":
        a, b = left.text(case_sensitive), right.text(case_sensitive)
        return (a > b) - (a < b), None
    return None, _unlike(left, right)


def _ordered(wanted: Callable[[int], bool]) -> Callable[[Operand, Operand, bool], Verdict]:
    def compare(left: Operand, right: Operand, case_sensitive: bool) -> Verdict:
        found, note = order(left, right, case_sensitive)
        return (False, note) if found is None else (wanted(found), None)

    return compare


def _not_equals(left: Operand, right: Operand, case_sensitive: bool) -> Verdict:
    found, note = equal(left, right, case_sensitive)
    return not found, note


def _negated(inner: Callable[[Operand, Operand, bool], Verdict]) -> Callable[[Operand, Operand, bool], Verdict]:
    def compare(left: Operand, right: Operand, case_sensitive: bool) -> Verdict:
        found, note = inner(left, right, case_sensitive)
        return (False, note) if note is not None else (not found, None)

    return compare


def _contains(left: Operand, right: Operand, case_sensitive: bool) -> Verdict:
    if left.kind == "list":
        return any(equal(Operand(one), right, case_sensitive)[0] for one in left.value), None
    if left.kind == "text" and right.kind in {"text", "number"}:
        return right.text(case_sensitive) in left.text(case_sensitive), None
    return False, f"{left.kind} can't contain {right.kind}" if left.kind == "text" else f"{left.kind} contains nothing"


def _in(left: Operand, right: Operand, case_sensitive: bool) -> Verdict:
    if right.kind != "list":
        return False, f"'in' needs a list, not {right.kind}"
    return any(equal(left, one, case_sensitive)[0] for one in _elements(right)), None


def _elements(operand: Operand) -> list[Operand]:
    if operand._folded is _UNREAD:  # noqa: SLF001 - a list has no folded text: its elements are kept there
        operand._folded = [Operand(one) for one in operand.value]  # noqa: SLF001
    return operand._folded  # type: ignore[no-any-return]  # noqa: SLF001


def _edge(test: Callable[[str, str], bool]) -> Callable[[Operand, Operand, bool], Verdict]:
    def compare(left: Operand, right: Operand, case_sensitive: bool) -> Verdict:
        searchable = {"text", "number"}
        if left.kind not in searchable or right.kind not in searchable:
            return False, _unlike(left, right)
        return test(left.text(case_sensitive), right.text(case_sensitive)), None

    return compare


COMPARISONS: Final[dict[str, Callable[[Operand, Operand, bool], Verdict]]] = {
    "equals": equal,
    "not_equals": _not_equals,
    "contains": _contains,
    "not_contains": _negated(_contains),
    "greater_than": _ordered(lambda found: found > 0),
    "greater_or_equal": _ordered(lambda found: found >= 0),
    "less_than": _ordered(lambda found: found < 0),
    "less_or_equal": _ordered(lambda found: found <= 0),
    "in": _in,
    "not_in": _negated(_in),
    "starts_with": _edge(str.startswith),
    "ends_with": _edge(str.endswith),
}
"""The operators that compare a present field with a wanted value. `exists` and `changed` look at presence instead."""


def exists(actual: Any, wanted: Any) -> bool:
    """Whether a field is there (a JSON null counts as not there), or is not where `wanted` is false."""
    return (actual is not MISSING and actual is not None) is (wanted is not False)


def changed(actual: Any, data: dict[str, Any], segments: Segments, entity: str | None) -> tuple[bool, Any]:
    """Whether an update changed the field at this path of `data`, and its old value (MISSING where it is not told).

    `previous` has the changed fields alone, either under the entity's name (`previous.ticket.status`) or directly
    (`previous.status`, of the triggering entity). A field changed if it, or an object that it is part of, is told there
    with another value than it has now.
    """
    previous = data.get("previous")
    if not isinstance(previous, dict) or not previous:
        return False, MISSING
    if len(segments) == 1 and segments[0] == entity and entity not in previous:
        return any(not same(old, walk(data, (entity, key))) for key, old in previous.items()), MISSING
    told, old = _told(previous, segments, 2 if len(segments) > 1 else 1)
    if not told and segments[0] == entity:
        told, old = _told(previous, segments[1:], 1)
    if not told:
        return False, MISSING
    if old is MISSING or old is None:
        return actual is not MISSING and actual is not None, old
    return actual is MISSING or not same(old, actual), old


def _told(previous: dict[str, Any], segments: Segments, depth: int) -> tuple[bool, Any]:
    """Whether `previous` tells of this path, by itself or by a prefix of at least `depth` parts; and the old value."""
    value: Any = previous
    for index, segment in enumerate(segments):
        found = _child(value, segment)
        if found is MISSING:
            return index >= depth or (index > 0 and not isinstance(value, dict | list)), MISSING
        value = found
    return bool(segments), value


def _child(value: Any, segment: str | int) -> Any:
    # Not walk(): `previous` is looked at for names alone, not for what `size` or `first` would make of it.
    if isinstance(value, dict):
        return value.get(str(segment), MISSING)
    return walk(value, (segment,)) if isinstance(segment, int) else MISSING
