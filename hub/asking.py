"""Query parameters of the routes that are asked most: read in microseconds, described for OpenAPI by the same words.

FastAPI's own parameters cost each request more than the query does. What is read here is bounded in the same way: a
text has a longest length and no NUL, a number its range, a time its offset from UTC.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hub.services.cursors import LONGEST as LONGEST_CURSOR
from schemas.errors import Fault, Refused

PAGE: Final = 50
MOST: Final = 200


class Parameter:
    """One query parameter: how it is read, and how OpenAPI describes it."""

    def __init__(self, name: str, description: str, schema: Mapping[str, Any], example: Any = None) -> None:
        self.name = name
        self.document: dict[str, Any] = {
            "name": name,
            "in": "query",
            "required": False,
            "description": description,
            "schema": dict(schema),
        }
        if example is not None:
            self.document["example"] = example

    def read(self, given: str) -> Any:
        """The value of what was given. Raises ValueError with the reason."""
        raise NotImplementedError


class Text(Parameter):
    """Any text; `pattern` is told and not looked at."""

    def __init__(self, name: str, description: str, longest: int = 300, example: str | None = None) -> None:
        schema = {"type": "string", "maxLength": longest, "pattern": r"^[^\x00]*$"}
        super().__init__(name, description, schema, example)
        self._longest = longest

    def read(self, given: str) -> str | None:
        """The text; None where it is empty."""
        return _text(given, self._longest) or None


class Choice(Parameter):
    """One of some words; where there is none, `default`."""

    def __init__(self, name: str, description: str, words: Sequence[str], default: str | None = None) -> None:
        schema: dict[str, Any] = {"type": "string", "enum": list(words)}
        super().__init__(name, description, schema if default is None else {**schema, "default": default})
        self._words = frozenset(words)

    def read(self, given: str) -> str:
        """The word."""
        if given not in self._words:
            message = f"is {given[:60]!r}, and should be one of {', '.join(sorted(self._words))}"
            raise ValueError(message)
        return given


class Choices(Parameter):
    """Some of some words, with commas between them."""

    def __init__(self, name: str, description: str, words: Sequence[str]) -> None:
        one = "|".join(words)
        schema = {"type": "string", "maxLength": 200, "pattern": f"^(?:{one})(?:,(?:{one}))*$"}
        super().__init__(name, description, schema, ",".join(words[:2]))
        self._words = frozenset(words)

    def read(self, given: str) -> tuple[str, ...]:
        """Each word once, in a fixed order."""
        found = {part.strip() for part in given[:1000].split(",")}
        if not found <= self._words:
            unknown = min(found - self._words)
            message = f"{unknown[:60]!r} is not known; they are {', '.join(sorted(self._words))}"
            raise ValueError(message)
        return tuple(sorted(found))


class Number(Parameter):
    """A whole number from `least` to `most`."""

    def __init__(self, name: str, description: str, least: int, most: int, default: int) -> None:
        schema = {"type": "integer", "minimum": least, "maximum": most, "default": default}
        super().__init__(name, description, schema)
        self._least, self._most = least, most

    def read(self, given: str) -> int:
        """The number."""
        plain = given.removeprefix("-")
        if not (plain.isascii() and plain.isdigit()) or len(plain) > 18:
            message = f"should be a whole number, not {given[:60]!r}"
            raise ValueError(message)
        found = int(given)
        if not self._least <= found <= self._most:
            message = f"should be from {self._least} to {self._most}, not {found}"
            raise ValueError(message)
        return found


class Moment(Parameter):
    """A time as RFC 3339 has it."""

    def __init__(self, name: str, description: str) -> None:
        super().__init__(name, description, {"type": "string", "format": "date-time"}, "2026-11-23T08:00:00Z")

    def read(self, given: str) -> dt.datetime:
        """The time, in UTC."""
        try:
            # A plus sign that was not escaped comes as a space.
            found = dt.datetime.fromisoformat(_text(given, 40).replace(" ", "+"))
            if found.tzinfo is None:
                message = "has no offset from UTC: write 2026-11-23T08:00:00Z"
                raise _TimeError(message)
            return found.astimezone(dt.UTC)
        except _TimeError:
            raise
        except (ValueError, OverflowError):
            message = f"{given[:40]!r} is not a time such as 2026-11-23T08:00:00Z"
            raise ValueError(message) from None


class _TimeError(ValueError):
    """A time that is understood and not taken."""


def in_path(name: str, description: str, pattern: str) -> dict[str, Any]:
    """How OpenAPI describes a part of the path."""
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


CURSOR: Final = Text("cursor", "Where the page begins: the `next` of the page before.", LONGEST_CURSOR)
LIMIT: Final = Number("limit", "Items of a page at most.", 1, MOST, PAGE)


class Asked:
    """The parameters of one route."""

    def __init__(self, *parameters: Parameter) -> None:
        self._parameters = parameters

    @property
    def openapi(self) -> dict[str, Any]:
        """For `openapi_extra=` of the route."""
        return {"parameters": [one.document for one in self._parameters]}

    def read(self, query: Mapping[str, str]) -> dict[str, Any]:
        """By name what was given; what was not is None. Raises Refused with every fault."""
        found: dict[str, Any] = {}
        faults: list[Fault] = []
        for one in self._parameters:
            given = query.get(one.name)
            value = None
            if given is not None:
                try:
                    value = one.read(given)
                except ValueError as error:
                    faults.append(Fault(one.name, str(error)))
            found[one.name] = value
        if faults:
            raise Refused(faults)
        return found


def _text(given: str, longest: int) -> str:
    if len(given) > longest:
        message = f"has {len(given):,} characters; {longest:,} are read"
        raise ValueError(message)
    if "\0" in given or (not given.isascii() and any("\ud800" <= char <= "\udfff" for char in given)):
        message = "has characters that no text of ours can have"
        raise ValueError(message)
    return given
