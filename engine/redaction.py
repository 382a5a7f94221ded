"""What must not be told: the values of sensitive fields, known by their names, before an entry is made.

A name is sensitive where it ends with one of the words below, without regard to case, `-`, `_` and a plural's s, or
where it is one of the names that the installation adds, or ends with one as a word of its own (`customer_iban`). What
is true, false, null or empty stays, and so does `secret:NAME`, which names a secret and holds none.

Nearly all that passes here has nothing to hide. So each name is looked at once, and what is known to be harmless costs
one comparison of key sets for each object; a value that is not changed is given back itself, not a copy.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

REDACTED: Final = "[redacted]"
"""What stands in the place of a sensitive value."""
_MOST_NAMES: Final = 20_000
"""Names that are remembered as harmless; producers may make up any number of them."""
_ENDINGS = re.compile(
    r"(?:password|passwd|pwd|passphrase|passcode|secret|token|apikey|accesskey|secretkey|signingkey|encryptionkey"
    r"|sshkey|privatekey|authorization|cookie|credential|connectionstring)s?$"
)
_BETWEEN = re.compile(r"[-_. ]+|(?<=[a-z0-9])(?=[A-Z])")
_REFERENCE = re.compile(r"secret:[A-Za-z0-9_.-]{1,200}")
_KEY = re.compile(r"""(?P<quote>["'])(?P<name>[^"'\\\n]{1,80})(?P=quote)\s{0,20}[:=]\s{0,20}""")
_VALUE = re.compile(r""""(?:[^"\\]|\\.)*(?:"|\\?$)|'(?:[^'\\]|\\.)*(?:'|\\?$)|[^\s,;&}\]"']+""", re.DOTALL)
_NOTHING: Final = frozenset({"true", "false", "null", "True", "False", "None", '""', "''"})
_ASSIGNED = re.compile(r"(?P<name>[A-Za-z][\w.-]{0,79})=(?P<value>[^\s&;,\"'<>]+)")
_HEADER = re.compile(
    r"(?im)^((?:[\w-]{1,60}-)?(?:authorization|cookie|api-?key)|[\w-]{1,60}-token)[ \t]*:[ \t]*[^\r\n]+"
)
_BEARER = re.compile(r"(?i)\bbearer[ \t]+(?=[^\s\"']*\d)[\w.~+/=-]{12,}")


class Redaction:
    """The rules by which values are redacted; `extra` are further names that are sensitive."""

    __slots__ = ("_extra", "_harmless")

    def __init__(self, extra: Iterable[str] = ()) -> None:
        self._extra = frozenset(plain for name in extra if (plain := _plain(name)))
        self._harmless: set[str] = set()

    def sensitive(self, name: str) -> bool:
        """Whether the values of fields of this name are not told."""
        if _ENDINGS.search(_plain(name)) is not None:
            return True
        if not self._extra:
            return False
        words = [word.lower() for word in _BETWEEN.split(name) if word]
        return any("".join(words[start:]) in self._extra for start in range(len(words)))

    def harmless(self, names: AbstractSet[str]) -> bool:
        """Whether none of these names is sensitive."""
        return names <= self._harmless or self._learn(names)

    def _learn(self, names: AbstractSet[str]) -> bool:
        if len(self._harmless) > _MOST_NAMES:
            self._harmless.clear()
        for name in names:
            if name not in self._harmless:
                if self.sensitive(name):
                    return False
                self._harmless.add(name)
        return True

    def value(self, value: Any) -> Any:
        """The JSON value with its sensitive fields redacted; the very same object where it has none."""
        return value if self.clean(value) else self._told(value)

    def clean(self, value: Any, raw: bytes = b"") -> bool:
        """Whether nothing needs a closer look: no name is sensitive, and in its JSON `raw` no text has JSON in it."""
        kind = type(value)
        if b'\\":' in raw:
            return False
        if kind is not dict and kind is not list:
            return True
        harmless, inside = self._harmless, [value]
        for one in inside:
            if type(one) is dict:
                if not harmless.issuperset(one) and not self._learn(one.keys()):
                    return False
                one = one.values()  # noqa: PLW2901 - the hot path: what is looked at now are the values
            for inner in one:
                kind = type(inner)
                if kind is dict or kind is list:
                    inside.append(inner)
        return True

    def _told(self, value: Any) -> Any:
        if isinstance(value, dict):
            told = {key: hidden(one) if self.sensitive(key) else self._told(one) for key, one in value.items()}
            return value if all(one is value[key] for key, one in told.items()) else told
        if isinstance(value, list):
            inner = [self._told(one) for one in value]
            return value if all(map(operator.is_, inner, value)) else inner
        return value

    def written(self, value: Any, raw: bytes) -> Any:
        """As `value`, where its JSON is at hand: then also in texts that are JSON themselves, or have some in them."""
        told = self.value(value)
        return self._texts(told) if b'\\":' in raw else told

    def _texts(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value) if '":' in value else value
        if isinstance(value, dict):
            told = {key: self._texts(one) for key, one in value.items()}
            return value if all(one is value[key] for key, one in told.items()) else told
        if isinstance(value, list):
            inside = [self._texts(one) for one in value]
            return value if all(map(operator.is_, inside, value)) else inside
        return value

    def redact_event(self, envelope: dict[str, Any]) -> dict[str, Any]:
        """The CloudEvent as the run log may keep it; the very same object where it has nothing to hide."""
        told: dict[str, Any] = self.value(envelope)
        return told

    def text(self, text: str) -> str:
        """A text, such as the start of an answer, with what looks like a sensitive field in it redacted.

        Read as JSON where it is, else by the looks of it: `"name": value`, `name=value`, `Name: value` in a line.
        """
        if text[:1] in {"{", "["}:
            try:
                read = orjson.loads(text)
            except orjson.JSONDecodeError:
                pass
            else:
                told = self.value(read)
                return text if told is read else orjson.dumps(told).decode()
        text = self._pairs(text)
        text = _ASSIGNED.sub(self._assigned, text)
        text = _HEADER.sub(rf"\1: {REDACTED}", text)
        return _BEARER.sub(f"Bearer {REDACTED}", text)

    def _pairs(self, text: str) -> str:
        """The text without the values of its quoted sensitive names."""
        parts: list[str] = []
        done = at = 0
        while found := _KEY.search(text, at):
            at = found.end()
            if not self.sensitive(found["name"]):
                continue
            told = f"{text[done:at]}{found['quote']}{REDACTED}{found['quote']}"
            if text[at : at + 1] in {"{", "["}:
                # An object that may be cut: what is inside can't be told from what follows it.
                return "".join([*parts, told])
            value = _VALUE.match(text, at)
            if value is not None and value[0] not in _NOTHING and not _REFERENCE.fullmatch(value[0].strip("\"'")):
                parts.append(told)
                done = at = value.end()
        return "".join([*parts, text[done:]])

    def _assigned(self, found: re.Match[str]) -> str:
        if not self.sensitive(found["name"]) or _REFERENCE.fullmatch(found["value"]):
            return found[0]
        return f"{found['name']}={REDACTED}"


def hidden(value: Any) -> Any:
    """What is told of a sensitive value."""
    if value is None or isinstance(value, bool) or value in ("", [], {}):
        return value
    return value if isinstance(value, str) and _REFERENCE.fullmatch(value) else REDACTED


def _plain(name: str) -> str:
    return "".join(_BETWEEN.split(name)).lower()


DEFAULT_REDACTION: Final = Redaction()
"""The names above and no others."""


def redact_event(envelope: dict[str, Any], redaction: Redaction = DEFAULT_REDACTION) -> dict[str, Any]:
    """The CloudEvent as the run log may keep it; the very same object where it has nothing to hide."""
    return redaction.redact_event(envelope)
