"""Whether a condition can hold for an event of which only some things are known beforehand.

Three answers: it holds, it does not, or that depends on what is not known (None). A group is decided where its known
parts decide it: `all` by one that is false, `any` by one that is true. Nothing is guessed: a leaf is decided only where
its field and its wanted value are both known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from engine.paths import MISSING, Segments
from engine.templates import compile_path, compile_value
from engine.values import COMPARISONS, Operand, exists
from schemas.conditions import All, Leaf, Not

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.conditions import Condition

Answer = bool | None
_ALWAYS_CHANGED: Final = frozenset({"updated_at"})
_ON_FACTS: Final = frozenset({"equals", "not_equals", "in", "not_in"})


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a field: that it is `value`, a list that `holds` these values, or that it `equals` it at least.

    `equals` is what a condition has found: the value in some writing, such as in capitals.
    """

    value: Any
    how: Literal["is", "holds", "equals"] = "is"


@dataclass(frozen=True, slots=True)
class Expected:
    """An event that is expected: its type and entity, values by path, and the entity's fields that it may tell of.

    `changed` are the fields that `previous` can name; None is any.
    """

    type: str
    entity: str
    values: Mapping[Segments, Known]
    changed: frozenset[str] | None


class _Leaf:
    """A leaf, its templates read once. `path` is None where it is none, `wanted` unknown where it is a template."""

    __slots__ = ("leaf", "path", "wanted")

    def __init__(self, leaf: Leaf) -> None:
        self.leaf = leaf
        path = compile_path(leaf.field, "field").path
        # `event.data.ticket` and `ticket` are the same place.
        self.path: Segments | None = path[2:] if path is not None and path[:2] == ("event", "data") else path
        self.wanted = Operand(leaf.value) if compile_value(leaf.value, "value").constant else None


class Possible:
    """A condition, read once; ask it of any expected event."""

    __slots__ = ("_inner", "_word", "condition")

    def __init__(self, condition: Condition) -> None:
        self.condition = condition
        self._inner: list[Possible] | _Leaf
        if isinstance(condition, Leaf):
            self._word, self._inner = "leaf", _Leaf(condition)
        elif isinstance(condition, Not):
            self._word, self._inner = "not", [Possible(condition.not_)]
        elif isinstance(condition, All):
            self._word, self._inner = "all", [Possible(one) for one in condition.all]
        else:
            self._word, self._inner = "any", [Possible(one) for one in condition.any]

    def answer(self, event: Expected) -> Answer:
        """True or False where the condition is decided by what is known, else None."""
        if isinstance(self._inner, _Leaf):
            return _leaf(self._inner, event)
        answers = [one.answer(event) for one in self._inner]
        if self._word == "not":
            return None if answers[0] is None else not answers[0]
        decisive = self._word == "any"
        if decisive in answers:
            return decisive
        return None if None in answers else not decisive

    def facts(self) -> dict[Segments, Known]:
        """What is known of an event for which the condition held: the fields that have to equal something fixed."""
        if isinstance(self._inner, _Leaf):
            leaf = self._inner
            if leaf.leaf.op != "equals" or leaf.path is None or leaf.wanted is None:
                return {}
            if leaf.wanted.kind in {"list", "object", "null"}:
                return {}
            return {leaf.path: Known(leaf.wanted.value, "equals")}
        if self._word != "all":
            return {}
        return {path: known for one in self._inner for path, known in one.facts().items()}


def _leaf(leaf: _Leaf, event: Expected) -> Answer:
    if leaf.path is None:
        return None
    if leaf.leaf.op == "changed":
        return _changed(leaf.path, event)
    known = _known(leaf.path, event)
    if known is None or leaf.wanted is None:
        return None
    if known.how == "holds":
        return _holding(leaf, known.value)
    if known.how == "equals" and (leaf.leaf.op not in _ON_FACTS or leaf.leaf.case_sensitive):
        return None
    if known.value is None:
        # A field that was emptied may be null in the event, or not be there.
        return answer if (answer := _compare(leaf, None)) is _compare(leaf, MISSING) else None
    return _compare(leaf, known.value)


def _compare(leaf: _Leaf, actual: Any) -> Answer:
    wanted = leaf.wanted
    if wanted is None:
        return None
    if leaf.leaf.op == "exists":
        return exists(actual, wanted.value)
    if actual is MISSING:
        return False
    return COMPARISONS[leaf.leaf.op](Operand(actual), wanted, leaf.leaf.case_sensitive)[0]


def _holding(leaf: _Leaf, some: tuple[Any, ...]) -> Answer:
    """Of a list of which nothing is known but some of what is in it."""
    if leaf.wanted is None:
        return None
    if leaf.leaf.op == "exists":
        return leaf.wanted.value is not False
    if leaf.leaf.op not in {"contains", "not_contains"}:
        return None
    found = COMPARISONS["contains"](Operand(list(some)), leaf.wanted, leaf.leaf.case_sensitive)[0]
    return (leaf.leaf.op == "contains") if found else None


def _known(path: Segments, event: Expected) -> Known | None:
    if path[0] == "event":
        of_event: dict[tuple[str, ...], str] = {("type",): event.type, ("subject_type",): event.entity}
        value = of_event.get(tuple(map(str, path[1:])))
        return None if value is None else Known(value)
    if path[0] == "previous" and len(path) > 1 and event.changed is not None:
        inside = path[2:] if path[1] == event.entity else path[1:]
        if inside and str(inside[0]) not in event.changed | _ALWAYS_CHANGED:
            return Known(None)
    return event.values.get(path)


def _changed(path: Segments, event: Expected) -> Answer:
    """False where the event can't tell that the field changed. That it did is never sure: `previous` is optional."""
    if event.changed is None:
        return None
    if not event.changed:
        return False
    names = event.changed | _ALWAYS_CHANGED
    if path[0] == event.entity and len(path) == 1:
        return None
    told = path[1] if path[0] == event.entity else path[0]
    return None if str(told) in names else False
