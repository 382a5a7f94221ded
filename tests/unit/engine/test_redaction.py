"""What the run log never tells: sensitive fields, wherever they stand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.redaction import DEFAULT_REDACTION, REDACTED, Redaction, redact_event
from engine.run import Rules, RunState, call_of, decide, next_command, start, state_from_json
from engine.workflow import Workflow
from schemas.events import Event
from schemas.outcomes import Failed, Succeeded

Make = Callable[..., Workflow]
EventOf = Callable[..., Event]
Fold = Callable[..., RunState]

TICKET = {"id": "ticket", "action": "create_ticket", "with": {"title": "T"}}
SECRET = "hunter2-9f"


@pytest.mark.parametrize(
    "name",
    [
        "password", "Passwd", "PWD", "passphrase", "secret", "client_secret", "clientSecret", "token", "access_token",
        "Access-Token", "refreshToken", "api_key", "apikey", "X-API-Key", "Authorization", "cookie", "Set-Cookie",
        "private_key", "PRIVATE-KEY", "credential", "credentials", "db_password", "passwords", "api keys",
    ],
)  # fmt: skip
def test_sensitive_names_are_known_however_they_are_written(name: str) -> None:
    assert DEFAULT_REDACTION.sensitive(name)
    assert redact_event({"data": {name: SECRET}}) == {"data": {name: REDACTED}}


@pytest.mark.parametrize(
    "name", ["name", "key", "secretary", "token_count", "passwordless", "monkey", "id", "", "author"]
)
def test_other_names_are_not(name: str) -> None:
    assert not DEFAULT_REDACTION.sensitive(name)


def test_an_installation_may_add_names() -> None:
    redact = Redaction(["date-of-birth", "IBAN"])
    for name in ("date_of_birth", "DateOfBirth", "iban", "customer_iban", "customerIban", "password"):
        assert redact.sensitive(name), name
    for name in ("caliban", "iban_checked", "birth"):
        assert not redact.sensitive(name), name
    assert not DEFAULT_REDACTION.sensitive("iban")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"token": None, "password": True, "secret": "", "cookie": []}, None),
        ({"secret": "secret:HOOK_1", "headers": {"Authorization": "secret:KEY"}}, None),
        ({"secret": "secret:two words"}, {"secret": REDACTED}),
        ({"token": 12345}, {"token": REDACTED}),
        ({"credentials": {"user": "x"}}, {"credentials": REDACTED}),
        ([{"a": [{"pwd": "x", "b": 1}]}, 2], [{"a": [{"pwd": REDACTED, "b": 1}]}, 2]),
        ({"a": {"b": [1, {"c": "token"}]}}, None),
        ("password", None),
    ],
)
def test_values_are_redacted_by_their_names_and_nothing_else_is_touched(value: Any, told: Any) -> None:
    before = orjson.dumps(value)
    found = DEFAULT_REDACTION.value(value)
    assert orjson.dumps(value) == before
    if told is None:
        assert found is value
    else:
        assert found == told


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.just(SECRET),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "api_key", "x", "pass_word", "tokens"]), inner, max_size=3)
    ),
)


@given(JSON, st.booleans())
def test_no_value_stands_under_a_sensitive_name_afterwards(value: Any, warm: bool) -> None:
    redact = Redaction()
    if warm:
        redact.value({"id": 1, "x": 2})
    told = redact.value(value)
    _no_secret(told)
    assert redact.value(told) is told


def _no_secret(value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"api_key", "pass_word", "tokens"}:
                assert inner in (REDACTED, None, True, False, [], {})
            _no_secret(inner)
    elif isinstance(value, list):
        for inner in value:
            _no_secret(inner)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"error":"bad","password":"hunter2"}', '{"error":"bad","password":"[redacted]"}'),
        ('{"error":"bad","password":"hunt', '{"error":"bad","password":"[redacted]"'),
        ('{"error":"bad", "password" : "hu\\"nt", "x": 1', '{"error":"bad", "password" : "[redacted]", "x": 1'),
        ('oops {"a":1,"credentials":{"user":"x","pa', 'oops {"a":1,"credentials":"[redacted]"'),
        ("user=pia&client_secret=abc123&x=1", "user=pia&client_secret=[redacted]&x=1"),
        ("Authorization: Basic cGlhOng=\nX: 1", "Authorization: [redacted]\nX: 1"),
        ("refused Bearer abcdef1234567890xyz.", "refused Bearer [redacted]"),
        ("{'password': 'x y'}", "{'password': '[redacted]'}"),
        ('got {"secret":"secret:HOOK","token":null}', None),
        ("token: is required, but renders to nothing", None),
        ("the token is not valid", None),
        ("Bearer authentication is needed", None),
        ("", None),
    ],
)
def test_texts_are_redacted_where_they_name_a_sensitive_field(text: str, told: str | None) -> None:
    assert DEFAULT_REDACTION.text(text) == (text if told is None else told)


@pytest.mark.parametrize("text", ['{"a":' * 20_000, "[" * 50_000, '"token":' * 8_000, "=" * 60_000, '"' * 60_000])
def test_no_text_is_too_odd(text: str) -> None:
    assert isinstance(DEFAULT_REDACTION.text(f"x{text}"), str)


def test_the_recorded_event_is_redacted_and_templates_see_it_as_it_came(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    happened = event({"device": {"id": "d-17", "name": "SRV-01", "agent_token": SECRET, "url": "{{x}}"}})
    made = workflow(
        {"id": "hook", "action": "webhook", "with": {"url": "https://x.example"}},
        {"id": "tag", "action": "add_tag", "with": {"tag": "key {{device.agent_token}}"}},
        {"id": "all", "action": "add_tag", "with": {"tag": "all of {{device}}"}},
    )
    log = start(made, happened, now)
    assert SECRET.encode() not in orjson.dumps(log)
    assert log[0]["data"]["event"]["data"]["device"]["agent_token"] == REDACTED
    assert log[1]["data"]["cut"] is True
    assert log[1]["data"]["input"]["body"]["data"]["device"] == {
        "id": "d-17", "name": "SRV-01", "agent_token": REDACTED, "url": "{{x}}",
    }  # fmt: skip
    state = fold(log, None, made.body)
    state.event = happened.envelope
    assert call_of(state, made).input["body"] == happened.envelope
    command = next_command(state)
    arrived = state_from_json(orjson.loads(orjson.dumps(command))["state"])
    assert call_of(arrived).input == call_of(state, made).input, "the workflow is in the state as well"
    log = decide(made, state, Succeeded({"id": 1, "token": SECRET}), now)
    assert log[0]["data"]["output"] == {"id": 1, "token": REDACTED}
    assert log[1]["data"]["input"]["tag"] == REDACTED
    state = fold(log, state)
    assert call_of(state, made).input["tag"] == f"key {SECRET}"
    log = decide(made, state, Succeeded(None), now)
    assert SECRET.encode() not in orjson.dumps(log)
    assert log[1]["data"]["input"]["tag"].startswith('all of {"id":"d-17"')
    assert SECRET in call_of(fold(log, state), made).input["tag"]


def test_what_is_not_cut_is_not_rendered_again(workflow: Make, event: EventOf, now: datetime, fold: Fold) -> None:
    made = workflow(TICKET)
    log = start(made, event(), now)
    assert "cut" not in log[1]["data"]
    assert log[0]["data"]["event"] is event().envelope or log[0]["data"]["event"] == event().envelope
    state = fold(log, None, made.body)
    assert state.current is not None
    assert call_of(state, made).input is state.current["input"]


def test_a_secret_s_name_in_a_header_is_recorded_and_a_secret_is_not(
    workflow: Make, event: EventOf, now: datetime
) -> None:
    headers = {"Authorization": f"Bearer {SECRET}", "X-Api-Key": "secret:KEY", "X-Device": "{{device.id}}"}
    given = {"url": "https://x.example", "secret": "secret:HOOK", "headers": headers, "body": "b"}
    log = start(workflow({"id": "hook", "action": "webhook", "with": given}), event(), now)
    assert log[1]["data"]["input"] == {
        "url": "https://x.example",
        "secret": "secret:HOOK",
        "headers": {"Authorization": REDACTED, "X-Api-Key": "secret:KEY", "X-Device": "d-17"},
        "body": "b",
    }


def test_traces_do_not_tell_sensitive_values(workflow: Make, event: EventOf, now: datetime) -> None:
    conditions = {
        "any": [
            {"field": "device.password", "op": "equals", "value": SECRET},
            {"field": "device.name", "op": "not_equals", "value": "{{device.password}}"},
            {"field": "device.login.password", "op": "changed"},
            {"field": "device", "op": "exists"},
            {"field": "device.password", "op": "exists"},
            {"field": "device.nope_token", "op": "equals", "value": "x"},
        ]
    }
    data = {
        "device": {"id": "d-17", "name": "n", "password": SECRET, "login": {"password": SECRET}},
        "previous": {"device": {"login": {"password": f"old {SECRET}"}}},
    }
    log = start(workflow(TICKET, conditions=conditions), event(data), now)
    assert SECRET.encode() not in orjson.dumps(log)
    told = log[0]["data"]["conditions"]["any"]
    assert [leaf["actual"] for leaf in told[:3]] == [REDACTED] * 3
    assert [leaf["result"] for leaf in told] == [True, True, True, True, True, False]
    assert told[2]["previous"] == REDACTED
    assert told[3]["actual"]["password"] == REDACTED
    assert told[4]["value"] is True
    assert told[5]["missing"] is True


def test_errors_do_not_tell_sensitive_values(workflow: Make, event: EventOf, now: datetime, fold: Fold) -> None:
    made = workflow(TICKET)
    state = fold(start(made, event(), now), None, made.body)
    body = orjson.dumps({"error": "no", "request": {"api_key": SECRET}}).decode()
    failed = Failed({"kind": "http", "message": f"refused token={SECRET}", "status": 422, "body": body})
    error = decide(made, state, failed, now)[0]["data"]["error"]
    assert error["message"] == f"refused token={REDACTED}"
    assert orjson.loads(error["body"]) == {"error": "no", "request": {"api_key": REDACTED}}


def test_a_restart_s_event_is_redacted(workflow: Make, event: EventOf, now: datetime) -> None:
    made = workflow(TICKET, restart_on=[{"type": "device.offline"}])
    from engine.run import signal_for

    again = event({"device": {"id": "d-17", "token": SECRET}}, id="ev-2")
    log = start(made, event(), now, signal=signal_for(made, event().envelope, again))
    assert SECRET.encode() not in orjson.dumps(log)


def test_rules_may_name_more(workflow: Make, event: EventOf, now: datetime) -> None:
    rules = Rules(redact=Redaction(["serial"]))
    happened = event({"device": {"id": "d-17", "serial": SECRET}})
    made = workflow({"id": "t", "action": "add_tag", "with": {"tag": "{{device.serial}}"}},
                    conditions={"field": "device.serial", "op": "exists"})  # fmt: skip
    assert SECRET.encode() not in orjson.dumps(start(made, happened, now, rules))
    assert SECRET.encode() in orjson.dumps(start(made, happened, now))


def test_a_large_input_is_recorded_by_its_start_and_sent_whole(
    workflow: Make, event: EventOf, now: datetime, fold: Fold
) -> None:
    note = {"id": "note", "action": "create_note", "with": {"body": "{{device.dump}}"}}
    made = workflow(note)
    happened = event({"device": {"id": "d-17", "dump": "ä" * 60_000}})
    log = start(made, happened, now)
    recorded = log[1]["data"]["input"]
    assert (recorded["truncated"], recorded["bytes"]) == (True, len('{"body":"","company_id":"c-1"}') + 120_000)
    assert recorded["start"].startswith('{"body":"ää')
    assert len(recorded["start"].encode()) in {2047, 2048}
    assert call_of(fold(log, None, made.body), made).input == {"body": "ä" * 60_000, "company_id": "c-1"}


@pytest.mark.parametrize("length", [64 * 1024 - 30, 64 * 1024 - 29])
def test_64_kb_are_recorded_whole(workflow: Make, event: EventOf, now: datetime, length: int) -> None:
    note = {"id": "note", "action": "create_note", "with": {"body": "{{device.dump}}"}}
    log = start(workflow(note), event({"device": {"id": "d-17", "dump": "x" * length}}), now)
    assert log[1]["data"].get("cut", False) is (length > 64 * 1024 - 30)
