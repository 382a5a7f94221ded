"""Sample events: plausible data of each type, for trying a workflow before there is a real event."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any, Final

from schemas.errors import Refused
from schemas.events import EVENT_TYPES, SOURCES, Event, entity_of, from_envelope

_TECHNICIAN: Final = {"id": "u-2", "name": "Robin Vale", "email": "robin@msp.example"}
_PERSON: Final = {"id": "p-1", "name": "Sam Reyes", "email": "sam@globex.example"}
_ENTITIES: Final[dict[str, dict[str, Any]]] = {
    "company": {
        "id": "c-1",
        "name": "Globex",
        "domain": "globex.example",
        "primary_contact": _PERSON,
        "account_manager": {"id": "u-7", "name": "Alex Moor", "email": "alex@msp.example"},
        "tags": ["managed"],
    },
    "device": {
        "id": "d-17",
        "name": "SRV-01",
        "type": "server",
        "os": "Windows Server 2022",
        "ip": "10.0.0.17",
        "site": "Head office",
        "online": True,
        "criticality": 5,
        "assigned_technician": _TECHNICIAN,
        "tags": ["server"],
    },
    "ticket": {
        "id": "T-1001",
        "number": 1001,
        "title": "Printer does not print",
        "description": "The printer on the second floor shows an error.",
        "board": "Service Desk",
        "status": "New",
        "priority": "P3",
        "type": "Incident",
        "source": "Email",
        "assignee": _TECHNICIAN,
        "requester": _PERSON,
        "sla": {"name": "Standard", "target": "response"},
        "tags": [],
    },
    "alert": {
        "id": "a-1",
        "title": "Disk full",
        "message": "C: has 1 % left.",
        "severity": "critical",
        "status": "open",
        "category": "disk",
        "source": "monitoring",
        "tags": [],
    },
    "backup": {
        "id": "b-1",
        "job": "Nightly",
        "status": "failed",
        "error": "No space left",
        "attempts": 1,
        "size_gb": 80,
    },
    "invoice": {
        "id": "i-1",
        "number": 2041,
        "status": "sent",
        "amount": 1250.0,
        "balance": 1250.0,
        "currency": "EUR",
        "days_overdue": 3,
        "contact": _PERSON,
    },
    "contact": {**_PERSON, "phone": "+31 20 555 0100", "title": "Office manager", "source": "website", "tags": []},
    "deal": {
        "id": "o-1",
        "name": "Globex, managed services",
        "stage": "Won",
        "pipeline": "New business",
        "value": 24000.0,
        "currency": "EUR",
        "owner": {"id": "u-7", "name": "Alex Moor", "email": "alex@msp.example"},
    },
    "conflict": {
        "id": "x-1",
        "kind": "duplicate",
        "entity_type": "company",
        "entity_id": "c-1",
        "field": "name",
        "values": ["Globex", "Globex B.V."],
        "systems": ["psa", "crm"],
        "score": 0.92,
    },
}
_WITH: Final = {
    "ticket": ("company", "device"),
    "alert": ("device", "company"),
    "device": ("company",),
    "backup": ("device", "company"),
    "invoice": ("company",),
    "contact": ("company",),
    "deal": ("company", "contact"),
    "company": (),
    "conflict": ("company",),
}
_CHANGES: Final[dict[str, dict[str, Any]]] = {
    "ticket.updated": {"status": "In progress"},
    "ticket.sla_breach": {"priority": "P2"},
    "alert.resolved": {"status": "resolved"},
    "device.offline": {"online": False},
    "invoice.overdue": {"status": "overdue"},
    "invoice.paid": {"status": "paid", "balance": 0.0, "days_overdue": 0},
}
_PREVIOUS: Final[dict[str, dict[str, Any]]] = {
    "ticket.updated": {"ticket": {"status": "New"}},
    "deal.stage_changed": {"deal": {"stage": "Proposal"}},
}
_TIMES: Final[dict[str, dict[str, timedelta]]] = {
    "ticket": {"created_at": timedelta(hours=-2), "updated_at": timedelta(0), "due_at": timedelta(hours=6)},
    "alert": {"triggered_at": timedelta(0)},
    "device": {"last_seen_at": timedelta(minutes=-5)},
    "backup": {"started_at": timedelta(hours=-1), "finished_at": timedelta(0)},
    "invoice": {"due_at": timedelta(days=-3)},
    "deal": {"closed_at": timedelta(0)},
}


def sample_event(event_type: str, org: str, now: datetime, event_id: str = "sample-1") -> Event:
    """An event of this type as a module might send it at `now`. Raises Refused where there is no such type."""
    if event_type not in EVENT_TYPES:
        raise Refused.one("event.type", f"{event_type[:60]!r} is none; the types are {', '.join(EVENT_TYPES)}")
    entity = entity_of(event_type)
    data = {name: deepcopy(_ENTITIES[name]) for name in (entity, *_WITH[entity])}
    data[entity] |= _CHANGES.get(event_type, {})
    for name, times in _TIMES.items():
        if name in data:
            data[name] |= {field: _text(now + after) for field, after in times.items()}
    if event_type in _PREVIOUS:
        data["previous"] = deepcopy(_PREVIOUS[event_type])
    return from_envelope(
        {
            "specversion": "1.0",
            "id": event_id,
            "source": f"/{SOURCES[event_type][0]}",
            "type": event_type,
            "subject": f"{entity}/{data[entity]['id']}",
            "time": _text(now),
            "orgid": org,
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
