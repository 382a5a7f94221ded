"""A morning at six service providers as a list of events: the same for the same seed, but for ids and times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sandbox.demo.cast import ORGS, Client, clients, new_company, person

BEGINS, ENDS, STORM = 7 * 60, 11 * 60, 8 * 60 + 5  # minutes of the day
_DUPLICATES = 0.02  # share of events that their producer sends a second time
_STORM_SHARE = 0.5  # of the alerts

Data = dict[str, Any]

_SHARES = {
    "alert.triggered": 0.34,
    "alert.resolved": 0.14,
    "ticket.created": 0.10,
    "ticket.updated": 0.08,
    "ticket.sla_breach": 0.04,
    "device.offline": 0.07,
    "device.online": 0.05,
    "backup.failed": 0.05,
    "invoice.overdue": 0.04,
    "invoice.paid": 0.02,
    "contact.created": 0.02,
    "deal.stage_changed": 0.02,
    "company.created": 0.01,
    "entity.sync_conflict": 0.02,
}
_AT_HOME = {
    "alert.triggered": ("northwind", "lakeside"),
    "alert.resolved": ("lakeside",),
    "ticket.created": ("harbor",),
    "ticket.updated": ("brightline",),
    "ticket.sla_breach": ("brightline",),
    "device.offline": ("harbor",),
    "device.online": ("harbor",),
    "backup.failed": ("northwind",),
    "invoice.overdue": ("summit",),
    "deal.stage_changed": ("summit",),
    "company.created": ("redwood",),
    "entity.sync_conflict": ("redwood",),
}
_ALERTS = (
    ("CPU above 95 % for 10 minutes", "performance"),
    ("Disk C: almost full", "storage"),
    ("Service Spooler stopped", "service"),
    ("Memory exhausted", "performance"),
    ("Certificate expires in 3 days", "certificate"),
)
_THREATS = (
    ("Ransomware behaviour blocked", "malware"),
    ("Impossible travel sign-in", "identity"),
    ("[TEST] EICAR found", "malware"),
    ("New admin account", "informational"),
    ("Lateral movement suspected", "intrusion"),
)
_TROUBLES = (
    "Printer prints blanks",
    "Outage of the phone system",
    "New laptop please",
    "Cannot sign in",
    "VPN is slow",
)


@dataclass(frozen=True, slots=True)
class Happening:
    """An event to be published: at which minute of the day, by which module, about what."""

    minute: float
    number: int
    type: str
    module: str
    org: str
    data: Data
    repeat: bool = False  # of an earlier event, with its id


class Morning:
    """Makes the happenings."""

    def __init__(self, seed: int, count: int, day: datetime) -> None:
        self._random = Random(seed)  # noqa: S311 - a play, not a secret
        self._count = count
        self._midnight = day.replace(hour=0, minute=0, second=0, microsecond=0)
        self._clients = clients(self._random)
        self._numbers = 0
        self._minute = 0.0
        self._makers: dict[str, Callable[[Client, int], Data]] = {
            "alert": self._alert,
            "ticket": self._ticket,
            "device": self._device,
            "backup": self._backup,
            "invoice": self._invoice,
            "contact": self._contact,
            "deal": self._deal,
            "company": self._company,
            "entity": self._conflict,
        }

    def happenings(self) -> list[Happening]:
        """All of them in the order of time; exactly as many as asked for, repeats included."""
        repeats = int(self._count * _DUPLICATES)
        singles = self._count - repeats
        types = [type for type, share in _SHARES.items() for _ in range(max(1, int(singles * share)))]
        types = (types + ["alert.triggered"] * singles)[:singles]
        made = [self._happening(type) for type in types]
        for first in self._random.sample(made, repeats):
            later = min(first.minute + self._random.uniform(0.1, 20), ENDS)
            made.append(Happening(later, first.number, first.type, first.module, first.org, first.data, repeat=True))
        return sorted(made, key=lambda one: (one.minute, one.repeat))

    def _happening(self, type: str) -> Happening:
        random = self._random
        storm = type == "alert.triggered" and random.random() < _STORM_SHARE
        self._minute = STORM + random.random() * 2 if storm else random.uniform(BEGINS, ENDS)
        homes = _AT_HOME.get(type, ())
        org = random.choice(homes) if homes and random.random() < 0.75 else random.choice(list(ORGS))
        module = _module(type, org, random)
        self._numbers += 1
        client = random.choice(self._clients[org])
        data = self._makers[type.partition(".")[0]](client, self._numbers)
        if type.startswith("alert."):
            self._name_alert(data, module, type)
        elif type.startswith("device."):
            data["device"]["online"] = type == "device.online"
        elif type == "ticket.updated":
            self._change_ticket(data)
        elif type == "company.created":
            data = {"company": new_company(random, org, self._numbers)}
        elif type.startswith("invoice."):
            data["invoice"]["status"] = type.partition(".")[2]
        return Happening(self._minute, self._numbers, type, module, org, data)

    def _clock(self, ago: float = 0) -> str:
        return (self._midnight + timedelta(minutes=self._minute - ago)).isoformat(timespec="seconds")

    def _alert(self, client: Client, number: int) -> Data:
        severity = self._random.choices(("critical", "high", "medium", "low", "info"), (20, 25, 25, 20, 10))[0]
        alert = {"id": f"a-{number}", "severity": severity, "triggered_at": self._clock()}
        return {"alert": alert, "device": dict(self._random.choice(client.devices)), "company": client.company}

    def _name_alert(self, data: Data, module: str, type: str) -> None:
        title, category = self._random.choice(_THREATS if module == "security" else _ALERTS)
        data["alert"] |= {"title": title, "category": category}
        if self._random.random() < 0.8:
            data["alert"]["message"] = f"{title} on {data['device']['name']} ({data['device']['ip']})"
        if type == "alert.resolved":
            data["alert"]["resolved_at"] = self._clock()
            if self._random.random() < 0.1:
                del data["device"]

    def _ticket(self, client: Client, number: int) -> Data:
        random = self._random
        ticket = {
            "id": f"T-{client.org}-{number}",
            "number": number,
            "title": random.choice(_TROUBLES),
            "board": random.choice(("Service", "NOC")),
            "status": random.choice(("New", "In progress", "Waiting", "Closed")),
            "priority": random.choice(("P1", "P2", "P3", "P4")),
            "source": random.choice(("phone", "portal", "email", "monitoring")),
            "company_id": client.company["id"],
            "requester": client.company["primary_contact"],
            "sla": {"name": "Response 1 h", "due_at": self._clock(5), "breached_at": self._clock()},
            "created_at": self._clock(90),
        }
        return {"ticket": ticket, "company": client.company}

    def _change_ticket(self, data: Data) -> None:
        field = self._random.choice(("priority", "status", "assignee"))
        data["previous"] = {
            "priority": {"priority": "P3"},
            "status": {"status": "New"},
            "assignee": {"assignee": None},
        }[field]
        if field == "priority":
            data["ticket"]["priority"] = self._random.choice(("P1", "P2"))

    def _device(self, client: Client, _number: int) -> Data:
        device = {**self._random.choice(client.devices), "last_seen_at": self._clock(16)}
        return {"device": device, "company": client.company}

    def _backup(self, client: Client, number: int) -> Data:
        device = self._random.choice(client.devices)
        backup = {
            "id": f"b-{number}",
            "job": f"nightly {device['name']}",
            "status": "failed",
            "attempts": self._random.randint(1, 4),
            "error": self._random.choice(("target is full", "VSS writer timed out", "the agent did not answer")),
            "started_at": self._clock(300),
        }
        company = dict(client.company)
        if self._random.random() < 0.1:
            del company["primary_contact"]
        return {"backup": backup, "device": dict(device), "company": company}

    def _invoice(self, client: Client, number: int) -> Data:
        amount = round(self._random.uniform(90, 9000), 2)
        invoice = {
            "id": f"i-{number}",
            "number": f"2026-{number:05}",
            "amount": amount,
            "balance": amount,
            "currency": "EUR",
            "days_overdue": self._random.choice((1, 2, 3, 3, 7, 7, 10, 14, 30)),
            "contact": client.company["primary_contact"],
        }
        return {"invoice": invoice, "company": client.company}

    def _contact(self, client: Client, number: int) -> Data:
        return {
            "contact": person(self._random, "k", number, client.company["domain"]),
            "company": client.company,
        }

    def _deal(self, client: Client, number: int) -> Data:
        stage = self._random.choice(("Qualified", "Proposal", "Closed Won", "Closed Lost"))
        deal = {
            "id": f"o-{number}",
            "name": f"{client.company['name']} {self._random.choice(('renewal', 'firewalls', 'cloud move'))}",
            "stage": stage,
            "value": self._random.randint(1, 80) * 500,
            "currency": "EUR",
        }
        return {"deal": deal, "company": client.company, "previous": {"stage": "Negotiation"}}

    def _company(self, client: Client, _number: int) -> Data:
        return {"company": client.company}

    def _conflict(self, client: Client, number: int) -> Data:
        conflict = {
            "id": f"x-{number}",
            "kind": self._random.choice(("duplicate", "duplicate", "mismatch")),
            "entity_type": "contact",
            "entity_id": client.company["primary_contact"]["id"],
            "field": self._random.choice(("email", "phone", "name")),
            "score": round(self._random.uniform(0.4, 1), 2),
            "systems": ["crm", "psa"],
        }
        return {"conflict": conflict, "company": client.company}


def _module(type: str, org: str, random: Random) -> str:
    from schemas.events.types import SOURCES

    modules = SOURCES[type]
    if len(modules) == 1:
        return modules[0]
    # Lakeside is the one that sells security; its monitoring speaks too.
    return random.choices(("security", "rmm"), (3, 1) if org == "lakeside" else (1, 6))[0]


def clock(minute: float) -> str:
    """A minute of the day as people read it."""
    return f"{int(minute) // 60:02}:{int(minute) % 60:02}"
