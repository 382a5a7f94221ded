"""How a refusal is told: which field, and why, in the user's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import ValidationError

_MOST_FAULTS = 20
"""More faults than this in one document help nobody; the rest are counted."""


class Fault(NamedTuple):
    """One thing that is wrong: the dotted path of the field (empty: the whole document) and the reason."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}" if self.field else self.reason


class Refused(Exception):  # noqa: N818 - a refusal is an outcome that is told to the user, not a bug of ours
    """An input that can't be accepted, with every fault that was found in it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__(self.faults)

    @classmethod
    def one(cls, field: str, reason: str) -> Refused:
        """A refusal for a single fault."""
        return cls((Fault(field, reason),))

    @classmethod
    def from_validation(cls, error: ValidationError, prefix: str = "") -> Refused:
        """A refusal with pydantic's errors in our terms: dotted paths, one sentence each."""
        found = error.errors(include_url=False, include_context=True, include_input=True)
        return cls(fault_of(dict(one), prefix) for one in found[:_MOST_FAULTS])

    @property
    def field(self) -> str:
        """The first fault's field."""
        return self.faults[0].field if self.faults else ""

    @property
    def reason(self) -> str:
        """The first fault's reason."""
        return self.faults[0].reason if self.faults else "refused"

    def __str__(self) -> str:
        return "; ".join(str(fault) for fault in self.faults)


def fault_of(error: dict[str, object], prefix: str = "") -> Fault:
    """One pydantic error as a fault."""
    location = error["loc"]
    path = dotted(location if isinstance(location, tuple) else (), prefix)
    kind, message = str(error["type"]), str(error["msg"])
    if kind == "missing":
        reason = "is required"
    elif kind == "extra_forbidden":
        reason = "is not known here"
    else:
        reason = message.removeprefix("Value error, ")
        reason = reason[:1].lower() + reason[1:] if not reason[:2].isupper() else reason
        given = error.get("input")
        if isinstance(given, str | int | float | bool) and kind != "value_error":
            reason = f"{reason}, not {str(given)[:60]!r}" if "valid" in reason or "should" in reason else reason
    return Fault(path, reason)


def dotted(location: tuple[object, ...], prefix: str = "") -> str:
    """`("steps", 1, "with", "title")` as `steps[1].with.title`."""
    path = prefix
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else str(part)
    return path
