"""Secrets by name: definitions say `secret:NAME`, and only the call that needs the value gets it."""

from __future__ import annotations

import base64
import html
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from schemas.names import is_id

PREFIX = "secret:"
MARK = "[secret]"
_ENV_PREFIX = "ONESTACK_SECRET_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_LARGEST_FILE = 64 * 1024
_SHORTEST_HIDDEN = 4
"""Hiding values shorter than this would blank out ordinary text, and they keep nothing secret anyway."""
_SHORTEST_URL_PATH = 16
"""A shorter path, such as /v1/tickets, is no secret and may stand in many answers."""

Forms = tuple[tuple[str, bytes], ...]


class UnknownSecretError(Exception):
    """A secret that is not defined, or a name that can't be one. `str()` is for the user."""


def is_reference(value: object) -> bool:
    """Whether `value` is text of the form `secret:NAME`."""
    return isinstance(value, str) and value.startswith(PREFIX)


class Secrets:
    """The secrets that a process can see, and the means to keep them out of texts.

    A secret of one organisation is the file `folder/<organisation>/NAME`, and no other finds it. Those of all are
    looked for behind it: in `environ` (`ONESTACK_SECRET_<NAME>`, exact, then upper-cased), then as `folder/NAME`.
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
        self._hidden: Forms = ()
        self._learn(*others, *self._all_values())

    def resolve(self, reference: str, org: str | None = None) -> str:
        """The value that `secret:NAME` has for an organisation, read now, so that a rotated file is in force at once.

        Raises UnknownSecretError.
        """
        name = reference.removeprefix(PREFIX)
        if not _NAME.fullmatch(name):
            raise UnknownSecretError("secret: is followed by something that can't be a secret's name")
        variables = (_ENV_PREFIX + name, _ENV_PREFIX + name.upper())
        set_here = next(filter(None, map(self._environ.get, variables)), None)
        own = self._from_file(name, org) if is_id(org) else None
        value = own or set_here or self._from_file(name)
        if not value:
            raise UnknownSecretError(f"secret {name} is not defined")
        self._learn(value)
        return value

    def redact(self, text: str, also: Sequence[str] = ()) -> str:
        """`text` with every known secret, and every text of `also`, replaced by `[secret]`."""
        return _replaced(text, self._forms(also))

    def may_be_in(self, raw: bytes, also: Sequence[str] = ()) -> bool:
        """False if no text of the JSON document `raw` can contain a secret: then it need not be walked."""
        # A backslash may spell any character, so only documents without one can be judged as they stand.
        return b"\\" in raw or any(form in raw for _, form in self._forms(also))

    def redact_json(self, value: Any, also: Sequence[str] = ()) -> Any:
        """`value` with the secrets replaced in each of its texts, keys included."""
        return _walked(value, self._forms(also))

    def _forms(self, also: Sequence[str]) -> Forms:
        if not also:
            return self._hidden
        return _sorted({form for form, _ in self._hidden} | {form for one in also for form in _forms(one)})

    def _learn(self, *values: str) -> None:
        new = [value for value in values if value not in self._known]
        if not new:
            return
        self._known.update(new)
        self._hidden = _sorted({form for value in self._known for form in _forms(value)})

    def _all_values(self) -> Iterable[str]:
        yield from (value for key, value in self._environ.items() if key.startswith(_ENV_PREFIX) and value)
        if self._folder is None:
            return
        for one in _named(self._folder):
            values = [self._from_file(one.name), *(self._from_file(file.name, one.name) for file in _named(one))]
            yield from filter(None, values)

    def _from_file(self, name: str, org: str | None = None) -> str | None:
        if self._folder is None:
            return None
        path = self._folder / (org or "") / name
        try:
            if not path.is_file() or path.stat().st_size > _LARGEST_FILE:
                return None
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError):
            return None


def _named(folder: Path) -> list[Path]:
    """What is in a folder under a secret's or an organisation's name; nothing where it is none, or can't be read."""
    try:
        return [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    except OSError:
        return []


def _replaced(text: str, forms: Forms) -> str:
    for form, _ in forms:
        if form in text:
            text = text.replace(form, MARK)
    return text


def _walked(value: Any, forms: Forms) -> Any:
    if isinstance(value, str):
        return _replaced(value, forms)
    if isinstance(value, list):
        return [_walked(item, forms) for item in value]
    if isinstance(value, dict):
        return {_replaced(key, forms): _walked(item, forms) for key, item in value.items()}
    return value


def _sorted(forms: set[str]) -> Forms:
    # Longest first: a secret that contains another is replaced as a whole.
    return tuple((form, form.encode()) for form in sorted(forms, key=lambda form: (-len(form), form)))


def _forms(value: str) -> Iterable[str]:
    """The ways in which a value may come back in somebody's answer."""
    if not _encodable(value):
        return []
    found = {value, quote(value, safe=""), quote(value), base64.b64encode(value.encode()).decode()}
    found.update(line for line in value.splitlines() if len(line) >= _SHORTEST_URL_PATH)
    if value.startswith("whsec_"):
        found.add(value.removeprefix("whsec_"))
    if "://" in value:
        found.update(url_forms(value))
    # As JSON, PHP's JSON and HTML write it.
    found |= {json.dumps(form)[1:-1] for form in found} | {json.dumps(form, ensure_ascii=False)[1:-1] for form in found}
    found |= {form.replace("/", "\\/") for form in found} | {html.escape(form) for form in found}
    return [form for form in found if len(form) >= _SHORTEST_HIDDEN]


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
