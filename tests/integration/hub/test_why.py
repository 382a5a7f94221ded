"""Why an event started workflows, or did not, by the API."""

from __future__ import annotations

import datetime as dt

import pytest

from hub.documents.why import Why, WhyEntity
from runtime.postgres import Connection
from tests.integration.hub.conftest import Client
from tests.integration.hub.past import NOW, Past, definition, event


@pytest.fixture
async def past(connection: Connection) -> Past:
    return await Past(connection).begin()


async def test_each_workflow_says_what_became_of_the_event(past: Past, client: Client) -> None:
    for body in (
        definition(),
        definition(id="strict", conditions={"field": "device.criticality", "op": "greater_than", "value": 8}),
        definition(id="off", state="disabled"),
        definition(id="other", trigger={"type": "alert.triggered"}),
    ):
        await past.define(body)
    await past.define(definition(id="late"), NOW + dt.timedelta(minutes=1))
    await past.happen(event("ev-1"))
    run_id = await past.run(definition(), event("ev-1"))
    skipped = await past.run(definition(id="strict", conditions={
        "field": "device.criticality", "op": "greater_than", "value": 8}), event("ev-1"))  # fmt: skip
    answer = await client().get("/why", params={"event": "ev-1"})
    Why.model_validate_json(answer.content)
    why = answer.json()
    assert (why["event"]["id"], why["event"]["org_id"], why["event"]["title"]) == ("ev-1", "acme", "The d-1")
    told = {one["workflow"]: one for one in why["workflows"]}
    assert {name: one["verdict"] for name, one in told.items()} == {
        "wake": "ran", "strict": "condition", "off": "state", "other": "other trigger", "late": "published later",
    }  # fmt: skip
    assert (told["wake"]["run_id"], told["strict"]["run_id"]) == (run_id, skipped)
    assert [leaf["actual"] for leaf in told["strict"]["failing"]] == [5]


async def test_an_event_that_was_refused_is_told_with_its_dead_letters(past: Past, client: Client) -> None:
    await past.refuse(value='{"id":"ev-bad"}', reason="is required", field="source")
    await past.refuse(value='{"id":"ev-bad"}', key="globex/device/d", offset=8)
    why = (await client().get("/why?event=ev-bad")).json()
    assert (why["event"], why["workflows"]) == (None, [])
    assert [(one["field"], one["key"]) for one in why["dead_letters"]] == [("source", "acme/device/d")]


async def test_of_an_event_that_nobody_knows_nothing_is_told(past: Past, client: Client) -> None:
    await past.happen(event("theirs", org="globex"))
    for unknown in ("nowhere", "theirs"):
        why = (await client().get("/why", params={"event": unknown})).json()
        assert why == {"event": None, "workflows": [], "also": [], "dead_letters": []}


async def test_where_two_sources_have_an_id_one_has_to_be_named(past: Past, client: Client) -> None:
    await past.happen(event("twin"), event("twin", source="/security"))
    answer = await client().get("/why?event=twin")
    assert (answer.status_code, sorted(answer.json()["sources"])) == (409, ["/rmm", "/security"])
    assert (await client().get("/why?event=twin&source=/rmm")).json()["event"]["source"] == "/rmm"


async def test_an_entity_is_told_by_its_latest_events(past: Past, client: Client) -> None:
    await past.define(definition())
    times = ("2026-11-26T10:00:00Z", "2026-11-26T11:00:00Z", "2026-11-26T11:30:00Z")
    await past.happen(*(event(f"ev-{number}", time=at) for number, at in enumerate(times)))
    await past.happen(event("another", "device/d-2"))
    answer = await client().get("/why?entity=device/d-1")
    WhyEntity.model_validate_json(answer.content)
    told = answer.json()
    assert told["entity"] == "acme/device/d-1"
    assert [one["event"]["id"] for one in told["items"]] == ["ev-2", "ev-1", "ev-0"]
    assert [one["workflows"][0]["verdict"] for one in told["items"]] == ["no run"] * 3
    few = (await client().get("/why?entity=acme/device/d-1&limit=1&since=2026-11-26T11:00:00Z")).json()["items"]
    assert [one["event"]["id"] for one in few] == ["ev-2"]
    assert (await client("globex").get("/why?entity=device/d-1")).json()["items"] == []


async def test_either_an_event_or_an_entity_is_asked_about(client: Client) -> None:
    for query in ("", "event=a&entity=device/d"):
        assert (await client().get(f"/why?{query}")).status_code == 422
