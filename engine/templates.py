"""Templates: `{{path | filter: argument}}` in any string, compiled once, rendered many times.

python-liquid reads the expressions (strictly, and only expressions: a `{%` tag is refused, so there are no loops and
no assignments); `engine.paths` and `engine.filters` evaluate them, so that a value keeps its type, a plain path costs
no more than its lookups, and nothing but JSON values can ever be reached.

Bounds: a string has at most 50 expressions of at most 8 filters, a rendered value at most 256 kB, and all filters of
one step (one `Scope`) handle at most 4 million characters and elements, a fraction of a second's work.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from liquid import Environment, Mode
from liquid.builtin.expressions import FilteredExpression, Path, tokenize
from liquid.builtin.expressions.primitive import FalseLiteral, Literal, Nil, TrueLiteral
from liquid.exceptions import LiquidError
from liquid.stream import TokenStream
from liquid.token import TOKEN_EXPRESSION, Token

from engine.errors import RenderError
from engine.filters import FILTERS, LARGEST, as_text
from engine.paths import MISSING, Scope, Segments, accessor, checked, text_of
from schemas.errors import Fault, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_EXPRESSIONS: Final = 50
_MOST_FILTERS: Final = 8
_LONGEST_EXPRESSION: Final = 2000
_MOST_WORK: Final = 4_000_000
_MOST_DEPTH: Final = 32
_MOST_REMEMBERED: Final = 4096
"""Expressions: while somebody writes a definition it is compiled again and again, and others are much alike."""


class _Liquid(Environment):
    """Liquid's expression syntax and nothing else: no tags, no filters of its own."""

    shorthand_indexes = True

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Register nothing."""


_LIQUID: Final = _Liquid(tolerance=Mode.STRICT)


class Template:
    """A value of a definition that is rendered with a scope.

    `render` gives the value, with missing paths as empty text; `raw` gives MISSING where the whole of it is one path
    that leads nowhere. `constant` says that it is the same with every scope; `paths` are the paths that it reads,
    `reads` the names in them that fields have.
    """

    __slots__ = ("constant", "lone", "paths", "raw", "reads", "render")

    def __init__(
        self,
        raw: Callable[[Scope], Any],
        paths: tuple[Segments, ...],
        *,
        constant: bool = False,
        lone: bool = False,
    ) -> None:
        self.raw = raw
        self.paths = paths
        self.reads = frozenset(name for path in paths for name in _fields(path))
        self.constant = constant
        self.lone = lone
        self.render = _without_missing(raw) if lone else raw

    def missing(self, scope: Scope) -> list[str]:
        """The paths that lead nowhere in this scope, as a person would write them."""
        return [text_of(path) for path in self.paths if accessor(path)(scope) is MISSING]

    @property
    def path(self) -> Segments | None:
        """The path, where the template is nothing but one."""
        return self.paths[0] if self.lone else None


def _without_missing(raw: Callable[[Scope], Any]) -> Callable[[Scope], Any]:
    def render(scope: Scope) -> Any:
        value = raw(scope)
        return "" if value is MISSING else value

    return render


def _fields(path: Segments) -> list[str]:
    """The names in a path; what a step is called is its author's business."""
    return [name for name in (path[2:] if path[0] == "steps" else path) if isinstance(name, str)]


def constant(value: Any) -> Template:
    """A template that always renders to this value."""
    return Template(lambda _scope: value, (), constant=True)


def compile_value(value: Any, field: str, depth: int = 0) -> Template:
    """The template of any JSON value: the strings inside lists and objects are templates too.

    Raises Refused with a fault for each string that can't be compiled, `field` being the dotted path of the value.
    """
    if isinstance(value, str):
        return compile_text(value, field)
    if isinstance(value, list | dict):
        if depth >= _MOST_DEPTH:
            raise Refused.one(field, f"is nested deeper than {_MOST_DEPTH} levels")
        return _compile_inside(value, field, depth)
    return constant(value)


def _compile_inside(value: list[Any] | dict[str, Any], field: str, depth: int) -> Template:
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    parts: list[Template] = []
    faults: list[Fault] = []
    for key in keys:
        at = f"{field}[{key}]" if isinstance(key, int) else f"{field}.{key}" if field else key
        try:
            parts.append(compile_value(value[key], at, depth + 1))  # type: ignore[index]  # the keys are its own
        except Refused as refused:
            faults += refused.faults
    if faults:
        raise Refused(faults)
    if all(part.constant for part in parts):
        return constant(value)
    paths = tuple(path for part in parts for path in part.paths)
    renders = [part.render for part in parts]
    if isinstance(value, list):
        return Template(lambda scope: [render(scope) for render in renders], paths)
    items = list(zip(keys, renders, strict=True))
    return Template(lambda scope: {key: render(scope) for key, render in items}, paths)


def compile_text(text: str, field: str) -> Template:
    """The template of one string; a string that is one expression keeps the expression's type. Raises Refused."""
    if "{%" in text:
        raise Refused.one(field, "has '{%': templates have expressions ({{path | filter}}) and no tags")
    if "{{" not in text:
        return constant(text)
    literals, sources = _pieces(text, field)
    if len(sources) > _MOST_EXPRESSIONS:
        raise Refused.one(field, f"has {len(sources)} expressions; at most {_MOST_EXPRESSIONS} are accepted")
    expressions = [_compile_expression(source, field) for source in sources]
    if len(expressions) == 1 and not any(literals):
        return expressions[0]
    return _mixed(literals, expressions)


def _pieces(text: str, field: str) -> tuple[list[str], list[str]]:
    """The literal texts, and the expressions between them: one fewer. Raises Refused."""
    literals, sources = [], []
    at = 0
    while (opened := text.find("{{", at)) >= 0:
        closed = text.find("}}", opened + 2)
        if closed < 0:
            raise Refused.one(field, "has '{{' without '}}' after it")
        literals.append(text[at:opened])
        sources.append(text[opened + 2 : closed])
        at = closed + 2
    return [*literals, text[at:]], sources


def compile_path(text: str, field: str) -> Template:
    """The template of a field that is named without braces, such as `alert.severity`. Raises Refused."""
    return compile_text(text, field) if "{{" in text or "{%" in text else _compile_expression(text, field, plain=True)


def _mixed(literals: list[str], expressions: list[Template]) -> Template:
    parts: list[str | Callable[[Scope], Any]] = []
    for literal, expression in zip(literals, [*expressions, None], strict=True):
        if literal:
            parts.append(literal)
        if expression is not None:
            parts.append(expression.raw)

    def render(scope: Scope) -> str:
        texts = []
        length = 0
        for part in parts:
            value = part if type(part) is str else part(scope)  # type: ignore[operator]  # what is no text is a function
            if type(value) is not str:
                value = as_text(value)
            length += len(value)
            if length > LARGEST:
                raise RenderError(f"renders to more than {LARGEST // 1024} kB")
            texts.append(value)
        rendered = "".join(texts)
        if length * 4 > LARGEST and len(rendered.encode("utf-8", "surrogatepass")) > LARGEST:
            raise RenderError(f"renders to more than {LARGEST // 1024} kB")
        return rendered

    return Template(render, tuple(path for expression in expressions for path in expression.paths))


def _compile_expression(source: str, field: str, *, plain: bool = False) -> Template:
    try:
        return _expression(source.strip(), plain)
    except Refused as refused:
        raise Refused(Fault(field, fault.reason) for fault in refused.faults) from None


@lru_cache(maxsize=_MOST_REMEMBERED)
def _expression(text: str, plain: bool) -> Template:
    """The same text is the same expression wherever it stands; its faults are of the field that is asked about."""
    field = ""
    parsed = _parse(text, field)
    if isinstance(parsed.left, Path) and text.endswith("."):
        raise Refused.one(field, f"{text[:80]!r} ends with a dot")
    filters = parsed.filters or []
    if plain and (filters or not isinstance(parsed.left, Path)):
        raise Refused.one(
            field, f"{text[:80]!r} is not a path such as alert.severity; write other expressions in {{{{…}}}}"
        )
    paths: list[Segments] = []
    left = _operand(parsed.left, field, paths)
    if not filters:
        lone = bool(paths)
        return Template(left, tuple(paths), constant=not lone, lone=lone)
    if len(filters) > _MOST_FILTERS:
        raise Refused.one(field, f"an expression has at most {_MOST_FILTERS} filters, not {len(filters)}")
    steps = [_compile_filter(one, field, paths) for one in filters]
    return Template(_chain(left, steps), tuple(paths))


def _parse(text: str, field: str) -> FilteredExpression:
    if len(text) > _LONGEST_EXPRESSION:
        raise Refused.one(field, f"an expression has at most {_LONGEST_EXPRESSION:,} characters")
    if text.count("[") > 50 or text.count("(") > 50:
        raise Refused.one(field, "an expression is nested too deep")
    try:
        stream = TokenStream(tokenize(text, Token(TOKEN_EXPRESSION, text, 0, text)))
        parsed = FilteredExpression.parse(_LIQUID, stream)
    except LiquidError as error:
        raise Refused.one(field, f"{text[:80]!r} is not a template expression: {error.message}") from None
    except (RecursionError, ValueError):
        raise Refused.one(field, f"{text[:80]!r} is not a template expression") from None
    if not isinstance(parsed, FilteredExpression):
        raise Refused.one(field, f"{text[:80]!r}: 'if' and 'else' are not supported in an expression")
    return parsed


def _operand(expression: Any, field: str, paths: list[Segments]) -> Callable[[Scope], Any]:
    if isinstance(expression, Path):
        segments = checked(expression.path, field)
        paths.append(segments)
        return accessor(segments)
    value: Any
    if isinstance(expression, TrueLiteral | FalseLiteral):
        value = isinstance(expression, TrueLiteral)
    elif isinstance(expression, Nil):
        value = None
    elif isinstance(expression, Literal):
        value = expression.value
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
            raise Refused.one(field, "has a number beyond 64 bits")
    else:
        kind = type(expression).__name__.lower().removesuffix("literal")
        raise Refused.one(field, f"a {kind} ({str(expression)[:60]!r}) is not supported in an expression")
    return lambda _scope: value


def _compile_filter(one: Any, field: str, paths: list[Segments]) -> tuple[Callable[..., Any], list[Any], str]:
    known = FILTERS.get(one.name)
    if known is None:
        raise Refused.one(field, f"{one.name[:60]!r} is not a filter; the filters are {', '.join(sorted(FILTERS))}")
    if any(getattr(argument, "name", None) for argument in one.args):
        raise Refused.one(field, f"the filter {one.name!r} takes no named arguments")
    if not known.fewest <= len(one.args) <= known.most:
        wanted = str(known.most) if known.fewest == known.most else f"{known.fewest} to {known.most}"
        raise Refused.one(field, f"the filter {one.name!r} takes {wanted} arguments, not {len(one.args)}")
    return known.apply, [_operand(argument.value, field, paths) for argument in one.args], one.name


def _chain(
    left: Callable[[Scope], Any], steps: list[tuple[Callable[..., Any], list[Any], str]]
) -> Callable[[Scope], Any]:
    def evaluate(scope: Scope) -> Any:
        value = left(scope)
        for apply, arguments, _ in steps:
            given = [argument(scope) for argument in arguments]
            _count(scope, value, *given)
            value = apply(value, *given)
            if isinstance(value, str) and len(value) > LARGEST:
                raise RenderError(f"renders to more than {LARGEST // 1024} kB")
        _count(scope, value)
        return None if value is MISSING else value

    return evaluate


def _count(scope: Scope, *values: Any) -> None:
    for value in values:
        if isinstance(value, str | list | dict):
            scope.work += len(value)
        scope.work += 1
    if scope.work > _MOST_WORK:
        raise RenderError("the templates' filters have too much to do with this event")
