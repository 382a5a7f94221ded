"""The ten built-in workflows as the product page promises them, by the command line, while weeks pass."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
import pytest

from schemas.events import SOURCES, entity_of
from schemas.templates import built_in
from tests.acceptance.house import House

pytestmark = pytest.mark.timeout(600)

ORG: Final = "acme"
GIVEN: Final = {"team": "noc", "admin": "admin@acme.example"}
COMPANY: Final = {"id": "c-1", "name": "Globex", "primary_contact": {"name": "Pia", "email": "pia@globex.example"}}
DAY: Final = timedelta(days=1)
MOMENT: Final = timedelta(minutes=1)
"""So long before a timer's time it is looked whether nothing has come; real time goes on meanwhile."""


class Company:
    """The house with all ten templates in force, in one organisation."""

    def __init__(self) -> None:
        self.house = House(virtual=True)

    def start(self) -> None:
        self.house.start()
        self.house.onestack("topics", "create")
        for name, template in built_in().items():
            needed = [f"{one.name}={GIVEN[one.name]}" for one in template.parameters if one.required]
            settings = [word for one in needed for word in ("--set", one)]
            told = self.house.onestack("templates", "use", name, "--org", ORG, *settings, "--enable", "--publish")
            assert told.stdout.startswith(f"published {ORG}/{name} version 1 (enabled)")
            assert told.stderr == "", "no warning, also of loops with those before it"
        self.wait(lambda: len(self.house.asked("workflows", "--org", ORG)) == len(built_in()))
        time.sleep(1)  # what is published is in force on every worker within a second

    def emit(self, kind: str, *things: dict[str, Any], source: str | None = None, **more: Any) -> None:
        """One event about each thing, of now, in one command."""
        assert self.house.time is not None
        entity = entity_of(kind)
        events = [
            {
                "specversion": "1.0",
                "id": f"{kind}-{thing['id']}-{time.time_ns()}",
                "source": source or f"/{SOURCES[kind][0]}",
                "type": kind,
                "subject": f"{entity}/{thing['id']}",
                "time": self.house.time.now().isoformat(),
                "orgid": ORG,
                "data": {"company": COMPANY, entity: thing, **more},
            }
            for thing in things
        ]
        self.house.onestack("emit", "--file", "-", stdin=json.dumps(events))

    def asked(self, sql: str, *values: str) -> list[Any]:
        """What the history's views answer; the command line would take a second each time."""

        async def ask() -> list[Any]:
            connection = await asyncpg.connect(self.house.postgres.url)
            try:
                return list(await connection.fetch(sql, *values))
            finally:
                await connection.close()

        return asyncio.run(ask())

    def statuses(self, workflow: str, of: str = "") -> Counter[str]:
        """Of the runs that the test's own events began: what the PSA made here has numbers of its own.

        With `of`, only of the entities whose keys begin so: a test that comes after weeks have passed can't count the
        runs of those before it, for filtered ones are removed from the history in time.
        """
        sql = """
            select status from history.runs
             where org_id = $1 and workflow_id = $2 and entity_key !~ '/ticket/T-[0-9]+$'
               and starts_with(entity_key, $3)"""
        return Counter(row["status"] for row in self.asked(sql, ORG, workflow, f"{ORG}/{of}"))

    def until_runs(self, workflow: str, of: str = "", **wanted: int) -> None:
        """Wait until as many of the workflow's runs as wanted have each status, and there are no others."""
        self.wait(
            lambda: self.statuses(workflow, of) == wanted,
            lambda: f"{workflow}: {self.statuses(workflow, of)}, not {wanted}",
        )

    def wait(self, done: Callable[[], bool], told: Callable[[], str] = lambda: "") -> None:
        deadline = time.monotonic() + 90
        while not done():
            assert time.monotonic() < deadline, told()
            time.sleep(0.1)

    def until(self, look: Callable[..., Any], *wanted: Any) -> None:
        """Wait until what is looked at, with all arguments but the last, is that last one."""
        *given, last = wanted
        self.wait(lambda: look(*given) == last, lambda: f"{look(*given)}, not {last}")

    def passes(self, by: timedelta) -> None:
        assert self.house.time is not None
        self.house.time.forward(by)

    def comes(self, moment: datetime) -> None:
        assert self.house.time is not None
        self.house.time.until(moment)

    def due(self, workflow: str, entity: str) -> datetime:
        """Until when that run waits."""
        sql = """
            select e.data ->> 'until' from history.entries e join history.runs r using (run_id)
             where r.workflow_id = $1 and r.entity_key = $2 and e.type = 'run.waiting' order by e.seq desc limit 1"""
        return datetime.fromisoformat(self.asked(sql, workflow, f"{ORG}/{entity}")[0][0])

    def begun(self, workflow: str, entity: str) -> datetime:
        """The time of the event that began that run, or began it again."""
        sql = "select trigger_event ->> 'time' from history.runs where workflow_id = $1 and entity_key = $2"
        return datetime.fromisoformat(self.asked(sql, workflow, f"{ORG}/{entity}")[0][0])

    def nothing_more(self, look: Callable[[], Any]) -> None:
        """What is looked at stays as it is: long enough for whatever is due to have come."""
        before = look()
        time.sleep(1.5)
        assert look() == before

    def tickets(self, word: str) -> list[dict[str, Any]]:
        """The tickets that the PSA has with this word in their titles, as they were opened."""
        return [one for one in self.house.kept("psa", "/v1/tickets")["tickets"] if word in one.get("title", "")]

    def mails(self, word: str) -> list[dict[str, Any]]:
        return [one for one in self.house.mails() if word in one["subject"]]

    def escalations(self, word: str) -> list[dict[str, Any]]:
        return [one for one in self.house.kept("oncall", "/v1/escalations")["escalations"] if word in one["message"]]


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    one = Company()
    try:
        one.start()
        yield one
    finally:
        one.house.stop()


def device(id: str, **fields: Any) -> dict[str, Any]:
    technician = {"id": f"u-{id}", "email": f"{id}@acme.example"}
    return {"id": id, "name": id.upper(), "assigned_technician": technician, **fields}


def alert(id: str, severity: str, title: str) -> dict[str, Any]:
    return {"id": id, "severity": severity, "title": title}


def test_alert_to_ticket_opens_one_ticket_a_device_however_many_alerts_fire(company: Company) -> None:
    for name, severity in (("srv-1", "critical"), ("srv-2", "high")):
        alerts = [alert(f"{name}-{n}", severity, "Disk full") for n in range(20)]
        company.emit("alert.triggered", *alerts, device=device(name))
    company.emit("alert.triggered", alert("quiet", "medium", "Disk full"), device=device("srv-3"))
    company.until_runs("alert-to-ticket", completed=2, suppressed=38, skipped=1)
    tickets = company.tickets("Disk full")
    assert {one["title"]: one["priority"] for one in tickets} == {
        "Disk full on SRV-1": "P1",
        "Disk full on SRV-2": "P2",
    }
    assert len(tickets) == 2
    assert {one["board"] for one in tickets} == {"Alerts"}
    suppressed = company.house.asked("runs", "--org", ORG, "--status", "suppressed", "--limit", "1")[0]["run_id"]
    assert "at most 1 run in 30 min for key 'srv-" in company.house.onestack("show", suppressed, "--full").stdout
    company.passes(timedelta(minutes=31))
    company.emit("alert.triggered", alert("srv-1-later", "critical", "Disk full"), device=device("srv-1"))
    company.until_runs("alert-to-ticket", completed=3, suppressed=38, skipped=1)
    assert len(company.tickets("Disk full on SRV-1")) == 2


def test_failed_backup_notification_writes_to_the_clients_primary_contact(company: Company) -> None:
    company.emit("backup.failed", {"id": "b-1", "job": "nightly SQL", "error": "target is full"})
    company.until_runs("failed-backup-notification", completed=1)
    (mail,) = company.mails("nightly SQL")
    assert mail["to"] == ["pia@globex.example"]
    assert "target is full" in mail["text"]


def test_sla_breach_escalation_calls_on_call_for_the_response_sla(company: Company) -> None:
    tickets = [
        {"id": f"T-{target}", "title": f"Late {target}", "priority": "P1", "sla": {"target": target}}
        for target in ("response", "resolution")
    ]
    company.emit("ticket.sla_breach", *tickets)
    company.until_runs("sla-breach-escalation", completed=1, skipped=1)
    (call,) = company.escalations("Late")
    assert (call["team"], call["severity"]) == ("noc", "high")
    assert "T-response" in call["message"]


def test_device_offline_alert_waits_15_minutes_and_ends_when_the_device_is_back(company: Company) -> None:
    def told() -> tuple[int, int]:
        return len(company.tickets("offline")), len(company.mails("offline"))

    name = "device-offline-alert"
    company.emit("device.offline", device("gone"), device("back"))
    company.until_runs(name, waiting=2)
    due = company.due(name, "device/gone")
    assert due - company.begun(name, "device/gone") >= timedelta(minutes=15)
    company.emit("device.online", device("back"))
    company.until_runs(name, waiting=1, cancelled=1)
    company.comes(due - MOMENT)
    company.nothing_more(told)
    assert told() == (0, 0)
    company.comes(due)
    company.until_runs(name, completed=1, cancelled=1)
    (ticket,) = company.tickets("offline")
    (mail,) = company.mails("offline")
    assert (ticket["title"], ticket["priority"]) == ("GONE is offline", "P2")
    assert mail["to"] == ["gone@acme.example"]
    assert ticket["id"] in mail["text"]
    company.passes(timedelta(hours=1))
    company.nothing_more(told)


def test_overdue_invoice_reminder_writes_at_days_3_7_and_14_and_stops_at_the_payment(company: Company) -> None:
    def invoice(id: str) -> dict[str, Any]:
        return {"id": id, "number": id, "balance": 100, "currency": "EUR", "contact": {"email": f"{id}@g.example"}}

    def told() -> Counter[str]:
        return Counter(mail["to"][0].partition("@")[0] for mail in company.mails("nvoice"))

    name = "overdue-invoice-reminder"
    company.emit("invoice.overdue", invoice("open"), invoice("paid"))
    company.until_runs(name, waiting=2)
    overdue = company.begun(name, "invoice/open")
    for day, wanted in ((3, {"open": 1, "paid": 1}), (7, {"open": 2, "paid": 1}), (14, {"open": 3, "paid": 1})):
        due = overdue + day * DAY
        company.until(company.due, name, "invoice/open", due)
        company.comes(due - MOMENT)
        company.nothing_more(told)
        company.comes(due)
        company.until(told, wanted)
        if day == 3:
            company.emit("invoice.paid", invoice("paid"))
            company.until_runs(name, waiting=1, cancelled=1)
    company.until_runs(name, completed=1, cancelled=1)
    company.passes(30 * DAY)
    company.nothing_more(told)
    assert told() == {"open": 3, "paid": 1}
    subjects = [mail["subject"] for mail in company.mails("nvoice open")]
    assert [word in subject for word, subject in zip(("3", "7", "14"), subjects, strict=True)] == [True] * 3


def test_new_client_onboarding_opens_a_series_of_tickets(company: Company) -> None:
    company.emit("company.created", {"id": "c-9", "name": "Initech"}, company={"id": "c-9", "name": "Initech"})
    company.until_runs("new-client-onboarding", completed=1)
    tickets = company.tickets("Initech")
    assert [one["title"][:3] for one in tickets] == ["1/5", "2/5", "3/5", "4/5", "5/5"]
    assert {(one["company_id"], one["board"]) for one in tickets} == {("c-9", "Onboarding")}
    (note,) = company.house.kept("hub", "/v1/companies/c-9/notes")["notes"]
    assert all(one["id"] in note["body"] for one in tickets)


def test_deal_won_provisioning_begins_the_account_setup(company: Company) -> None:
    deals = [
        {"id": f"o-{stage}", "name": f"Cloud move {stage}", "stage": stage, "value": 5000, "currency": "EUR"}
        for stage in ("Closed Won", "Closed Lost")
    ]
    company.emit("deal.stage_changed", *deals, previous={"stage": "Proposal"})
    company.until_runs("deal-won-provisioning", completed=1, skipped=1)
    assert company.tickets("Cloud move Closed Lost") == []
    assert len([*company.tickets("Cloud move Closed Won"), *company.tickets("account of Globex")]) == 3


def test_security_incident_response_calls_on_call_and_opens_a_ticket(company: Company) -> None:
    company.emit("alert.triggered", alert("sec-1", "critical", "Ransomware"), source="/security", device=device("pc"))
    company.emit("alert.triggered", alert("sec-2", "high", "Odd sign-in"), source="/security", device=device("pc"))
    company.until_runs("security-incident-response", of="alert/sec-", completed=1, skipped=1)
    (call,) = company.escalations("Security incident")
    (ticket,) = company.tickets("Security incident")
    assert (call["team"], call["severity"], ticket["priority"]) == ("noc", "critical", "P1")
    assert call["id"] in ticket["description"]


def test_duplicate_entity_review_writes_to_the_administrator(company: Company) -> None:
    conflicts = [
        {"id": f"x-{kind}", "kind": kind, "entity_type": "contact", "entity_id": "p-1", "systems": ["crm", "psa"]}
        for kind in ("duplicate", "mismatch")
    ]
    company.emit("entity.sync_conflict", *conflicts)
    company.until_runs("duplicate-entity-review", completed=1, skipped=1)
    (mail,) = company.mails("Possible duplicate")
    assert mail["to"] == ["admin@acme.example"]


def test_stale_ticket_cleanup_reminds_after_7_quiet_days_and_ends_with_the_ticket(company: Company) -> None:
    def ticket(id: str, status: str = "New") -> dict[str, Any]:
        assignee = {"id": "u-1", "email": f"{id}@acme.example"}
        return {"id": id, "title": "No phones", "status": status, "assignee": assignee}

    def told() -> Counter[str]:
        return Counter(mail["to"][0].partition("@")[0] for mail in company.mails("no update"))

    def restarts(id: str) -> int:
        sql = """
            select 1 from history.entries e join history.runs r using (run_id)
             where r.workflow_id = $1 and r.entity_key = $2 and e.type = 'run.restarted'"""
        return len(company.asked(sql, name, f"{ORG}/ticket/{id}"))

    name = "stale-ticket-cleanup"
    company.emit("ticket.created", ticket("quiet"), ticket("busy"), ticket("closed"))
    company.until_runs(name, waiting=3)
    quiet = company.due(name, "ticket/quiet")
    assert quiet - company.begun(name, "ticket/quiet") >= 7 * DAY
    company.passes(5 * DAY)
    company.emit("ticket.updated", ticket("busy", "Waiting"), previous={"status": "New"})
    company.emit("ticket.updated", ticket("closed", "Closed"), previous={"status": "New"})
    company.until_runs(name, waiting=2, cancelled=1)
    company.wait(lambda: company.due(name, "ticket/busy") >= company.begun(name, "ticket/busy") + 7 * DAY > quiet)
    company.comes(quiet - MOMENT)
    company.nothing_more(told)
    assert told() == {}
    company.comes(quiet)
    company.until(told, {"quiet": 1})
    company.comes(company.due(name, "ticket/busy"))
    company.until(told, {"quiet": 1, "busy": 1})
    company.emit("ticket.updated", ticket("quiet", "Waiting"), previous={"status": "New"})
    company.until(restarts, "quiet", 1)
    company.comes(company.due(name, "ticket/quiet"))
    company.until(told, {"quiet": 2, "busy": 1})
    company.emit(
        "ticket.updated", ticket("quiet", "Resolved"), ticket("busy", "Closed"), previous={"status": "Waiting"}
    )
    company.until_runs(name, cancelled=3)
    company.passes(100 * DAY)
    company.nothing_more(told)
