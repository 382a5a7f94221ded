"""What conditions compare, and which comparison keeps events out. Pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from schemas.names import PRIORITIES, SEVERITIES

_PATH: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)+")
_NOT_DATA: Final = frozenset({"event", "workflow", "org", "run", "steps"})
_MISSING: Final = object()
MOST_DISTINCT: Final = 20
"""A field with more values than this is no choice of words, but a name or a number: any value may come one day."""
_TYPED: Final[Mapping[str, frozenset[str]]] = {
    "severity": frozenset(SEVERITIES),
    "priority": frozenset(one.casefold() for one in PRIORITIES),
}
"""What may come in fields of these names, whether or not it has."""


class Comparison(NamedTuple):
    """A comparison of an event's field with fixed values; `path` is where it stands in the definition."""

    path: str
    field: str
    op: str
    values: Sequence[Any]
    case_sensitive: bool

    @property
    def text(self) -> str:
        """As people write it."""
        return f"{self.field} {self.op} {told(self.values if self.op == 'in' else self.values[0])}"


def told(value: Any, most: int = 60) -> str:
    """A value as it stands in a sentence."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else text[:most] + "…"


def comparisons(definition: Mapping[str, Any]) -> Iterator[Comparison]:
    """Every comparison of a field of the event's data with values that are written down.

    Those under a `not` are left out: that a value never comes is what they may be there for.
    """
    yield from _in_condition(definition.get("conditions"), "conditions")
    yield from _in_steps(definition.get("steps"), "steps")


def _in_steps(steps: Any, path: str) -> Iterator[Comparison]:
    for number, step in enumerate(steps if isinstance(steps, list) else ()):
        if isinstance(step, dict):
            at = f"{path}.{step.get('id') or number}"
            for word in ("condition", "if"):
                yield from _in_condition(step.get(word), f"{at}.{word}")
            for word in ("then", "else"):
                yield from _in_steps(step.get(word), f"{at}.{word}")


def _in_condition(node: Any, path: str) -> Iterator[Comparison]:
    if not isinstance(node, dict):
        return
    for word in ("all", "any"):
        for number, inner in enumerate(node.get(word) or ()):
            yield from _in_condition(inner, f"{path}.{word}[{number}]")
    if node.get("op") in {"equals", "in"} and (name := field_of(node.get("field"))) is not None:
        wanted = node.get("value")
        values = wanted if node["op"] == "in" else [wanted]
        if isinstance(values, list) and values and all(_fixed(one) for one in values):
            yield Comparison(path, name, node["op"], tuple(values), node.get("case_sensitive") is True)


def field_of(given: Any) -> str | None:
    """The path in the event's data that a condition's `field` names, or None where it is anything more than that."""
    text = given.strip() if isinstance(given, str) else ""
    if text.startswith("{{") and text.endswith("}}"):
        text = text[2:-2].strip()
    if _PATH.fullmatch(text) is None or text.partition(".")[0] in _NOT_DATA:
        return None
    return text


def _fixed(value: Any) -> bool:
    return isinstance(value, str | int | float | bool) and not (isinstance(value, str) and "{{" in value)


def values_of(events: Sequence[Mapping[str, Any]], name: str) -> Counter[str] | None:
    """How often each value of the field came, as text; None where it came as a list or an object."""
    found: Counter[str] = Counter()
    for event in events:
        value: Any = event.get("data")
        for part in name.split("."):
            value = value.get(part, _MISSING) if isinstance(value, dict) else _MISSING
        if isinstance(value, dict | list):
            return None
        if value is not _MISSING and value is not None:
            found[told(value, 200)] += 1
    return found


def never_came(one: Comparison, came: Counter[str]) -> bool:
    """Whether no value that the comparison would take is among those that came."""
    alike = {_alike(value, one.case_sensitive) for value in came}
    return not any(_alike(told(value, 200), one.case_sensitive) in alike for value in one.values)


def may_come(one: Comparison) -> bool:
    """Whether one of its values is known to be possible in a field of that name, such as a severity."""
    known = _TYPED.get(one.field.rpartition(".")[2])
    return known is not None and any(str(value).casefold() in known for value in one.values)


def _alike(text: str, case_sensitive: bool) -> str:
    try:
        return repr(float(text))
    except ValueError:
        return text if case_sensitive else text.casefold()


def keeps_out(trace: Any, *, wanted: bool = True, path: str = "conditions") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The comparisons that kept a condition from being `wanted`, each with where it stands.

    Of `any` all, of `all` those that were not; the order of a trace is the definition's.
    """
    if not isinstance(trace, dict) or trace.get("result", not wanted) is wanted:
        return
    if "not" in trace:
        yield from keeps_out(trace["not"], wanted=not wanted, path=f"{path}.not")
        return
    for word in ("all", "any"):
        if word in trace:
            for number, inner in enumerate(trace[word]):
                yield from keeps_out(inner, wanted=wanted, path=f"{path}.{word}[{number}]")
            return
    if "field" in trace:
        yield path, trace


def leaf_text(leaf: Mapping[str, Any]) -> str:
    """A traced comparison as people write it, with `not` before one that held and should not have."""
    name = field_of(leaf.get("field")) or str(leaf.get("field"))
    wanted = "" if leaf.get("op") in {"exists", "changed"} else f" {told(leaf.get('value'))}"
    return f"{'not ' if leaf.get('result') else ''}{name} {leaf.get('op')}{wanted}"
