from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

MAIL = {
    "channel": "email",
    "to": "tech@acme.example",
    "subject": "Überlauf",
    "body": "Zeile 1\nZeile 2 äöü 日本\n.\nEnd",
}


async def test_a_mail_arrives_as_it_was_written(mail_server: Any, acting: Any) -> None:
    perform = await acting(smtp_url=mail_server.url, mail_from="One Stack <flow@msp.example>")
    outcome = await perform("send_notification", **MAIL)
    [message] = mail_server.messages()
    assert message["From"] == "One Stack <flow@msp.example>"
    assert message["To"] == "tech@acme.example"
    assert message["Subject"] == "Überlauf"
    assert message["Message-ID"] == "<0123456789abcdef0123456789abcdef.0.which+then+ticket@msp.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime is not None
    assert message.get_content_type() == "text/plain"
    assert message.get_content_charset() == "utf-8"
    assert message.get_content().replace("\r\n", "\n").rstrip("\n") == MAIL["body"]
    assert mail_server.envelopes[0].mail_from == "flow@msp.example"
    assert outcome.output == {"message_id": message["Message-ID"], "accepted": ["tech@acme.example"]}


@pytest.mark.parametrize(
    "to",
    [
        "a@x.example, B Name <b@x.example>,a@x.example",
        ["a@x.example", '"Name, B" <b@x.example>'],
        ["a@x.example,b@x.example"],
    ],
)
async def test_to_is_one_address_several_or_a_list(mail_server: Any, acting: Any, to: Any) -> None:
    perform = await acting(smtp_url=mail_server.url)
    await perform("send_notification", **{**MAIL, "to": to})
    assert mail_server.envelopes[0].rcpt_tos == ["a@x.example", "b@x.example"]


@pytest.mark.parametrize(
    "to",
    [
        "",
        " , ",
        [],
        None,
        5,
        [None],
        "nobody",
        "a@",
        "@b.example",
        "a b@x.example",
        "a@x..example",
        "a@-x.example",
        "a@x.example\r\nBcc: evil@x.example",
        "a@x.example\nRCPT TO:<evil@x.example>",
        "Evil\r\nBcc: e@x.example <a@x.example>",
        "<a@x.example> b",
        "a@x.example>,<b@x.example",
        "a" * 65 + "@x.example",
        "ä@x.example",
        ",".join(f"u{n}@x.example" for n in range(101)),
    ],
)
async def test_what_is_no_address_is_refused_before_anything_is_sent(mail_server: Any, acting: Any, to: Any) -> None:
    perform = await acting(smtp_url=mail_server.url)
    outcome = await perform("send_notification", **{**MAIL, "to": to})
    assert outcome.error["kind"] == "parameters"
    assert outcome.error["message"].startswith("to ")
    assert not outcome.retryable
    assert mail_server.connections == 0


async def test_a_subject_can_not_add_a_header(mail_server: Any, acting: Any) -> None:
    perform = await acting(smtp_url=mail_server.url)
    await perform("send_notification", **{**MAIL, "subject": "x\r\nBcc: evil@x.example\n\nbody\x00\u2028y"})
    [message] = mail_server.messages()
    assert message["Subject"] == "x Bcc: evil@x.example body y"
    assert message["Bcc"] is None


async def test_mails_one_after_the_other_share_a_connection(mail_server: Any, acting: Any) -> None:
    perform = await acting(smtp_url=mail_server.url)
    for _ in range(3):
        await perform("send_notification", **MAIL)
    assert (mail_server.connections, len(mail_server.envelopes)) == (1, 3)


async def test_many_mails_at_once_take_few_connections(mail_server: Any, acting: Any) -> None:
    perform = await acting(smtp_url=mail_server.url)
    await asyncio.gather(*(perform("send_notification", **MAIL) for _ in range(40)))
    assert len(mail_server.envelopes) == 40
    assert mail_server.connections <= 8


async def test_a_connection_that_the_server_has_closed_is_replaced(mail_server: Any, acting: Any) -> None:
    perform = await acting(smtp_url=mail_server.url)
    await perform("send_notification", **MAIL)
    for one in list(mail_server.open):
        one.transport.close()
    outcome = await perform("send_notification", **MAIL)
    assert outcome.output["accepted"] == ["tech@acme.example"]
    assert mail_server.connections == 2


@pytest.mark.parametrize(("code", "retryable"), [(550, False), (552, False), (450, True), (452, True)])
async def test_a_refusal_says_by_its_code_whether_to_try_again(
    mail_server: Any, acting: Any, code: int, retryable: bool
) -> None:
    perform = await acting(smtp_url=mail_server.url)
    mail_server.refusals = {"tech@acme.example": f"{code} no"}
    outcome = await perform("send_notification", **MAIL)
    assert (outcome.error["kind"], outcome.error["status"], outcome.retryable) == ("smtp", code, retryable)
    assert "tech@acme.example" in outcome.error["message"]
    mail_server.refusals = {}
    mail_server.data_answer = f"{code} not kept"
    outcome = await perform("send_notification", **MAIL)
    assert (outcome.error["kind"], outcome.error["status"], outcome.retryable) == ("smtp", code, retryable)
    assert outcome.error["body"] == "not kept"
    mail_server.data_answer = "250 kept"
    assert (await perform("send_notification", **MAIL)).output["accepted"] == ["tech@acme.example"]


async def test_one_bad_recipient_does_not_keep_the_mail_from_the_others(mail_server: Any, acting: Any) -> None:
    perform = await acting(smtp_url=mail_server.url)
    mail_server.refusals = {"gone@x.example": "550 gone"}
    outcome = await perform("send_notification", **{**MAIL, "to": "gone@x.example,b@x.example"})
    assert outcome.output["accepted"] == ["b@x.example"]
    assert outcome.output["refused"] == [{"address": "gone@x.example", "status": 550, "message": "gone"}]
    assert mail_server.envelopes[0].rcpt_tos == ["b@x.example"]


async def test_user_and_password_of_the_url_log_in(mail_server: Any, acting: Any) -> None:
    perform = await acting(smtp_url=f"smtp://us%40er:pass%3Aword%2F1@127.0.0.1:{mail_server.port}")
    assert (await perform("send_notification", **MAIL)).output["accepted"]
    assert mail_server.logins == [("us@er", "pass:word/1")]


async def test_a_refused_password_is_told_without_it(mail_server: Any, acting: Any) -> None:
    perform = await acting(smtp_url=f"smtp://user:wrong-pass@127.0.0.1:{mail_server.port}")
    outcome = await perform("send_notification", **MAIL)
    assert (outcome.error["kind"], outcome.error["status"], outcome.retryable) == ("smtp", 535, False)
    assert "wrong-pass" not in str(outcome)


async def test_no_server_is_a_retryable_connection_error(acting: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    perform = await acting(smtp_url=f"smtp://127.0.0.1:{port}")
    outcome = await perform("send_notification", **MAIL)
    assert (outcome.error["kind"], outcome.retryable) == ("connection", True)
    assert f"127.0.0.1:{port}" in outcome.error["message"]


async def test_a_silent_server_is_a_retryable_timeout(acting: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        perform = await acting(smtp_url=f"smtp://127.0.0.1:{silent.getsockname()[1]}", action_timeout=0.1)
        outcome = await perform("send_notification", **MAIL)
    assert (outcome.error["kind"], outcome.retryable) == ("timeout", True)


@pytest.mark.parametrize("url", [None, "http://mail.example", "smtp://"])
async def test_mail_without_a_server_is_refused_by_the_variables_name(acting: Any, url: str | None) -> None:
    perform = await acting(smtp_url=url)
    outcome = await perform("send_notification", **MAIL)
    assert outcome.error["kind"] == "refused"
    assert "ONESTACK_SMTP_URL" in outcome.error["message"]


async def test_a_sender_that_is_no_address_is_refused_by_the_variables_name(mail_server: Any, acting: Any) -> None:
    perform = await acting(smtp_url=mail_server.url, mail_from="nobody")
    outcome = await perform("send_notification", **MAIL)
    assert outcome.error == {"kind": "refused", "message": "ONESTACK_MAIL_FROM is not an address"}


async def test_a_channel_that_is_none_is_refused(acting: Any) -> None:
    perform = await acting()
    for channel in ("fax", None, ["email"]):
        outcome = await perform("send_notification", channel=channel, to="x", body="y")
        assert outcome.error["kind"] == "parameters"
