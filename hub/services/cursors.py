"""Where the next page of a list begins, as text that nobody has to understand."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final

import orjson

from schemas.errors import Refused

LONGEST: Final = 1000
"""Characters of a cursor at most."""


def encode(*values: Any) -> str:
    """A cursor that holds these values of the page's last item."""
    return urlsafe_b64encode(orjson.dumps(values)).rstrip(b"=").decode()


def decode(cursor: str, *types: type) -> tuple[Any, ...]:
    """The values that a cursor holds. Raises Refused where it is none of ours."""
    try:
        found = orjson.loads(urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        found = None
    fits = isinstance(found, list) and len(found) == len(types)
    if not fits or not all(type(value) is kind for value, kind in zip(found, types, strict=True)):
        raise Refused.one("cursor", "is none that a page of this list ended with")
    if any(isinstance(value, str) and "\0" in value for value in found):
        raise Refused.one("cursor", "is none that a page of this list ended with")
    return tuple(found)
