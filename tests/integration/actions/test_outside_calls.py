from __future__ import annotations

import asyncio
import socket
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from standardwebhooks import Webhook

from actions.errors import RefusedAddressError
from actions.guard import Guard

LOCAL = "127.0.0.0/8"
SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
COMMAND = "0123456789abcdef0123456789abcdef:0:which.then.ticket"


class Names(AbstractResolver):
    """A name service whose answers a test writes, one list after the other; the last one stays."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked += 1
        now = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=one,
                port=port,
                family=socket.AF_INET6 if ":" in one else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for one in now
        ]

    async def close(self) -> None:
        """Nothing is kept."""


async def test_a_webhook_sends_the_event_signed_and_no_token_of_ours(receiver: Any, acting: Any) -> None:
    perform = await acting(webhook_allow=LOCAL, module_token="token-1234", environ={"ONESTACK_SECRET_SIGN": SIGNING})
    outcome = await perform("webhook", url=receiver.url + "/in?a=1%20b", secret="secret:SIGN")
    assert outcome.output == {"id": "T-1"}
    [seen] = receiver.seen
    assert (seen.method, seen.path) == ("POST", "/in?a=1%20b")
    assert seen.header("webhook-id") == COMMAND
    assert seen.header("Content-Type") == "application/json"
    assert seen.header("Authorization") is None
    event = Webhook(SIGNING).verify(seen.body, dict(seen.headers))
    assert event["id"] == "ev-1"


@pytest.mark.parametrize(
    ("body", "sent", "kind"),
    [
        ({"a": [1]}, b'{"a":[1]}', "application/json"),
        ([1, "ä"], '[1,"ä"]'.encode(), "application/json"),
        ('{"a": 1}', b'{"a": 1}', "application/json"),
        ("plain ä", "plain ä".encode(), "text/plain; charset=utf-8"),
        ("", b"", "text/plain; charset=utf-8"),
        (3, b"3", "application/json"),
    ],
)
async def test_a_body_is_sent_as_what_it_is(receiver: Any, acting: Any, body: Any, sent: bytes, kind: str) -> None:
    perform = await acting(webhook_allow=LOCAL)
    await perform("webhook", url=receiver.url, body=body)
    assert receiver.seen[0].body == sent
    assert receiver.seen[0].header("Content-Type") == kind
    assert receiver.seen[0].header("webhook-signature") is None


async def test_headers_are_the_callers_with_the_secrets_put_in(receiver: Any, acting: Any) -> None:
    perform = await acting(webhook_allow=LOCAL, environ={"ONESTACK_SECRET_KEY": "k3y-value"})
    given = {"X-Key": "secret:key", "authorization": "Bearer secret:key", "Content-Type": "application/vnd.x", "N": 5}
    await perform("webhook", url=receiver.url, headers=given)
    [seen] = receiver.seen
    assert seen.header("X-Key") == "k3y-value"
    assert seen.header("Authorization") == "Bearer k3y-value"
    assert seen.header("Content-Type") == "application/vnd.x"
    assert seen.header("N") == "5"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "x"},
        {"content-length": "3"},
        {"Transfer-Encoding": "chunked"},
        {"Connection": "close"},
        {"webhook-signature": "v1,x"},
        {"X": "a\r\nY: b"},
        {"X": "a\x00"},
        {"X\r\nY": "b"},
        {"": "b"},
        {"X Y": "b"},
        {"X": None},
        {"X": ["a"]},
        {"X": True},
        ["X"],
        "X: y",
        {f"X{n}": "y" for n in range(51)},
    ],
)
async def test_a_header_that_may_not_be_set_stops_the_call(receiver: Any, acting: Any, headers: Any) -> None:
    perform = await acting(webhook_allow=LOCAL)
    outcome = await perform("webhook", url=receiver.url, headers=headers)
    assert outcome.error["kind"] == "parameters"
    assert receiver.seen == []


async def test_a_secret_with_a_line_break_can_not_add_a_header(receiver: Any, acting: Any) -> None:
    perform = await acting(webhook_allow=LOCAL, environ={"ONESTACK_SECRET_K": "a\r\nX-Evil: 1"})
    outcome = await perform("webhook", url=receiver.url, headers={"X": "secret:K"})
    assert outcome.error["kind"] == "parameters"
    assert "X-Evil" not in str(outcome)


@pytest.mark.parametrize("reference", ["secret:NOPE", "secret:../../etc/passwd", "secret:", "secret:a/b"])
async def test_an_unknown_secret_stops_the_call(receiver: Any, acting: Any, tmp_path: Any, reference: str) -> None:
    (tmp_path / "globex").mkdir()
    (tmp_path / "globex" / "NOPE").write_text("another organisation's")
    perform = await acting(webhook_allow=LOCAL, secrets_dir=tmp_path)
    for given in (
        {"url": receiver.url, "secret": reference},
        {"url": reference},
        {"url": receiver.url, "headers": {"X": reference}},
    ):
        outcome = await perform("webhook", **given)
        assert (outcome.error["kind"], outcome.retryable) == ("secret", False)
    chat = await perform("send_notification", channel="slack", to="secret:NOPE", body="b")
    assert chat.error == {"kind": "secret", "message": "secret NOPE is not defined"}
    assert receiver.seen == []


async def test_an_organisations_own_secrets_are_sent(receiver: Any, acting: Any, tmp_path: Any) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "KEY").write_text("key-of-acme")
    (tmp_path / "acme" / "PLACE").write_text(receiver.url)
    (tmp_path / "acme" / "SIGNING").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    perform = await acting(webhook_allow=LOCAL, secrets_dir=tmp_path)
    headers = {"Authorization": "Bearer secret:KEY"}
    await perform("webhook", url="secret:PLACE", secret="secret:SIGNING", headers=headers)
    await perform("send_notification", channel="slack", to="secret:PLACE", body="b")
    assert [seen.header("Authorization") for seen in receiver.seen] == ["Bearer key-of-acme", None]
    assert receiver.seen[0].header("webhook-signature").startswith("v1,")


async def test_a_signing_secret_has_to_be_named_and_in_its_format(receiver: Any, acting: Any) -> None:
    perform = await acting(webhook_allow=LOCAL, environ={"ONESTACK_SECRET_S": "not base64!"})
    outcome = await perform("webhook", url=receiver.url, secret="secret:S")
    assert outcome.error == {"kind": "secret", "message": "the signing secret is not whsec_ and base64"}
    assert (await perform("webhook", url=receiver.url, secret=SIGNING)).error["kind"] == "parameters"
    assert receiver.seen == []


async def test_redirects_are_not_followed(receiver: Any, acting: Any) -> None:
    receiver.answer = web.Response(status=307, headers={"Location": "http://169.254.169.254/latest"})
    perform = await acting(webhook_allow=LOCAL)
    outcome = await perform("webhook", url=receiver.url)
    assert outcome.error["status"] == 307
    assert "redirect" in outcome.error["message"]
    assert len(receiver.seen) == 1


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/x",
        "file:///etc/passwd",
        "gopher://127.0.0.1:25/x",
        "//example.com",
        "example.com",
        "https://",
        "https:///x",
        "https://user:pass@example.com/",
        "https://user@example.com/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://[::1/",
        "https://exa mple.com/",
        "",
        "   ",
        None,
        5,
        ["https://example.com"],
        "https://example.com/" + "x" * 9000,
    ],
)
async def test_a_url_that_is_none_is_refused_unseen(acting: Any, url: Any) -> None:
    names = Names(["127.0.0.1"])
    perform = await acting(webhook_allow=LOCAL, resolver=names)
    for outcome in (
        await perform("webhook", url=url),
        await perform("send_notification", channel="teams", to=url, body="b"),
    ):
        assert outcome.error["kind"] in {"parameters", "refused"}
        assert not outcome.retryable
    assert names.asked == 0


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "10.0.0.1",
        "172.16.5.4",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00::1]",
        "localhost",
        "224.0.0.1",
        "255.255.255.255",
    ],
)
async def test_a_private_address_is_not_reached_however_it_is_written(acting: Any, scheme: str, host: str) -> None:
    perform = await acting(webhook_allow="203.0.113.5/32")
    outcome = await perform("webhook", url=f"{scheme}://{host}:9/x")
    assert outcome.error["kind"] in {"refused", "parameters"}
    assert not outcome.retryable


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "10.1.2.3", "fd12::1", "fe80::1%lo", "0.0.0.0"],
)
async def test_a_name_that_leads_to_a_private_address_is_refused(acting: Any, address: str) -> None:
    perform = await acting(resolver=Names([address]))
    outcome = await perform("webhook", url="https://hook.example/x")
    assert outcome.error["kind"] == "refused"
    assert outcome.error["message"].startswith("hook.example: ")
    assert not outcome.retryable


async def test_one_private_address_among_a_names_answers_refuses_it(receiver: Any, acting: Any) -> None:
    port = receiver.url.rsplit(":", 1)[1]
    perform = await acting(webhook_allow="127.0.0.1/32", resolver=Names(["127.0.0.1", "10.0.0.1"]))
    outcome = await perform("webhook", url=f"https://hook.example:{port}/x")
    assert outcome.error["kind"] == "refused"
    assert receiver.seen == []


async def test_plain_http_reaches_only_what_the_allow_list_names(acting: Any) -> None:
    perform = await acting(webhook_allow="127.0.0.1/32", resolver=Names(["8.8.8.8"]))
    outcome = await perform("webhook", url="http://hook.example/x")
    assert outcome.error["kind"] == "refused"
    assert "https" in outcome.error["message"]
    perform = await acting()
    assert (await perform("webhook", url="http://hook.example/x")).error["kind"] == "refused"


async def test_the_address_that_was_checked_is_the_one_that_is_called(receiver: Any, acting: Any) -> None:
    # The name moves to the receiver on 127.0.0.1 after the first answer; only 127.0.0.2 may be reached.
    port = receiver.url.rsplit(":", 1)[1]
    names = Names(["127.0.0.2"], ["127.0.0.1"])
    perform = await acting(webhook_allow="127.0.0.2/32", resolver=names)
    for _ in range(3):
        await perform("webhook", url=f"http://hook.example:{port}/x")
    assert names.asked >= 1
    assert receiver.seen == []


def test_a_socket_is_only_made_for_an_address_that_may_be_reached() -> None:
    make = Guard()._socket_factory("https")
    for address in ("127.0.0.1", "10.0.0.1"):
        with pytest.raises(RefusedAddressError):
            make((socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, 443)))
    make((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("8.8.8.8", 443))).close()


async def test_an_unknown_name_is_a_retryable_connection_error(acting: Any) -> None:
    class Nowhere(Names):
        async def resolve(self, *_: Any) -> list[ResolveResult]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    perform = await acting(resolver=Nowhere([]))
    outcome = await perform("webhook", url="https://hook.example/x")
    assert outcome.error == {"kind": "connection", "message": "the name hook.example can't be resolved"}
    assert outcome.retryable


async def test_https_to_a_plain_server_is_a_connection_error(receiver: Any, acting: Any) -> None:
    perform = await acting(webhook_allow=LOCAL)
    outcome = await perform("webhook", url=receiver.url.replace("http", "https"))
    assert outcome.error["kind"] == "connection"


async def test_a_slow_receiver_is_a_retryable_timeout(receiver: Any, acting: Any) -> None:
    receiver.answer = receiver.hold
    perform = await acting(webhook_allow=LOCAL, action_timeout=0.1)
    outcome = await perform("webhook", url=receiver.url)
    assert (outcome.error["kind"], outcome.retryable) == ("timeout", True)


async def test_a_teams_message_is_an_adaptive_card(receiver: Any, acting: Any) -> None:
    receiver.answer = web.Response(status=202)
    perform = await acting(webhook_allow=LOCAL)
    outcome = await perform(
        "send_notification", channel="teams", to=receiver.url + "/hook", subject="Down", body="line 1\nline 2"
    )
    assert outcome.output == {}
    message = orjson.loads(receiver.seen[0].body)
    [attachment] = message["attachments"]
    assert (message["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    assert attachment["content"]["type"] == "AdaptiveCard"
    assert [block["text"] for block in attachment["content"]["body"]] == ["Down", "line 1\n\nline 2"]


async def test_a_slack_message_can_not_address_a_channel(receiver: Any, acting: Any) -> None:
    receiver.answer = web.Response(body=b"ok")
    perform = await acting(webhook_allow=LOCAL, environ={"ONESTACK_SECRET_HOOK": receiver.url + "/T1/B1/xyz"})
    outcome = await perform(
        "send_notification", channel="slack", to="secret:HOOK", subject="Down & out", body="<!channel> a"
    )
    assert outcome.output == {}
    [seen] = receiver.seen
    message = orjson.loads(seen.body)
    assert seen.path == "/T1/B1/xyz"
    assert message["text"] == "*Down &amp; out*\n&lt;!channel&gt; a"
    assert message["blocks"][0]["text"] == {"type": "mrkdwn", "text": message["text"]}


@pytest.mark.parametrize("channel", ["teams", "slack"])
async def test_a_chats_url_is_in_no_outcome(receiver: Any, acting: Any, channel: str) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(status=404, text=f"no {request.url} nor {request.path_qs} here")

    receiver.answer = echo
    url = receiver.url + "/services/T000/B000/verysecrettoken?sig=a%2Fb"
    perform = await acting(webhook_allow=LOCAL, environ={"ONESTACK_SECRET_HOOK": url})
    for to in (url, "secret:HOOK"):
        outcome = await perform("send_notification", channel=channel, to=to, body="b")
        assert outcome.error["status"] == 404
        assert "verysecrettoken" not in str(outcome)
        assert "sig=" not in str(outcome)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    outcome = await perform(
        "send_notification", channel=channel, to=f"http://127.0.0.1:{port}/services/verysecrettoken", body="b"
    )
    assert outcome.error["kind"] == "connection"
    assert "verysecrettoken" not in str(outcome)


async def test_a_secret_that_is_echoed_is_in_no_outcome(receiver: Any, acting: Any) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.json_response({"got": request.headers["X-Key"]}, status=int(request.query["status"]))

    receiver.answer = echo
    perform = await acting(webhook_allow=LOCAL, environ={"ONESTACK_SECRET_KEY": "k3y-valüe"})
    for status in (200, 400):
        outcome = await perform("webhook", url=f"{receiver.url}/?status={status}", headers={"X-Key": "secret:KEY"})
        assert "[secret]" in str(outcome)
        assert "k3y" not in str(outcome)


async def test_a_cancelled_webhook_is_cancelled(receiver: Any, acting: Any) -> None:
    receiver.answer = receiver.hold
    perform = await acting(webhook_allow=LOCAL)
    task = asyncio.ensure_future(perform("webhook", url=receiver.url))
    await receiver.held.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
