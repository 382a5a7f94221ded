"""Workflows as files: what is exported can be imported, here or elsewhere; each document has its own result."""

from __future__ import annotations

from typing import Any

import orjson

from schemas.documents import load_yaml
from tests.integration.hub.live import Hub, Live, definition

YAML = {"content-type": "application/yaml"}


async def test_what_is_exported_can_be_imported_into_another_organisation(hub: Hub, live: Live) -> None:
    org = live.org()
    ada = hub.of(org)
    conditions = {"any": [{"field": "device.name", "op": "starts_with", "value": "SRV"}]}
    await ada.post("/workflows", definition(id="one", conditions=conditions), 201)
    await ada.post("/workflows", definition(id="two", name="Zwei", state="draft"), 201)
    exported = await ada.ask("GET", "/export", 200)
    assert exported.headers["content-disposition"] == f'attachment; filename="{org}-workflows.yaml"'
    assert [one["id"] for one in load_yaml(exported.content)] == ["one", "two"]
    assert exported.text.startswith(f"id: one\norg: {org}\nversion: 1\nname: Device down\n")

    bob = hub.of(live.org())
    tried = await bob.ask("POST", "/import", 200, params={"dry_run": True}, content=exported.content, headers=YAML)
    assert [one["result"] for one in tried.json()["items"]] == ["created", "created"]
    assert (await bob.get("/workflows"))["items"] == []
    done = await bob.ask("POST", "/import", 200, content=exported.content, headers=YAML)
    assert [(one["id"], one["result"], one["version"]) for one in done.json()["items"]] == [
        ("one", "created", 1), ("two", "created", 1),
    ]  # fmt: skip
    assert (await bob.get("/workflows/one"))["definition"]["conditions"] == conditions
    again = await bob.ask("POST", "/import", 200, content=exported.content, headers=YAML)
    assert [one["result"] for one in again.json()["items"]] == ["unchanged", "unchanged"]


async def test_each_document_of_an_import_has_its_own_result(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org())
    await ada.post("/workflows", definition(id="there"), 201)
    bodies: list[Any] = [
        definition(id="there", name="Changed"),
        definition(id="bad", steps=[{"id": "a", "action": "fly"}]),
        definition(id="there", name="Twice"),
        {"id": "cal", "time_zone": "UTC", "hours": {"mon": "09:00-17:00"}, "version": 1},
        definition(name="No id"),
    ]
    items = (await ada.post("/import", bodies, params={"state": "disabled"}))["items"]
    assert [(one["id"], one["result"], one["version"]) for one in items] == [
        ("there", "updated", 2), ("bad", "refused", None), ("there", "refused", None), ("cal", "refused", None),
        ("no-id", "created", 1),
    ]  # fmt: skip
    assert items[1]["faults"][0]["pointer"] == "/steps/0/action"
    assert "stands in document 1 already" in items[2]["faults"][0]["reason"]
    assert (await ada.get("/workflows"))["counts"] == {"draft": 0, "shadow": 0, "enabled": 0, "disabled": 2}


async def test_one_workflow_is_exported_as_yaml_and_as_json(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org())
    made = await ada.post("/workflows", definition(id="w"), 201)
    yaml = await ada.ask("GET", "/workflows/w/export", 200)
    assert yaml.headers["content-type"].startswith("application/yaml")
    assert load_yaml(yaml.content) == [made["definition"]]
    json = await ada.ask("GET", "/workflows/w/export", 200, params={"format": "json"})
    assert json.json() == made["definition"]
    assert json.headers["content-disposition"] == 'attachment; filename="w.json"'
    await ada.ask("GET", "/workflows/w/export", 422, params={"format": "xml"})


async def test_bombs_and_what_is_too_large_are_refused_clearly(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org())
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{one}: &{one} [{', '.join([f'*{before}'] * 10)}]\n" for before, one in zip("abcdefg", "bcdefgh", strict=True)
    )
    told = await ada.ask("POST", "/import", 422, content=bomb.encode(), headers=YAML)
    assert "more than 100,000 values" in told.json()["detail"]
    long = await ada.ask("POST", "/import", 413, content=b"a: " + b"x" * 1_000_001, headers=YAML)
    assert "at most 1,000,000" in long.json()["detail"]
    large = definition(id="large", description="x" * 3000, steps=[
        {"id": f"s{number}", "action": "create_note", "with": {"body": "x" * 10_000}} for number in range(60)
    ])  # fmt: skip
    [one] = (await ada.post("/import", large))["items"]
    assert (one["result"], one["faults"][0]["reason"][:19]) == ("refused", "the definition has ")
    refused = await ada.post("/workflows", large, 422)
    assert "at most 524,288 fit" in refused["detail"]


async def test_a_text_that_can_not_be_read_is_refused_as_a_whole(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org())
    for content, kind, status in (
        (b"{", "application/json", 400), (b"[1]", "application/json", 422), (b"a: [", "application/yaml", 422),
        (b"", "application/yaml", 422), (b"{}", "application/xml", 415), (b'"\\ud800"', "application/json", 400),
    ):  # fmt: skip
        answer = await ada.ask("POST", "/import", status, content=content, headers={"content-type": kind})
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await ada.post("/import", []))["items"] == []


async def test_a_hundred_workflows_come_in_and_go_out_at_once(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org())
    bodies = [definition(id=f"w{number:03}", name=f"Workflow {number}") for number in range(100)]
    items = (await ada.post("/import", bodies))["items"]
    assert [one["result"] for one in items] == ["created"] * 100
    exported = await ada.ask("GET", "/export", 200, params={"format": "json"})
    assert [one["id"] for one in orjson.loads(exported.content)] == [f"w{number:03}" for number in range(100)]
    first = await ada.get("/workflows", params={"limit": 200})
    assert len(first["items"]) == 100
