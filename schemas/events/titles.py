"""What people call the entity that an event is about."""

from __future__ import annotations

from typing import Any, Final

LONGEST: Final = 200
"""Characters of a title: what one line of a list shows."""
_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "ticket": ("title", "number"),
    "alert": ("title", "message"),
    "device": ("name",),
    "backup": ("job",),
    "invoice": ("number",),
    "contact": ("name", "email"),
    "deal": ("name",),
    "company": ("name",),
    "conflict": ("kind",),
}
"""The fields of an entity that name it, the best first."""


def title_of(envelope: dict[str, Any]) -> str | None:
    """The name, title or number of the entity that a CloudEvent is about: `SRV-01`; None where it has none."""
    subject, data = envelope.get("subject"), envelope.get("data")
    if type(subject) is not str or type(data) is not dict:
        return None
    entity = subject.partition("/")[0]
    fields = data.get(entity)
    if type(fields) is dict:
        for name in _NAMES.get(entity, ("name", "title")):
            found = fields.get(name)
            if type(found) is str and found:
                return found[:LONGEST]
            if type(found) is int:
                return str(found)
    return None
