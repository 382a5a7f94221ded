"""A load in which all happens that the dashboards show.

Beside the benchmark's runs there are some that fail, wait, are tried again, cancelled or suppressed by each guard, and
records that nobody can read.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from bench.workload import DEFINITION_KEY, TOPIC, definition, events
from runtime.kafka import Publisher, partition_of
from sandbox.modules.ledger import Fault
from schemas.events.types import SOURCES, entity_of
from schemas.names import DEFINITIONS, EVENT_TOPICS, entity_key

ORG: Final = "trouble"
STORM_LIMIT: Final = 200
"""Runs a minute of one workflow from which on its circuit breaker opens; the benchmark's stay below it."""
MOST_CALLS: Final = 8
"""Calls that the worker has in flight, so that some wait."""
RUNS: Final = 40
"""Of the benchmark's workflow: three HTTP calls each."""
_FLAKY: Final = "d-flaky"
_HEADERS: Final = [("content-type", b"application/cloudevents+json")]


def faults() -> list[Fault]:
    """What the modules are to do wrong.

    One device's first scripts are refused for now, one ticket's updates for good, and some tickets take their time.
    """
    return [
        Fault("rmm", f"/v1/devices/{_FLAKY}", status=503, times=2),
        Fault("psa", "/v1/tickets/T-none", status=422),
        Fault("psa", "/v1/tickets", status=None, delay=0.5, times=60),
    ]


class Load:
    """Sends it. `partitions` is how many each topic has."""

    def __init__(self, publisher: Publisher, partitions: int) -> None:
        self._publisher, self._partitions = publisher, partitions
        self._number = 0

    async def define(self) -> None:
        """Publish the workflows, and one that is refused."""
        await self._publisher.put(DEFINITIONS, 0, DEFINITION_KEY, definition(http=True))
        for workflow in _workflows():
            await self._publisher.put(DEFINITIONS, 0, f"{ORG}/{workflow['id']}".encode(), orjson.dumps(workflow))
        await self._publisher.put(DEFINITIONS, 0, f"{ORG}/refused".encode(), b'{"id": "refused"}')

    async def send(self, phase: str) -> None:
        """Send all of it once; the phase's name keeps its events apart from those of others."""
        for event in events(phase, RUNS, self._partitions):
            self._publisher.put(TOPIC, event.partition, event.key, event.value, _HEADERS)
        for made in _made(phase):
            self._put(made)
        # What nobody can read: not JSON, a field that is wrong, and too large.
        self._publisher.put(EVENT_TOPICS["rmm"], 0, b"?", b"this is no JSON")
        self._publisher.put(EVENT_TOPICS["psa"], 0, b"?", orjson.dumps({"specversion": "1.0", "id": phase}))
        self._publisher.put(EVENT_TOPICS["crm"], 0, b"?", b" " * 300_000)
        await self._publisher.flush()

    def _put(self, made: _Made) -> None:
        subject = f"{(entity := entity_of(made.kind))}/{made.id}"
        self._number += 1
        body = {
            "specversion": "1.0",
            "id": made.event or f"trouble-{self._number}",
            "source": f"/{SOURCES[made.kind][0]}",
            "type": made.kind,
            "subject": subject,
            "orgid": ORG,
            "data": {"company": {"id": "c-9"}, entity: {"id": made.id}},
            **made.more,
        }
        key = entity_key(ORG, subject).encode()
        home = partition_of(key, self._partitions)
        topic = EVENT_TOPICS[SOURCES[made.kind][0]]
        # An astray one is sent to another partition than its entity's, as some producers do.
        self._publisher.put(topic, (home + made.astray) % self._partitions, key, orjson.dumps(body), _HEADERS)


class _Made(NamedTuple):
    """An event: its type, the entity's id, and what is not as usual about it."""

    kind: str
    id: str
    event: str = ""
    astray: int = 0
    more: dict[str, Any] = {}  # noqa: RUF012 - a tuple's default, which nobody changes


def _made(phase: str) -> list[_Made]:
    few = [f"{phase}-{number}" for number in range(4)]
    return [
        *(_Made("ticket.created", one) for one in few),  # fails: there is no such ticket
        _Made("device.online", _FLAKY),  # is tried again
        *(_Made("backup.failed", one) for one in few),  # waits a moment
        *(_Made("device.offline", one) for one in few),  # waits for long
        *(_Made("device.online", one) for one in few[:2]),  # cancels two of those
        *(_Made("invoice.overdue", one) for one in few),  # is skipped
        *(_Made("contact.created", one) for one in few),  # is throttled after the first
        *(_Made("deal.stage_changed", f"{phase}-{number}") for number in range(STORM_LIMIT // 3)),  # is a storm
        *(_Made("company.created", one, more={"causationchain": "looping"}) for one in few),  # would be a loop
        _Made("invoice.paid", few[0]),  # is nobody's
        _Made("invoice.paid", few[1], astray=1),
        *(_Made("backup.failed", few[0], event=f"twice-{phase}") for _ in range(2)),
    ]


def _workflows() -> list[dict[str, Any]]:
    note = {"id": "note", "action": "create_note", "with": {"title": "Note", "body": "{{event.id}}"}}
    gate = {"id": "gate", "condition": {"field": "event.id", "op": "equals", "value": "none"}}
    soon = {"id": "soon", "action": "delay", "with": {"for": "PT1S"}}
    long = {"id": "long", "action": "delay", "with": {"for": "PT1H"}}
    update = {"id": "update", "action": "update_ticket", "with": {"ticket_id": "T-none", "fields": {"status": "Done"}}}
    script = {"id": "script", "action": "run_script", "with": {"script_id": "wake"}}
    return [
        _workflow("failing", "ticket.created", [update]),
        _workflow("retried", "device.online", [script], retry={"initial_interval": "PT0.5S"}),
        _workflow("waiting", "backup.failed", [soon, note]),
        _workflow("cancelled", "device.offline", [long, note], cancel_on=[{"type": "device.online"}]),
        _workflow("skipped", "invoice.overdue", [note], conditions=gate["condition"]),
        _workflow("throttled", "contact.created", [gate, note], throttle={"key": "all", "limit": 1, "per": "PT10M"}),
        _workflow("stormy", "deal.stage_changed", [gate, note]),
        _workflow("looping", "company.created", [gate, note]),
    ]


def _workflow(name: str, trigger: str, steps: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    head = {"id": name, "org": ORG, "version": 1, "name": name, "state": "enabled", "trigger": {"type": trigger}}
    return {**head, "steps": steps, **more}
