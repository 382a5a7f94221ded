"""What is measured: one alert, one condition, three actions in a row, each a command of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import orjson

from engine import parameters
from engine.workflow import compile_workflow
from runtime.kafka import Headers, partition_of
from schemas.actions import PARAMETERS, Parameters, Required
from schemas.definitions import parse_definition
from schemas.names import EVENT_TOPICS, command_topic, entity_key, run_id
from schemas.outcomes import Call, Outcome, Succeeded

NOOPS: Final = ("noop_a", "noop_b", "noop_c")
NOOP_TOPICS: Final = tuple(command_topic(name) for name in NOOPS)
STEPS: Final = 3
ORG: Final = "acme"
WORKFLOW: Final = "three-steps"
SOURCE: Final = "/security"
TOPIC: Final = EVENT_TOPICS["security"]
DEFINITION_KEY: Final = f"{ORG}/{WORKFLOW}".encode()
HEADERS: Final[Headers] = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


class NoopParameters(Parameters):
    """One text, so that every step renders a template as real ones do."""

    text: Required


class Noop:
    """An action that does nothing but return."""

    reaches_out = False
    """It calls nothing, so a crash can repeat nothing outside, and it takes no slot of ONESTACK_MAX_CALLS."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def perform(self, call: Call) -> Outcome:
        """Success, at once."""
        return Succeeded({"text": call.input["text"]})


@contextmanager
def noops_known() -> Iterator[None]:
    """Within it, definitions may name the no-op actions: they are the benchmark's and are not shipped."""
    needed = parameters._NEEDED  # noqa: SLF001 - the engine has no public way to say that an action needs nothing
    for name in NOOPS:
        PARAMETERS[name] = NoopParameters
        needed[name] = frozenset()
    try:
        yield
    finally:
        for name in NOOPS:
            del PARAMETERS[name], needed[name]


def definition(*, http: bool, org: str = ORG) -> bytes:
    """The workflow as it is published: with no-op actions, or with three real module calls. Raises Refused."""
    title = "{{alert.title}}"
    steps: list[dict[str, Any]] = [{"id": name[-1], "action": name, "with": {"text": title}} for name in NOOPS]
    if http:
        steps = [
            {"id": "ticket", "action": "create_ticket", "with": {"title": title, "board": "Alerts", "priority": "P1"}},
            {"id": "note", "action": "create_note", "with": {"title": title, "body": "Ticket {{steps.ticket.id}}"}},
            {"id": "tag", "action": "add_tag", "with": {"tag": "alerted"}},
        ]
    body = {
        "id": WORKFLOW,
        "org": org,
        "version": 1,
        "name": "Three steps",
        "state": "enabled",
        "trigger": {"type": "alert.triggered"},
        "conditions": {"field": "alert.severity", "op": "equals", "value": "critical"},
        "steps": steps,
    }
    compile_workflow(parse_definition(body))
    return orjson.dumps(body)


class Event(NamedTuple):
    """An event ready to be sent, and the run that it will start."""

    partition: int
    key: bytes
    value: bytes
    run: str


def events(phase: str, count: int, partitions: int, orgs: Sequence[str] = (ORG,)) -> list[Event]:
    """That many alerts, each of an entity of its own; `phase` keeps their ids apart from those of other phases.

    Where there are several organisations they take turns.
    """
    return [_event(f"{phase}-{number}", partitions, orgs[number % len(orgs)]) for number in range(count)]


def one_for_each_partition(phase: str, partitions: int) -> list[Event]:
    """Alerts such as `events` makes, just one on each partition."""
    found: dict[int, Event] = {}
    number = 0
    while len(found) < partitions:
        event = _event(f"{phase}-{number}", partitions)
        found.setdefault(event.partition, event)
        number += 1
    return list(found.values())


def _event(name: str, partitions: int, org: str = ORG) -> Event:
    subject = f"alert/{name}"
    body = {
        "specversion": "1.0",
        "id": f"ev-{name}",
        "source": SOURCE,
        "type": "alert.triggered",
        "subject": subject,
        "time": "2026-11-23T08:00:00Z",
        "orgid": org,
        "datacontenttype": "application/json",
        "data": {
            "alert": {"id": name, "title": "Disk full", "message": "C: has 1 % left", "severity": "critical"},
            "device": {"id": "d-17", "name": "SRV-01", "criticality": 4},
            "company": {"id": "c-1", "name": "Globex"},
        },
    }
    key = entity_key(org, subject).encode()
    return Event(partition_of(key, partitions), key, orjson.dumps(body), run_id(org, WORKFLOW, SOURCE, f"ev-{name}"))
