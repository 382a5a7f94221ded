"""What an action might answer, for runs that perform none: in shadow, and when a definition is tried."""

from __future__ import annotations

from typing import Any, Final

_NAMED: Final = {
    "create_ticket": "ticket",
    "escalate_on_call": "escalation",
    "run_script": "job",
    "create_note": "note",
    "send_notification": "message",
}
"""What is made by the actions that make something."""
_STATUS: Final = {"run_script": "completed", "escalate_on_call": "called", "send_notification": "sent"}


def imagine(action: str, given: dict[str, Any], step: str) -> Any:
    """An answer of the shape that the modules' have; what it makes has an id that tells that it was imagined.

    `given` are the rendered parameters. The same answer for the same step and parameters.
    """
    if action == "webhook":
        return {}
    if action == "update_ticket":
        fields = given.get("fields")
        return {"id": given.get("ticket_id"), **(fields if isinstance(fields, dict) else {})}
    if action == "update_field":
        return {"id": given.get("entity_id"), str(given.get("field")): given.get("value")}
    if action == "add_tag":
        return {"id": given.get("entity_id"), "tags": [given.get("tag")]}
    made = {"id": f"imagined-{_NAMED.get(action, action)}-{step}"}
    if action == "send_notification":
        return {**made, "status": _STATUS[action]}
    return {**given, **made, **({"status": _STATUS[action]} if action in _STATUS else {})}
