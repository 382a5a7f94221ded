from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.errors import Failure, address_of
from cli.history import moment
from cli.publishing import events_in, new_event
from schemas.events import EVENT_TYPES, from_envelope


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_an_event_of_any_type_needs_no_more_than_its_organisation(kind: str) -> None:
    event = from_envelope(new_event(kind, "acme", None, {}))
    assert event.type == kind
    assert event.org == "acme"


def test_the_subject_is_taken_from_the_data() -> None:
    made = new_event("alert.triggered", "acme", '{"alert": {"id": "a-7"}}', {"id": "ev-9", "source": "/security"})
    assert (made["subject"], made["id"], made["source"]) == ("alert/a-7", "ev-9", "/security")


def test_the_entity_is_made_from_the_subject() -> None:
    made = new_event("device.offline", "acme", '{"company": {"id": "c-1"}}', {"subject": "device/d-1"})
    assert made["data"] == {"company": {"id": "c-1"}, "device": {"id": "d-1"}}


def test_data_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text('{"device": {"id": "d-3"}}')
    assert new_event("device.offline", "acme", f"@{tmp_path}/data.json", {})["subject"] == "device/d-3"


@pytest.mark.parametrize("data", ["{", "[1]", '"text"'])
def test_data_that_is_no_object_is_refused(data: str) -> None:
    with pytest.raises(Failure, match="--data"):
        new_event("device.offline", "acme", data, {})


def test_a_file_holds_one_event_an_array_or_one_a_line(tmp_path: Path) -> None:
    file = tmp_path / "events.json"
    one, two = new_event("device.offline", "a", None, {}), new_event("device.online", "a", None, {})
    for text, events in (
        (json.dumps(one), [one]),
        (json.dumps([one, two]), [one, two]),
        (f"{json.dumps(one)}\n\n{json.dumps(two)}\n", [one, two]),
    ):
        file.write_text(text)
        assert events_in(file) == events


@pytest.mark.parametrize("text", ["", "[]", "nonsense", '{"a": 1}\nnonsense'])
def test_a_file_without_events_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "events.json").write_text(text)
    with pytest.raises(Failure):
        events_in(tmp_path / "events.json")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgresql://ann:pw@db.example:5433/history", "db.example:5433/history"),
        ("postgresql://user:@/db?host=/run/pg", "/run/pg/db"),
        ("postgresql://localhost", "localhost"),
        ("nonsense:pw", "an address that can't be read"),
        ("postgresql://h:notaport/x", "an address that can't be read"),
    ],
)
def test_an_address_is_told_without_user_and_password(url: str, address: str) -> None:
    assert address_of(url) == address


def test_a_moment_is_a_time_or_so_long_ago() -> None:
    assert moment(None) is None
    assert str(moment("2026-11-23T08:00:00")) == "2026-11-23 08:00:00+00:00"
    earlier, later = moment("2h"), moment("PT1H")
    assert earlier is not None
    assert later is not None
    assert earlier < later
    with pytest.raises(Failure, match="neither a duration"):
        moment("soon")
