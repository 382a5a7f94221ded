"""How a refusal is told: which field, and why, in the user's terms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schemas.names import ID_PATTERN

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
        return cls(faults_of(found, prefix)[:_MOST_FAULTS])

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


def faults_of(errors: Iterable[Any], prefix: str = "") -> list[Fault]:
    """Pydantic's errors as faults, one a field: what each branch of a union says of it is told in one sentence."""
    told: dict[str, Fault] = {}
    for error in errors:
        fault = fault_of(dict(error), prefix)
        before = told.get(fault.field)
        told[fault.field] = fault if before is None else _either(before, fault)
    # A branch that fits the value's type tells more than one that does not.
    return [
        fault
        for path, fault in told.items()
        if _TYPE.fullmatch(fault.reason) is None
        or not any(other.startswith((f"{path}.", f"{path}[")) for other in told)
    ]


def _either(first: Fault, second: Fault) -> Fault:
    one, other = _TYPE.fullmatch(first.reason), _TYPE.fullmatch(second.reason)
    if one is None or other is None or one["wanted"] == other["wanted"]:
        return second if one is not None and other is None else first
    return Fault(first.field, f"should be {one['wanted']} or {other['wanted']}{one['given'] or ''}")


def fault_of(error: dict[str, object], prefix: str = "") -> Fault:
    """One pydantic error as a fault."""
    location = error["loc"]
    parts = location if isinstance(location, tuple) else ()
    path = dotted(tuple(part for part in parts if not _is_branch(part)), prefix)
    kind, message = str(error["type"]), str(error["msg"])
    if kind == "missing":
        reason = "is required"
    elif kind == "extra_forbidden":
        reason = "is not known here"
    elif kind in _WANTED:
        reason = f"should be {_WANTED[kind]}{_not(error.get('input'))}"
    elif kind == "string_pattern_mismatch" and ID_PATTERN in message:
        reason = "should begin with a letter or digit and have only letters, digits, _ . - (100 at most)"
    elif kind == "value_error":
        reason = message.removeprefix("Value error, ")
    else:
        reason = _SUBJECT.sub("", message).replace(" after validation", "")
        if "valid" in reason or "should" in reason:
            reason += _not(error.get("input"))
    return Fault(path, reason if reason[:2].isupper() else reason[:1].lower() + reason[1:])


def _not(given: object) -> str:
    return f", not {str(given)[:60]!r}" if isinstance(given, str | int | float | bool) else ""


def _is_branch(part: object) -> bool:
    """Whether this part of pydantic's location names a branch of a union, which is no field of the document."""
    return isinstance(part, str) and (part in _BRANCHES or part.startswith(("function-", "list[", "constrained-", "<")))


_WANTED: Final = {
    **dict.fromkeys(("string_type",), "text"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("list_type",), "a list"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "an object"),
}
_BRANCHES: Final = {"int", "float", "str", "bool", "Person", "Sla"}
_TYPE = re.compile(
    r"should be (?P<wanted>(?:text|a whole number|a number|true or false|a list|an object)(?: or .+?)?)"
    r"(?P<given>, not .*)?"
)
_SUBJECT = re.compile(r"^(?:Input|String|List|Dictionary) (?=should)")


def dotted(location: tuple[object, ...], prefix: str = "") -> str:
    """`("steps", 1, "with", "title")` as `steps[1].with.title`."""
    path = prefix
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else str(part)
    return path
