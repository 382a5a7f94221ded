"""What the simulator shows of a call is what an action really sends."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from hub.services.calls import call_told
from tests.integration.actions.conftest import EVENT

CASES: list[tuple[str, dict[str, Any]]] = [
    ("create_ticket", {"title": "Disk full", "status": "New", "company_id": "c-1"}),
    ("update_ticket", {"fields": {"status": "Open"}, "ticket_id": "T 1/ä"}),
    ("send_notification", {"channel": "push", "to": "u-2", "body": "B"}),
    ("send_notification", {"channel": "teams", "to": "secret:CHAT", "subject": "S", "body": "B\nC"}),
    ("send_notification", {"channel": "slack", "to": "secret:CHAT", "subject": "S & T", "body": "<B>"}),
    ("escalate_on_call", {"team": "noc", "severity": "critical"}),
    ("update_field", {"field": "tier", "value": [1, None]}),
    ("update_field", {"field": "tier", "value": 2, "entity_type": "company", "entity_id": "7"}),
    ("run_script", {"script_id": "s-1", "device_id": "d-17", "parameters": {"force": True}}),
    ("create_note", {"body": "B", "company_id": "c-1"}),
    ("add_tag", {"tag": "t"}),
    ("webhook", {"url": "secret:CHAT"}),
    ("webhook", {"url": "secret:CHAT", "body": {"a": 1}}),
    ("webhook", {"url": "secret:CHAT", "body": '{"a": 1}'}),
]


@pytest.mark.parametrize(("action", "given"), CASES)
async def test_a_call_is_sent_as_it_is_shown(receiver: Any, acting: Any, action: str, given: dict[str, Any]) -> None:
    modules = dict.fromkeys(("psa_url", "rmm_url", "hub_url", "oncall_url"), receiver.url)
    environ = {"ONESTACK_SECRET_CHAT": f"{receiver.url}/chat"}
    perform = await acting(environ=environ, webhook_allow="127.0.0.0/8", **modules)
    await perform(action, **given)
    [seen] = receiver.seen
    event = {**EVENT, "subject": "device/d-17"}
    shown = call_told(action, given, event)
    assert shown is not None
    place = "/chat" if shown["url"] == "secret:CHAT" else shown["url"].partition("}")[2]
    assert (shown["method"], place) == (seen.method, seen.path)
    sent = orjson.loads(seen.body)
    # A webhook's body is the event by default; the fixture's lacks the subject that is known here.
    assert shown["body"] == (event if sent == EVENT else sent)
