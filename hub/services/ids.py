"""Ids made from names: what a person calls a workflow, as an address can hold it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container

_LONGEST = 60
"""Characters of an id that is made from a name; one that is given may have 100."""
_OTHER = re.compile(r"[^a-z0-9]+")
_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "þ": "th", "ð": "d"})


def slug(name: str) -> str:
    """The name in small letters, digits and hyphens: `Alert → Ticket (München)` is `alert-ticket-munchen`."""
    spread = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    plain = "".join(one for one in spread if not unicodedata.combining(one))
    return _OTHER.sub("-", plain).strip("-")[:_LONGEST].rstrip("-") or "workflow"


def unique(wanted: str, taken: Container[str]) -> str:
    """The id, or where it is taken the first of `id-2`, `id-3` … that is not."""
    if wanted not in taken:
        return wanted
    number = 2
    while (found := f"{wanted}-{number}") in taken:
        number += 1
    return found
