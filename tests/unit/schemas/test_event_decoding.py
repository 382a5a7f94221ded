from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Fault, Refused
from schemas.events import EVENT_TYPES, SOURCES, Event, decode, entity_of, from_envelope

Headers = list[tuple[str, bytes]]
STRUCTURED = ("content-type", b"application/cloudevents+json")
BATCH = ("content-type", b"application/cloudevents-batch+json")
REQUIRED = ("specversion", "id", "source", "type", "subject", "orgid")


def envelope(kind: str = "device.offline", data: Any = None, **attributes: Any) -> dict[str, Any]:
    entity = entity_of(kind)
    found = {
        "specversion": "1.0",
        "id": "ev-1",
        "source": f"/{SOURCES[kind][0]}" if kind in SOURCES else "/rmm",
        "type": kind,
        "subject": f"{entity}/x-1",
        "orgid": "acme",
        "data": {entity: {"id": "x-1"}} if data is None else data,
        **attributes,
    }
    return {name: value for name, value in found.items() if value is not ...}


def with_device(**fields: Any) -> dict[str, Any]:
    return envelope(data={"device": {"id": "x-1", **fields}})


def changed(name: str, value: object) -> dict[str, Any]:
    """An event with another value in one place; `...` takes the attribute away."""
    return {key: one for key, one in {**envelope(), name: value}.items() if one is not ...}


def as_binary(event: dict[str, Any], *more: tuple[str, bytes]) -> tuple[bytes, Headers]:
    headers = [(f"ce_{name}", str(value).encode()) for name, value in event.items() if name != "data"]
    return orjson.dumps(event["data"]), [*headers, *more]


def refusal(value: bytes | None, headers: Headers | None = None) -> Refused:
    with pytest.raises(Refused) as refused:
        decode(value, headers or [])
    return refused.value


@pytest.mark.parametrize("kind", EVENT_TYPES)
@pytest.mark.parametrize("headers", [[], [STRUCTURED], [("Content-Type", b"application/json")]], ids=len)
def test_each_type_is_read_in_structured_mode(kind: str, headers: Headers) -> None:
    given = envelope(kind)
    event = decode(orjson.dumps(given), headers)
    assert event.envelope == given
    assert (event.type, event.org, event.entity_key) == (kind, "acme", f"acme/{given['subject']}")
    assert (event.entity_type, event.entity_id) == (entity_of(kind), "x-1")


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_each_type_is_read_in_binary_mode_as_the_same_structured_event(kind: str) -> None:
    given = envelope(kind, time="2026-11-23T08:00:00Z", causationchain="wf-a,wf-b")
    value, headers = as_binary(given, ("content-type", b"application/json"))
    event = decode(value, headers)
    assert event.envelope == {**given, "datacontenttype": "application/json"}
    assert event.causation_chain == ("wf-a", "wf-b")
    assert isinstance(event.data[entity_of(kind)], dict)


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_each_type_needs_its_entity_with_an_id(kind: str) -> None:
    entity = entity_of(kind)
    for data, field in (
        ({}, f"data.{entity}"),
        ({entity: None}, f"data.{entity}"),
        ({entity: []}, f"data.{entity}"),
        ({entity: {}}, f"data.{entity}.id"),
        ({entity: {"id": None}}, f"data.{entity}.id"),
        ({entity: {"id": 1}}, f"data.{entity}.id"),
        ({entity: {"id": "y"}}, "subject"),
    ):
        assert refusal(orjson.dumps(envelope(kind, data))).field == field


@pytest.mark.parametrize("name", [*REQUIRED, "data"])
def test_a_missing_attribute_is_named(name: str) -> None:
    for missing in (..., None):
        refused = refusal(orjson.dumps(changed(name, missing)))
        assert (refused.field, refused.reason) == (name, "is required")


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (5, "should be text, not a number"),
        (True, "should be text, not true or false"),
        ([], "should be text, not a list"),
        ({}, "should be text, not an object"),
        ("", "is empty"),
        (" \t", "is empty"),
        ("x" * 1025, "is longer than 1,024 characters"),
        ("a\x00b", "has control characters"),
        ("a\nb", "has control characters"),
    ],
)
def test_a_required_attribute_of_a_wrong_kind_is_named(name: str, value: object, reason: str) -> None:
    refused = refusal(orjson.dumps(changed(name, value)))
    assert (refused.field, refused.reason) == (name, reason)


@pytest.mark.parametrize(
    ("attributes", "field", "reason"),
    [
        ({"specversion": "0.3"}, "specversion", "only '1.0' is read"),
        ({"orgid": "a/b"}, "orgid", "should begin with a letter or digit"),
        ({"orgid": "x" * 101}, "orgid", "should begin with a letter or digit"),
        ({"type": "device.exploded"}, "type", "'device.exploded' is not a known event type"),
        ({"subject": "x-1"}, "subject", "should be device/ and the device's id"),
        ({"subject": "device/"}, "subject", "should be device/ and the device's id"),
        ({"subject": "alert/x-1"}, "subject", "should be device/ and the device's id"),
        ({"subject": "device/x-2"}, "subject", "but data.device.id is 'x-1'"),
        ({"time": "soon"}, "time", "is not an RFC 3339 time"),
        ({"time": "2026-11-23T08:00:00"}, "time", "has no offset from UTC"),
        ({"time": "2026-11-23"}, "time", "has no offset from UTC"),
        ({"time": 1763884800}, "time", "should be text, not a number"),
        ({"traceparent": 1}, "traceparent", "should be text"),
        ({"causationid": []}, "causationid", "should be text"),
        ({"causationchain": "a,,b"}, "causationchain", "workflow ids with commas"),
        ({"causationchain": ",".join(["a"] * 101)}, "causationchain", "workflow ids with commas"),
        ({"datacontenttype": "application/xml"}, "datacontenttype", "only JSON is read"),
        ({"data": ["x"]}, "data", "should be a JSON object, not a list"),
        ({"data": "{}"}, "data", "should be a JSON object, not text"),
    ],
)
def test_a_wrong_attribute_is_named(attributes: dict[str, Any], field: str, reason: str) -> None:
    refused = refusal(orjson.dumps(envelope(**attributes)))
    assert refused.field == field
    assert reason in refused.reason


@pytest.mark.parametrize(
    ("device", "field", "reason"),
    [
        ({"name": 5}, "name", "should be text, not '5'"),
        ({"online": "yes"}, "online", "should be true or false, not 'yes'"),
        ({"criticality": "high"}, "criticality", "should be a number, not 'high'"),
        ({"criticality": True}, "criticality", "should be a number, not 'True'"),
        ({"last_seen_at": 5}, "last_seen_at", "write a time as text"),
        ({"last_seen_at": "x"}, "last_seen_at", "not 'x'"),
        ({"assigned_technician": "bob"}, "assigned_technician", "should be an object, not 'bob'"),
        ({"assigned_technician": {"email": 1}}, "assigned_technician.email", "should be text, not '1'"),
        ({"tags": "vip"}, "tags", "should be a list, not 'vip'"),
        ({"tags": ["vip", 1]}, "tags[1]", "should be text, not '1'"),
    ],
)
def test_a_wrong_field_of_the_data_is_named_by_its_path(device: dict[str, Any], field: str, reason: str) -> None:
    refused = refusal(orjson.dumps(with_device(**device)))
    assert refused.field == f"data.device.{field}"
    assert reason in refused.reason
    assert len(refused.faults) == 1


@pytest.mark.parametrize(
    ("ticket", "field", "reason"),
    [
        ({"assignee": 5}, "assignee", "should be an object or text, not '5'"),
        ({"assignee": {"id": 5}}, "assignee.id", "should be text, not '5'"),
        ({"number": 1.5}, "number", "should be text or a whole number, not '1.5'"),
        ({"sla": []}, "sla", "should be an object or text"),
        ({"priority": "P9"}, "priority", "should be 'P1', 'P2', 'P3' or 'P4', not 'P9'"),
    ],
)
def test_a_field_of_several_types_has_one_fault_in_plain_words(ticket: dict[str, Any], field: str, reason: str) -> None:
    refused = refusal(orjson.dumps(envelope("ticket.updated", {"ticket": {"id": "x-1", **ticket}})))
    assert [tuple(fault) for fault in refused.faults] == [(f"data.ticket.{field}", reason)]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "the record has no value"),
        (b"", "not JSON"),
        (b"hello", "not JSON"),
        (b'{"id": "a"', "not JSON"),
        (b'{"id": NaN}', "not JSON"),
        (b'{"id": 1e999}', "not JSON"),
        (b'{"id": "\\ud800"}', "not JSON"),
        (b'{"id": "\xed\xa0\x80"}', "not JSON"),
        (b'{"id": "a\x00"}', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 2000 + b"]" * 2000, "not JSON"),
        (b'{"data":' + b"[" * 70 + b"]" * 70 + b"}", "nested deeper than 64 levels"),
        (b"[]", "a CloudEvent is a JSON object, not a list"),
        (b"null", "a CloudEvent is a JSON object, not null"),
        (b"1.5", "a CloudEvent is a JSON object, not a number"),
        (b" " * (256 * 1024 + 1), "262,145 bytes; at most 262,144 are accepted"),
    ],
)
def test_what_is_no_event_at_all_is_refused_as_a_whole(value: bytes | None, reason: str) -> None:
    refused = refusal(value)
    assert refused.field == ""
    assert reason in refused.reason


def test_the_limit_is_a_setting() -> None:
    value = orjson.dumps(envelope())
    assert decode(value, [], len(value)).id == "ev-1"
    with pytest.raises(Refused):
        decode(value, [], len(value) - 1)


def test_binary_mode_is_refused_by_header_and_by_body() -> None:
    value, headers = as_binary(envelope())
    for name in REQUIRED:
        assert refusal(value, [one for one in headers if one[0] != f"ce_{name}"]).field == name
    assert refusal(b"{", headers).field == "data"
    assert refusal(b"[]", headers).field == "data"
    assert refusal(value, [*headers, ("content-type", b"text/plain")]).field == "datacontenttype"
    assert refusal(value, [*headers, ("ce_id", b"\xff")]).field == "id"
    assert refusal(value, [*headers, ("ce_time", b"8 o'clock")]).field == "time"


def test_a_batch_is_refused() -> None:
    assert "send one event a record" in refusal(b"[]", [BATCH]).reason


def test_the_structured_content_type_wins_over_attribute_headers() -> None:
    event = decode(orjson.dumps(envelope()), [STRUCTURED, ("ce_orgid", b"other")])
    assert event.org == "acme"


def test_data_in_base64_is_refused_by_its_name() -> None:
    given = {name: value for name, value in envelope().items() if name != "data"}
    assert refusal(orjson.dumps({**given, "data_base64": "e30="})).field == "data_base64"


def test_unknown_fields_and_attributes_are_kept() -> None:
    given = with_device(rack={"unit": 4}, model_config=1)
    given["tenant"] = "x"
    given["data"]["weather"] = "fine"
    assert from_envelope(given).envelope is given


@given(value=st.binary(max_size=300), headers=st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=8))))
def test_any_bytes_are_an_event_or_a_refusal(value: bytes, headers: Headers) -> None:
    with suppress(Refused):
        assert isinstance(decode(value, headers), Event)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@given(kind=st.sampled_from(list(EVENT_TYPES)), name=st.sampled_from([*REQUIRED, "time", "data"]), wrong=JSON)
def test_whatever_stands_in_one_attribute_the_refusal_names_it(kind: str, name: str, wrong: Any) -> None:
    found = {**envelope(kind), name: wrong}
    # Another type has another entity, so the data or the subject is what is wrong then.
    expected = {name} | ({"data", "subject"} if name in {"type", "data"} else set())
    for fault in _faults(found):
        assert fault.field.split(".")[0] in expected
        assert fault.reason


def _faults(found: dict[str, Any]) -> tuple[Fault, ...]:
    try:
        from_envelope(found)
    except Refused as refused:
        return refused.faults
    return ()


@given(kind=st.sampled_from(list(EVENT_TYPES)), data=st.dictionaries(st.text(max_size=10), JSON, max_size=4))
def test_unknown_data_is_never_refused(kind: str, data: dict[str, Any]) -> None:
    entity = entity_of(kind)
    known = {"ticket", "alert", "device", "backup", "invoice", "contact", "deal", "company", "conflict", "previous"}
    extra = {name: value for name, value in data.items() if name not in known}
    assert from_envelope(envelope(kind, {**extra, entity: {"id": "x-1"}})).data[entity]["id"] == "x-1"
