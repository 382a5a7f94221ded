"""Workflows by the API: a write is in force and readable when its answer arrives, and of two who race one wins."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.integration.hub.live import Hub, Live, definition


async def test_a_workflow_is_made_read_changed_and_deleted(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org())
    made = await ada.ask("POST", "/workflows", 201, json=definition(id="down"))
    assert (made.headers["etag"], made.headers["location"]) == ('"1"', "/api/v1/workflows/down")
    assert (await ada.get("/workflows/down")) == made.json()
    changed = await ada.ask("PUT", "/workflows/down", 200, json=definition(name="Renamed"), headers={"if-match": '"1"'})
    assert (changed.json()["version"], changed.json()["definition"]["name"]) == (2, "Renamed")
    listed = await ada.get("/workflows")
    assert [(one["name"], one["version"], one["actions"]) for one in listed["items"]] == [
        ("Renamed", 2, ["create_note"])
    ]
    await ada.ask("DELETE", "/workflows/down", 412, headers={"if-match": '"1"'})
    await ada.ask("DELETE", "/workflows/down", 204, headers={"if-match": '"2"'})
    await ada.get("/workflows/down", 404)
    assert (await ada.get("/workflows"))["items"] == []
    # Its history stays, and what comes after it goes on counting.
    assert [one["version"] for one in (await ada.get("/workflows/down/versions"))["items"]] == [2, 1]
    again = await ada.ask("POST", "/workflows", 201, json=definition(id="down"))
    assert again.json()["version"] == 3


async def test_an_id_is_made_of_the_name_and_is_unique(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org())
    ids = [(await ada.post("/workflows", definition(name="Gerät weg!"), 201))["id"] for _ in range(3)]
    assert ids == ["gerat-weg", "gerat-weg-2", "gerat-weg-3"]
    taken = await ada.post("/workflows", definition(id="gerat-weg"), 409)
    assert "already" in taken["detail"]


async def test_a_draft_may_be_unfinished_and_can_not_be_enabled_before_it_is_whole(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org())
    draft = {"name": "Half", "steps": [{"id": "t", "action": "create_ticket", "with": {}}]}
    made = await ada.post("/workflows", draft, 201)
    assert made["state"] == "draft"
    refused = await ada.post("/workflows/half/enable", None, 422)
    assert {one["pointer"] for one in refused["faults"]} >= {"/trigger"}
    assert (await ada.get("/workflows/half"))["state"] == "draft"


async def test_who_races_for_a_version_wins_or_is_told_of_it(hub: Hub, live: Live) -> None:
    org = live.org()
    ada = hub.of(org)
    await ada.post("/workflows", definition(id="raced"), 201)
    names = [f"Name {number}" for number in range(8)]
    answers = await asyncio.gather(
        *(ada.ask("PUT", "/workflows/raced", json=definition(name=one), headers={"if-match": '"1"'}) for one in names)
    )
    assert sorted(one.status_code for one in answers) == [200, *[412] * 7]
    [won] = [one.json() for one in answers if one.status_code == 200]
    assert (await ada.get("/workflows/raced"))["definition"]["name"] == won["definition"]["name"]


async def test_of_two_hubs_that_write_the_same_version_one_wins(hub: Hub, live: Live) -> None:
    org = live.org()
    await hub.of(org).post("/workflows", definition(id="raced"), 201)
    async with live.hub() as other:
        for version in range(1, 6):
            both = await asyncio.gather(
                *(
                    one.of(org).ask(
                        "PUT",
                        "/workflows/raced",
                        json=definition(name=f"{name} {version}"),
                        headers={"if-match": f'"{version}"'},
                    )
                    for one, name in ((hub, "One"), (other, "Other"))
                )
            )
            assert sorted(one.status_code for one in both) == [200, 412]
            [won] = [one.json() for one in both if one.status_code == 200]
            assert won["version"] == version + 1
            read = await other.of(org).get("/workflows/raced")
            assert read["definition"]["name"] == won["definition"]["name"]


async def test_switching_keeps_the_configuration_and_changes_nothing_twice(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org())
    made = await ada.post("/workflows", definition(id="w", state="draft"), 201)
    for path, state, version in (
        ("enable", "enabled", 2), ("enable", "enabled", 2), ("shadow", "shadow", 3), ("disable", "disabled", 4),
    ):  # fmt: skip
        switched = await ada.ask("POST", f"/workflows/w/{path}", 200)
        assert (switched.json()["state"], switched.json()["version"]) == (state, version)
        assert switched.headers["etag"] == f'"{version}"'
        assert switched.json()["definition"]["steps"] == made["definition"]["steps"]
    await ada.ask("POST", "/workflows/w/enable", 412, headers={"if-match": '"1"'})
    await ada.post("/workflows/none/enable", None, 404)


async def test_a_put_names_the_version_that_it_changes(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org())
    await ada.post("/workflows", definition(id="w"), 201)
    await ada.ask("PUT", "/workflows/w", 428, json=definition())
    stale = await ada.ask("PUT", "/workflows/w", 412, json=definition(name="x"), headers={"if-match": '"7", W/"1"'})
    assert stale.headers["etag"] == '"1"'
    await ada.ask("PUT", "/workflows/w", 200, json=definition(name="x"), headers={"if-match": "*"})
    same = await ada.ask("PUT", "/workflows/w", 200, json=definition(name="x"), headers={"if-match": '"2"'})
    assert same.json()["version"] == 2
    renamed = await ada.ask("PUT", "/workflows/w", 422, json=definition(id="v"), headers={"if-match": "*"})
    assert renamed.json()["faults"][0]["pointer"] == "/id"


async def test_nobody_reaches_another_organisations_workflow(hub: Hub, live: Live) -> None:
    org = live.org()
    await hub.of(org).post("/workflows", definition(id="mine"), 201)
    other = hub.of(live.org())
    for path in ("", "/versions", "/versions/1", "/export", "/diff?from=1&to=1"):
        await other.ask("GET", f"/workflows/mine{path}", 404)
    await other.ask("PUT", "/workflows/mine", 404, json=definition(), headers={"if-match": "*"})
    await other.ask("DELETE", "/workflows/mine", 404)
    await other.post("/workflows/mine/disable", None, 404)
    foreign = await other.post("/workflows", definition(id="x", org=org), 403)
    assert org in foreign["detail"]


async def test_the_list_is_searched_filtered_and_paged(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org())
    for name, more in (
        ("Backup", {"trigger": {"type": "backup.failed"}}), ("alert one", {"state": "draft"}), ("Alert two", {}),
        ("Zebra", {"description": "About ALERTS", "state": "shadow"}), ("ünder", {"id": "under"}),
    ):  # fmt: skip
        await ada.post("/workflows", definition(name=name, **more), 201)
    names = []
    cursor: str | None = ""
    while cursor is not None:
        page = await ada.get("/workflows", params={"limit": 2, "cursor": cursor})
        names += [one["name"] for one in page["items"]]
        cursor = page["next"]
    assert names == ["alert one", "Alert two", "Backup", "Zebra", "ünder"]
    found = await ada.get("/workflows", params={"search": "ALERT"})
    assert [one["name"] for one in found["items"]] == ["alert one", "Alert two", "Zebra"]
    assert found["counts"] == {"draft": 1, "shadow": 1, "enabled": 1, "disabled": 0}
    drafts = await ada.get("/workflows", params={"search": "alert", "state": "draft"})
    assert ([one["name"] for one in drafts["items"]], drafts["counts"]) == (["alert one"], found["counts"])
    backups = await ada.get("/workflows", params={"trigger": "backup.failed"})
    assert [one["name"] for one in backups["items"]] == ["Backup"]
    one = backups["items"][0]
    assert (len(one["days"]), one["recent"], one["success_rate"]) == (7, [], None)
    await ada.get("/workflows", 422, params={"cursor": "nonsense"})
    await ada.get("/workflows", 422, params={"limit": 1000})


async def test_the_list_tells_conditions_in_words_and_how_runs_went(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org())
    conditions = {"field": "device.name", "op": "starts_with", "value": "SRV"}
    await ada.post("/workflows", definition(id="w", conditions=conditions), 201)
    [one] = (await ada.get("/workflows"))["items"]
    assert one["conditions"] == "name starts with SRV"


async def test_versions_are_told_with_who_published_them_and_what_is_different(hub: Hub, live: Live) -> None:
    org = live.org()
    await hub.of(org, person="Ada").post("/workflows", definition(id="w"), 201)
    bob = hub.of(org, "Member", "Bob")
    tell = {"id": "tell", "action": "add_tag", "with": {"tag": "down"}}
    steps = [tell, *definition()["steps"]]
    await bob.ask("PUT", "/workflows/w", 200, json=definition(steps=steps), headers={"if-match": '"1"'})
    await bob.post("/workflows/w/disable", {})
    versions = (await bob.get("/workflows/w/versions"))["items"]
    assert [(one["version"], one["state"], one["by"]) for one in versions] == [
        (3, "disabled", "Bob"), (2, "enabled", "Bob"), (1, "enabled", "Ada"),
    ]  # fmt: skip
    first = await bob.get("/workflows/w/versions/1")
    assert (first["version"], len(first["definition"]["steps"])) == (1, 1)
    diff = await bob.get("/workflows/w/diff", params={"from": 1, "to": 3})
    assert (diff["from"], diff["to"]) == (1, 3)
    assert [(one["kind"], one["path"]) for one in diff["changes"]] == [("changed", "state"), ("added", "steps[tell]")]
    await bob.get("/workflows/w/versions/9", 404)
    await bob.get("/workflows/w/diff", 404, params={"from": 1, "to": 9})


async def test_a_loop_with_another_workflow_is_told(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org())
    update = {"id": "set", "action": "update_ticket", "with": {"fields": {"status": "Open"}}}
    body = definition(id="a", name="A", trigger={"type": "ticket.updated"}, steps=[update])
    made = await ada.post("/workflows", body, 201)
    assert [one["workflows"] for one in made["cycles"]] == [["a"]]
    assert made["cycles"][0]["links"][0]["type"] == "ticket.updated"
    checked = await ada.post("/validate", {"definition": {**body, "id": "b", "name": "B", "state": "draft"}})
    assert [one["workflows"] for one in checked["cycles"]] == [["b"], ["a", "b"]]


async def test_every_write_stands_in_the_audit_log(hub: Hub, live: Live) -> None:
    ada = hub.of(live.org())
    await ada.post("/workflows", definition(id="w"), 201)
    await ada.post("/workflows/w/disable", None)
    await ada.ask("DELETE", "/workflows/w", 204)
    log = (await ada.get("/audit"))["items"]
    assert [(one["action"], one["target"], one["outcome"]) for one in log] == [
        ("workflow.delete", "workflow/w", "done"),
        ("workflow.disable", "workflow/w", "done"),
        ("workflow.create", "workflow/w", "done"),
    ]


@pytest.mark.parametrize("role", ["Viewer", "Billing"])
async def test_who_may_not_write_does_not(hub: Hub, live: Live, role: str) -> None:
    org = live.org()
    await hub.of(org).post("/workflows", definition(id="w"), 201)
    other = hub.of(org, role)
    await other.post("/workflows", definition(id="x"), 403)
    await other.post("/workflows/w/disable", None, 403)
    await other.ask("DELETE", "/workflows/w", 403)
    await other.get("/workflows", 200 if role == "Viewer" else 403)


@pytest.mark.parametrize(
    "body",
    [[], "x", None, 5, {"id": 5}, {"id": "a b"}, {"id": "x" * 200}, {"state": "on"}, {"steps": 3}, {"trigger": {}},
     {"version": "x", "steps": [{"id": "a", "action": "fly"}]}, {"name": "\x00", "steps": [{}]}],
)  # fmt: skip
async def test_what_is_no_definition_is_refused_with_its_faults(hub: Hub, live: Live, body: Any) -> None:
    answer = await hub.of(live.org()).ask("POST", "/workflows", 422, json=body)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["faults"]


async def test_disabling_can_cancel_what_is_under_way(hub: Hub, live: Live) -> None:
    org = live.org()
    ada = hub.of(org)
    wait = {"id": "wait", "action": "delay", "with": {"for": "1h"}}
    await ada.post("/workflows", definition(id="slow", steps=[wait, *definition()["steps"]]), 201)
    await ada.post("/workflows", definition(id="other", steps=[wait]), 201)
    live.up("worker")
    try:
        await live.emit(
            *(
                {
                    "specversion": "1.0", "id": f"ev-{number}", "source": "/rmm", "type": "device.offline",
                    "subject": f"device/d-{number}", "orgid": org, "data": {"device": {"id": f"d-{number}"}},
                }
                for number in range(5)
            )
        )  # fmt: skip
        await until_so(hub, org, {("slow", "waiting"): 5, ("other", "waiting"): 5})
        member = hub.of(org, "Member", "Mel")
        disabled = await member.post("/workflows/slow/disable", {"cancel_running": True})
        assert disabled["state"] == "disabled"
        assert await statuses(hub, org) == {("slow", "cancelled"): 5, ("other", "waiting"): 5}
        log = (await ada.get("/audit", params={"action": "run.cancel"}))["items"]
        assert [(one["who"], one["target"], one["details"]) for one in log] == [
            ("Mel", "workflow/slow", {"cancelled": 5, "left": 0})
        ]
    finally:
        live.down("worker")


async def statuses(hub: Hub, org: str) -> dict[tuple[str, str], int]:
    """How many runs each workflow has by status."""
    async with hub.parts.database(org) as connection:
        rows = await connection.fetch("select workflow_id, status, count(*) as runs from history.runs group by 1, 2")
    return {(one["workflow_id"], one["status"]): one["runs"] for one in rows}


async def until_so(hub: Hub, org: str, wanted: dict[tuple[str, str], int]) -> None:
    """Return once that is how many runs there are."""
    while True:
        if await statuses(hub, org) == wanted:
            return
        await asyncio.sleep(0.1)
