"""What a designer offers: triggers with their fields, actions with their forms, operators and filters. Never changes.

Made of the contracts in `schemas` and of the engine's own tables; what those can't say, titles and hints for people,
stands here beside each other, and tests hold the two together.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from hub.services.catalogue.actions import all_actions
from hub.services.catalogue.fields import fields_of, sample_of
from hub.services.catalogue.language import FILTERS_TOLD, all_operators
from schemas.events import EVENT_TYPES, SOURCES, entity_of
from schemas.export.documents import json_schemas

_MODULES: Final = {
    "psa": "PSA", "rmm": "RMM", "security": "Security", "backups": "Backups", "books": "Books", "crm": "CRM",
    "hub": "Hub",
}  # fmt: skip
_TITLES: Final = {"ticket.sla_breach": "Ticket SLA breach", "entity.sync_conflict": "Entity sync conflict"}


@cache
def catalogue() -> dict[str, Any]:
    """The whole catalogue as JSON has it."""
    return {
        "triggers": [_trigger(one) for one in EVENT_TYPES],
        "actions": [
            {**one._asdict(), "output": [field._asdict() for field in one.output]} for one in all_actions()
        ],
        "operators": [{**one._asdict(), "types": list(one.types)} for one in all_operators()],
        "filters": [one._asdict() for one in FILTERS_TOLD],
        "definition_schema": json_schemas()["definition.schema.json"],
    }  # fmt: skip


def trigger_title(event_type: str) -> str:
    """What an event type is called: Alert triggered."""
    return _TITLES.get(event_type) or event_type.replace(".", " ").replace("_", " ").capitalize()


def _trigger(event_type: str) -> dict[str, Any]:
    told = (EVENT_TYPES[event_type].__doc__ or "").partition(";")[0].strip().rstrip(".")
    modules = sorted(SOURCES[event_type], key=lambda name: name != "security")
    return {
        "type": event_type,
        "title": trigger_title(event_type),
        "description": told,
        "source": " / ".join(_MODULES[name] for name in modules),
        "entity": entity_of(event_type),
        "fields": [field._asdict() for field in fields_of(event_type)],
        "sample": sample_of(event_type),
    }
