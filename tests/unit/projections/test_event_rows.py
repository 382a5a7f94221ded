"""From a record of an event topic to a row of `history.events`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson
import pytest

from projections.events import event_row

NOW = datetime(2026, 11, 23, 8, 0, 10, tzinfo=UTC)
LIMIT = 10_000


class Record(NamedTuple):
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: int = 1_795_420_802_500  # 2026-11-23T08:00:02.5Z
    topic: str = "onestack.events.rmm"
    partition: int = 3
    offset: int = 7
    key: bytes | None = b"acme/device/d-1"


def event(**more: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": "ev-1", "source": "/rmm", "type": "device.offline", "subject": "device/d-1",
        "time": "2026-11-23T09:00:00+01:00", "orgid": "acme", "data": {"device": {"id": "d-1"}}, **more,
    }  # fmt: skip


def same(envelope: dict[str, Any]) -> dict[str, Any]:
    return envelope


def test_a_row_has_the_text_as_it_came_and_when() -> None:
    value = b" " + orjson.dumps(event())
    row = event_row(Record(value), same, LIMIT, NOW)
    assert row is not None
    assert row.event == value.decode()
    assert row[:3] == ("ev-1", "acme", "device.offline")
    assert row[3:8] == (
        datetime(2026, 11, 23, 8, tzinfo=UTC), datetime(2026, 11, 23, 8, 0, 2, 500_000, tzinfo=UTC),
        "onestack.events.rmm", 3, 7,
    )  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [None, b"", b"{", b"[]", orjson.dumps(event(type="no.such")), orjson.dumps(event(data={})), b" " * (LIMIT + 1)],
)
def test_what_the_workers_refuse_is_no_row(value: bytes | None) -> None:
    assert event_row(Record(value), same, LIMIT, NOW) is None


def test_an_event_in_binary_mode_is_kept_as_the_structured_one() -> None:
    whole = event()
    headers = [(f"ce_{name}", str(whole[name]).encode()) for name in whole if name != "data"]
    row = event_row(Record(orjson.dumps(whole["data"]), tuple(headers)), same, LIMIT, NOW)
    assert row is not None
    assert orjson.loads(row.event) == whole


def test_what_is_redacted_is_not_kept() -> None:
    def redact(envelope: dict[str, Any]) -> dict[str, Any]:
        return {**envelope, "data": {"device": {"id": "d-1", "password": "[redacted]"}}}

    value = orjson.dumps(event(data={"device": {"id": "d-1", "password": "hunter2"}}))
    row = event_row(Record(value), redact, LIMIT, NOW)
    assert row is not None
    assert "hunter2" not in row.event
    assert orjson.loads(row.event)["data"]["device"]["password"] == "[redacted]"


def test_text_that_postgres_cannot_hold_is_kept_visibly() -> None:
    value = orjson.dumps(event(data={"device": {"id": "d-1", "name": "a\0b"}}))
    row = event_row(Record(value), same, LIMIT, NOW)
    assert row is not None
    assert orjson.loads(row.event)["data"]["device"]["name"] == "a\\u0000b"


@pytest.mark.parametrize("time", [None, "0001-01-01T00:00:00+14:00"])
def test_an_event_without_a_time_that_can_be_looked_up_has_that_of_its_arrival(time: str | None) -> None:
    row = event_row(Record(orjson.dumps(event(time=time))), same, LIMIT, NOW)
    assert row is not None
    assert row.time == row.received_at


def test_no_event_is_received_in_the_future() -> None:
    row = event_row(Record(orjson.dumps(event()), timestamp=99_999_999_999_999), same, LIMIT, NOW)
    assert row is not None
    assert row.received_at == NOW


def test_a_clock_that_is_set_forward_says_when_an_event_was_received() -> None:
    ahead = timedelta(weeks=3)
    row = event_row(Record(orjson.dumps(event())), same, LIMIT, NOW + ahead, ahead)
    assert row is not None
    assert row.received_at == datetime(2026, 12, 14, 8, 0, 2, 500_000, tzinfo=UTC)
