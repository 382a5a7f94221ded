"""Condition trees, compiled into functions that give the result and a trace with every leaf's values.

Every leaf is evaluated, also where the result is known before, so that the trace tells the whole story.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from engine.errors import RenderError
from engine.paths import MISSING, Scope, Segments
from engine.redaction import Redaction, hidden
from engine.templates import Template, compile_path, compile_value
from engine.values import COMPARISONS, Operand, changed, exists
from schemas.conditions import All, Any_, Leaf, Not
from schemas.errors import Fault, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

Trace = dict[str, Any]

_MOST_DEPTH: Final = 32
_MOST_NODES: Final = 500
_TRACED: Final = 50_000
"""Characters of actual values in one trace: the run log takes 2 MB a record, and the event stands in it too."""


class CompiledCondition(NamedTuple):
    """`evaluate` gives the result and the trace; `templates` are the fields and wanted values in it, by field path."""

    evaluate: Callable[[Scope], tuple[bool, Trace]]
    templates: tuple[tuple[str, Template], ...]


def compile_condition(condition: All | Any_ | Not | Leaf, field: str, entity: str | None) -> CompiledCondition:
    """The condition as a function. `entity` is the triggering entity's type, to which `previous` belongs.

    Raises Refused with every fault, each with the path of its field under `field`.
    """
    compiler = _Compiler(entity, _leaves(condition, field))
    evaluate = compiler.node(condition, field)
    if compiler.faults:
        raise Refused(compiler.faults)
    return CompiledCondition(evaluate, tuple(compiler.templates))


def count(condition: All | Any_ | Not | Leaf) -> int:
    """How many conditions there are in the tree, groups included."""
    return sum(map(len, _levels(condition)))


def _levels(condition: Any) -> list[list[Any]]:
    levels: list[list[Any]] = []
    level: list[Any] = [condition]
    while level:
        levels.append(level)
        level = [inner for node in level for inner in _inside(node)]
    return levels


def _leaves(condition: Any, field: str) -> int:
    """How many leaves there are, where the tree is within its bounds."""
    levels = _levels(condition)
    if len(levels) > _MOST_DEPTH:
        raise Refused.one(field, f"conditions nest at most {_MOST_DEPTH} deep")
    if sum(map(len, levels)) > _MOST_NODES:
        raise Refused.one(field, f"at most {_MOST_NODES} conditions are accepted in one place")
    return sum(isinstance(node, Leaf) for level in levels for node in level)


def _inside(node: Any) -> list[Any]:
    if isinstance(node, All):
        return node.all
    if isinstance(node, Any_):
        return node.any
    return [node.not_] if isinstance(node, Not) else []


class _Compiler:
    def __init__(self, entity: str | None, leaves: int) -> None:
        self._entity = entity
        self._shown = max(100, min(1000, _TRACED // max(1, leaves)))
        self.faults: list[Fault] = []
        self.templates: list[tuple[str, Template]] = []

    def node(self, node: Any, at: str) -> Callable[[Scope], tuple[bool, Trace]]:
        if isinstance(node, Leaf):
            return self._leaf(node, at)
        if isinstance(node, Not):
            return _not(self.node(node.not_, f"{at}.not"))
        word = "all" if isinstance(node, All) else "any"
        inner = [self.node(one, f"{at}.{word}[{index}]") for index, one in enumerate(_inside(node))]
        return _group(word, inner)

    def _template(self, value: Any, at: str, how: Callable[[Any, str], Template]) -> Template | None:
        try:
            template = how(value, at)
        except Refused as refused:
            self.faults += refused.faults
            return None
        self.templates.append((at, template))
        return template

    def _leaf(self, leaf: Leaf, at: str) -> Callable[[Scope], tuple[bool, Trace]]:
        field = self._template(leaf.field, f"{at}.field", compile_path)
        wanted = self._template(leaf.value, f"{at}.value", compile_value)
        if field is None or wanted is None:
            return _never
        if leaf.op == "changed":
            if field.path is None:
                self.faults.append(Fault(f"{at}.field", "'changed' needs a plain path, such as ticket.status"))
                return _never
            return _changed(leaf, field, field.path, self._entity, self._shown)
        if leaf.op == "exists":
            return _exists(leaf, field, wanted, self._shown)
        return _comparison(leaf, field, wanted, self._shown)


def _never(_scope: Scope) -> tuple[bool, Trace]:
    return False, {}


def _not(inner: Callable[[Scope], tuple[bool, Trace]]) -> Callable[[Scope], tuple[bool, Trace]]:
    def evaluate(scope: Scope) -> tuple[bool, Trace]:
        result, trace = inner(scope)
        return not result, {"not": trace, "result": not result}

    return evaluate


def _group(word: str, inner: list[Callable[[Scope], tuple[bool, Trace]]]) -> Callable[[Scope], tuple[bool, Trace]]:
    every = word == "all"

    def evaluate(scope: Scope) -> tuple[bool, Trace]:
        results, traces = zip(*[one(scope) for one in inner], strict=True)
        result = all(results) if every else any(results)
        return result, {word: list(traces), "result": result}

    return evaluate


def _comparison(leaf: Leaf, field: Template, wanted: Template, shown: int) -> Callable[[Scope], tuple[bool, Trace]]:
    compare = COMPARISONS[leaf.op]
    trace_of, sensitive = _tracer(leaf, field.reads | wanted.reads, shown), leaf.case_sensitive
    raw, render = field.raw, wanted.render
    fixed = Operand(leaf.value) if wanted.constant else None

    def evaluate(scope: Scope) -> tuple[bool, Trace]:
        try:
            actual = raw(scope)
            right = fixed or Operand(render(scope))
        except RenderError as error:
            return _unrendered(leaf, error)
        if actual is MISSING:
            return False, trace_of(scope, right.value, actual, False)
        result, note = compare(Operand(actual), right, sensitive)
        trace = trace_of(scope, right.value, actual, result)
        if note is not None:
            trace["note"] = note
        return result, trace

    return evaluate


def _exists(leaf: Leaf, field: Template, wanted: Template, shown: int) -> Callable[[Scope], tuple[bool, Trace]]:
    trace_of = _tracer(leaf, field.reads | wanted.reads, shown)

    def evaluate(scope: Scope) -> tuple[bool, Trace]:
        try:
            actual = field.raw(scope)
            value = wanted.render(scope)
        except RenderError as error:
            return _unrendered(leaf, error)
        result = exists(actual, value)
        return result, trace_of(scope, value is not False, actual, result)

    return evaluate


def _changed(
    leaf: Leaf, field: Template, path: Segments, entity: str | None, shown: int
) -> Callable[[Scope], tuple[bool, Trace]]:
    trace_of = _tracer(leaf, field.reads, shown)

    def evaluate(scope: Scope) -> tuple[bool, Trace]:
        actual = field.raw(scope)
        result, old = changed(actual, scope.data, path, entity)
        return result, trace_of(scope, None, actual, result, old)

    return evaluate


def _unrendered(leaf: Leaf, error: RenderError) -> tuple[bool, Trace]:
    return False, {
        "field": leaf.field,
        "op": leaf.op,
        "value": None,
        "actual": None,
        "result": False,
        "note": str(error),
    }


def _tracer(leaf: Leaf, reads: frozenset[str], shown: int) -> Callable[..., Trace]:
    """What makes a leaf's traces; `reads` are the names that its values come from."""
    field, op = leaf.field, leaf.op

    def trace_of(scope: Scope, wanted: Any, actual: Any, result: bool, previous: Any = MISSING) -> Trace:
        redact = scope.redact
        if not redact.harmless(reads):
            wanted, actual, previous = (one if one is MISSING else hidden(one) for one in (wanted, actual, previous))
        trace: Trace = {
            "field": field,
            "op": op,
            "value": _shown(wanted, shown, redact),
            "actual": None if actual is MISSING else _shown(actual, shown, redact),
            "result": result,
        }
        if previous is not MISSING:
            trace["previous"] = _shown(previous, shown, redact)
        if actual is MISSING:
            trace["missing"] = True
        return trace

    return trace_of


def _shown(value: Any, most: int, redact: Redaction) -> Any:
    """The value as the trace tells it: what is long is cut, a long list or object as the start of its JSON."""
    if isinstance(value, str):
        return value if len(value) <= most else value[:most] + "…"
    if isinstance(value, list | dict):
        value = redact.value(value)
        text = orjson.dumps(value)
        return value if len(text) <= most else text[:most].decode(errors="ignore") + "…"
    return value
