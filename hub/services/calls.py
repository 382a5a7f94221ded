"""What an action would send: method, address and body, as it would be performed; secrets by their names alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote, urlsplit

import orjson

from schemas.chats import slack_message, teams_message
from schemas.requests import MODULE_REQUESTS, Request, Unsendable, push

Told = dict[str, Any]
"""method, url and body."""

_CHATS: Final[dict[str, Callable[[str, str], dict[str, Any]]]] = {"teams": teams_message, "slack": slack_message}


def call_told(action: str, given: Any, event: Mapping[str, Any]) -> Told | None:
    """The call of an action with these rendered parameters on this event; None where it sends nothing.

    A module's base URL is the installation's own, and is told as DESIGN.md §6 writes it: `{PSA}/v1/tickets`.
    """
    if not isinstance(given, Mapping):
        return None
    kind, _, id = str(event.get("subject", "")).partition("/")
    try:
        if action in MODULE_REQUESTS:
            return _of_module(MODULE_REQUESTS[action](given, kind, id))
        if action == "send_notification":
            return _of_notification(given, kind, id)
    except Unsendable:
        return None
    return _of_webhook(given, event) if action == "webhook" else None


def _of_module(request: Request) -> Told:
    module = request.base.removeprefix("ONESTACK_").removesuffix("_URL")
    return {"method": request.method, "url": f"{{{module}}}{request.path}", "body": request.body}


def _of_notification(given: Mapping[str, Any], kind: str, id: str) -> Told | None:
    channel, subject, body = given.get("channel"), _text(given.get("subject")), _text(given.get("body"))
    if channel == "push":
        return _of_module(push(given, kind, id))
    if channel == "email":
        to = given.get("to")
        people = [str(one) for one in to] if isinstance(to, list) else [str(to)]
        content = {"to": people, "subject": subject, "body": body}
        return {"method": "SMTP", "url": f"mailto:{','.join(quote(one, safe='@+') for one in people)}", "body": content}
    if isinstance(channel, str) and channel in _CHATS:
        return {"method": "POST", "url": _address(given.get("to"), whole=False), "body": _CHATS[channel](subject, body)}
    return None


def _of_webhook(given: Mapping[str, Any], event: Mapping[str, Any]) -> Told:
    body = given.get("body")
    if isinstance(body, str):
        with suppress(orjson.JSONDecodeError):
            body = orjson.loads(body)
    return {"method": "POST", "url": _address(given.get("url"), whole=True), "body": event if body is None else body}


def _address(url: Any, *, whole: bool) -> str:
    """Where a webhook goes; of a chat, whose address is its password, the host alone."""
    text = _text(url)
    if whole or text.startswith("secret:"):
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return "…"
    return f"{parts.scheme}://{parts.hostname}/…" if parts.scheme and parts.hostname else "…"


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
