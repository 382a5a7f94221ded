"""Names that others build against: topics, keys, ids. The topics' table is DESIGN.md §3."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final, Literal

ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"
"""Ids of organisations, workflows and steps."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")

Severity = Literal["critical", "high", "medium", "low", "info"]
Priority = Literal["P1", "P2", "P3", "P4"]
SEVERITIES: Final = ("critical", "high", "medium", "low", "info")
PRIORITIES: Final = ("P1", "P2", "P3", "P4")

RUN_ENDS: Final = ("completed", "failed", "cancelled", "skipped", "suppressed")
"""How a run ends: its status then, and behind `run.` the type of its last entry."""

MODULES: Final = ("psa", "rmm", "security", "backups", "books", "crm", "hub")
EVENT_TOPICS: Final = {module: f"onestack.events.{module}" for module in MODULES}
DEFINITIONS: Final = "onestack.workflow.definitions"
RUNS: Final = "onestack.workflow.runs"
CONTROL: Final = "onestack.workflow.control"
DEAD_LETTERS: Final = "onestack.workflow.dead-letters"
TIMERS: Final = "onestack.workflow.timers"
"""Runs that wait, each under the id of the entry that will end its wait; compacted."""
SIGNALS: Final = "onestack.workflow.signals"
"""What may cancel or restart a run: remembered, for a run may be seen after it."""
GUARD: Final = "onestack.workflow.guard"
ADMISSIONS: Final = "onestack.workflow.admissions"
"""Requests to start a run that a guard counts, and what the guards decided; both keyed `{org}/{workflow id}`."""

WORKER_GROUP: Final = "onestack-worker"
"""The consumer group that all workers form."""
PROJECTOR_GROUP: Final = "onestack-projector"
"""That of the projectors; the name of the one that reads events begins with it."""

ACTIONS: Final = (
    "create_ticket",
    "update_ticket",
    "send_notification",
    "escalate_on_call",
    "update_field",
    "run_script",
    "create_note",
    "add_tag",
    "webhook",
    "delay",
)
COMMANDS: Final = "onestack.workflow.commands."
"""What every command topic's name begins with."""


def command_topic(action: str) -> str:
    """The topic that holds the commands of one action."""
    return COMMANDS + action.replace("_", "-")


COMMAND_TOPICS: Final = {action: command_topic(action) for action in ACTIONS}

ENTRY_SOURCE: Final = "/workflow-engine"
"""The CloudEvents `source` of every run-log entry."""


def is_id(text: object) -> bool:
    """Whether this is an id as organisations, workflows and steps have them."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def entity_key(org: str, subject: str) -> str:
    """The key that all records about one entity share, for example `acme/device/d-17`."""
    return f"{org}/{subject}"


def run_id(org: str, workflow_id: str, source: str, event_id: str) -> str:
    """The run that this event starts of this workflow: always the same 32 hex digits for the same four."""
    digest = blake2b(digest_size=16)
    for part in (org, workflow_id, source, event_id):
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(4, "big"))
        digest.update(raw)
    return digest.hexdigest()


def rerun_id(run: str, request: str) -> str:
    """The run that a request to run this one again makes: a repeated request makes no second one."""
    return run_id("rerun", run, "", request)


def command_id(run: str, generation: int, step: str) -> str:
    """The id of a step's command, the same for every attempt: the Idempotency-Key that modules see."""
    return f"{run}:{generation}:{step}"


def traceparent(run: str, command: str, given: str | None) -> str:
    """A W3C trace context (https://www.w3.org/TR/trace-context/) for one call.

    The trace is the event's where it has one, else the run's own id; the span is made from the command id.
    """
    trace, flags = run, "01"
    if (found := parse_traceparent(given)) is not None:
        trace, _, flags = found
    span = blake2b(command.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"00-{trace}-{span}-{flags}"


def parse_traceparent(given: object) -> tuple[str, str, str] | None:
    """The trace id, the span id and the flags of a W3C `traceparent`, in hex; None where it is none."""
    if not isinstance(given, str) or _TRACEPARENT.fullmatch(given) is None:
        return None
    return given[3:35], given[36:52], given[53:55]


_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
