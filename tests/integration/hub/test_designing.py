"""What the designer asks while somebody writes: the catalogue, validation, templates, and a try on one event."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from schemas.documents import load_yaml
from schemas.templates import built_in
from tests.integration.hub.live import Hub, Live, definition

ALERT = {
    "name": "Alert to ticket", "state": "draft", "trigger": {"type": "alert.triggered"},
    "conditions": {"field": "alert.severity", "op": "in", "value": ["critical", "high"]},
    "steps": [
        {"id": "ticket", "action": "create_ticket", "with": {"title": "{{alert.title}}", "priority": "P1"}},
        {"id": "which", "if": {"field": "alert.severity", "op": "equals", "value": "critical"}, "then": [
            {"id": "tell", "action": "send_notification", "with": {
                "channel": "slack", "to": "secret:SLACK", "body": "{{steps.ticket.id}}"}},
        ], "else": [{"id": "note", "action": "create_note", "with": {"body": "x"}}]},
        {"id": "wait", "action": "delay", "with": {"for": "15m"}},
        {"id": "hook", "action": "webhook", "with": {"url": "https://hooks.example/x"}},
    ],
}  # fmt: skip


async def test_the_catalogue_comes_once_and_is_then_known(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org(), "Viewer")
    first = await ada.ask("GET", "/catalogue", 200)
    assert first.headers["content-encoding"] == "gzip"
    assert first.headers["cache-control"] == "private, no-cache"
    tag = first.headers["etag"]
    assert not tag.startswith("W/")
    again = await ada.ask("GET", "/catalogue", 304, headers={"if-none-match": f'"x", {tag}'})
    assert (again.content, again.headers["etag"]) == (b"", tag)
    plain = await ada.ask("GET", "/catalogue", 200, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.headers["etag"] != tag
    assert plain.json() == first.json()


async def test_a_definition_is_checked_as_json_and_as_yaml(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org(), "Viewer")
    found = await ada.post("/validate", {"definition": ALERT})
    assert (found["valid"], found["ready"], found["faults"], found["missing"]) == (True, True, [], [])
    assert found["sentences"] == {
        "trigger": "When a monitoring alert fires",
        "conditions": "severity is critical or high",
        "ticket": "Create ticket “{{alert.title}}”, P1",
        "which": "If severity is critical",
        "which.then.tell": "Post to Slack: “{{steps.ticket.id}}”",
        "which.else.note": "Add a note to the company: “x”",
        "wait": "Wait 15 minutes",
        "hook": "Send a webhook to https://hooks.example/x",
    }
    assert load_yaml(found["yaml"]) == [ALERT] == [found["definition"]]
    back = await ada.ask("POST", "/validate", 200, content=found["yaml"], headers={"content-type": "application/yaml"})
    assert back.json() == found


async def test_faults_warnings_and_what_is_missing_are_told_apart(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org())
    steps = [
        {"id": "a", "action": "create_ticket", "with": {}},
        {"id": "b", "action": "add_tag", "with": {"tag": "{{alert.nope}}"}},
        {"id": "c", "action": "delay", "with": {"until": "business_hours"}},
    ]
    found = await ada.post("/validate", {"definition": {**ALERT, "steps": steps}})
    assert (found["valid"], found["ready"]) == (True, False)
    assert [one["pointer"] for one in found["missing"]] == ["/steps/0/with/title"]
    assert [one["field"] for one in found["warnings"]] == ["steps[1].with.tag", "steps[2].with.calendar"]
    enabled = await ada.post("/validate", {"definition": {**ALERT, "steps": steps, "state": "enabled"}})
    assert (enabled["valid"], [one["pointer"] for one in enabled["faults"]]) == (False, ["/steps/0/with/title"])
    text = await ada.ask("POST", "/validate", 200, content=b"a: [", headers={"content-type": "application/yaml"})
    assert (text.json()["valid"], text.json()["definition"], text.json()["yaml"]) == (False, None, None)


async def test_what_is_no_request_is_refused(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org())
    await ada.ask("POST", "/validate", 400, content=b"{", headers={"content-type": "application/json"})
    await ada.ask("POST", "/validate", 415, content=b"{}", headers={"content-type": "text/plain"})
    await ada.ask("POST", "/validate", 413, content=b" " * 600_000, headers={"content-type": "application/yaml"})
    await ada.post("/validate", {"definition": 5}, 422)
    await ada.post("/validate", {}, 422)
    deep: Any = {}
    for _ in range(200):
        deep = {"a": deep}
    found = await ada.post("/validate", {"definition": deep})
    assert (found["valid"], found["definition"]) == (False, None)


async def test_templates_are_listed_and_filled_into_a_draft_that_can_be_saved(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org())
    listed = (await ada.get("/templates"))["items"]
    assert [one["name"] for one in listed] == list(built_in())
    needed = {"email": "a@b.example", "list": ["x"], "number": 1, "duration": "1h", "secret": "secret:X"}
    for one in listed:
        values = {each["name"]: needed.get(each["type"], "x") for each in one["parameters"] if each["required"]}
        filled = await ada.post(f"/templates/{one['name']}/fill", {"values": values})
        assert filled["definition"]["state"] == "draft"
        made = await ada.post("/workflows", filled["definition"], 201)
        assert made["id"] == one["name"]
        ready = await ada.post(f"/workflows/{one['name']}/enable", None)
        assert ready["state"] == "enabled"
    second = await ada.post("/templates/alert-to-ticket/fill", {"values": {"board": "NOC"}, "name": "For the NOC"})
    assert (second["definition"]["id"], second["definition"]["name"]) == ("alert-to-ticket-2", "For the NOC")
    await ada.post("/templates/none/fill", {"values": {}}, 404)
    refused = await ada.post("/templates/alert-to-ticket/fill", {"values": {"nope": 1, "quiet": "x"}}, 422)
    assert {one["field"] for one in refused["faults"]} == {"nope", "quiet"}


async def test_a_try_on_sample_data_tells_the_way_taken_and_what_would_be_sent(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org(), "Viewer")
    played = await ada.post("/simulate", {"definition": ALERT, "event": {"type": "alert.triggered"}})
    assert played["status"] == "completed"
    assert [(one["step"], one["status"]) for one in played["steps"]] == [
        ("ticket", "succeeded"), ("which", "succeeded"), ("which.then.tell", "succeeded"), ("wait", "succeeded"),
        ("hook", "succeeded"),
    ]  # fmt: skip
    assert played["requests"]["ticket"] == {
        "method": "POST", "url": "{PSA}/v1/tickets",
        "body": {"title": "Disk full", "priority": "P1", "status": "New", "company_id": "c-1"},
    }  # fmt: skip
    chat = played["requests"]["which.then.tell"]
    assert (chat["method"], chat["url"]) == ("POST", "secret:SLACK")
    assert chat["body"]["text"] == "imagined-ticket-ticket"
    assert played["requests"]["hook"]["url"] == "https://hooks.example/x"
    assert played["requests"]["hook"]["body"]["type"] == "alert.triggered"
    assert [(one["step"], one["why"]) for one in played["not_reached"]] == [("which.else.note", "which was true")]
    assert played["lasted_ms"] == 900_000
    assert played["story"][:4] == [
        "alert.triggered sample-1 about alert/a-1 came in.",
        "The conditions held: severity is critical or high.",
        "ticket: Create ticket “Disk full”, P1: would succeed.",
        "which: severity is critical? Yes.",
    ]
    assert played["story"][-1] == "The run completed after 15 min."


async def test_a_try_takes_changes_failures_and_signals(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org())
    body = {**ALERT, "cancel_on": [{"type": "alert.resolved"}]}
    asked = {
        "definition": body, "event": {"type": "alert.triggered"}, "changes": {"alert.severity": "high"},
        "fail": {"ticket": {"status": 503, "times": 1}, "note": {"timeout": True}},
        "signals": [{"type": "alert.resolved", "after": "10m"}], "at": "2026-11-23T08:00:00+01:00",
    }  # fmt: skip
    played = await ada.post("/simulate", asked)
    steps = {one["step"]: one for one in played["steps"]}
    assert [one["error"] is None for one in steps["ticket"]["attempts"]] == [False, True]
    assert steps["which.else.note"]["status"] == "failed"
    assert played["started"] == "2026-11-23T07:00:00.000000Z"
    assert (played["status"], played["signals"][0]["effect"]) == ("cancelled", "cancel")
    skipped = await ada.post("/simulate", {**asked, "changes": {"alert.severity": "low"}, "signals": []})
    assert (skipped["status"], skipped["steps"], skipped["conditions"]["result"]) == ("skipped", [], False)


async def test_a_try_on_the_workflow_in_force_and_on_a_real_event(hub: Hub, live: Live) -> None:
    org = live.org()
    ada = hub.of(org)
    await ada.post("/workflows", definition(id="down"), 201)
    event = {
        "specversion": "1.0", "id": "ev-1", "source": "/rmm", "type": "device.offline", "subject": "device/d-9",
        "time": "2026-11-23T08:00:00Z", "orgid": org, "data": {"device": {"id": "d-9", "name": "SRV-09"}},
    }  # fmt: skip
    await live.emit(event)
    asked = {"workflow_id": "down", "event": {"id": "ev-1"}}
    for _ in range(200):
        answer = await ada.ask("POST", "/simulate", json=asked)
        if answer.status_code == 200:
            break
        await asyncio.sleep(0.1)
    played = answer.json()
    assert played["requests"]["note"] == {
        "method": "POST",
        "url": "{HUB}/v1/companies/c-1/notes",
        "body": {"body": "SRV-09"},
    }
    given = await ada.post("/simulate", {"workflow_id": "down", "event": {"envelope": {**event, "id": "ev-2"}}})
    assert given["event"]["id"] == "ev-2"
    stranger = hub.of(live.org())
    await stranger.post("/workflows", definition(id="down"), 201)
    refused = await stranger.post("/simulate", asked, 422)
    assert refused["faults"][0]["pointer"] == "/event/id"
    other = await stranger.post("/simulate", {"workflow_id": "down", "event": {"envelope": event}}, 422)
    assert other["faults"][0]["field"] == "event.orgid"


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"event": {"type": "alert.triggered"}}, ""),
        ({"definition": ALERT, "workflow_id": "x", "event": {"type": "alert.triggered"}}, ""),
        ({"definition": ALERT, "event": {"type": "nope"}}, "/event/type"),
        ({"definition": ALERT, "event": {"type": "ticket.created"}}, "/event/type"),
        ({"definition": {"steps": 5}, "event": {"type": "alert.triggered"}}, "/definition/steps"),
        ({"definition": {**ALERT, "org": "other"}, "event": {"type": "alert.triggered"}}, "/definition/org"),
        ({"definition": ALERT, "event": {"envelope": {"id": "x"}}}, "/event/envelope/specversion"),
        ({"definition": ALERT, "event": {"type": "alert.triggered"}, "fail": {"nope": {}}}, "/fail/nope"),
        ({"definition": ALERT, "event": {"type": "alert.triggered"}, "takes": "soon"}, "/takes"),
        ({"definition": ALERT, "event": {"type": "alert.triggered"}, "changes": {"alert.title.x": 1}}, None),
        ({"definition": ALERT, "event": {"type": "alert.triggered"},
          "signals": [{"type": "nope", "after": "1m"}]}, "/signals/0/type"),
        ({"definition": ALERT, "event": {"type": "alert.triggered"},
          "signals": [{"type": "alert.resolved", "after": "x"}]}, "/signals/0/after"),
        ({"definition": ALERT, "event": {}}, "/event/type"),
        ({"definition": ALERT, "event": 5}, "/event"),
    ],
)  # fmt: skip
async def test_what_can_not_be_tried_is_refused_at_its_place(
    hub: Hub, live: Live, asked: dict[str, Any], pointer: str | None
) -> None:
    refused = await hub.of(live.org()).post("/simulate", asked, 422)
    assert pointer is None or pointer in [one["pointer"] for one in refused["faults"]]


async def test_a_workflow_that_is_not_there_can_not_be_tried(hub: Hub, live: Live) -> None:
    await hub.of(live.org()).post("/simulate", {"workflow_id": "none", "event": {"type": "alert.triggered"}}, 404)
    await hub.of(live.org()).post("/backtest", {"workflow_id": "none"}, 404)
