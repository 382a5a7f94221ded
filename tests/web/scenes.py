"""Workflows and events that the browser tests are about."""

from __future__ import annotations

from typing import Any


def alert(number: str = "a-1", **more: Any) -> dict[str, Any]:
    """What an alert's event tells."""
    return {
        "alert": {"id": number, "title": "Disk full", "message": "C: has 1 % left.", "severity": "critical", **more},
        "device": {"id": "d-17", "name": "SRV-01", "type": "server", "criticality": 5},
        "company": {"id": "c-1", "name": "Globex"},
    }


def alert_to_ticket(id: str = "alert-to-ticket", **more: Any) -> dict[str, Any]:
    """A ticket for a critical alert, then a note."""
    return {
        "id": id,
        "name": "Alert to Ticket",
        "description": "Opens a ticket for a critical alert.",
        "state": "enabled",
        "trigger": {"type": "alert.triggered"},
        "conditions": {"field": "alert.severity", "op": "equals", "value": "critical"},
        "steps": [
            {"id": "ticket", "action": "create_ticket", "with": {"title": "{{alert.title}} on {{device.name}}"}},
            {"id": "note", "action": "create_note", "with": {"body": "Ticket {{steps.ticket.id}}"}},
        ],
        **more,
    }


def branching(id: str = "branching") -> dict[str, Any]:
    """Two ways, of which a critical alert takes the first; then both go on."""
    tag = {"action": "add_tag", "with": {"tag": "seen"}}
    return alert_to_ticket(
        id,
        name="Two Ways",
        conditions=None,
        steps=[
            {
                "id": "which",
                "if": {"field": "alert.severity", "op": "equals", "value": "critical"},
                "then": [{"id": "yes", **tag}],
                "else": [{"id": "no", **tag}],
            },
            {"id": "after", **tag},
        ],
    )


def failing(id: str = "failing") -> dict[str, Any]:
    """A webhook to nowhere, tried again twice at once; then a note."""
    retry = {"max_retries": 2, "initial_interval": "PT0.1S"}
    return alert_to_ticket(
        id,
        name="Calls Nobody",
        conditions=None,
        steps=[
            {"id": "call", "action": "webhook", "retry": retry, "with": {"url": "https://nobody.invalid/hook"}},
            {"id": "note", "action": "create_note", "with": {"body": "It went on"}},
        ],
    )
