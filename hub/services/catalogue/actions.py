"""The ten actions for people: what each does, its form, and what it answers."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from hub.services.catalogue.fields import Field, Type, title_of
from hub.services.catalogue.forms import Schema, form_of
from schemas.names import ACTIONS, PRIORITIES, command_topic


class Action(NamedTuple):
    """An action as a designer offers it; `output` are the paths below `steps.<id>`."""

    action: str
    title: str
    description: str
    schema: Schema
    output: tuple[Field, ...]
    topic: str


_TOLD: Final = {
    "create_ticket": (
        "Create ticket",
        "Open a new PSA ticket with configurable board, status, priority, and description.",
    ),
    "update_ticket": ("Update ticket", "Change fields on the triggering ticket (status, priority, assignee, etc.)."),
    "send_notification": ("Send notification", "Send an email, push notification, or Teams/Slack message."),
    "escalate_on_call": ("Escalate to On-Call", "Trigger the On-Call escalation chain for the relevant team."),
    "update_field": ("Update field", "Set a field value on the triggering entity or a related entity."),
    "run_script": ("Run script", "Execute an RMM script on the affected endpoint."),
    "create_note": ("Create note", "Add a note to the related Hub company record."),
    "add_tag": ("Add tag", "Apply a tag to the triggering entity."),
    "webhook": ("Webhook", "Send an HTTP POST to an external URL with the event payload."),
    "delay": ("Delay", "Wait a specified duration before continuing to the next action."),
}
_TICKET: Final[tuple[tuple[str, Type, Any, str | None], ...]] = (
    ("id", "text", "T-10001", "The ticket's id."),
    ("title", "text", "Disk full", None),
    ("status", "text", "New", None),
    ("priority", "text", "P1", None),
    ("board", "text", "Alerts", None),
    ("description", "text", None, None),
    ("company_id", "text", "c-1", None),
    ("created_at", "time", "2026-11-23T08:00:00Z", None),
)
_OUTPUTS: Final[dict[str, tuple[tuple[str, Type, Any, str | None], ...]]] = {
    "create_ticket": _TICKET,
    "update_ticket": (*_TICKET, ("updated_at", "time", "2026-11-23T08:00:00Z", None)),
    "send_notification": (
        ("message_id", "text", "<4f2b.0.tell@msp.example>", "Of an e-mail: its Message-ID."),
        ("accepted", "list", ["sam@globex.example"], "Of an e-mail: the addresses that the mail server took."),
        ("id", "text", "push-1", "Of a push notification: its id."),
        ("status", "text", "sent", "Of a push notification: what became of it."),
    ),
    "escalate_on_call": (
        ("id", "text", "esc-1", "The escalation's id."),
        ("status", "text", "called", "What became of it."),
        ("team", "text", "Network", None),
        ("severity", "text", "critical", None),
        ("message", "text", None, None),
        ("on_call.name", "text", "Imke Brandt", "Who was called."),
    ),
    "update_field": (("id", "text", "d-17", "The entity's id; its other fields stand beside it."),),
    "run_script": (
        ("id", "text", "job-1", "The job's id."),
        ("status", "text", "completed", "What became of it."),
        ("device_id", "text", "d-17", None),
        ("script_id", "text", "restart-spooler", None),
        ("parameters", "object", None, None),
    ),
    "create_note": (
        ("id", "text", "note-1", "The note's id."),
        ("title", "text", None, None),
        ("body", "text", "Seen", None),
        ("company_id", "text", "c-1", None),
    ),
    "add_tag": (
        ("id", "text", "d-17", "The entity's id."),
        ("tags", "list", ["server", "needs-review"], "All tags that it has now."),
    ),
    # What a receiver answers is the receiver's affair: its JSON stands below steps.<id> as it is.
    "webhook": (),
    "delay": (("until", "time", "2026-11-23T08:15:00Z", "When the wait was over."),),
}


def all_actions() -> list[Action]:
    """Every action, in the order in which the product lists them."""
    return [_action(name) for name in ACTIONS]


def _action(name: str) -> Action:
    title, description = _TOLD[name]
    output = tuple(
        Field(
            path,
            title_of(tuple(path.split("."))),
            kind,
            list(PRIORITIES) if path == "priority" else None,
            sample,
            told,
        )
        for path, kind, sample, told in _OUTPUTS[name]
    )
    return Action(name, title, description, form_of(name, title), output, command_topic(name))
