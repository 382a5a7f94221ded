from __future__ import annotations

from datetime import UTC, datetime
from email.parser import BytesParser
from email.policy import default

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.errors import CannotPerformError
from actions.exchange import retry_after
from actions.message import address, compose, message_id
from actions.smtp import MailServer
from schemas.chats import slack_message, teams_message
from schemas.requests import Unsendable, segment

SENDER = address("flow@msp.example")
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(subject=TEXT, body=TEXT)
def test_no_text_can_add_a_header_or_a_recipient_to_a_mail(subject: str, body: str) -> None:
    mail = compose("r:0:s", SENDER, "a@x.example", subject, body, NOW)
    message = BytesParser(policy=default).parsebytes(mail.content)
    assert sorted(set(message.keys())) == sorted(
        {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type", "MIME-Version"}
        | {"Content-Transfer-Encoding"}
    )
    assert message["To"] == "a@x.example"
    assert mail.recipients == ("a@x.example",)


def test_commands_have_message_ids_of_their_own() -> None:
    ids = {message_id(one, SENDER) for one in ("r:0:a.b", "r:0:a-b", "r:0:a_b", "r:1:a.b", "r:0:a..b", "r:0:ab.")}
    assert len(ids) == 6
    assert message_id("r:0:a..b.", SENDER) == "<r.0.a++b+@msp.example>"


def test_an_international_domain_is_written_in_ascii() -> None:
    assert address("a@bücher.example").addr_spec == "a@xn--bcher-kva.example"


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        found = address(text)
    except CannotPerformError:
        return
    assert found.addr_spec.isascii()
    assert not set(found.addr_spec) & set("\r\n <>,;:\0")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mx.example", ("mx.example", 25, False, None, None)),
        ("smtp://u@mx.example", ("mx.example", 587, False, "u", None)),
        ("smtp://u:p%40@mx.example:2525", ("mx.example", 2525, False, "u", "p@")),
        ("smtps://u:p@mx.example", ("mx.example", 465, True, "u", "p")),
    ],
)
def test_a_mail_server_is_read_from_its_url(url: str, expected: tuple[object, ...]) -> None:
    server = MailServer.from_url(url)
    assert (server.host, server.port, server.tls, server.user, server.password) == expected


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.0.1", "[::1]"])
def test_a_mail_server_on_this_machine_is_known_as_such(host: str) -> None:
    assert MailServer.from_url(f"smtp://{host}:25").is_local
    assert not MailServer.from_url("smtp://10.0.0.1").is_local


@given(subject=TEXT, body=TEXT)
def test_a_slack_message_holds_no_control_sequence(subject: str, body: str) -> None:
    message = slack_message(subject, body)
    assert not set(message["text"]) & set("<>")
    assert all(len(block["text"]["text"]) <= 3000 for block in message.get("blocks", []))


def test_long_texts_are_cut_to_what_the_chats_take() -> None:
    assert len(orjson.dumps(teams_message("s", "日" * 100_000))) < 28_000
    slack = slack_message("s", "&" * 100_000)
    assert len(slack["text"]) <= 40_000
    assert len(slack["blocks"]) <= 50


def test_a_teams_message_without_a_subject_is_its_text() -> None:
    [block] = teams_message("", "text")["attachments"][0]["content"]["body"]
    assert block["text"] == "text"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 1.5 ", 1.5),
        ("999999999999", 7 * 86400.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 9999 07:28:00 GMT", 7 * 86400.0),
        ("-5", None),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value) == seconds


@given(st.text())
def test_retry_after_is_never_an_error(value: str) -> None:
    wait = retry_after(value)
    assert wait is None or 0 <= wait <= 7 * 86400


@given(st.text(min_size=1))
def test_an_id_in_a_path_stays_one_segment(value: str) -> None:
    try:
        quoted = segment("id", value)
    except Unsendable:
        return
    assert not set(quoted) & set("/?#\\ \r\n")
    assert quoted not in {".", ".."}
