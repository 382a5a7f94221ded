"""Definitions as people write them: YAML (or JSON) text, read safely, bounded, and without YAML's surprises.

YAML as its 1.2 core schema has it, and less: `on`, `yes` and `2026-11-23` stay text, keys are text, a key stands once,
tags but `!!str` and merge keys are refused. Aliases are read, but what they expand to is counted.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final, NoReturn

import yaml

from schemas.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT: Final = 1_000_000
"""Bytes of text in one file: hundreds of definitions; a topic takes 2 MB a record."""
_MOST_NODES: Final = 100_000
"""Values in one file after the expansion of aliases: more than 1 MB of text has without them, in practice."""
_MOST_DEPTH: Final = 64

# libyaml is 20 times as fast; a build of PyYAML without it reads the same.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS: Final = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_STR = "tag:yaml.org,2002:str"


def load_yaml(text: str | bytes, limit: int = LIMIT) -> list[dict[str, Any]]:
    """The documents in a text, each a mapping of JSON values; empty ones are left out.

    Raises Refused, with the line and a reason for people, where the text is longer than `limit` bytes, is no YAML, or
    holds what a definition can't: another kind of document, a key twice, too deep nesting, aliases that expand to more
    than 100,000 values, or no document at all.
    """
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(raw) > limit:
        raise Refused.one("", f"the text has {len(raw):,} bytes; at most {limit:,} are read")
    try:
        source = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Refused.one("", f"line {line}: not UTF-8 text") from None
    documents = _as_json(source)
    if documents is None:
        documents = list(_Reader(source).documents())
    if not documents:
        raise Refused.one("", "there is no document in it")
    return documents


def _as_json(source: str) -> list[dict[str, Any]] | None:
    """JSON by its own rules (tabs, surrogate pairs); what is refused here is left to YAML, which knows the line."""
    if source.lstrip()[:1] != "{":
        return None
    try:
        body = json.loads(source, object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_int, parse_float=_float)
        source.encode()
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return [body] if _sound(body, _MOST_DEPTH) else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _int(text: str) -> int:
    """A whole number that fits JSON readers' 64 bits. Raises ValueError."""
    if len(text) > 20 or not -(2**63) <= (number := int(text)) < 2**64:
        raise ValueError(text)
    return number


def _float(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(text)
    return number


def _sound(value: object, levels: int) -> bool:
    """Whether a value is no deeper than so many levels and has no NUL, which Postgres can't keep."""
    if isinstance(value, dict):
        return levels >= 0 and all("\0" not in key and _sound(one, levels - 1) for key, one in value.items())
    if isinstance(value, list):
        return levels >= 0 and all(_sound(one, levels - 1) for one in value)
    return not (isinstance(value, str) and "\0" in value)


class _Reader:
    """Builds values from the parser's events, so that every bound is checked before the memory is taken."""

    def __init__(self, source: str) -> None:
        self._events = iter(self._parse(source))
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._nodes = 0

    def documents(self) -> Iterator[dict[str, Any]]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
                first = next(self._events)
                body = self._value(first, 0)
                if isinstance(body, dict):
                    yield body
                elif body is not None:
                    kind = "a list" if isinstance(body, list) else "a single value"
                    self._fail(first, f"a document is a mapping of fields, not {kind}")

    @staticmethod
    def _parse(source: str) -> Iterator[Any]:
        try:
            yield from yaml.parse(source, Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f"line {mark.line + 1}: " if mark else ""
            raise Refused.one("", f"{where}not YAML: {error.problem or error.context}") from None
        except yaml.YAMLError as error:
            raise Refused.one("", f"not YAML: {str(error).splitlines()[0]}") from None
        except UnicodeEncodeError:
            raise Refused.one("", "has half of a surrogate pair, which is no character") from None

    def _value(self, event: Any, depth: int) -> Any:
        before = self._nodes
        self._count(event, 1)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                self._fail(event, f"the alias *{event.anchor} names no finished value before it")
            value, size = self._anchors[event.anchor]
            self._count(event, size)
            return value
        if depth > _MOST_DEPTH:
            self._fail(event, f"nested deeper than {_MOST_DEPTH} levels")
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        elif event.tag is not None:
            self._fail(event, f"the tag {event.tag!r} is not read")
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(depth)
        else:
            value = self._mapping(depth)
        if event.anchor:
            self._anchors[event.anchor] = (value, self._nodes - before)
        return value

    def _sequence(self, depth: int) -> list[Any]:
        found = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            found.append(self._value(event, depth + 1))
        return found

    def _mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self._fail(event, "a key is a single word or text")
            key = self._text(event)
            if key == "<<" and event.implicit[0]:
                self._fail(event, "merge keys (<<) are not read: write the fields out")
            if key in found:
                self._fail(event, f"the key {key[:60]!r} stands twice in one mapping")
            if event.anchor:
                self._anchors[event.anchor] = (key, 1)
            found[key] = self._value(next(self._events), depth + 1)
        return found

    def _scalar(self, event: Any) -> Any:
        text = self._text(event)
        if event.tag is not None:
            if event.tag not in {_STR, "!"}:
                self._fail(event, f"the tag {event.tag!r} is not read")
            return text
        if not event.implicit[0]:
            return text
        if text in _WORDS:
            return _WORDS[text]
        try:
            if _INT.fullmatch(text):
                return _int(text)
            return _float(text) if _FLOAT.fullmatch(text) else text
        except ValueError:
            self._fail(event, f"the number {text[:40]} is too large")

    def _text(self, event: Any) -> str:
        try:
            text = str(event.value).encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._fail(event, "has half of a surrogate pair, which is no character")
        if "\0" in text:
            self._fail(event, "has a NUL character")
        return text

    def _count(self, event: Any, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > _MOST_NODES:
            self._fail(event, f"more than {_MOST_NODES:,} values, aliases expanded")

    @staticmethod
    def _fail(event: Any, reason: str) -> NoReturn:
        raise Refused.one("", f"line {event.start_mark.line + 1}: {reason}")


class _Writer(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # which of the two there is
    """Writes texts so that this module and every other reader of YAML takes them for the same texts."""

    def ignore_aliases(self, _data: Any) -> bool:
        """A value that stands twice is written twice: people read that more easily than anchors."""
        return True


def _write_text(writer: Any, text: str) -> Any:
    lines = text.splitlines()
    if len(lines) > 1 and _BLOCK.fullmatch(text):
        return writer.represent_scalar(_STR, text, style="|")
    safe = text not in _WORDS and not _INT.fullmatch(text) and not _FLOAT.fullmatch(text)
    return writer.represent_scalar(_STR, text, style=None if safe and _PLAIN.fullmatch(text) else '"')


_PLAIN = re.compile(r"[A-Za-z/](?:[A-Za-z0-9 _./@-]*[A-Za-z0-9_./@])?|[0-9]+(?:ms|[smhdw])", re.ASCII)
_BLOCK = re.compile(r"(?:[^\s#](?:[^\n]*\S)?\n|\n)*[^\n]*\S\n", re.ASCII)
_Writer.add_representer(str, _write_text)


def dump_yaml(document: dict[str, Any]) -> str:
    """A document as YAML for people, fields in their order; `load_yaml` reads the same from it."""
    text: str = yaml.dump(document, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=1_000_000)
    return text
