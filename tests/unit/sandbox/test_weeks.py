from collections import Counter
from datetime import timedelta
from io import StringIO

import pytest
from rich.console import Console

from sandbox.demo.report import scene_table
from sandbox.demo.scenes import PLACES, Happens, Scene, scenes
from sandbox.demo.weeks import clock, told
from sandbox.modules.publisher import Publisher
from sandbox.stack import WORKFLOWS
from schemas.documents import load_yaml
from schemas.events.decode import from_envelope
from schemas.templates import built_in, fill

SCENES = scenes(1)


def test_all_ten_templates_play_and_each_comes_to_an_end() -> None:
    assert set(PLACES) == set(built_in()) == {scene.template for scene in SCENES}
    for name in PLACES:
        last = [scene for scene in SCENES if scene.template == name][-1]
        assert not {"waiting", "running", "failed"} & last.wanted.keys()


def test_time_goes_forward_and_a_seed_makes_the_same_weeks() -> None:
    assert [scene.at for scene in SCENES] == sorted(scene.at for scene in SCENES)
    assert scenes(1) == SCENES


@pytest.mark.parametrize("name", PLACES)
def test_a_template_stands_where_no_other_workflow_hears_its_events(name: str) -> None:
    place = PLACES[name]
    definition = fill(built_in()[name], place.values, place.org, state="enabled")
    watched = {definition["trigger"]["type"], *(one["type"] for one in definition.get("cancel_on", []))}
    others = [one for file in WORKFLOWS.glob("*.yaml") for one in load_yaml(file.read_text())]
    others += [fill(built_in()[one], at.values, at.org) for one, at in PLACES.items() if one != name]
    heard = [one["id"] for one in others if one["org"] == place.org and one["trigger"]["type"] in watched]
    assert heard == []


def test_boards_and_words_tell_the_templates_apart() -> None:
    for values in (
        [place.values["board"] for place in PLACES.values() if "board" in place.values],
        [place.subject for place in PLACES.values() if place.subject],
        [place.message for place in PLACES.values() if place.message],
    ):
        assert all(one == other or one not in other for one in values for other in values)


def test_every_event_of_the_weeks_is_valid() -> None:
    make = Publisher("nowhere:1").event
    told_events = [(scene, one) for scene in SCENES for one in scene.happens if one.ticket is None]
    assert len(told_events) > 300
    for scene, one in told_events:
        from_envelope(make(one.type, PLACES[scene.template].org, one.data, module=one.module))


def test_only_tickets_that_were_opened_before_are_changed() -> None:
    opened: set[str] = set()
    for scene in SCENES:
        for one in scene.happens:
            if one.ticket is not None:
                assert one.ticket in opened
            elif one.type == "ticket.created":
                opened.add(one.data["ticket"]["id"])
    assert len(opened) == 3


def test_a_scene_is_told_with_what_came_of_it_and_what_should_have() -> None:
    scene = Scene(timedelta(minutes=15), "device-offline-alert", "it is over", {"tickets": 2}, (Happens("x", {}),))
    printed = StringIO()
    console = Console(width=110, file=printed)
    console.print(scene_table(scene.at, [(scene, Counter(tickets=1, completed=2))]))
    text = printed.getvalue()
    assert "✗ day  0 00:15:00" in text
    assert "1 ticket · 2 completed instead of 2" in text


def test_counts_and_times_are_told_in_words() -> None:
    assert told({"e-mails": 3, "waiting": 2, "restarts": 1, "tickets": 0}) == "3 e-mails · 1 restart · 2 waiting"
    assert told({}) == "nothing"
    assert clock(timedelta(days=2, hours=23, minutes=59, seconds=57)) == "day  2 23:59:57"
