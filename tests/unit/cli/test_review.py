"""Loops and calendars in `onestack validate` and `onestack publish`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from cli import publishing
from cli.main import run
from engine.registry import Registry
from runtime.settings import Settings
from schemas.names import DEFINITIONS

TAGGER = """\
id: tagger
org: acme
version: 1
name: Ticket Tagger
state: enabled
trigger: {type: ticket.updated}
conditions: {field: ticket.priority, op: changed}
steps:
  - {id: tag, action: add_tag, with: {tag: hurried}}
"""
TRIAGE = """\
id: triage
org: acme
version: 1
name: Ticket Triage
state: enabled
trigger: {type: ticket.updated}
conditions: {field: ticket.tags, op: changed}
steps:
  - {id: raise, action: update_ticket, with: {fields: {priority: P1}}}
"""
OFFICE = """\
id: office
org: acme
version: 1
time_zone: Europe/Berlin
hours: {mon: "09:00-17:30"}
"""
WAITS = """\
id: waits
org: acme
version: 1
name: Waits
state: enabled
trigger: {type: device.offline}
steps:
  - id: which
    if: {field: device.type, op: equals, value: server}
    then: [{id: wait, action: delay, with: {for: 1h, calendar: office}}]
  - {id: tag, action: add_tag, with: {tag: offline}}
"""
LOOP = (
    "acme: warning: A loop: 'Ticket Tagger' (step tag sets ticket.tags) causes ticket.updated, which starts "
    "'Ticket Triage' (step raise sets ticket.priority), which causes ticket.updated, which starts 'Ticket Tagger' "
    "again. At run time the chain stops after each workflow ran once.\n"
)
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("tagger", TAGGER), ("triage", TRIAGE), ("office", OFFICE), ("waits", WAITS)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


class Topic:
    """The definitions topic as the command line sees it."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.sent: list[publishing.Record] = []

    async def there(self, settings: Settings, name: str) -> None:
        assert name == DEFINITIONS

    async def in_force(self, settings: Settings) -> Registry:
        registry = Registry()
        for key, value in self.registry.snapshot().items():
            registry.apply(key, value)
        return registry

    async def send(self, settings: Settings, records: list[publishing.Record]) -> list[dict[str, Any]]:
        for _, key, value, _ in records:
            self.registry.apply(key, value)
        self.sent += records
        return [{"topic": name, "partition": 0, "offset": 7} for name, *_ in records]


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> Topic:
    topic = Topic()
    for name, fake in (("need_topic", topic.there), ("in_force", topic.in_force), ("send", topic.send)):
        monkeypatch.setattr(publishing, name, fake)
    return topic


def test_validate_warns_of_a_loop_among_the_files(capsys: Capture) -> None:
    assert run(["validate", "tagger.yaml", "triage.yaml"]) == 0
    assert capsys.readouterr() == ("2 definitions valid, with 1 warning.\n", LOOP)
    assert run(["validate", "tagger.yaml"]) == 0
    assert capsys.readouterr() == ("1 definition valid.\n", "")


def test_strict_takes_no_loop_and_no_other_warning(folder: Path, capsys: Capture) -> None:
    assert run(["validate", "--strict", "tagger.yaml", "triage.yaml"]) == 1
    assert capsys.readouterr() == ("", LOOP + "onestack: 1 warning, and --strict takes none.\n")
    (folder / "warned.yaml").write_text(WAITS.replace("device.type", "device.tipe").replace("calendar: office", ""))
    assert run(["validate", "--strict", "warned.yaml"]) == 1
    assert run(["validate", "--strict", "tagger.yaml", "office.yaml"]) == 0


def test_a_draft_that_is_validated_counts_as_if_it_were_enabled(folder: Path, capsys: Capture) -> None:
    (folder / "triage.yaml").write_text(TRIAGE.replace("enabled", "draft"))
    assert run(["validate", "tagger.yaml", "triage.yaml"]) == 0
    assert LOOP in capsys.readouterr().err


def test_validate_tells_programs_each_loop(capsys: Capture) -> None:
    assert run(["validate", "--json", "--strict", "tagger.yaml", "triage.yaml"]) == 1
    told = json.loads(capsys.readouterr().out)
    [loop] = told["loops"]
    assert told["valid"] is False
    assert (loop["org"], loop["workflows"]) == ("acme", ["tagger", "triage"])
    assert loop["links"][1] == {
        "workflow": "triage", "name": "Ticket Triage", "state": "enabled",
        "step": "raise", "does": "sets ticket.priority", "causes": "ticket.updated",
    }  # fmt: skip


def test_publish_sees_a_loop_with_what_is_in_force(topic: Topic, capsys: Capture) -> None:
    assert run(["publish", "tagger.yaml"]) == 0
    assert capsys.readouterr().err == ""
    assert run(["publish", "triage.yaml"]) == 0
    assert capsys.readouterr() == ("published acme/triage version 1 (enabled)\n", LOOP)
    assert len(topic.sent) == 2


def test_publish_strict_sends_nothing_where_there_is_a_loop(topic: Topic, capsys: Capture) -> None:
    run(["publish", "tagger.yaml"])
    capsys.readouterr()
    assert run(["publish", "--strict", "triage.yaml"]) == 1
    assert capsys.readouterr() == (
        "",
        LOOP + "onestack: 1 warning, and --strict takes none; nothing was published.\n",
    )
    assert [record[1] for record in topic.sent] == [b"acme/tagger"]


@pytest.mark.parametrize("state", ["disabled", "draft"])
def test_what_does_not_run_is_no_part_of_a_loop(state: str, topic: Topic, folder: Path, capsys: Capture) -> None:
    run(["publish", "--state", state, "tagger.yaml"])
    assert run(["publish", "--strict", "triage.yaml"]) == 0
    (folder / "tagger.yaml").write_text(TAGGER.replace("version: 1", "version: 2"))
    assert run(["publish", "--strict", "tagger.yaml"]) == 1
    (folder / "triage.yaml").write_text(TRIAGE.replace("version: 1", "version: 2"))
    assert run(["publish", "--strict", "--disable", "triage.yaml"]) == 0
    assert run(["publish", "--strict", "tagger.yaml"]) == 0


def test_a_new_version_that_breaks_the_loop_is_none(topic: Topic, folder: Path) -> None:
    run(["publish", "tagger.yaml", "triage.yaml"])
    (folder / "triage.yaml").write_text(TRIAGE.replace("version: 1", "version: 2").replace("priority: P1", "queue: A"))
    assert run(["publish", "--strict", "triage.yaml"]) == 0


def test_loops_of_others_are_not_told(topic: Topic, capsys: Capture) -> None:
    run(["publish", "tagger.yaml", "triage.yaml"])
    capsys.readouterr()
    assert run(["publish", "--strict", "office.yaml", "waits.yaml"]) == 0
    assert capsys.readouterr().err == ""


def test_publish_tells_programs_the_loops_of_each(topic: Topic, capsys: Capture) -> None:
    assert run(["publish", "--json", "tagger.yaml", "triage.yaml", "office.yaml"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(one["kind"], one["id"], len(one["loops"]), one["published"]) for one in told] == [
        ("workflow", "tagger", 1, True),
        ("workflow", "triage", 1, True),
        ("calendar", "office", 0, True),
    ]


def test_validate_looks_among_what_is_published_when_asked(topic: Topic, capsys: Capture) -> None:
    run(["publish", "tagger.yaml"])
    capsys.readouterr()
    assert run(["validate", "triage.yaml"]) == 0
    assert capsys.readouterr().err == ""
    assert run(["validate", "--with-published", "triage.yaml"]) == 0
    assert capsys.readouterr().err == LOOP


def test_a_calendar_is_published_under_its_own_key(topic: Topic, capsys: Capture) -> None:
    assert run(["publish", "--enable", "office.yaml"]) == 0
    assert capsys.readouterr() == ("published calendar acme/office version 1\n", "")
    [(_, key, value, _)] = topic.sent
    assert key == b"acme/calendar/office"
    assert orjson.loads(value or b"") == {
        "id": "office", "org": "acme", "version": 1, "time_zone": "Europe/Berlin", "hours": {"mon": "09:00-17:30"},
    }  # fmt: skip
    assert run(["publish", "office.yaml"]) == 0
    assert capsys.readouterr().out == "in force already: calendar acme/office version 1\n"
    assert run(["publish", "--delete", "calendar/office", "--org", "acme"]) == 0
    assert capsys.readouterr().out == "deleted acme/calendar/office version 1: Kafka has acknowledged it\n"
    assert topic.sent[-1][1:3] == (b"acme/calendar/office", None)
    assert run(["publish", "--delete", "calendar/office", "--org", "acme"]) == 1


def test_a_calendar_with_faults_is_refused_with_its_fields(folder: Path, capsys: Capture) -> None:
    (folder / "office.yaml").write_text(OFFICE.replace("17:30", "08:30").replace("Berlin", "Atlantis"))
    assert run(["validate", "office.yaml"]) == 1
    told = capsys.readouterr().err
    assert "office.yaml: document 1: time_zone: 'Europe/Atlantis' is not a time zone" in told
    assert "office.yaml: document 1: hours.mon[0]: 08:30 is not after 09:00" in told


def test_a_calendar_and_a_workflow_may_share_an_id_but_two_calendars_may_not(folder: Path, capsys: Capture) -> None:
    (folder / "both.yaml").write_text(OFFICE + "---\n" + TAGGER.replace("id: tagger", "id: office"))
    assert run(["validate", "both.yaml"]) == 0
    (folder / "twins.yaml").write_text(OFFICE + "---\n" + OFFICE)
    assert run(["validate", "twins.yaml"]) == 1
    assert "id: acme/calendar/office stands in document 1 of twins.yaml already" in capsys.readouterr().err


def test_a_delay_whose_calendar_is_not_there_is_warned_about_where_that_is_known(topic: Topic, capsys: Capture) -> None:
    warning = (
        "waits.yaml: document 1: warning: steps[0].then[0].with.calendar: "
        "there is no calendar 'office' in acme yet: such a delay fails\n"
    )
    assert run(["validate", "waits.yaml"]) == 0
    assert capsys.readouterr().err == ""
    assert run(["validate", "--with-published", "waits.yaml"]) == 0
    assert capsys.readouterr().err == warning
    assert run(["publish", "--strict", "waits.yaml"]) == 1
    assert warning in capsys.readouterr().err
    assert run(["publish", "--strict", "waits.yaml", "office.yaml"]) == 0
    assert run(["validate", "--with-published", "--strict", "waits.yaml"]) == 0


def test_the_default_calendar_is_looked_for_where_business_time_is_meant(
    topic: Topic, folder: Path, capsys: Capture
) -> None:
    text = WAITS.replace("for: 1h, calendar: office", "until: next_business_day")
    (folder / "waits.yaml").write_text(text)
    assert run(["publish", "waits.yaml"]) == 0
    assert "there is no calendar 'default' in acme yet" in capsys.readouterr().err


HOW_TO = Path(__file__).parents[3] / "docs" / "how-to"


def _snippets(page: str) -> list[str]:
    return re.findall(r"```yaml\n(.+?)```", (HOW_TO / page).read_text(), re.DOTALL)


def test_the_manual_s_calendar_and_workflow_are_published_without_a_warning(
    topic: Topic, folder: Path, capsys: Capture
) -> None:
    (folder / "manual.yaml").write_text("---\n".join(_snippets("business-hours.md")))
    assert run(["publish", "--strict", "manual.yaml"]) == 0
    assert len(topic.sent) == 2


@pytest.mark.parametrize("snippet", _snippets("avoid-loops.md"))
def test_what_the_manual_says_breaks_a_loop_does(snippet: str, folder: Path, capsys: Capture) -> None:
    tags, sets = "{id: do, action: add_tag, with: {tag: triaged}}", "update_ticket, with: {fields: {status: Open}}"
    steps = f"steps: [{tags if 'equals' not in snippet else f'{{id: do, action: {sets}}}'}]\n"
    head = "id: a\norg: acme\nversion: 1\nname: A\nstate: enabled\ntrigger: {type: ticket.updated}\n"
    (folder / "a.yaml").write_text(head + steps)
    assert run(["validate", "--strict", "a.yaml"]) == 1
    (folder / "a.yaml").write_text(head + snippet + steps)
    assert run(["validate", "--strict", "a.yaml"]) == 0
