"""Events that are none: each ends as a dead letter whose reason names the field in the sender's terms."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from schemas.errors import Refused
from schemas.events import decode
from schemas.names import EVENT_TOPICS
from tests.acceptance.bad_input.running import Bad, Headers, House, Record

RMM = EVENT_TOPICS["rmm"]
STRUCTURED = ("content-type", b"application/cloudevents+json")
GOOD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "ev-1",
    "source": "/rmm",
    "type": "device.offline",
    "subject": "device/d-1",
    "orgid": "acme",
    "time": "2026-11-23T08:00:00Z",
    "data": {"device": {"id": "d-1", "name": "SRV-01", "tags": ["vip"]}, "company": {"id": "c-1"}},
}
ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "orgid")


def changed(**fields: Any) -> bytes:
    return orjson.dumps({name: value for name, value in {**GOOD, **fields}.items() if value is not ...})


def device(**fields: Any) -> bytes:
    return changed(data={"device": {"id": "d-1", **fields}})


def replaced(old: bytes, new: bytes) -> bytes:
    value = changed()
    assert old in value
    return value.replace(old, new)


def binary(
    headers: dict[str, bytes | None], value: bytes | None = b'{"device":{"id":"d-1"}}'
) -> tuple[bytes | None, Headers]:
    found: dict[str, bytes | None] = {f"ce_{name}": str(GOOD[name]).encode() for name in (*ATTRIBUTES, "time")}
    found |= headers
    return value, [(name, one) for name, one in found.items() if one != b"<none>"]


NESTED = b'{"a":' * 500 + b"1" + b"}" * 500
WHOLE: list[tuple[str, bytes | None, str, str]] = [
    ("null value", None, "", "the record has no value"),
    ("empty value", b"", "", "not JSON"),
    ("white space", b" \n\t", "", "not JSON"),
    ("plain text", b"the server is down", "", "not JSON"),
    ("xml", b"<event/>", "", "not JSON"),
    ("truncated", changed()[:-1], "", "not JSON"),
    ("truncated in a text", changed()[:40], "", "not JSON"),
    ("two events in one record", changed() + b"\n" + changed(), "", "not JSON"),
    ("trailing comma", changed()[:-1] + b",}", "", "not JSON"),
    ("single quotes", changed().replace(b'"', b"'"), "", "not JSON"),
    ("python", b"{'id': None, 'up': True}", "", "not JSON"),
    ("comment", b"/* event */" + changed(), "", "not JSON"),
    ("byte order mark", b"\xef\xbb\xbf" + changed(), "", "not JSON"),
    ("utf-16", changed().decode().encode("utf-16"), "", "not JSON"),
    ("invalid utf-8", replaced(b"SRV-01", b"SRV-\xff"), "", "not JSON"),
    ("latin-1", replaced(b"SRV-01", "Büro".encode("latin-1")), "", "not JSON"),
    ("overlong utf-8", replaced(b"SRV-01", b"\xc0\x80"), "", "not JSON"),
    ("escaped lone surrogate", replaced(b"SRV-01", b"\\ud800"), "", "not JSON"),
    ("escaped low surrogate", replaced(b"SRV-01", b"\\udc00x"), "", "not JSON"),
    ("raw lone surrogate", replaced(b"SRV-01", b"\xed\xa0\x80"), "", "not JSON"),
    ("raw NUL", replaced(b"SRV-01", b"SRV\x00"), "", "not JSON"),
    ("raw newline in a text", replaced(b"SRV-01", b"SRV\n01"), "", "not JSON"),
    ("all zeros", b"\x00" * 64, "", "not JSON"),
    ("avro", b"\x00\x00\x00\x00\x01\x0cacme", "", "not JSON"),
    ("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "", "not JSON"),
    ("NaN", device(criticality=1).replace(b":1}", b":NaN}"), "", "not JSON"),
    ("infinity", device(criticality=1).replace(b":1}", b":Infinity}"), "", "not JSON"),
    ("number beyond a double", device(criticality=1).replace(b":1}", b":1e999}"), "", "not JSON"),
    ("hexadecimal number", device(criticality=1).replace(b":1}", b":0x10}"), "", "not JSON"),
    ("nested 2,000 lists", b"[" * 2000 + b"]" * 2000, "", "not JSON"),
    ("nested 500 objects", changed().replace(b'"c-1"', NESTED), "", "nested deeper than 64 levels"),
    ("nested never closed", b'{"data":' * 5000, "", "not JSON"),
    ("900 kB", device(name="x" * 900_000), "", "at most 262,144 are accepted"),
    ("900 kB of nothing", b" " * 900_000, "", "at most 262,144 are accepted"),
    ("one byte too many", b" " * (256 * 1024 + 1), "", "at most 262,144 are accepted"),
    ("a list", b"[" + changed() + b"]", "", "is a JSON object, not a list"),
    ("a text", orjson.dumps(changed().decode()), "", "is a JSON object, not text"),
    ("a number", b"42", "", "is a JSON object, not a number"),
    ("null", b"null", "", "is a JSON object, not null"),
    ("an empty object", b"{}", "specversion", "is required"),
    ("data alone", orjson.dumps(GOOD["data"]), "specversion", "is required"),
]
FIELDS: list[tuple[str, bytes | None, str, str]] = [
    *((f"no {name}", changed(**{name: ...}), name, "is required") for name in (*ATTRIBUTES, "data")),
    *((f"null {name}", changed(**{name: None}), name, "is required") for name in (*ATTRIBUTES, "data")),
    *((f"number as {name}", changed(**{name: 7}), name, "not a number") for name in (*ATTRIBUTES, "time", "data")),
    *((f"object as {name}", changed(**{name: {}}), name, "not an object") for name in (*ATTRIBUTES, "time")),
    *((f"blank {name}", changed(**{name: " "}), name, "is empty") for name in ATTRIBUTES),
    *((f"NUL in {name}", changed(**{name: "a\x00b"}), name, "has control characters") for name in ATTRIBUTES),
    *((f"newline in {name}", changed(**{name: "a\nb"}), name, "has control characters") for name in ATTRIBUTES),
    *((f"long {name}", changed(**{name: "x" * 2000}), name, "longer than 1,024 characters") for name in ATTRIBUTES),
    ("other specversion", changed(specversion="0.3"), "specversion", "only '1.0' is read"),
    ("orgid with a slash", changed(orgid="acme/x"), "orgid", "should begin with a letter or digit"),
    ("orgid with a space", changed(orgid="ac me"), "orgid", "should begin with a letter or digit"),
    ("orgid out of the folder", changed(orgid="../acme"), "orgid", "should begin with a letter or digit"),
    ("orgid of 101 letters", changed(orgid="a" * 101), "orgid", "should begin with a letter or digit"),
    ("unknown type", changed(type="device.exploded"), "type", "'device.exploded' is not a known event type"),
    ("type in capitals", changed(type="Device.Offline"), "type", "is not a known event type"),
    ("subject without an id", changed(subject="device/"), "subject", "should be device/ and the device's id"),
    ("subject without a kind", changed(subject="d-1"), "subject", "should be device/ and the device's id"),
    ("subject of another kind", changed(subject="ticket/d-1"), "subject", "should be device/ and the device's id"),
    ("subject of another device", changed(subject="device/d-2"), "subject", "but data.device.id is 'd-1'"),
    ("time without offset", changed(time="2026-11-23T08:00:00"), "time", "has no offset from UTC"),
    ("date as time", changed(time="2026-11-23"), "time", "has no offset from UTC"),
    ("words as time", changed(time="this morning"), "time", "is not an RFC 3339 time"),
    ("impossible time", changed(time="2026-02-30T08:00:00Z"), "time", "is not an RFC 3339 time"),
    ("causation of gaps", changed(causationchain="a,,b"), "causationchain", "workflow ids with commas"),
    ("causation as a list", changed(causationchain=["a"]), "causationchain", "not a list"),
    ("traceparent as a number", changed(traceparent=0), "traceparent", "not a number"),
    ("xml data", changed(datacontenttype="application/xml"), "datacontenttype", "only JSON is read"),
    ("base64 data", changed(data=..., data_base64="e30="), "data_base64", "send the JSON object as data"),
    ("data as a list", changed(data=[]), "data", "should be a JSON object, not a list"),
    ("data as text", changed(data="{}"), "data", "should be a JSON object, not text"),
    ("data of another entity", changed(data={"ticket": {"id": "d-1"}}), "data.device", "is required"),
    ("entity is null", changed(data={"device": None}), "data.device", "should be an object"),
    ("entity is a text", changed(data={"device": "d-1"}), "data.device", "should be an object, not 'd-1'"),
    ("entity without an id", changed(data={"device": {"name": "x"}}), "data.device.id", "is required"),
    ("entity with a number as id", changed(data={"device": {"id": 1}}), "data.device.id", "should be text, not '1'"),
    ("name is a number", device(name=5), "data.device.name", "should be text, not '5'"),
    ("criticality is a word", device(criticality="high"), "data.device.criticality", "should be a number, not 'high'"),
    ("online is a word", device(online="no"), "data.device.online", "should be true or false, not 'no'"),
    ("tags is a text", device(tags="vip"), "data.device.tags", "should be a list, not 'vip'"),
    ("a tag is an object", device(tags=["a", {}]), "data.device.tags[1]", "should be text"),
    ("a person is a text", device(assigned_technician="bob"), "data.device.assigned_technician", "should be an object"),
    ("a time is a number", device(last_seen_at=5), "data.device.last_seen_at", "write a time as text"),
    ("previous is a list", changed(data={"device": {"id": "d-1"}, "previous": []}), "data.previous", "an object"),
]
BINARY: list[tuple[str, tuple[bytes | None, Headers], str, str]] = [
    *((f"binary, no {name}", binary({f"ce_{name}": b"<none>"}), name, "is required") for name in ATTRIBUTES),
    ("binary, not UTF-8", binary({"ce_id": b"\xff\xfe"}), "id", "the header is not UTF-8 text"),
    ("binary, NUL", binary({"ce_id": b"a\x00"}), "id", "has control characters"),
    ("binary, empty", binary({"ce_subject": b""}), "subject", "is empty"),
    ("binary, text data", binary({"content-type": b"text/plain"}), "datacontenttype", "is 'text/plain'"),
    ("binary, bad time", binary({"ce_time": b"now"}), "time", "is not an RFC 3339 time"),
    ("binary, data is not JSON", binary({}, b"<x/>"), "data", "not JSON"),
    ("binary, data is a list", binary({}, b"[]"), "data", "not a list"),
    ("binary without a value", binary({}, None), "", "the record has no value"),
    ("batch", (b"[" + changed() + b"]", [("content-type", b"application/cloudevents-batch+json")]), "", "a batch"),
    ("structured by its header", (b"[]", [STRUCTURED, ("ce_id", b"x")]), "", "is a JSON object, not a list"),
    ("binary without its headers", (b'{"device":{"id":"d-1"}}', []), "specversion", "is required"),
]


def _kinds() -> Iterator[Bad]:
    for name, value, field, reason in (*WHOLE, *FIELDS):
        yield Bad(name, Record(RMM, value, b"acme/device/d-1"), field, reason)
    for name, (value, headers), field, reason in BINARY:
        yield Bad(name, Record(RMM, value, b"k" if value is None else None, headers), field, reason)
    for name, key in (("no key", None), ("binary key", b"\xff\x00"), ("long key", b"k" * 1_900_000)):
        yield Bad(name, Record(RMM, b"nonsense", key), "", "not JSON")
    for topic in EVENT_TOPICS.values():
        yield Bad(f"nonsense on {topic}", Record(topic, b"nonsense", b"acme/x/y"), "", "not JSON")


def _generated() -> Iterator[Bad]:
    """Good events with a part broken by chance, always the same ones; what is an event still is left out."""
    chance = random.Random(20261123)
    breaks: list[Callable[[bytearray], None]] = [
        lambda raw: raw.__delitem__(slice(chance.randrange(1, len(raw)), None)),
        lambda raw: raw.__setitem__(chance.randrange(len(raw)), chance.randrange(256)),
        lambda raw: raw.__delitem__(chance.randrange(len(raw))),
        lambda raw: raw.insert(chance.randrange(len(raw)), chance.randrange(256)),
    ]
    made = 0
    while made < 60:
        raw = bytearray(changed())
        for _ in range(chance.randrange(1, 4)):
            chance.choice(breaks)(raw)
        try:
            decode(bytes(raw))
        except Refused as refused:
            made += 1
            yield Bad(
                f"broken by chance {made}", Record(RMM, bytes(raw), b"acme/device/d-1"), refused.field, refused.reason
            )


KINDS = [*_kinds(), *_generated()]


@pytest.fixture(scope="module")
def letters(house: House) -> dict[str, dict[str, Any] | None]:
    """Each kind's dead letter; all are sent in one go."""

    async def sent() -> dict[str, dict[str, Any] | None]:
        places = await house.send([kind.record for kind in KINDS])
        found = await house.letters(places)
        return {kind.name: found.get(place) for kind, place in zip(KINDS, places, strict=True)}

    return asyncio.run(sent())


def test_there_are_enough_kinds_each_with_its_own_name() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS) > 150


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_bad_events_are_dead_letters_that_name_the_field(kind: Bad, letters: dict[str, dict[str, Any] | None]) -> None:
    letter = letters[kind.name]
    assert letter is not None
    assert letter["field"] == kind.field
    assert kind.reason in letter["reason"]
    assert "internal" not in letter["reason"]
    assert len(letter["reason"]) < 500


def test_the_letters_stand_in_the_history(house: House, letters: dict[str, dict[str, Any] | None]) -> None:
    rows = asyncio.run(
        house.query("select field, topic from history.dead_letters where topic like 'onestack.events.%'", len(KINDS))
    )
    assert len(rows) == len(KINDS)
    assert house.alive()
