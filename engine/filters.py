"""The filters that a template may use, none of which takes unbounded time or memory.

They mean what Liquid's filters of the same names mean (https://shopify.github.io/liquid/), with two differences: a
`date` has no `now`, for the engine has no clock, and its format takes no widths; and where Liquid goes on silently
(division by zero, numbers beyond 64 bits, more than 256 kB of text) the render fails with a reason. One is ours:
`later` is the time so long after another, as in `{{event.time | later: '3d'}}`.
"""

from __future__ import annotations

import html
import math
import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote_plus

import orjson

from engine.errors import RenderError
from engine.paths import MISSING
from engine.values import number_in, time_in
from schemas.durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST: Final = 256 * 1024
"""Bytes (and so characters) of one rendered value: as much as a whole event may have (DESIGN.md §3)."""
_LARGEST_NUMBER: Final = 2**63 - 1
_MOST_ELEMENTS: Final = 10_000
_DATE = re.compile(r"(?:[^%]|%-?[aAbBdejHIlkmMpPSyYzZFTDRcxXsLN]|%%)*")
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


class Filter(NamedTuple):
    """What a filter does, and with how many arguments."""

    apply: Callable[..., Any]
    fewest: int = 0
    most: int = 0


def as_text(value: Any) -> str:
    """A value inside a text: lists and objects as JSON, nothing for what is missing or null."""
    if isinstance(value, str):
        return value
    if value is None or value is MISSING:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return orjson.dumps(value).decode()
    return str(value)


def _bounded(length: int) -> None:
    if length > LARGEST:
        raise RenderError(f"renders to more than {LARGEST // 1024} kB")


def _number(value: Any) -> int | float:
    """A number, or the number in a text; all else counts as 0, as in Liquid."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, int | float):
        return value
    found = number_in(value) if isinstance(value, str) else None
    return 0 if found is None else found


def _whole(value: Any, what: str) -> int:
    if isinstance(value, str):
        value = number_in(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RenderError(f"{what} needs a whole number")
    return max(-_LARGEST_NUMBER, min(int(value), _LARGEST_NUMBER))


def _calculated(name: str, operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def calculate(value: Any, argument: Any) -> Any:
        left, right = _number(value), _number(argument)
        if isinstance(left, float) or isinstance(right, float):
            # As decimals, so that 0.1 plus 0.2 is 0.3.
            return _fits(_float(name, operation, left, right))
        try:
            return _fits(operation(left, right))
        except ZeroDivisionError:
            raise RenderError(f"'{name}' by zero") from None

    return calculate


def _float(name: str, operation: Callable[[Any, Any], Any], left: float, right: float) -> float:
    try:
        return float(operation(Decimal(str(left)), Decimal(str(right))))
    except (ZeroDivisionError, InvalidOperation, OverflowError, ArithmeticError):
        raise RenderError(f"'{name}' has no result for {left} and {right}") from None


def _fits(number: float) -> int | float:
    if not math.isfinite(number) or abs(number) > _LARGEST_NUMBER:
        raise RenderError("the number is too large")
    return number


def _divide(left: Any, right: Any) -> Any:
    return left // right if isinstance(left, int) else left / right


def _modulo(left: Any, right: Any) -> Any:
    # Of decimals Python's remainder has the sign of the dividend; of integers that of the divisor, as Liquid's.
    return left % right if isinstance(left, int) else left - right * (left / right).to_integral_value("ROUND_FLOOR")


def _round(value: Any, digits: Any = 0) -> int | float:
    number, places = _number(value), max(0, min(_whole(digits, "round"), 15))
    if isinstance(number, int):
        return number
    try:
        rounded = Decimal(str(_fits(number))).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    except InvalidOperation:
        return number
    return float(rounded) if places else int(rounded)


def _replace(value: Any, old: Any, new: Any = "") -> str:
    text, old, new = as_text(value), as_text(old), as_text(new)
    _bounded(len(text) + text.count(old) * max(0, len(new) - len(old)))
    return text.replace(old, new)


def _joined(first: str, second: str) -> str:
    _bounded(len(first) + len(second))
    return first + second


def _join(value: Any, separator: Any = " ") -> str:
    if not isinstance(value, list):
        return as_text(value)
    parts, between = [as_text(one) for one in value], as_text(separator)
    _bounded(sum(map(len, parts)) + len(between) * len(parts))
    return between.join(parts)


def _split(value: Any, separator: Any) -> list[str]:
    text, between = as_text(value), as_text(separator)
    if not between:
        raise RenderError("'split' needs something to split at")
    if not text:
        return []
    parts = text.split(None if between == " " else between, _MOST_ELEMENTS)
    if len(parts) > _MOST_ELEMENTS:
        raise RenderError(f"'split' gives more than {_MOST_ELEMENTS:,} parts")
    return parts


def _slice(value: Any, start: Any, length: Any = 1) -> Any:
    sequence = value if isinstance(value, list) else as_text(value)
    begin, count = _whole(start, "slice"), max(0, _whole(length, "slice"))
    begin = max(0, begin + len(sequence)) if begin < 0 else begin
    return sequence[begin : begin + count]


def _truncate(value: Any, length: Any = 50, end: Any = "...") -> str:
    text, most, ending = as_text(value), _whole(length, "truncate"), as_text(end)
    if len(text) <= most:
        return text
    return _joined(text[: max(0, most - len(ending))], ending)


def _truncatewords(value: Any, count: Any = 15, end: Any = "...") -> str:
    text, most = as_text(value), max(1, min(_whole(count, "truncatewords"), _MOST_ELEMENTS))
    words = text.split(None, most)
    return text if len(words) <= most else _joined(" ".join(words[:most]), as_text(end))


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None


def _last(value: Any) -> Any:
    return value[-1] if isinstance(value, list) and value else None


def _size(value: Any) -> int:
    return len(value) if isinstance(value, list | dict | str) else 0


def _map(value: Any, name: Any) -> list[Any]:
    key = as_text(name)
    if key.startswith("__"):
        raise RenderError(f"{key[:40]!r} is not a name that a path may have")
    elements = value if isinstance(value, list) else [value]
    return [one.get(key) if isinstance(one, dict) else None for one in elements]


def _default(value: Any, other: Any) -> Any:
    return other if value is None or value is MISSING or value is False or value in ("", [], {}) else value


def _date(value: Any, pattern: Any) -> str:
    text = as_text(value)
    moment = time_in(text)
    if moment is None:
        return text
    form = as_text(pattern)
    if len(form) > 200 or not _DATE.fullmatch(form):
        raise RenderError("'date' knows %Y %m %d %H %M %S and their like, without widths")
    hour = moment.hour % 12 or 12
    parts = {
        "a": _DAYS[moment.weekday()][:3], "A": _DAYS[moment.weekday()], "b": _MONTHS[moment.month - 1][:3],
        "B": _MONTHS[moment.month - 1], "d": f"{moment.day:02}", "e": f"{moment.day:2}",
        "j": f"{moment.timetuple().tm_yday:03}", "H": f"{moment.hour:02}", "k": f"{moment.hour:2}",
        "I": f"{hour:02}", "l": f"{hour:2}", "m": f"{moment.month:02}", "M": f"{moment.minute:02}",
        "p": "AM" if moment.hour < 12 else "PM", "P": "am" if moment.hour < 12 else "pm",
        "S": f"{moment.second:02}", "y": f"{moment.year % 100:02}", "Y": f"{moment.year:04}", "z": "+0000", "Z": "UTC",
        "F": f"{moment:%Y-%m-%d}", "T": f"{moment:%H:%M:%S}", "X": f"{moment:%H:%M:%S}", "R": f"{moment:%H:%M}",
        "D": f"{moment:%m/%d/%y}", "x": f"{moment:%m/%d/%y}", "L": f"{moment.microsecond // 1000:03}",
        "N": f"{moment.microsecond * 1000:09}", "s": str(int(moment.timestamp())), "%": "%",
        "c": f"{_DAYS[moment.weekday()][:3]} {_MONTHS[moment.month - 1][:3]} {moment.day:2} {moment:%H:%M:%S %Y}",
    }  # fmt: skip

    def part(found: re.Match[str]) -> str:
        plain = parts[found[2]]
        return (plain.lstrip("0 ") or "0") if found[1] else plain

    return re.sub(r"%(-?)(.)", part, form)


def _later(value: Any, duration: Any) -> str:
    """The time that comes so long after another, as RFC 3339 in UTC to the microsecond."""
    text = as_text(value)
    moment = time_in(text)
    if moment is None:
        raise RenderError(f"'later' needs a time, not {text[:40]!r}")
    try:
        found = moment + parse_duration(as_text(duration))
    except (ValueError, OverflowError) as error:
        raise RenderError(f"'later' has no result: {error}") from None
    return found.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _text_filter(change: Callable[[str], str]) -> Callable[[Any], str]:
    return lambda value: change(as_text(value))


FILTERS: Final[dict[str, Filter]] = {
    "upcase": Filter(_text_filter(str.upper)),
    "downcase": Filter(_text_filter(str.lower)),
    "capitalize": Filter(_text_filter(str.capitalize)),
    "strip": Filter(_text_filter(str.strip)),
    "lstrip": Filter(_text_filter(str.lstrip)),
    "rstrip": Filter(_text_filter(str.rstrip)),
    "strip_newlines": Filter(_text_filter(lambda text: text.replace("\r", "").replace("\n", ""))),
    "newline_to_br": Filter(lambda value: _replace(as_text(value).replace("\r\n", "\n"), "\n", "<br />\n")),
    "escape": Filter(_text_filter(html.escape)),
    "url_encode": Filter(_text_filter(quote_plus)),
    "append": Filter(lambda value, other: _joined(as_text(value), as_text(other)), 1, 1),
    "prepend": Filter(lambda value, other: _joined(as_text(other), as_text(value)), 1, 1),
    "replace": Filter(_replace, 1, 2),
    "remove": Filter(_replace, 1, 1),
    "truncate": Filter(_truncate, 0, 2),
    "truncatewords": Filter(_truncatewords, 0, 2),
    "slice": Filter(_slice, 1, 2),
    "split": Filter(_split, 1, 1),
    "join": Filter(_join, 0, 1),
    "first": Filter(_first),
    "last": Filter(_last),
    "size": Filter(_size),
    "map": Filter(_map, 1, 1),
    "reverse": Filter(lambda value: value[::-1] if isinstance(value, list) else value),
    "compact": Filter(lambda value: [one for one in value if one is not None] if isinstance(value, list) else value),
    "default": Filter(_default, 1, 1),
    "json": Filter(lambda value: orjson.dumps(None if value is MISSING else value).decode()),
    "date": Filter(_date, 1, 1),
    "later": Filter(_later, 1, 1),
    "plus": Filter(_calculated("plus", lambda left, right: left + right), 1, 1),
    "minus": Filter(_calculated("minus", lambda left, right: left - right), 1, 1),
    "times": Filter(_calculated("times", lambda left, right: left * right), 1, 1),
    "divided_by": Filter(_calculated("divided_by", _divide), 1, 1),
    "modulo": Filter(_calculated("modulo", _modulo), 1, 1),
    "at_least": Filter(lambda value, other: max(_number(value), _number(other)), 1, 1),
    "at_most": Filter(lambda value, other: min(_number(value), _number(other)), 1, 1),
    "abs": Filter(lambda value: abs(_number(value))),
    "round": Filter(_round, 0, 1),
    "ceil": Filter(lambda value: math.ceil(_fits(_number(value)))),
    "floor": Filter(lambda value: math.floor(_fits(_number(value)))),
}
"""All filters by name; what is not here is refused when the definition is compiled."""
