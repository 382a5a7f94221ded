"""Times as the API takes them: RFC 3339 text with its offset, and nothing that only looks like a time."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AwareDatetime, BeforeValidator

_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _text(given: object) -> object:
    if isinstance(given, str) and _RFC3339.fullmatch(given):
        return given
    message = "should be a time such as 2026-11-27T08:00:00Z"
    raise ValueError(message)


Moment = Annotated[AwareDatetime, BeforeValidator(_text)]
"""A moment. pydantic alone would take a number for seconds since 1970."""
