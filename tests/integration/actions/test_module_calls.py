from __future__ import annotations

import asyncio
import socket
from email.utils import formatdate
from time import time
from typing import Any

import orjson
import pytest
from aiohttp import web

RUN = "0123456789abcdef0123456789abcdef"

CALLS: list[tuple[str, dict[str, Any], str, str, Any]] = [
    (
        "create_ticket",
        {"title": "Disk full", "board": "Alerts", "status": "New", "priority": "P1", "company_id": "c-1"},
        "POST",
        "/v1/tickets",
        {"title": "Disk full", "board": "Alerts", "status": "New", "priority": "P1", "company_id": "c-1"},
    ),
    (
        "update_ticket",
        {"fields": {"status": "Open", "assignee": None}, "ticket_id": "T 1/ä"},
        "PATCH",
        "/v1/tickets/T%201%2F%C3%A4",
        {"status": "Open", "assignee": None},
    ),
    (
        "send_notification",
        {"channel": "push", "to": "u-2", "subject": "S", "body": "B"},
        "POST",
        "/v1/push",
        {"channel": "push", "to": "u-2", "subject": "S", "body": "B"},
    ),
    (
        "escalate_on_call",
        {"team": "noc", "severity": "critical", "message": "down"},
        "POST",
        "/v1/escalations",
        {"team": "noc", "severity": "critical", "message": "down"},
    ),
    (
        "update_field",
        {"field": "tier", "value": None, "entity_type": "company", "entity_id": 7},
        "PATCH",
        "/v1/entities/company/7",
        {"field": "tier", "value": None},
    ),
    ("update_field", {"field": "a", "value": 1}, "PATCH", "/v1/entities/device/d-17", {"field": "a", "value": 1}),
    (
        "run_script",
        {"script_id": "s-1", "device_id": "d-17", "parameters": {"force": True}},
        "POST",
        "/v1/devices/d-17/scripts",
        {"script_id": "s-1", "parameters": {"force": True}},
    ),
    (
        "create_note",
        {"title": "T", "body": "äöü", "company_id": "c-1"},
        "POST",
        "/v1/companies/c-1/notes",
        {"title": "T", "body": "äöü"},
    ),
    (
        "add_tag",
        {"tag": "vip", "entity_type": "device", "entity_id": "d-17"},
        "POST",
        "/v1/entities/device/d-17/tags",
        {"tag": "vip"},
    ),
]


def everywhere(url: str) -> dict[str, str]:
    return {"psa_url": url, "rmm_url": url, "hub_url": url, "oncall_url": url}


@pytest.mark.parametrize(("action", "given", "method", "path", "body"), CALLS)
async def test_a_module_call_is_what_the_contract_says(
    receiver: Any, acting: Any, action: Any, given: Any, method: Any, path: Any, body: Any
) -> None:
    perform = await acting(**everywhere(receiver.url), module_token="token-1234")
    outcome = await perform(action, **given)
    assert outcome.output == {"id": "T-1"}
    [seen] = receiver.seen
    assert (seen.method, seen.path) == (method, path)
    assert orjson.loads(seen.body) == body
    assert seen.header("Content-Type") == "application/json"
    assert seen.header("Authorization") == "Bearer token-1234"
    assert seen.header("Idempotency-Key") == f'"{RUN}:0:which.then.ticket"'
    assert seen.header("traceparent") == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert seen.header("X-OneStack-Organisation") == "acme"
    assert seen.header("X-OneStack-Causation") == f"{RUN};wf-0,wf-a"


async def test_a_base_url_may_have_a_path_and_no_token_means_no_header(receiver: Any, acting: Any) -> None:
    perform = await acting(psa_url=receiver.url + "/psa/")
    await perform("create_ticket", title="x")
    assert receiver.seen[0].path == "/psa/v1/tickets"
    assert receiver.seen[0].header("Authorization") is None


@pytest.mark.parametrize(
    ("action", "variable"),
    [
        ("create_ticket", "ONESTACK_PSA_URL"),
        ("escalate_on_call", "ONESTACK_ONCALL_URL"),
        ("run_script", "ONESTACK_RMM_URL"),
        ("add_tag", "ONESTACK_HUB_URL"),
    ],
)
async def test_a_module_without_its_url_is_refused_by_the_variables_name(
    acting: Any, action: Any, variable: Any
) -> None:
    perform = await acting()
    outcome = await perform(action, title="x", tag="t", device_id="d", script_id="s", team="noc")
    assert outcome.error == {"kind": "refused", "message": f"{variable} is not set"}
    assert not outcome.retryable


async def test_a_base_url_that_is_none_is_refused_by_the_variables_name(acting: Any) -> None:
    perform = await acting(psa_url="localhost:8080")
    outcome = await perform("create_ticket", title="x")
    assert outcome.error["message"].startswith("ONESTACK_PSA_URL is not a base URL")


@pytest.mark.parametrize("bad", ["", "  ", "..", ".", None, ["a"], {"a": 1}, 1.5, True])
async def test_an_id_that_is_none_makes_no_call(receiver: Any, acting: Any, bad: Any) -> None:
    perform = await acting(**everywhere(receiver.url))
    for action in ("update_ticket", "run_script", "create_note", "add_tag", "update_field"):
        outcome = await perform(action, fields={}, ticket_id=bad, device_id=bad, company_id=bad, entity_id=bad)
        assert outcome.error["kind"] == "parameters"
        assert not outcome.retryable
    assert receiver.seen == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (web.Response(status=204), {}),
        (web.Response(status=200, body=b"OK"), {}),
        (web.Response(status=201, body=b"[1, 2]"), [1, 2]),
        (web.Response(status=202, body=b'"yes"'), "yes"),
        (web.Response(status=200, body=b'{"a": "' + b"x" * 70_000 + b'"}'), {"truncated": True}),
        (web.Response(status=200, body=b"[" * 300 + b"]" * 300), {"truncated": True}),
        (web.Response(status=200, body=b'["' + b"[{" * 300 + b'"]'), ["[{" * 300]),
        (web.Response(status=200, body=b"\xff\xfe"), {}),
    ],
)
async def test_a_2xx_answer_becomes_the_output(receiver: Any, acting: Any, answer: Any, expected: Any) -> None:
    receiver.answer = answer
    perform = await acting(psa_url=receiver.url)
    assert (await perform("create_ticket", title="x")).output == expected


async def test_an_endless_answer_is_cut_off(receiver: Any, acting: Any) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 8192)

    receiver.answer = endless
    perform = await acting(psa_url=receiver.url)
    assert (await perform("create_ticket", title="x")).output == {"truncated": True}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 422, 451, 301, 302, 307, 308, 304])
async def test_a_final_answer_is_not_retryable(receiver: Any, acting: Any, status: Any) -> None:
    headers = {"Location": receiver.url + "/elsewhere", "Retry-After": "5"}
    receiver.answer = web.Response(status=status, headers=headers)
    perform = await acting(psa_url=receiver.url)
    outcome = await perform("create_ticket", title="x")
    assert (outcome.error["kind"], outcome.error["status"]) == ("http", status)
    assert (outcome.retryable, outcome.retry_after) == (False, None)
    assert len(receiver.seen) == 1


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504])
async def test_a_passing_trouble_is_retryable_with_the_wait_that_was_asked_for(
    receiver: Any, acting: Any, status: Any
) -> None:
    perform = await acting(psa_url=receiver.url)
    receiver.answer = web.Response(status=status, headers={"Retry-After": "7"}, body=b"busy")
    outcome = await perform("create_ticket", title="x")
    assert (outcome.retryable, outcome.retry_after) == (True, 7.0)
    assert outcome.error["body"] == "busy"
    receiver.answer = web.Response(status=status, headers={"Retry-After": formatdate(time() + 60, usegmt=True)})
    assert 50 < (await perform("create_ticket", title="x")).retry_after <= 60
    receiver.answer = web.Response(status=status, headers={"Retry-After": "soon"})
    assert (await perform("create_ticket", title="x")).retry_after is None


async def test_a_long_error_is_told_by_its_first_2000_characters(receiver: Any, acting: Any) -> None:
    receiver.answer = web.Response(status=400, body=b"a\x00" + "ä".encode() * 50_000)
    perform = await acting(psa_url=receiver.url)
    body = (await perform("create_ticket", title="x")).error["body"]
    assert len(body) == 2000
    assert body.startswith("a\ufffdä")


async def test_no_answer_in_time_is_a_retryable_timeout(receiver: Any, acting: Any) -> None:
    receiver.answer = receiver.hold
    perform = await acting(psa_url=receiver.url, action_timeout=0.1)
    outcome = await perform("create_ticket", title="x")
    assert outcome.error["kind"] == "timeout"
    assert outcome.error["message"].endswith("in 0.1 s")
    assert outcome.retryable


async def test_a_refused_connection_is_retryable(acting: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    perform = await acting(psa_url=f"http://127.0.0.1:{port}")
    outcome = await perform("create_ticket", title="x")
    assert outcome.error["kind"] == "connection"
    assert f"127.0.0.1:{port}" in outcome.error["message"]
    assert outcome.retryable


@pytest.mark.parametrize("said", [b"", b"not http\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"])
async def test_a_broken_answer_is_a_retryable_connection_error(acting: Any, said: Any) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        perform = await acting(psa_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        outcome = await perform("create_ticket", title="x")
    assert outcome.error["kind"] == "connection"
    assert outcome.retryable


async def test_a_cancelled_call_is_cancelled(receiver: Any, acting: Any) -> None:
    receiver.answer = receiver.hold
    perform = await acting(psa_url=receiver.url)
    task = asyncio.ensure_future(perform("create_ticket", title="x"))
    await receiver.held.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cookies_of_a_module_are_not_kept(receiver: Any, acting: Any) -> None:
    receiver.answer = web.Response(headers={"Set-Cookie": "session=1"})
    perform = await acting(psa_url=receiver.url)
    await perform("create_ticket", title="x")
    await perform("create_ticket", title="x")
    assert receiver.seen[1].header("Cookie") is None


async def test_a_token_that_a_module_echoes_is_in_no_outcome(receiver: Any, acting: Any) -> None:
    perform = await acting(psa_url=receiver.url, module_token="token-1234", environ={"ONESTACK_SECRET_A": 's3cret"x'})
    receiver.answer = web.Response(status=401, body=b"bad token token-1234")
    assert (await perform("create_ticket", title="x")).error["body"] == "bad token [secret]"
    receiver.answer = web.Response(body=b'{"got": ["Bearer token-1234"], "t\\u006fken-1234": "s3cret\\"x!"}')
    assert (await perform("create_ticket", title="x")).output == {"got": ["Bearer [secret]"], "[secret]": "[secret]!"}
