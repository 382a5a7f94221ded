"""Weeks with the ten built-in workflows: what happens when, and what has to have come of it by then.

Each stands in an organisation that has no other workflow for the same event, so that whatever comes is its doing. The
numbers are written by hand, without the engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from sandbox.demo.cast import Client, clients, new_company

_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)
_SOON = timedelta(seconds=5)
"""How long after an event its run may have begun: most timers count from there."""
STORM_DEVICES, STORM_ALERTS = 6, 50


@dataclass(frozen=True, slots=True)
class Place:
    """Where a template is used: in which organisation, with which values, and how its doings are told from others'."""

    org: str
    values: dict[str, str] = field(default_factory=dict)
    subject: str | None = None
    """A word that all its e-mails have in their subjects, and no others do."""
    message: str | None = None
    """The same for its escalations. Its tickets are on a board of its own, which is one of its values."""


PLACES = {
    "alert-to-ticket": Place("brightline", {"board": "Alert storm"}),
    "failed-backup-notification": Place("harbor", {"signature": "Harbor Tech Partners"}, subject="Backup nightly"),
    "sla-breach-escalation": Place("northwind", {"team": "service-desk"}, message="was not answered in time"),
    "device-offline-alert": Place("summit", {"board": "Offline devices"}, subject="is offline"),
    "overdue-invoice-reminder": Place("redwood", {"signature": "Redwood Cloud"}, subject="nvoice"),
    "new-client-onboarding": Place("summit", {"board": "New clients"}),
    "deal-won-provisioning": Place("redwood", {"board": "Won deals"}),
    "security-incident-response": Place(
        "harbor", {"team": "security", "board": "Incidents"}, message="Security incident"
    ),
    "duplicate-entity-review": Place("northwind", {"admin": "admin@northwind.example"}, subject="Possible duplicate"),
    "stale-ticket-cleanup": Place("lakeside", subject="has had no update"),
}


@dataclass(frozen=True, slots=True)
class Happens:
    """An event that a module tells, or for a `ticket` the changes that a person makes to it in the PSA."""

    type: str
    data: dict[str, Any]
    module: str | None = None
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """What happens at a time, counted from the beginning, and what there is of the template's doings after it.

    `wanted` counts tickets, e-mails, escalations, restarts, and runs by status. In a scene that `holds`, it has to stay
    like that for a moment, for something is about to come due.
    """

    at: timedelta
    template: str
    told: str
    wanted: dict[str, int]
    happens: tuple[Happens, ...] = ()
    holds: bool = False


def scenes(seed: int) -> list[Scene]:
    """All scenes in the order of time."""
    random = Random(seed)  # noqa: S311 - a play, not a secret
    cast = clients(random)
    made = [
        *_watched(cast),
        *_business(cast, random),
        *_device_offline(cast["summit"][0]),
        *_overdue_invoice(cast["redwood"][:2]),
        *_stale_ticket(cast["lakeside"][0]),
    ]
    return sorted(made, key=lambda one: one.at)


_TWO: dict[str, int] = {"completed": 1, "skipped": 1}
"""Of two events one is to be acted on."""


def _now(template: str, told: str, wanted: dict[str, int], happens: list[Happens]) -> Scene:
    return Scene(timedelta(), template, told, wanted, tuple(happens))


def _watched(cast: dict[str, list[Client]]) -> list[Scene]:
    """What monitoring sees, and templates that wait for nothing."""
    late = [_about(cast["northwind"][0], {"ticket": _late(target)}) for target in ("response", "resolution")]
    alerts = STORM_DEVICES * STORM_ALERTS
    storm = {"tickets": STORM_DEVICES, "completed": STORM_DEVICES, "suppressed": alerts - STORM_DEVICES}
    return [
        _now("alert-to-ticket", f"{alerts} alerts of {STORM_DEVICES} devices", storm, _storm(cast["brightline"][0])),
        _now(
            "failed-backup-notification",
            "a backup fails",
            {"e-mails": 1, "completed": 1},
            [Happens("backup.failed", _about(cast["harbor"][1], _backup()))],
        ),
        _now(
            "sla-breach-escalation",
            "response, resolution late",
            {"escalations": 1, **_TWO},
            [Happens("ticket.sla_breach", data) for data in late],
        ),
        _now(
            "security-incident-response",
            "1 of 3 is an incident",
            {"escalations": 1, "tickets": 1, "completed": 1, "skipped": 2},
            _threats(cast["harbor"][0]),
        ),
    ]


def _business(cast: dict[str, list[Client]], random: Random) -> list[Scene]:
    """What people do, and templates that wait for nothing."""
    deals = [_about(cast["redwood"][2], {"deal": _deal(stage)}) for stage in ("Closed Won", "Closed Lost")]
    conflicts = [_about(cast["northwind"][1], {"conflict": _conflict(kind)}) for kind in ("duplicate", "mismatch")]
    return [
        _now(
            "new-client-onboarding",
            "a company becomes client",
            {"tickets": 5, "completed": 1},
            [Happens("company.created", {"company": new_company(random, "summit", 9001)})],
        ),
        _now(
            "deal-won-provisioning",
            "a deal is won, one lost",
            {"tickets": 3, **_TWO},
            [Happens("deal.stage_changed", data) for data in deals],
        ),
        _now(
            "duplicate-entity-review",
            "1 of 2 is a duplicate",
            {"e-mails": 1, **_TWO},
            [Happens("entity.sync_conflict", data) for data in conflicts],
        ),
    ]


def _storm(client: Client) -> list[Happens]:
    found = []
    for number in range(STORM_DEVICES * STORM_ALERTS):
        device = client.devices[number % STORM_DEVICES]
        alert = {"id": f"weeks-a-{number}", "severity": ("critical", "high")[number % 2], "title": "Link flaps"}
        found.append(Happens("alert.triggered", _about(client, {"alert": alert, "device": device}), "rmm"))
    return found


def _threats(client: Client) -> list[Happens]:
    found = []
    for number, (module, severity) in enumerate((("security", "critical"), ("security", "high"), ("rmm", "critical"))):
        alert = {"id": f"weeks-s-{number}", "severity": severity, "title": "Ransomware behaviour"}
        data = _about(client, {"alert": alert, "device": client.devices[number]})
        found.append(Happens("alert.triggered", data, module))
    return found


def _device_offline(client: Client) -> list[Scene]:
    def tells(type: str, *numbers: int) -> tuple[Happens, ...]:
        return tuple(Happens(type, _about(client, {"device": client.devices[n]})) for n in numbers)

    name, grace = "device-offline-alert", 15 * _MINUTE
    over = {"tickets": 2, "e-mails": 2, "completed": 2, "cancelled": 1}
    early = {"waiting": 2, "cancelled": 1}
    return [
        Scene(timedelta(), name, "three go offline", {"waiting": 3}, tells("device.offline", 0, 1, 2)),
        Scene(10 * _MINUTE, name, "one is back", early, tells("device.online", 1)),
        Scene(grace - _MINUTE, name, "nobody hears of it yet", early, holds=True),
        Scene(grace + _SOON, name, "two are still offline", over),
    ]


def _overdue_invoice(two: list[Client]) -> list[Scene]:
    def tells(type: str, *owing: Client) -> tuple[Happens, ...]:
        return tuple(Happens(type, _about(one, {"invoice": _invoice(one)})) for one in owing)

    name = "overdue-invoice-reminder"
    before, paid = {"waiting": 2}, {"e-mails": 2, "waiting": 1, "cancelled": 1}
    second, third = {**paid, "e-mails": 3}, {"e-mails": 4, "completed": 1, "cancelled": 1}
    return [
        Scene(timedelta(), name, "two become overdue", before, tells("invoice.overdue", *two)),
        Scene(3 * _DAY - _MINUTE, name, "no reminder yet", before, holds=True),
        Scene(3 * _DAY + _SOON, name, "first reminder to both", {**before, "e-mails": 2}),
        Scene(5 * _DAY, name, "one is paid", paid, tells("invoice.paid", two[1])),
        Scene(7 * _DAY - _MINUTE, name, "no second reminder yet", paid, holds=True),
        Scene(7 * _DAY + _SOON, name, "second to the other", second),
        Scene(14 * _DAY - _MINUTE, name, "no third reminder yet", second, holds=True),
        Scene(14 * _DAY + _SOON, name, "third and last", third),
        Scene(30 * _DAY, name, "nothing more", third, holds=True),
    ]


def _stale_ticket(client: Client) -> list[Scene]:
    technician = client.devices[0]["assigned_technician"]

    def opened(id: str) -> Happens:
        ticket = {"id": f"weeks-{id}", "title": f"The {id} one", "status": "New", "assignee": technician}
        return Happens("ticket.created", _about(client, {"ticket": ticket}))

    def changed(id: str, status: str) -> Happens:
        return Happens("ticket.updated", {"status": status}, ticket=f"weeks-{id}")

    name = "stale-ticket-cleanup"
    ended = {"waiting": 2, "cancelled": 1, "restarts": 1}
    return [
        Scene(timedelta(), name, "three are opened", {"waiting": 3}, (opened("quiet"), opened("busy"), opened("done"))),
        Scene(5 * _DAY, name, "one is updated", {"waiting": 3, "restarts": 1}, (changed("busy", "Waiting"),)),
        Scene(6 * _DAY, name, "another is closed", ended, (changed("done", "Closed"),)),
        Scene(7 * _DAY + _SOON, name, "the third is stale", {**ended, "e-mails": 1}),
        Scene(12 * _DAY - _MINUTE, name, "the updated has time left", {**ended, "e-mails": 1}, holds=True),
        Scene(12 * _DAY + _SOON, name, "the updated is stale", {**ended, "e-mails": 2}),
        Scene(
            15 * _DAY,
            name,
            "the stale one is updated",
            {**ended, "e-mails": 2, "restarts": 2},
            (changed("quiet", "Waiting"),),
        ),
        Scene(22 * _DAY + _SOON, name, "and is stale again", {**ended, "e-mails": 3, "restarts": 2}),
        Scene(
            30 * _DAY,
            name,
            "both are closed",
            {"e-mails": 3, "cancelled": 3, "restarts": 2},
            (changed("quiet", "Resolved"), changed("busy", "Closed")),
        ),
    ]


def _about(client: Client, data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "company": client.company}


def _backup() -> dict[str, Any]:
    return {"backup": {"id": "weeks-b", "job": "nightly SQL", "status": "failed", "error": "target is full"}}


def _late(target: str) -> dict[str, Any]:
    sla = {"name": f"Gold, {target}", "target": target}
    return {"id": f"weeks-late-{target}", "title": "Phones are down", "priority": "P1", "sla": sla}


def _deal(stage: str) -> dict[str, Any]:
    id = stage.removeprefix("Closed ").lower()
    return {"id": f"weeks-{id}", "name": f"Cloud move ({id})", "stage": stage, "value": 12_500, "currency": "EUR"}


def _conflict(kind: str) -> dict[str, Any]:
    about = {"entity_type": "contact", "entity_id": "p-1", "systems": ["crm", "psa"], "score": 0.93}
    return {"id": f"weeks-{kind}", "kind": kind, **about}


def _invoice(client: Client) -> dict[str, Any]:
    id = client.company["id"].rpartition("-")[2]
    contact = client.company["primary_contact"]
    return {"id": f"weeks-i-{id}", "number": f"2026-9{id}", "balance": 480.5, "currency": "EUR", "contact": contact}
