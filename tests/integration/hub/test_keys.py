"""API keys: made once, kept as a hash, refused as soon as they are revoked."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from hub.access.keys import hash_of
from runtime.postgres import Connection
from tests.integration.hub.conftest import Client


async def make(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await client.post("/keys", json={"name": "report", "role": "Viewer", **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def by(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def test_a_key_is_shown_once_and_kept_as_a_hash(client: Client, connection: Connection) -> None:
    made = await make(client())
    assert made["key"].startswith(f"tos_{made['id']}_")
    assert len(made["key"]) == 4 + 12 + 1 + 43
    assert made["permissions"] == ["hub.workflows.read"]
    (listed,) = (await client().get("/keys")).json()["items"]
    assert "key" not in listed
    assert {name: listed[name] for name in listed} == {name: made[name] for name in listed}
    row = await connection.fetchrow("select * from hub_data.api_keys")
    assert row is not None
    assert row["hash"] == hash_of(made["key"])
    secret = made["key"].rpartition("_")[2]
    everything = await connection.fetchval(
        "select json_agg(k)::text || (select json_agg(a)::text from hub_data.audit a) from hub_data.api_keys k"
    )
    assert secret not in everything


async def test_a_key_works_as_who_it_is(client: Client) -> None:
    made = await make(client(), role=None, permissions=["hub.workflows.read", "hub.keys.manage"])
    session = (await client().get("/session", headers=by(made["key"]))).json()
    assert session.pop("now").endswith("Z")
    assert session == {
        "org": "acme",
        "person": f"report (key {made['id']})",
        "role": None,
        "kind": "key",
        "permissions": ["hub.keys.manage", "hub.workflows.read"],
        "expires_at": None,
    }
    assert (await client().get("/audit", headers=by(made["key"]))).status_code == 403


async def test_a_key_can_sign_in_to_the_web_app(client: Client) -> None:
    made = await make(client())
    answer = await client().post("/session", json={"token": made["key"]})
    assert (answer.status_code, answer.json()["kind"]) == (200, "key")
    assert "onestack_session=tos_" in answer.headers["set-cookie"]


async def test_a_key_never_may_what_its_maker_may_not(client: Client) -> None:
    maker = await make(client(), role=None, permissions=["hub.keys.manage", "hub.workflows.read"])
    for more in ({"role": "Member"}, {"role": "Owner"}, {"role": None, "permissions": ["hub.audit.read"]}):
        answer = await client().post("/keys", json={"name": "more", **more}, headers=by(maker["key"]))
        assert answer.status_code == 403, more
    assert (await make(client(), role="Owner", permissions=["hub.workflows.run"]))["permissions"] == [
        "hub.workflows.run"
    ]
    for role in ("Member", "Viewer", "Billing"):
        assert (await client(role=role).post("/keys", json={"name": "x", "role": "Viewer"})).status_code == 403


async def test_a_revoked_key_is_refused_at_once(client: Client, connection: Connection) -> None:
    made = await make(client())
    assert (await client().get("/session", headers=by(made["key"]))).status_code == 200
    assert (await client().delete(f"/keys/{made['id']}")).status_code == 204
    assert (await client().get("/session", headers=by(made["key"]))).status_code == 401
    assert (await client().delete(f"/keys/{made['id']}")).status_code == 204, "it is what was asked for already"
    (listed,) = (await client().get("/keys")).json()["items"]
    assert (listed["revoked_at"] is not None, listed["revoked_by"]) == (True, "Ada")


async def test_a_key_that_another_hub_revoked_is_refused_within_a_second(
    client: Client, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await make(client())
    assert (await client().get("/session", headers=by(made["key"]))).status_code == 200
    await connection.execute("update hub_data.api_keys set revoked_at = now()")
    now = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now() + 1.0)
    assert (await client().get("/session", headers=by(made["key"]))).status_code == 401


async def test_a_key_ends_when_it_was_to_end(client: Client, connection: Connection) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1.5)
    made = await make(client(), expires_at=soon.isoformat())
    assert (await client().get("/session", headers=by(made["key"]))).json()["expires_at"].endswith("Z")
    await asyncio.sleep(1.6)
    assert (await client().get("/session", headers=by(made["key"]))).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x"},
        {"name": "", "role": "Viewer"},
        {"name": "a\nb", "role": "Viewer"},
        {"name": "x", "role": "Root"},
        {"name": "x", "permissions": ["everything"]},
        {"name": "x", "role": "Viewer", "expires_at": "2001-01-01T00:00:00Z"},
        {"name": "x", "role": "Viewer", "expires_at": "2001-01-01T00:00:00"},
        {"name": "x", "role": "Viewer", "expires_at": "9999-01-01T00:00:00Z"},
        {"name": "x", "role": "Viewer", "expires_at": 4102444800},
        {"name": "x", "role": "Viewer", "org": "globex"},
    ],
)
async def test_a_key_that_makes_no_sense_is_refused(client: Client, body: dict[str, Any]) -> None:
    assert (await client().post("/keys", json=body)).status_code == 422


async def test_only_the_very_key_is_taken(client: Client) -> None:
    key: str = (await make(client()))["key"]
    last = "a" if key[-1] != "a" else "b"
    for wrong in (key[:-1] + last, key[:-1], key + "a", key.swapcase(), key.replace("tos_", "tos_x", 1),
                  "tos_" + "a" * 12 + "_" + "b" * 43, "tos_", "tos__", "tos_\u00e9"):  # fmt: skip
        credential = wrong.encode() if not wrong.isascii() else wrong
        headers: Any = {
            "authorization": b"Bearer " + credential if isinstance(credential, bytes) else f"Bearer {wrong}"
        }
        assert (await client().get("/session", headers=headers)).status_code == 401, wrong
    assert (await client().get("/session", headers=by(key))).status_code == 200


async def test_the_use_of_a_key_is_noted_once_a_minute(client: Client, app: FastAPI, connection: Connection) -> None:
    made = await make(client())
    for _ in range(5):
        await client().get("/session", headers=by(made["key"]))
    await asyncio.gather(*app.state.access.keys._touching)
    used = await connection.fetchval("select last_used_at from hub_data.api_keys")
    assert used is not None
    app.state.access.keys._touched.clear()
    await client().get("/session", headers=by(made["key"]))
    await asyncio.gather(*app.state.access.keys._touching)
    assert await connection.fetchval("select last_used_at from hub_data.api_keys") == used


async def test_keys_of_another_organisation_are_neither_seen_nor_revoked(client: Client) -> None:
    made = await make(client("acme"))
    assert (await client("globex").get("/keys")).json() == {"items": [], "next": None}
    assert (await client("globex").delete(f"/keys/{made['id']}")).status_code == 404
    assert (await client().get("/session", headers=by(made["key"]))).status_code == 200


async def test_keys_come_in_pages(client: Client) -> None:
    made = [(await make(client(), name=f"key {number}"))["id"] for number in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        page = (await client().get("/keys", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [one["id"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == made[::-1]
    assert (await client().get("/keys", params={"cursor": "nonsense"})).status_code == 422
