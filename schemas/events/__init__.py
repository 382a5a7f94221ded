"""Module events: CloudEvents 1.0 with one pydantic model of `data` for each type."""

from schemas.events.decode import Event, decode, from_envelope
from schemas.events.titles import title_of
from schemas.events.types import EVENT_TYPES, SOURCES, entity_of

__all__ = ["EVENT_TYPES", "SOURCES", "Event", "decode", "entity_of", "from_envelope", "title_of"]
