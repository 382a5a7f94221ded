from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from cli import publishing
from cli.errors import Failure, address_of
from cli.history import moment
from cli.main import run
from cli.publishing import events_in, new_event
from engine.registry import Accepted, Registry
from runtime.settings import Settings
from schemas.events import EVENT_TYPES, from_envelope
from schemas.names import DEFINITIONS


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


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> list[publishing.Record]:
    """What is sent to a definitions topic on which version 3 of acme/wf is in force."""
    registry, sent = Registry(), list[publishing.Record]()
    body = {
        "id": "wf",
        "org": "acme",
        "version": 3,
        "name": "WF",
        "state": "disabled",
        "trigger": {"type": "device.offline"},
        "steps": [{"id": "note", "action": "create_note", "with": {"body": "gone"}}],
    }
    assert isinstance(registry.apply("acme/wf", orjson.dumps(body)), Accepted)

    async def there(settings: Settings, name: str) -> None:
        assert name == DEFINITIONS

    async def in_force(settings: Settings) -> Registry:
        return registry

    async def send(settings: Settings, records: list[publishing.Record]) -> list[dict[str, Any]]:
        sent.extend(records)
        return [{"topic": name, "partition": 0, "offset": 7} for name, *_ in records]

    for name, fake in (("need_topic", there), ("in_force", in_force), ("send", send)):
        monkeypatch.setattr(publishing, name, fake)
    return sent


def test_deleting_sends_a_null_under_the_definitions_key(
    topic: list[publishing.Record], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["publish", "--delete", "wf", "--org", "acme"]) == 0
    assert topic == [(DEFINITIONS, b"acme/wf", None, [])]
    assert capsys.readouterr().out == "deleted acme/wf version 3 (disabled): Kafka has acknowledged it\n"


def test_deleting_tells_programs_what_was_in_force_and_where_the_null_is(
    topic: list[publishing.Record], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["publish", "--delete", "wf", "--org", "acme", "--json"]) == 0
    [gone] = json.loads(capsys.readouterr().out)
    assert (gone["org"], gone["id"], gone["version"], gone["deleted"], gone["offset"]) == ("acme", "wf", 3, True, 7)


@pytest.mark.parametrize(("org", "name"), [("acme", "other"), ("globex", "wf"), ("acme", "acme/wf"), ("acme", "")])
def test_what_is_not_in_force_is_not_deleted(
    org: str, name: str, topic: list[publishing.Record], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["publish", "--delete", name, "--org", org]) == 1
    assert topic == []
    told = capsys.readouterr()
    assert (told.out, told.err) == (
        "",
        f"onestack: No definition is in force as {org}/{name}: nothing was deleted.\n",
    )


@pytest.mark.parametrize(
    "more", [[], ["--org", "acme", "a.yaml"], ["--org", "acme", "--disable"], ["--org", "acme", "--state", "draft"]]
)
def test_a_deletion_takes_an_organisation_and_nothing_else(more: list[str], topic: list[publishing.Record]) -> None:
    assert run(["publish", "--delete", "wf", *more]) == 2
    assert topic == []
