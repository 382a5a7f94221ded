"""What should come of each event, written down by hand beside the definitions and without the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Expected:
    """How a run ends, and which modules perform something for it."""

    status: str
    calls: tuple[str, ...] = ()


_SKIPPED = Expected("skipped")


def _alert_to_ticket(data: Event, _: Event) -> Expected:
    if data["alert"]["severity"] not in {"critical", "high"} or "maintenance" in data["device"]["tags"]:
        return _SKIPPED
    return Expected("completed", ("psa", "hub") if data["device"]["criticality"] > 3 else ("psa",))


def _failed_backup(data: Event, _: Event) -> Expected:
    if data["backup"]["attempts"] < 2 or "primary_contact" not in data["company"]:
        return _SKIPPED
    return Expected("completed", ("mail", "hub"))


def _sla_breach(data: Event, _: Event) -> Expected:
    if data["ticket"]["priority"] not in {"P1", "P2"} or data["ticket"]["status"] == "Closed":
        return _SKIPPED
    return Expected("completed", ("oncall", "psa"))


def _escalated(data: Event, _: Event) -> Expected:
    changed = "priority" in data.get("previous", {}) and data["previous"]["priority"] != data["ticket"]["priority"]
    return Expected("completed", ("hub",)) if changed and data["ticket"]["priority"] == "P1" else _SKIPPED


def _offline(data: Event, _: Event) -> Expected:
    device = data["device"]
    if device["type"] != "server" and not (device["type"] == "firewall" and device["site"] != "Lab"):
        return _SKIPPED
    return Expected("completed", ("rmm", "psa", "slack") if device["criticality"] >= 4 else ("rmm",))


def _online(data: Event, _: Event) -> Expected:
    return Expected("completed", ("hub", "teams") if data["device"]["criticality"] >= 4 else ("hub",))


def _vip(data: Event, _: Event) -> Expected:
    ticket = data["ticket"]
    wanted = "vip" in data["company"]["tags"] or "outage" in ticket["title"].lower()
    if ticket["source"] not in {"phone", "portal", "email"} or not wanted:
        return _SKIPPED
    return Expected("completed", ("hub", "teams"))


def _overdue(data: Event, _: Event) -> Expected:
    return Expected("completed", ("mail", "webhook")) if data["invoice"]["days_overdue"] in {3, 7, 14} else _SKIPPED


def _deal_won(data: Event, _: Event) -> Expected:
    # The provisioning endpoint is gone, and the workflow stops there.
    return Expected("failed", ("psa",)) if data["deal"]["stage"] == "Closed Won" else _SKIPPED


def _incident(data: Event, event: Event) -> Expected:
    alert = data["alert"]
    test = alert["title"].startswith("[TEST]") or alert["category"] == "informational"
    if event["source"] != "/security" or alert["severity"] != "critical" or test:
        return _SKIPPED
    return Expected("completed", ("oncall", "psa", "webhook", "slack"))


def _resolved(data: Event, _: Event) -> Expected:
    return Expected("completed", ("hub",)) if "device" in data else _SKIPPED


def _onboarding(_data: Event, _: Event) -> Expected:
    return Expected("completed", ("psa", "psa", "psa", "hub"))


def _duplicate(data: Event, _: Event) -> Expected:
    if data["conflict"]["kind"] != "duplicate" or data["conflict"]["score"] <= 0.8:
        return _SKIPPED
    return Expected("completed", ("hub", "mail"))


_WORKFLOWS: dict[tuple[str, str], tuple[str, Callable[[Event, Event], Expected]]] = {
    ("northwind", "alert.triggered"): ("alert-to-ticket", _alert_to_ticket),
    ("northwind", "backup.failed"): ("failed-backup-notification", _failed_backup),
    ("brightline", "ticket.sla_breach"): ("sla-breach-escalation", _sla_breach),
    ("brightline", "ticket.updated"): ("escalated-ticket-note", _escalated),
    ("harbor", "device.offline"): ("device-offline-wake", _offline),
    ("harbor", "device.online"): ("device-back-online", _online),
    ("harbor", "ticket.created"): ("vip-ticket", _vip),
    ("summit", "invoice.overdue"): ("overdue-invoice-reminder", _overdue),
    ("summit", "deal.stage_changed"): ("deal-won-provisioning", _deal_won),
    ("lakeside", "alert.triggered"): ("security-incident-response", _incident),
    ("lakeside", "alert.resolved"): ("alert-resolved-health", _resolved),
    ("redwood", "company.created"): ("new-client-onboarding", _onboarding),
    ("redwood", "entity.sync_conflict"): ("duplicate-entity-review", _duplicate),
}

Run = tuple[str, str, str, str]
"""Organisation, workflow, event source and event id: what makes a run that run."""


def run_of(event: Event) -> Run | None:
    """The run that this event should start, if any."""
    found = _WORKFLOWS.get((event["orgid"], event["type"]))
    return (event["orgid"], found[0], event["source"], event["id"]) if found else None


def expected(events: list[Event]) -> dict[Run, Expected]:
    """Every run that should come of these events, repeats among them or not."""
    found: dict[Run, Expected] = {}
    for event in events:
        run = run_of(event)
        if run is not None and run not in found:
            found[run] = _WORKFLOWS[event["orgid"], event["type"]][1](event["data"], event)
    return found
