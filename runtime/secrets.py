"""Secrets by name: definitions say `secret:NAME`, and only the call that needs the value gets it."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

PREFIX = "secret:"
MARK = "[secret]"
_ENV_PREFIX = "ONESTACK_SECRET_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_LARGEST_FILE = 64 * 1024
_SHORTEST_HIDDEN = 4
"""Hiding values shorter than this would blank out ordinary text, and they keep nothing secret anyway."""
_SHORTEST_URL_PATH = 16
"""A shorter path, such as /v1/tickets, is no secret and may stand in many answers."""


class UnknownSecretError(Exception):
    """A secret that is not defined, or a name that can't be one. `str()` is for the user."""


def is_reference(value: object) -> bool:
    """Whether `value` is text of the form `secret:NAME`."""
    return isinstance(value, str) and value.startswith(PREFIX)


class Secrets:
    """The secrets that a process can see, and the means to keep them out of texts.

    `environ` is looked in first (`ONESTACK_SECRET_<NAME>`, exact, then upper-cased), then `folder` for a file NAME.
    `others` are values that must be hidden too, such as the module token.
    """

    def __init__(
        self,
        folder: Path | None = None,
        environ: Mapping[str, str] | None = None,
        others: Iterable[str] = (),
    ) -> None:
        self._folder = folder
        self._environ = os.environ if environ is None else environ
        self._known: set[str] = set()
        self._hidden: tuple[tuple[str, bytes], ...] = ()
        self._learn(*others, *self._all_values())

    def resolve(self, reference: str) -> str:
        """The value behind `secret:NAME`, read now, so that a rotated file is in force at once.

        Raises UnknownSecretError.
        """
        name = reference.removeprefix(PREFIX)
        if not _NAME.fullmatch(name):
            raise UnknownSecretError("secret: is followed by something that can't be a secret's name")
        variables = (_ENV_PREFIX + name, _ENV_PREFIX + name.upper())
        set_here = next(filter(None, map(self._environ.get, variables)), None)
        value = set_here or self._from_file(name)
        if not value:
            raise UnknownSecretError(f"secret {name} is not defined")
        self._learn(value)
        return value

    def redact(self, text: str) -> str:
        """`text` with every known secret replaced by `[secret]`."""
        for value, _ in self._hidden:
            if value in text:
                text = text.replace(value, MARK)
        return text

    def may_be_in(self, raw: bytes) -> bool:
        """False if no text of the JSON document `raw` can contain a secret: then it need not be walked."""
        # A backslash may spell any character, so only documents without one can be judged as they stand.
        return b"\\" in raw or any(value in raw for _, value in self._hidden)

    def redact_json(self, value: Any) -> Any:
        """`value` with the secrets replaced in each of its texts, keys included."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, list):
            return [self.redact_json(item) for item in value]
        if isinstance(value, dict):
            return {self.redact(key): self.redact_json(item) for key, item in value.items()}
        return value

    def _learn(self, *values: str) -> None:
        new = [value for value in values if value not in self._known]
        if not new:
            return
        self._known.update(new)
        forms = {form for value in self._known for form in _forms(value)}
        # Longest first: a secret that contains another is replaced as a whole.
        self._hidden = tuple((form, form.encode()) for form in sorted(forms, key=lambda form: (-len(form), form)))

    def _all_values(self) -> Iterable[str]:
        for key, value in self._environ.items():
            if key.startswith(_ENV_PREFIX) and value:
                yield value
        if self._folder is not None and self._folder.is_dir():
            for path in self._folder.iterdir():
                if _NAME.fullmatch(path.name) and (value := self._from_file(path.name)):
                    yield value

    def _from_file(self, name: str) -> str | None:
        if self._folder is None:
            return None
        path = self._folder / name
        try:
            if not path.is_file() or path.stat().st_size > _LARGEST_FILE:
                return None
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError):
            return None


def _forms(value: str) -> Iterable[str]:
    """The ways in which a value may come back in somebody's answer."""
    found = {value, quote(value, safe=""), quote(value)}
    found.update(line for line in value.splitlines() if len(line) >= _SHORTEST_URL_PATH)
    if value.startswith("whsec_"):
        found.add(value.removeprefix("whsec_"))
    if "://" in value:
        found.update(url_forms(value))
    try:
        found.add(base64.b64encode(value.encode()).decode())
    except (UnicodeEncodeError, binascii.Error):
        found.discard("")
    return [form for form in found if len(form) >= _SHORTEST_HIDDEN and _encodable(form)]


def url_forms(url: str) -> Iterable[str]:
    """The parts of a secret URL that servers like to quote in their errors: its path, with the query and without."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return []
    whole = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return [form for form in (whole, parts.path, parts.query) if len(form) >= _SHORTEST_URL_PATH]


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
