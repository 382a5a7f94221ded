"""Idempotency-Key: what is sent again is done once."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import Response
from pydantic import BaseModel

from hub.access import Caller, needs
from hub.expiry import EXPIRE
from hub.problems import Problem
from hub.routing import api_router, json
from runtime.postgres import Connection
from tests.integration.hub.conftest import Client


class Body(BaseModel):
    text: str = ""


class Doer:
    """A route that counts how often it was done."""

    def __init__(self, app: FastAPI) -> None:
        self.done = 0
        self.begun, self.go = asyncio.Event(), asyncio.Event()
        self.go.set()
        self.status = 201
        self.fails: Exception | None = None
        router = api_router("service")

        @router.post("/do")
        @router.put("/do")
        async def do(request: Request, caller: Annotated[Caller, needs("hub.workflows.write")], body: Body) -> Response:
            self.done += 1
            self.begun.set()
            await self.go.wait()
            if self.fails is not None:
                raise self.fails
            headers = {"etag": f'"{self.done}"', "location": "/x", "x-other": "not kept"}
            return json({"done": self.done, "text": body.text}, self.status, headers)

        @router.delete("/do")
        async def undo(caller: Annotated[Caller, needs("hub.workflows.write")]) -> Response:
            self.done += 1
            return Response(status_code=204)

        app.router.routes.extend(router.routes)


@pytest.fixture
def doer(app: FastAPI) -> Doer:
    return Doer(app)


async def do(client: httpx.AsyncClient, key: str, text: str = "", method: str = "POST", **more: Any) -> httpx.Response:
    return await client.request(method, "/do", json={"text": text}, headers={"idempotency-key": key}, **more)


async def test_a_repeat_is_answered_as_the_first_time(client: Client, doer: Doer) -> None:
    first, again = await do(client(), "k1", "a"), await do(client(), "k1", "a")
    assert (first.status_code, first.json(), doer.done) == (201, {"done": 1, "text": "a"}, 1)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    for name in ("etag", "location", "content-type"):
        assert again.headers[name] == first.headers[name]
    assert (await do(client(), '"k1"', "a")).headers["idempotent-replayed"] == "true", "quoted, as its draft has it"


async def test_without_a_key_everything_is_done_each_time(client: Client, doer: Doer) -> None:
    for _ in range(2):
        await client().post("/do", json={})
    assert doer.done == 2


async def test_a_key_is_for_one_request_of_one_caller(client: Client, doer: Doer) -> None:
    await do(client(), "k1", "a")
    for other in (
        await do(client(), "k1", "b"),
        await do(client(), "k1", "a", method="PUT"),
        await do(client(), "k1", "a", params={"dry_run": "true"}),
    ):
        assert (other.status_code, other.json()["title"]) == (422, "Key used before")
    assert (await do(client("globex"), "k1", "a")).json()["done"] == 2
    assert (await do(client(person="Bo"), "k1", "a")).json()["done"] == 3


async def test_what_was_refused_is_refused_again_and_what_failed_is_tried_again(client: Client, doer: Doer) -> None:
    doer.fails = Problem(412, "It was changed meanwhile.")
    assert [(await do(client(), "refused")).status_code for _ in range(2)] == [412, 412]
    assert doer.done == 1
    doer.fails = Problem(503, "Kafka does not answer.")
    assert (await do(client(), "failed")).status_code == 503
    doer.fails = RuntimeError()
    assert (await do(client(), "failed")).status_code == 500
    doer.fails = None
    assert (await do(client(), "failed")).status_code == 201


async def test_who_may_not_is_not_answered_from_what_another_was_told(client: Client, doer: Doer) -> None:
    assert (await do(client(role="Viewer"), "k1")).status_code == 403
    assert (await do(client(role="Owner"), "k1")).status_code == 201
    answer = await client().post("/do", json={}, headers={"idempotency-key": "k2", "authorization": "Bearer x"})
    assert answer.status_code == 401


async def test_while_the_first_is_at_work_a_repeat_has_to_wait(client: Client, doer: Doer) -> None:
    doer.go.clear()
    first = asyncio.create_task(do(client(), "k1"))
    await doer.begun.wait()
    second = await do(client(), "k1")
    assert (second.status_code, second.headers["retry-after"]) == (409, "1")
    doer.go.set()
    assert (await first).status_code == 201
    assert (await do(client(), "k1")).headers["idempotent-replayed"] == "true"
    assert doer.done == 1


async def test_of_many_at_once_one_is_done(client: Client, doer: Doer) -> None:
    one = client()
    answers = await asyncio.gather(*(do(one, "k1", "a") for _ in range(20)))
    assert doer.done == 1
    assert {answer.status_code for answer in answers} <= {201, 409}


async def test_whoever_hangs_up_can_ask_again(client: Client, doer: Doer) -> None:
    doer.go.clear()
    first = asyncio.create_task(do(client(), "k1"))
    await doer.begun.wait()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    doer.go.set()
    assert (await do(client(), "k1")).json()["done"] == 2


async def test_what_a_hub_that_died_has_begun_is_done_again_after_two_minutes(
    client: Client, doer: Doer, connection: Connection
) -> None:
    await do(client(), "k1", "a")
    await connection.execute("update hub_data.idempotency set status = null, begun_at = now() - interval '90 seconds'")
    assert (await do(client(), "k1", "a")).status_code == 409
    await connection.execute("update hub_data.idempotency set begun_at = now() - interval '121 seconds'")
    assert (await do(client(), "k1", "b")).status_code == 422
    assert (await do(client(), "k1", "a")).json()["done"] == 2


async def test_after_a_day_a_key_is_new(client: Client, doer: Doer, connection: Connection) -> None:
    await do(client(), "k1", "a")
    await connection.execute("update hub_data.idempotency set begun_at = now() - interval '25 hours'")
    assert (await do(client(), "k1", "another")).json()["done"] == 2
    await connection.execute("update hub_data.idempotency set begun_at = now() - interval '25 hours'")
    await do(client(), "k2", "a")
    await connection.execute(EXPIRE)
    rows = await connection.fetch("select key from hub_data.idempotency")
    assert [row["key"] for row in rows] == ["k2"]


@pytest.mark.parametrize("key", ["", " ", "x" * 201])
async def test_a_key_that_is_none_is_refused(client: Client, doer: Doer, key: str) -> None:
    assert (await do(client(), key)).status_code == 400
    assert doer.done == 0


async def test_what_leads_nowhere_takes_no_key(client: Client, connection: Connection) -> None:
    sent = {"idempotency-key": "k1"}
    assert (await client().put("/keys", json={}, headers=sent)).status_code == 405
    assert (await client().post("/nothing", json={}, headers=sent)).status_code == 404
    assert await connection.fetchval("select count(*) from hub_data.idempotency") == 0


async def test_an_empty_answer_is_repeated_too(client: Client, doer: Doer) -> None:
    for _ in range(2):
        answer = await client().delete("/do", headers={"idempotency-key": "k1"})
        assert (answer.status_code, answer.content) == (204, b"")
    assert doer.done == 1


async def test_a_key_is_made_once_and_is_kept_nowhere(client: Client, connection: Connection) -> None:
    sent: dict[str, Any] = {"json": {"name": "report", "role": "Viewer"}, "headers": {"idempotency-key": "k1"}}
    first, again = await client().post("/keys", **sent), await client().post("/keys", **sent)
    assert (first.status_code, again.status_code) == (201, 409)
    assert again.headers["idempotent-replayed"] == "true"
    assert first.json()["id"] in again.json()["detail"]
    assert await connection.fetchval("select count(*) from hub_data.api_keys") == 1
    kept = await connection.fetchval("select string_agg(convert_from(body, 'UTF8'), '') from hub_data.idempotency")
    assert first.json()["key"] not in kept
