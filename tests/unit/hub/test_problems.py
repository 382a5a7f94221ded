"""Whatever is wrong with a request is told as a problem (RFC 9457), and nothing inside is told with it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from aiokafka.errors import KafkaTimeoutError
from fastapi import APIRouter
from pydantic import BaseModel

from hub.access import anyone
from hub.middleware import LARGEST_BODY
from hub.problems import pointer
from hub.routing import JsonRoute
from schemas.errors import Fault, Refused
from tests.unit.hub.conftest import Client

Bearer = Callable[..., dict[str, str]]


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("", ""),
        ("name", "/name"),
        ("steps[1].with.title", "/steps/1/with/title"),
        ("steps[0].then[12].if.any[3].field", "/steps/0/then/12/if/any/3/field"),
        ("with.a/b~c", "/with/a~1b~0c"),
    ],
)
def test_a_field_has_a_json_pointer(field: str, wanted: str) -> None:
    assert pointer(field) == wanted


async def test_an_address_that_is_none_is_not_found(hub: Client, bearer: Bearer) -> None:
    async with hub() as client:
        for method, path in (("GET", "/api/v1/nothing"), ("GET", "/api/v2/runs"), ("GET", "/api/v1/session/"),
                             ("POST", "/nothing"), ("DELETE", "/api/v1/nothing")):  # fmt: skip
            answer = await client.request(method, path, headers=bearer())
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path
            assert answer.json() == {
                "type": "about:blank",
                "title": "Not Found",
                "status": 404,
                "detail": "There is no such address.",
                "instance": path,
            }


async def test_a_method_that_is_none_of_a_path_names_those_that_are(hub: Client) -> None:
    async with hub() as client:
        answer = await client.put("/api/v1/session")
        assert answer.status_code == 405
        assert answer.headers["allow"] == "DELETE, GET, POST"
        assert answer.json()["title"] == "Method Not Allowed"


async def test_a_body_that_is_no_json_or_not_as_asked_is_refused(hub: Client) -> None:
    async with hub() as client:
        sent = {"content-type": "application/json"}
        for broken in (b"{", b'{"token": NaN}', b'{"token": "\\ud800"}', b"\xff\xfe", b'{"token": "a",}'):
            answer = await client.post("/api/v1/session", content=broken, headers=sent)
            assert (answer.status_code, answer.json()["title"]) == (400, "Bad Request"), broken
        answer = await client.post("/api/v1/session", json={"token": 5, "more": 1})
        assert answer.status_code == 422
        assert answer.json()["faults"] == [
            {"field": "token", "pointer": "/token", "reason": "should be text, not '5'"},
            {"field": "more", "pointer": "/more", "reason": "is not known here"},
        ]
        assert (await client.post("/api/v1/session")).json()["faults"][0]["reason"] == "the body is required"


async def test_a_body_that_is_too_large_is_refused_whether_or_not_it_tells_its_length(hub: Client) -> None:
    async def pieces() -> Any:
        for _ in range(LARGEST_BODY // 65_536 + 2):
            yield b" " * 65_536

    async with hub() as client:
        for content in (b" " * (LARGEST_BODY + 1), pieces()):
            answer = await client.post("/api/v1/session", content=content, headers={"content-type": "application/json"})
            assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")


class Body(BaseModel):
    count: int


def failing() -> APIRouter:
    """Routes that fail, each in its way."""
    router = APIRouter(prefix="/api/v1", route_class=JsonRoute, dependencies=[anyone()])

    def add(name: str, error: Exception) -> None:
        @router.post(f"/{name}")
        async def fail(body: Body) -> None:
            raise error

    add("bug", RuntimeError("the password is hunter2"))
    add("refused", Refused([Fault("steps[1].with.title", "is required"), Fault("name", "is too long")]))
    add("kafka", KafkaTimeoutError())
    add("postgres", ConnectionRefusedError("nothing listens there"))
    add("restarting", asyncpg.CannotConnectNowError("starting up"))
    add("slow", asyncpg.QueryCanceledError("canceling statement due to statement timeout"))
    add("null", asyncpg.CharacterNotInRepertoireError("invalid byte sequence"))
    return router


async def test_what_a_route_raises_is_told_as_what_it_is(hub: Client, caplog: pytest.LogCaptureFixture) -> None:
    async with hub() as client:
        client.app.router.routes.extend(failing().routes)  # type: ignore[attr-defined]
        found = {}
        for name in ("bug", "refused", "kafka", "postgres", "restarting", "slow", "null"):
            answer = await client.post(f"/api/v1/{name}", json={"count": 1})
            assert answer.headers["content-type"] == "application/problem+json"
            found[name] = answer
    assert {name: answer.status_code for name, answer in found.items()} == {
        "bug": 500, "refused": 422, "kafka": 503, "postgres": 503, "restarting": 503, "slow": 503, "null": 422,
    }  # fmt: skip
    assert [one["pointer"] for one in found["refused"].json()["faults"]] == ["/steps/1/with/title", "/name"]
    assert found["kafka"].headers["retry-after"] == "2"
    assert "hunter2" not in found["bug"].text
    assert "Traceback" not in found["bug"].text


async def test_a_bug_has_an_id_under_which_the_log_tells_all(hub: Client, caplog: pytest.LogCaptureFixture) -> None:
    from runtime.logging import configure
    from runtime.settings import load

    configure(load())
    logging.getLogger().addHandler(caplog.handler)
    async with hub() as client:
        client.app.router.routes.extend(failing().routes)  # type: ignore[attr-defined]
        answer = await client.post("/api/v1/bug", json={"count": 1})
    assert answer.json()["id"] in answer.json()["detail"]
    assert answer.json()["id"] in caplog.text


async def test_while_postgres_is_away_the_hub_says_so(hub: Client, bearer: Bearer) -> None:
    async with hub() as client:
        answer = await client.get("/api/v1/audit", headers=bearer(role="Owner"))
        assert (answer.status_code, answer.json()["detail"]) == (
            503,
            "Postgres does not answer; try again in a moment.",
        )
        assert (await client.get("/healthz")).json() == {"status": "alive"}
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        parts = ready.json()["parts"]
        assert {name: part["state"] for name, part in parts.items()} == {"kafka": "away", "postgres": "away"}
        assert all(part["todo"] for part in parts.values())
