"""Each built-in workflow, lived through by the pure engine: what it does, and at which moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.paths import Scope
from engine.run import (
    RunState,
    call_of,
    decide,
    evolve,
    interrupt,
    signal_for,
    start,
    state_from_json,
    state_to_json,
    waits_until,
)
from engine.workflow import compile_workflow
from schemas.definitions import parse_definition
from schemas.entries import EntryDict
from schemas.events import SOURCES, Event, entity_of, from_envelope
from schemas.outcomes import Fired, Succeeded
from schemas.templates import fill, find

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
COMPANY = {"id": "c-1", "name": "Globex", "primary_contact": {"name": "Pia", "email": "pia@globex.example"}}
DEVICE = {"id": "d-17", "name": "SRV-01", "assigned_technician": {"id": "u-2", "email": "tech@acme.example"}}
GIVEN = {"team": "noc", "admin": "admin@acme.example"}
DAY = timedelta(days=1)


def happened(kind: str, thing: dict[str, Any], at: datetime = NOW, *, source: str | None = None, **more: Any) -> Event:
    entity = entity_of(kind)
    return from_envelope(
        {
            "specversion": "1.0",
            "id": f"{kind}-{at.isoformat()}",
            "source": source or f"/{SOURCES[kind][0]}",
            "type": kind,
            "subject": f"{entity}/{thing['id']}",
            "time": at.isoformat(),
            "orgid": "acme",
            "data": {entity: thing, "company": COMPANY, **more},
        }
    )


class Life:
    """One run: actions succeed at once, time passes as the test says."""

    def __init__(self, template: str, event: Event, at: datetime | None = None, **values: Any) -> None:
        found = find(template)
        names = {one.name for one in found.parameters}
        given = {**{name: value for name, value in GIVEN.items() if name in names}, **values}
        body = fill(found, given, "acme", state="enabled")
        self.workflow = compile_workflow(parse_definition(body))
        self.now = at or NOW
        self.calls: list[tuple[timedelta, str, dict[str, Any]]] = []
        self.state: RunState | None = None
        self.types: list[str] = []
        self._take(start(self.workflow, event, self.now))

    def _take(self, entries: list[EntryDict]) -> None:
        for entry in entries:
            self.types.append(entry["type"])
            self.state = evolve(self.state, entry, self.workflow.body if entry["type"] == "run.started" else None)
        state = self.state
        assert state is not None
        assert state_from_json(state_to_json(state)) == state
        if state.status == "running":
            call = call_of(state, self.workflow)
            self.calls.append((self.now - NOW, call.action, call.input))
            answer = {"id": f"{call.action}-{len(self.calls)}"}
            self._take(decide(self.workflow, state, Succeeded(answer), self.now))

    def until(self, passed: timedelta) -> Life:
        """Let time pass, with whatever comes due meanwhile."""
        while self.state is not None and (due := waits_until(self.state)) is not None and due <= NOW + passed:
            self.now = due
            self._take(decide(self.workflow, self.state, Fired(), self.now))
        self.now = NOW + passed
        return self

    def hears(self, event: Event) -> Life:
        """Let an event come that may cancel or restart it."""
        assert self.state is not None
        signal = signal_for(self.workflow, self.state.event, event)
        if signal is not None and not self.state.finished:
            self._take(interrupt(self.workflow, self.state, signal, self.now))
        return self

    @property
    def status(self) -> str:
        return "" if self.state is None else self.state.status

    @property
    def done(self) -> list[str]:
        return [action for _, action, _ in self.calls]


def alert(severity: str, source: str = "/rmm", **fields: Any) -> Event:
    return happened(
        "alert.triggered",
        {"id": "a-1", "title": "Disk full", "severity": severity, **fields},
        source=source,
        device=DEVICE,
    )


@pytest.mark.parametrize(("severity", "priority"), [("critical", "P1"), ("high", "P2")])
def test_alert_to_ticket_opens_a_ticket_whose_priority_follows_the_severity(severity: str, priority: str) -> None:
    life = Life("alert-to-ticket", alert(severity), board="NOC")
    assert (life.status, life.done) == ("completed", ["create_ticket"])
    ticket = life.calls[0][2]
    assert (ticket["priority"], ticket["board"], ticket["title"]) == (priority, "NOC", "Disk full on SRV-01")
    assert ticket["company_id"] == "c-1"


@pytest.mark.parametrize("severity", ["medium", "low", "info"])
def test_alert_to_ticket_skips_what_is_not_severe(severity: str) -> None:
    assert Life("alert-to-ticket", alert(severity)).status == "skipped"


def test_alert_to_ticket_is_throttled_by_the_device_or_else_by_the_alert() -> None:
    workflow = Life("alert-to-ticket", alert("high")).workflow
    throttle = workflow.throttle
    assert throttle is not None
    assert (throttle.limit, throttle.per) == (1, timedelta(minutes=30))
    lone = happened("alert.triggered", {"id": "a-9", "severity": "high"}, source="/security")
    keys = [throttle.key.render(Scope(event.envelope, {}, {}, {})) for event in (alert("high"), lone)]
    assert keys == ["d-17", "a-9"]


def test_failed_backup_notification_writes_to_the_primary_contact() -> None:
    backup = {"id": "b-1", "job": "nightly", "error": "target is full"}
    life = Life("failed-backup-notification", happened("backup.failed", backup, device=DEVICE))
    ((_, _, mail),) = life.calls
    assert (life.status, mail["channel"], mail["to"]) == ("completed", "email", "pia@globex.example")
    assert "target is full" in mail["body"]
    nobody = happened("backup.failed", backup, company={"id": "c-2", "name": "Initech"})
    assert Life("failed-backup-notification", nobody).status == "skipped"


@pytest.mark.parametrize(
    ("sla", "status"),
    [
        ({"target": "response"}, "completed"),
        ({"target": "First Response"}, "completed"),
        ({"name": "Response 1 h"}, "completed"),
        ("Response 1 h", "completed"),
        ({"target": "resolution", "name": "Response and resolution"}, "skipped"),
        ({"name": "Resolution 8 h"}, "skipped"),
        (None, "skipped"),
    ],
)
def test_sla_breach_escalation_calls_on_call_for_the_response_sla_alone(sla: Any, status: str) -> None:
    ticket = {"id": "T-1", "title": "No phones", "priority": "P1", **({"sla": sla} if sla else {})}
    life = Life("sla-breach-escalation", happened("ticket.sla_breach", ticket))
    assert life.status == status
    assert life.done == (["escalate_on_call"] if status == "completed" else [])
    if life.calls:
        assert life.calls[0][2]["team"] == "noc"


def test_device_offline_alert_waits_15_minutes_then_opens_a_ticket_and_tells_the_technician() -> None:
    life = Life("device-offline-alert", happened("device.offline", DEVICE))
    assert life.until(timedelta(minutes=15) - timedelta(milliseconds=1)).calls == []
    assert life.status == "waiting"
    life.until(timedelta(minutes=15))
    assert [(at, action) for at, action, _ in life.calls] == [
        (timedelta(minutes=15), "create_ticket"),
        (timedelta(minutes=15), "send_notification"),
    ]
    assert life.calls[1][2]["to"] == "tech@acme.example"
    assert "create_ticket-1" in life.calls[1][2]["body"]
    assert life.status == "completed"


def test_device_offline_alert_is_cancelled_by_the_return_of_that_device_alone() -> None:
    life = Life("device-offline-alert", happened("device.offline", DEVICE)).until(timedelta(minutes=14))
    assert life.hears(happened("device.online", {"id": "d-18"}, NOW + timedelta(minutes=14))).status == "waiting"
    assert life.hears(happened("device.online", DEVICE, NOW + timedelta(minutes=14))).status == "cancelled"
    assert life.until(DAY).calls == []


def test_device_offline_alert_opens_a_ticket_where_nobody_is_assigned() -> None:
    life = Life("device-offline-alert", happened("device.offline", {"id": "d-18", "name": "PC-9"})).until(DAY)
    assert (life.done, life.status) == (["create_ticket"], "completed")


INVOICE = {"id": "i-1", "number": "2026-7", "balance": 100.5, "currency": "EUR", "contact": {"email": "ap@g.example"}}


def mails(life: Life) -> list[tuple[float, str]]:
    return [(at / DAY, given["subject"]) for at, _, given in life.calls]


def test_overdue_invoice_reminder_writes_at_days_3_7_and_14() -> None:
    life = Life("overdue-invoice-reminder", happened("invoice.overdue", INVOICE)).until(100 * DAY)
    assert mails(life) == [
        (3, "Invoice 2026-7 is 3 days overdue"),
        (7, "Second reminder: invoice 2026-7 is 7 days overdue"),
        (14, "Last reminder: invoice 2026-7 is 14 days overdue"),
    ]
    assert {given["to"] for _, _, given in life.calls} == {"ap@g.example"}
    assert "Open balance: 100.5 EUR" in life.calls[0][2]["body"]
    assert life.status == "completed"


def test_overdue_invoice_reminder_stops_when_the_invoice_is_paid() -> None:
    life = Life("overdue-invoice-reminder", happened("invoice.overdue", INVOICE)).until(5 * DAY)
    life.hears(happened("invoice.paid", INVOICE, NOW + 5 * DAY)).until(100 * DAY)
    assert [day for day, _ in mails(life)] == [3]
    assert life.status == "cancelled"


def test_overdue_invoice_reminder_counts_from_the_event_and_leaves_out_what_is_overtaken() -> None:
    late = Life("overdue-invoice-reminder", happened("invoice.overdue", INVOICE, NOW - 8 * DAY)).until(100 * DAY)
    assert [day for day, _ in mails(late)] == [0, 6]
    assert "Second reminder" in mails(late)[0][1]
    later = Life("overdue-invoice-reminder", happened("invoice.overdue", INVOICE, NOW - 20 * DAY)).until(100 * DAY)
    assert [(day, subject[:4]) for day, subject in mails(later)] == [(0, "Last")]


def test_overdue_invoice_reminder_writes_to_the_company_where_the_invoice_names_nobody() -> None:
    invoice = {"id": "i-2", "contact": "Accounts"}
    life = Life("overdue-invoice-reminder", happened("invoice.overdue", invoice), first="1.5").until(2 * DAY)
    assert [(at, given["to"]) for at, _, given in life.calls] == [(1.5 * DAY, "pia@globex.example")]
    nobody = happened("invoice.overdue", invoice, company={"id": "c-2"})
    assert Life("overdue-invoice-reminder", nobody).status == "skipped"


def test_new_client_onboarding_opens_a_series_of_tickets_for_the_company() -> None:
    life = Life("new-client-onboarding", happened("company.created", COMPANY))
    assert life.done == ["create_ticket"] * 5 + ["create_note"]
    titles = [given["title"] for _, action, given in life.calls if action == "create_ticket"]
    assert [title[:3] for title in titles] == ["1/5", "2/5", "3/5", "4/5", "5/5"]
    assert all("Globex" in title for title in titles)
    assert {given["company_id"] for _, _, given in life.calls} == {"c-1"}
    assert all(f"create_ticket-{n}" in life.calls[5][2]["body"] for n in range(1, 6))


@pytest.mark.parametrize(("stage", "status"), [("Closed Won", "completed"), ("Closed Lost", "skipped")])
def test_deal_won_provisioning_begins_the_account_setup_of_won_deals(stage: str, status: str) -> None:
    deal = {"id": "o-1", "name": "Cloud move", "stage": stage, "value": 5000, "currency": "EUR"}
    life = Life("deal-won-provisioning", happened("deal.stage_changed", deal, previous={"stage": "Proposal"}))
    assert life.status == status
    assert life.done == (["create_ticket"] * 3 + ["create_note"] if status == "completed" else [])


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (alert("critical", "/security"), "completed"),
        (alert("critical", "/security/edr-1"), "completed"),
        (alert("critical", category="security"), "completed"),
        (alert("critical", "/securityless"), "skipped"),
        (alert("critical"), "skipped"),
        (alert("high", "/security"), "skipped"),
    ],
)
def test_security_incident_response_escalates_and_opens_a_ticket(event: Event, status: str) -> None:
    life = Life("security-incident-response", event)
    assert life.status == status
    assert life.done == (["escalate_on_call", "create_ticket"] if status == "completed" else [])
    if life.calls:
        assert life.calls[1][2]["priority"] == "P1"
        assert "On-Call: escalate_on_call-1" in life.calls[1][2]["description"]


@pytest.mark.parametrize(
    ("kind", "status"), [("duplicate", "completed"), ("potential_duplicate", "completed"), ("mismatch", "skipped")]
)
def test_duplicate_entity_review_writes_to_the_administrator(kind: str, status: str) -> None:
    conflict = {"id": "x-1", "kind": kind, "entity_type": "contact", "entity_id": "p-1", "systems": ["crm", "psa"]}
    life = Life("duplicate-entity-review", happened("entity.sync_conflict", conflict))
    assert life.status == status
    assert [given["to"] for _, _, given in life.calls] == (["admin@acme.example"] if status == "completed" else [])
    assert all("Systems: crm, psa" in given["body"] for _, _, given in life.calls)


def ticket(status: str = "New", who: str = "tech", title: str = "No phones") -> dict[str, Any]:
    return {"id": "T-1", "title": title, "status": status, "assignee": {"id": who, "email": f"{who}@acme.example"}}


def updated(day: float, **fields: Any) -> Event:
    return happened("ticket.updated", ticket(**fields), NOW + day * DAY)


def stale() -> Life:
    return Life("stale-ticket-cleanup", happened("ticket.created", ticket()))


def test_stale_ticket_cleanup_reminds_the_technician_after_7_days_without_an_update() -> None:
    life = stale()
    assert life.until(7 * DAY - timedelta(milliseconds=1)).calls == []
    ((at, _, mail),) = life.until(7 * DAY).calls
    assert (at, mail["to"]) == (7 * DAY, "tech@acme.example")
    assert life.status == "waiting", "it goes on watching"
    assert len(life.until(80 * DAY).calls) == 1, "one reminder for one stale period"
    assert life.until(98 * DAY).status == "completed"


def test_stale_ticket_cleanup_begins_again_at_every_update_with_the_new_assignee() -> None:
    life = stale().until(5 * DAY).hears(updated(5)).until(11 * DAY).hears(updated(11, who="ann"))
    assert life.until(17.9 * DAY).calls == []
    ((at, _, mail),) = life.until(18 * DAY).calls
    assert (at, mail["to"]) == (18 * DAY, "ann@acme.example")


def test_stale_ticket_cleanup_catches_the_next_stale_period_too() -> None:
    life = stale().until(7 * DAY).until(20 * DAY).hears(updated(20)).until(40 * DAY)
    assert [at for at, _, _ in life.calls] == [7 * DAY, 27 * DAY]


@pytest.mark.parametrize("status", ["Closed", "Resolved"])
def test_stale_ticket_cleanup_ends_when_the_ticket_is_closed(status: str) -> None:
    life = stale().until(6 * DAY).hears(updated(6, status=status))
    assert life.status == "cancelled"
    assert "run.restarted" not in life.types, "the end wins over a new beginning"
    assert life.until(30 * DAY).calls == []


def test_stale_ticket_cleanup_ends_after_a_reminder_too_and_skips_what_is_closed_from_the_start() -> None:
    life = stale().until(10 * DAY).hears(updated(10, status="Closed"))
    assert (life.status, len(life.calls)) == ("cancelled", 1)
    assert Life("stale-ticket-cleanup", happened("ticket.created", ticket("Closed"))).status == "skipped"


def test_stale_ticket_cleanup_reminds_nobody_where_nobody_is_assigned_but_goes_on() -> None:
    life = Life("stale-ticket-cleanup", happened("ticket.created", {"id": "T-1", "title": "No phones"}))
    assert life.until(8 * DAY).calls == []
    life.hears(updated(8)).until(15 * DAY)
    assert [at for at, _, _ in life.calls] == [15 * DAY]
