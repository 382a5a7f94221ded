"""The calls of the One Stack modules by which actions are performed (DESIGN.md §6): made of rendered parameters alone.

Who performs an action sends these; who tries a workflow shows them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

Given = Mapping[str, Any]
"""Rendered parameters, defaults filled in."""

_PLAIN = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]*")


class Unsendable(ValueError):  # noqa: N818 - it says what the parameters are
    """The parameters can't be sent as they are; the text is for the user."""


class Request(NamedTuple):
    """A call of a module. `base` is the variable that holds the module's base URL; `path` is quoted; `body` is JSON."""

    method: str
    base: str
    path: str
    body: Any


MakeRequest = Callable[[Given, str, str], Request]
"""From the parameters, and the triggering entity's type and id, to the call. Raises Unsendable."""


def create_ticket(given: Given, _entity_type: str, _entity_id: str) -> Request:
    """A new ticket of the PSA."""
    return Request("POST", "ONESTACK_PSA_URL", "/v1/tickets", given)


def update_ticket(given: Given, _entity_type: str, _entity_id: str) -> Request:
    """Changed fields of a ticket of the PSA."""
    ticket, fields = segment("ticket_id", given.get("ticket_id")), given.get("fields")
    if not isinstance(fields, dict):
        raise Unsendable("fields has to be an object of field names and values")
    return Request("PATCH", "ONESTACK_PSA_URL", f"/v1/tickets/{ticket}", fields)


def push(given: Given, _entity_type: str, _entity_id: str) -> Request:
    """A push message by the Hub."""
    return Request("POST", "ONESTACK_HUB_URL", "/v1/push", given)


def escalate_on_call(given: Given, _entity_type: str, _entity_id: str) -> Request:
    """An escalation of On-Call."""
    return Request("POST", "ONESTACK_ONCALL_URL", "/v1/escalations", given)


def update_field(given: Given, entity_type: str, entity_id: str) -> Request:
    """A field of an entity of the Hub."""
    kind, id = _entity(given, entity_type, entity_id)
    body = _without(given, "entity_type", "entity_id")
    return Request("PATCH", "ONESTACK_HUB_URL", f"/v1/entities/{kind}/{id}", body)


def run_script(given: Given, _entity_type: str, _entity_id: str) -> Request:
    """A script of the RMM on a device."""
    device = segment("device_id", given.get("device_id"))
    return Request("POST", "ONESTACK_RMM_URL", f"/v1/devices/{device}/scripts", _without(given, "device_id"))


def create_note(given: Given, _entity_type: str, _entity_id: str) -> Request:
    """A note on a company's record in the Hub."""
    company = segment("company_id", given.get("company_id"))
    return Request("POST", "ONESTACK_HUB_URL", f"/v1/companies/{company}/notes", _without(given, "company_id"))


def add_tag(given: Given, entity_type: str, entity_id: str) -> Request:
    """A tag on an entity of the Hub."""
    kind, id = _entity(given, entity_type, entity_id)
    body = _without(given, "entity_type", "entity_id")
    return Request("POST", "ONESTACK_HUB_URL", f"/v1/entities/{kind}/{id}/tags", body)


MODULE_REQUESTS: Final[dict[str, MakeRequest]] = {
    "create_ticket": create_ticket,
    "update_ticket": update_ticket,
    "escalate_on_call": escalate_on_call,
    "update_field": update_field,
    "run_script": run_script,
    "create_note": create_note,
    "add_tag": add_tag,
}
"""By action, those that are always a call of a module."""


def segment(name: str, value: Any) -> str:
    """An id as one segment of a path, percent-quoted. Raises Unsendable where it can't be an id."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise Unsendable(f"{name} has to be text, not {_kind(value)}")
    if not value.strip():
        raise Unsendable(f"{name} is empty")
    if value in {".", ".."}:
        raise Unsendable(f"{name} can't be {value!r}")
    if _PLAIN.fullmatch(value):
        return value
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise Unsendable(f"{name} is not valid text") from None


def _entity(given: Given, entity_type: str, entity_id: str) -> tuple[str, str]:
    """The path segments of the entity that is meant: the parameters, or else the triggering entity."""
    kind, id = given.get("entity_type", entity_type), given.get("entity_id", entity_id)
    return segment("entity_type", kind), segment("entity_id", id)


def _without(given: Given, *names: str) -> dict[str, Any]:
    """The parameters that go into the body: all but those that stand in the path."""
    return {name: value for name, value in given.items() if name not in names}


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", bool: "true or false", float: "a fraction"}
    return names.get(type(value), "nothing")
