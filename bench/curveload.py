"""What the cost curves send: workflows beside the measured one, events of other types, and what comes of each event."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from bench.workload import NOOPS, ORG, STEPS, TOPIC, WORKFLOW, Event, definition, events
from engine.workflow import compile_workflow
from runtime.kafka import partition_of
from schemas.definitions import parse_definition
from schemas.names import EVENT_TOPICS, entity_key, run_id

SLEEP: Final = "sleep"
OTHER_TYPES: Final = (
    "ticket.updated", "ticket.sla_breach", "device.offline", "device.online", "backup.failed", "invoice.overdue",
    "contact.created", "deal.stage_changed",
)  # fmt: skip
_TICKETS: Final = EVENT_TOPICS["psa"]
Definition = tuple[bytes, bytes]


class Work(NamedTuple):
    """Events for one topic, and what comes of them: runs with their status, and records of the run log.

    A piece is what a figure is told for: a run, or a workflow that was evaluated for an event.
    """

    topic: str
    events: list[Event]
    runs: dict[str, str]
    records: int

    @property
    def pieces(self) -> int:
        """How many there are."""
        return len(self.runs)


def organisation(number: int) -> str:
    """The name of one of many; the first is that of the benchmark."""
    return f"msp-{number:04}" if number else ORG


def runs(phase: str, count: int, partitions: int, orgs: int = 1) -> Work:
    """So many events that start a run of three steps each, of so many organisations in turn."""
    made = events(phase, count, partitions, [organisation(number) for number in range(orgs)])
    # A record for the start, and one for what came of each step.
    return Work(TOPIC, made, {one.run: "completed" for one in made}, count * (1 + STEPS))


def skips(phase: str, count: int, partitions: int, workflows: int) -> Work:
    """Tickets for which so many workflows are evaluated that all say no; about so many skipped runs in all."""
    made, found = [], {}
    for number in range(max(1, count // workflows)):
        name, subject = f"{phase}-{number}", f"ticket/{phase}-{number}"
        key = entity_key(ORG, subject).encode()
        data = {"ticket": {"id": name, "title": "Printer on fire", "priority": "P3", "status": "New"}}
        made.append(
            Event(partition_of(key, partitions), key, _event("ticket.created", "/psa", subject, name, data), "")
        )
        for one in range(workflows):
            found[run_id(ORG, evaluated_id(one), "/psa", f"ev-{name}")] = "skipped"
    return Work(_TICKETS, made, found, len(found))


def sleepers(phase: str, first: int, count: int, partitions: int) -> list[Event]:
    """Devices that go offline, each of which starts a run that waits for a week."""
    made = []
    for number in range(first, first + count):
        name = f"{phase}-{number}"
        subject = f"device/{name}"
        key = entity_key(ORG, subject).encode()
        data = {"device": {"id": name, "name": "SRV-01", "criticality": 4}, "company": {"id": "c-1", "name": "Globex"}}
        value = _event("device.offline", "/rmm", subject, name, data)
        made.append(Event(partition_of(key, partitions), key, value, run_id(ORG, SLEEP, "/rmm", f"ev-{name}")))
    return made


def _event(kind: str, source: str, subject: str, name: str, data: dict[str, Any]) -> bytes:
    return orjson.dumps({
        "specversion": "1.0", "id": f"ev-{name}", "source": source, "type": kind, "subject": subject,
        "time": "2026-11-23T08:00:00Z", "orgid": ORG, "datacontenttype": "application/json", "data": data,
    })  # fmt: skip


# -- definitions ------------------------------------------------------------------------------------------------------


def of_organisation(number: int) -> Definition:
    """The measured workflow, of one of many organisations."""
    org = organisation(number)
    return f"{org}/{WORKFLOW}".encode(), definition(http=False, org=org)


def beside(number: int) -> Definition:
    """A workflow of the measured organisation that listens to another type of event."""
    trigger = OTHER_TYPES[number % len(OTHER_TYPES)]
    entity = trigger.partition(".")[0]
    return _definition(f"beside-{number:05}", trigger, {"field": f"{entity}.id", "op": "exists"})


def evaluated(number: int) -> Definition:
    """A workflow that listens to tickets, and whose condition is false for those of `skips`."""
    return _definition(
        evaluated_id(number), "ticket.created", {"field": "ticket.priority", "op": "equals", "value": "P1"}
    )


def evaluated_id(number: int) -> str:
    """The id of such a workflow."""
    return f"evaluated-{number:05}"


def sleep() -> Definition:
    """A workflow that waits for a week."""
    return _definition(SLEEP, "device.offline", None, [{"id": "wait", "action": "delay", "with": {"for": "7d"}}])


def _definition(
    name: str, trigger: str, conditions: dict[str, Any] | None, steps: list[dict[str, Any]] | None = None
) -> Definition:
    body: dict[str, Any] = {
        "id": name, "org": ORG, "version": 1, "name": name, "state": "enabled", "trigger": {"type": trigger},
        "steps": steps or [{"id": one[-1], "action": one, "with": {"text": "{{event.id}}"}} for one in NOOPS],
    }  # fmt: skip
    if conditions is not None:
        body["conditions"] = conditions
    compile_workflow(parse_definition(body))
    return f"{ORG}/{name}".encode(), orjson.dumps(body)
