"""The audit log: who did what, written before it is done."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from fastapi import FastAPI

from hub.access import Caller
from hub.problems import Problem
from runtime.postgres import Connection
from tests.integration.hub.conftest import Client

ADA = Caller("acme", "Ada (u-17)", "token", "Admin", frozenset())
KEY = Caller("acme", "report (key k1)", "key", None, frozenset(), key_id="k1")


async def audit(client: Client, org: str = "acme", **filters: Any) -> list[dict[str, Any]]:
    answer = await client(org).get("/audit", params=filters)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_what_is_done_is_in_the_log_before_and_its_outcome_after(
    client: Client, app: FastAPI, connection: Connection
) -> None:
    async with app.state.parts.audited(ADA, "workflow.enable", "workflow/wf", {"version": 3}) as record:
        assert await connection.fetchval("select outcome from hub_data.audit") == "begun"
        record.details["offset"] = 17
    (row,) = await audit(client)
    assert row.pop("at") <= row.pop("finished_at")
    assert row == {
        "id": str(record.id),
        "who": "Ada (u-17)",
        "kind": "token",
        "role": "Admin",
        "action": "workflow.enable",
        "target": "workflow/wf",
        "outcome": "done",
        "problem": None,
        "details": {"version": 3, "offset": 17},
    }


@pytest.mark.parametrize(
    ("error", "outcome", "problem"),
    [
        (Problem(412, "It was changed meanwhile."), "refused", "It was changed meanwhile."),
        (Problem(503, "Kafka does not answer."), "failed", "Kafka does not answer."),
        (RuntimeError("the password is hunter2"), "failed", "RuntimeError"),
    ],
)
async def test_what_is_refused_or_fails_is_in_the_log_as_that(
    client: Client, app: FastAPI, error: Exception, outcome: str, problem: str
) -> None:
    with pytest.raises(type(error)):
        async with app.state.parts.audited(ADA, "run.cancel", "run/r1"):
            raise error
    (row,) = await audit(client)
    assert (row["outcome"], row["problem"]) == (outcome, problem)


async def test_what_cannot_be_noted_is_not_done(app: FastAPI, connection: Connection) -> None:
    await connection.execute("drop table hub_data.audit")
    done = False
    with pytest.raises(asyncpg.UndefinedTableError):
        async with app.state.parts.audited(ADA, "run.cancel", "run/r1"):
            done = True
    assert not done


async def test_a_secret_is_never_in_the_log(client: Client, app: FastAPI) -> None:
    details = {"definition": {"headers": {"Authorization": "Bearer hunter2"}, "password": "hunter2"}, "note": "x\0y"}
    async with app.state.parts.audited(ADA, "workflow.update", "workflow/wf", details) as record:
        record.details["api_key"] = "hunter2"
    (row,) = await audit(client)
    assert "hunter2" not in str(row)
    assert row["details"]["note"] == "xy"


async def test_details_that_are_too_long_are_left_out(client: Client, app: FastAPI) -> None:
    async with app.state.parts.audited(ADA, "workflow.import", "workflows", {"text": "x" * 50_000}):
        pass
    assert list((await audit(client))[0]["details"]) == ["left_out"]


async def test_the_log_is_found_by_who_what_and_when(client: Client, app: FastAPI) -> None:
    for caller, action, target in (
        (ADA, "workflow.enable", "workflow/a"),
        (KEY, "workflow.disable", "workflow/a"),
        (ADA, "run.cancel", "run/1"),
    ):
        async with app.state.parts.audited(caller, action, target):
            pass
    everything = await audit(client)
    assert [row["action"] for row in everything] == ["run.cancel", "workflow.disable", "workflow.enable"]
    for filters, found in (
        ({"who": "ada"}, ["run.cancel", "workflow.enable"]),
        ({"who": "key k1"}, ["workflow.disable"]),
        ({"action": "workflow"}, ["workflow.disable", "workflow.enable"]),
        ({"action": "run.cancel"}, ["run.cancel"]),
        ({"action": "work"}, []),
        ({"target": "workflow/a", "who": "%"}, []),
        ({"until": everything[1]["at"]}, ["workflow.enable"]),
        ({"since": everything[1]["at"]}, ["run.cancel", "workflow.disable"]),
    ):
        assert [row["action"] for row in await audit(client, **filters)] == found, filters
    first = (await client().get("/audit", params={"limit": 2})).json()
    second = (await client().get("/audit", params={"limit": 2, "cursor": first["next"]})).json()
    assert [row["id"] for row in first["items"] + second["items"]] == [row["id"] for row in everything]
    assert second["next"] is None


async def test_an_organisation_sees_its_own_log_alone(client: Client, app: FastAPI) -> None:
    async with app.state.parts.audited(ADA, "run.cancel", "run/1"):
        pass
    assert await audit(client, "globex") == []
    assert (await client("acme", "Member").get("/audit")).status_code == 403


async def test_keys_are_in_the_log(client: Client) -> None:
    made = (await client().post("/keys", json={"name": "report", "role": "Viewer"})).json()
    await client().delete(f"/keys/{made['id']}")
    await client().delete("/keys/unknown")
    log = [(row["action"], row["target"], row["outcome"]) for row in await audit(client)]
    assert log == [
        ("key.revoke", "key/unknown", "refused"),
        ("key.revoke", f"key/{made['id']}", "done"),
        ("key.create", "key/new", "done"),
    ]
