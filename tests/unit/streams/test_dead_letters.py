from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.kafka import LARGEST_RECORD, partition_of
from schemas.errors import Fault, Refused
from schemas.events import decode
from schemas.names import DEAD_LETTERS
from streams.dead_letters import REASONS, as_text, letter, put, reason_class

MOST = 16 * 1024
AT = datetime(2026, 11, 23, 8, 0, 0, 5, tzinfo=UTC)
REFUSED = Refused([Fault("orgid", "is required"), Fault("time", "is odd")])


def record(key: bytes | None = b"acme/device/d-1", value: bytes | None = b"{}") -> Any:
    return SimpleNamespace(topic="onestack.events.rmm", partition=7, offset=42, key=key, value=value)


def test_a_letter_has_what_is_documented() -> None:
    assert orjson.loads(letter(record(), REFUSED, AT)) == {
        "reason": "is required; time: is odd",
        "field": "orgid",
        "topic": "onestack.events.rmm",
        "partition": 7,
        "offset": 42,
        "key": "acme/device/d-1",
        "value": "{}",
        "at": "2026-11-23T08:00:00.000005Z",
    }


def test_nothing_stays_nothing() -> None:
    found = orjson.loads(letter(record(None, None), REFUSED, AT))
    assert (found["key"], found["value"]) == (None, None)
    assert as_text(b"") == ""


def test_what_is_no_text_is_base64() -> None:
    assert as_text(b"\xff\x00") == base64.b64encode(b"\xff\x00").decode()
    assert as_text(b"\xff" * (MOST + 9)) == base64.b64encode(b"\xff" * MOST).decode()


@pytest.mark.parametrize("character", ["a", "ü", "€", "🎫"])
@pytest.mark.parametrize("before", range(4))
def test_long_text_is_cut_but_never_through_a_character(character: str, before: int) -> None:
    text = "x" * before + character * MOST
    told = as_text(text.encode())
    assert told is not None
    assert text.startswith(told)
    assert MOST - 4 < len(told.encode()) <= MOST


def test_text_that_fits_is_told_whole() -> None:
    text = "🎫" * (MOST // 4)
    assert as_text(text.encode()) == text


@given(st.binary(max_size=60), st.integers(1, 20))
def test_any_bytes_are_told_as_text_or_base64_that_json_can_hold(raw: bytes, most: int) -> None:
    told = as_text(raw, most)
    assert told is not None
    assert orjson.loads(orjson.dumps(told)) == told
    assert raw.startswith(told.encode()) or told == base64.b64encode(raw[:most]).decode()


class Publisher:
    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []

    def put(self, *record: Any) -> asyncio.Future[None]:
        self.sent.append(record)
        return asyncio.get_running_loop().create_future()


async def sent_for(key: bytes | None, value: bytes | None = b"{}", partitions: int = 4) -> tuple[Any, ...]:
    publisher: Any = Publisher()
    put(publisher, record(key, value), REFUSED, partitions)
    (sent,) = publisher.sent
    found: tuple[Any, ...] = sent
    return found


async def test_a_letter_is_keyed_as_what_it_came_from() -> None:
    topic, partition, key, value, headers = await sent_for(b"acme/device/d-1")
    assert (topic, key) == (DEAD_LETTERS, b"acme/device/d-1")
    assert partition == partition_of(key, 4)
    assert orjson.loads(value)["offset"] == 42
    assert headers == [("content-type", b"application/json")]


async def test_a_letter_of_a_record_without_a_key_goes_to_its_partition() -> None:
    _topic, partition, key, *_ = await sent_for(None)
    assert (partition, key) == (7 % 4, None)


async def test_the_largest_record_there_is_fits_into_a_letter() -> None:
    for key, value in ((b"k" * LARGEST_RECORD, b"v"), (b"\x01" * LARGEST_RECORD, b"\x01" * LARGEST_RECORD)):
        _topic, _partition, short, told, _headers = await sent_for(key, value)
        assert len(short) + len(told) < LARGEST_RECORD // 4


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (b"this is no JSON", "unreadable"),
        (b"[]", "unreadable"),
        (None, "unreadable"),
        (b" " * 300_000, "too_large"),
        (b'{"specversion": "1.0", "id": "ev-1"}', "invalid"),
    ],
)
def test_a_refusal_is_counted_by_the_class_of_its_reason(value: bytes | None, wanted: str) -> None:
    with pytest.raises(Refused) as caught:
        decode(value, [], 256 * 1024)
    assert reason_class(caught.value) == wanted
    assert wanted in REASONS


def test_a_bug_of_ours_is_a_class_of_its_own() -> None:
    assert reason_class(Refused.one("", "internal error: KeyError: 'x'")) == "internal"
