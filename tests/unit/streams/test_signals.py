"""What is remembered of events and requests, and which runs it concerns."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.workflow import Workflow, compile_workflow
from schemas.definitions import parse_definition
from schemas.events import Event, from_envelope
from schemas.names import run_id
from streams.signals import EARLY_MS, Mark, Memory, Signals

KEY = b"acme/device/d-1"
ARRIVED = 1_000_000


def workflow(**more: Any) -> Workflow:
    steps = [{"id": "wait", "action": "delay", "with": {"for": "15m"}}]
    body = {"id": "wf", "org": "acme", "version": 1, "name": "wf", "state": "enabled", "steps": steps}
    return compile_workflow(parse_definition({**body, "trigger": {"type": "device.offline"}, **more}))


def event(kind: str, number: int, time: str | None = "2026-11-23T08:00:00Z", **device: Any) -> Event:
    envelope = {
        "specversion": "1.0",
        "id": f"ev-{number}",
        "source": "/rmm",
        "type": kind,
        "subject": "device/d-1",
        "orgid": "acme",
        "data": {"device": {"id": "d-1", **device}},
    }
    return from_envelope({**envelope, "time": time} if time else envelope)


CANCELLED = workflow(cancel_on=[{"type": "device.online"}])
TRIGGER = event("device.offline", 1)


class Topic:
    """Where marks are written; what a publisher is to `Signals`."""

    def __init__(self) -> None:
        self.values: list[bytes] = []

    def put(self, _topic: str, _partition: int, _key: bytes, value: bytes) -> Any:
        self.values.append(value)
        return SimpleNamespace()


def a_topic() -> Any:
    return Topic()


def remembered(*marks: Mark, topic: Any = None) -> Signals:
    signals = Signals(600)
    signals.assign({0})
    for mark in marks:
        signals.remember(topic or a_topic(), 0, KEY, mark)
    return signals


def running(trigger: Event = TRIGGER, generation: int = 0, run: str | None = None) -> Any:
    return SimpleNamespace(
        run=run or run_id("acme", "wf", trigger.source, trigger.id), generation=generation, event=trigger.envelope
    )


def test_an_event_that_arrives_later_cancels_whatever_its_own_time_says() -> None:
    online = event("device.online", 2, "2026-11-23T07:00:00Z")
    seen = remembered(Mark(ARRIVED + 1, online)).find(0, KEY, CANCELLED, running(), ARRIVED)
    assert seen is not None
    assert seen.signal.kind == "cancel"
    assert seen.signal.by["event"]["id"] == "ev-2"


@pytest.mark.parametrize(
    ("ahead", "time", "counts"),
    [
        (10, "2026-11-23T08:00:00Z", True),
        (10, "2026-11-23T09:00:00+01:00", True),
        (10, "2026-11-23T07:59:59Z", False),
        (10, None, False),
        (EARLY_MS, "2026-11-23T08:00:05Z", True),
        (EARLY_MS + 1, "2026-11-23T08:00:05Z", False),
    ],
)
def test_an_event_that_overtook_the_trigger_cancels_for_a_minute_if_it_did_not_happen_before(
    ahead: int, time: str | None, counts: bool
) -> None:
    signals = remembered(Mark(ARRIVED - ahead, event("device.online", 2, time)))
    assert (signals.find(0, KEY, CANCELLED, running(), ARRIVED) is not None) is counts
    assert (signals.before(0, KEY, CANCELLED, TRIGGER, ARRIVED) is not None) is counts


def test_what_was_seen_before_a_restart_a_resumption_or_a_second_run_concerns_them_not() -> None:
    signals = remembered(Mark(ARRIVED - 10, event("device.online", 2)))
    assert signals.find(0, KEY, CANCELLED, running(), ARRIVED) is not None
    assert signals.find(0, KEY, CANCELLED, running(generation=1), ARRIVED) is None
    assert signals.find(0, KEY, CANCELLED, running(run="another"), ARRIVED) is None


def test_other_entities_other_types_and_other_partitions_are_not_concerned() -> None:
    signals = remembered(Mark(ARRIVED + 1, event("device.online", 2)))
    assert signals.find(0, b"acme/device/d-2", CANCELLED, running(), ARRIVED) is None
    assert signals.find(1, KEY, CANCELLED, running(), ARRIVED) is None
    assert signals.find(0, KEY, workflow(), running(), ARRIVED) is None


def test_where_decides_on_the_event_that_would_cancel() -> None:
    picky = workflow(
        cancel_on=[{"type": "device.online", "where": {"field": "device.site", "op": "equals", "value": "HQ"}}]
    )
    away = remembered(Mark(ARRIVED + 1, event("device.online", 2, site="Lab")))
    home = remembered(Mark(ARRIVED + 1, event("device.online", 2, site="HQ")))
    assert away.find(0, KEY, picky, running(), ARRIVED) is None
    assert home.find(0, KEY, picky, running(), ARRIVED) is not None


def test_of_several_restarts_the_last_counts_once_and_a_cancel_wins() -> None:
    both = workflow(restart_on=[{"type": "device.offline"}], cancel_on=[{"type": "device.online"}])
    first, second = event("device.offline", 2), event("device.offline", 3)
    signals = remembered(Mark(ARRIVED + 5, first), Mark(ARRIVED + 5, second))
    seen = signals.find(0, KEY, both, running(), ARRIVED)
    assert seen is not None
    assert (seen.signal.kind, seen.signal.event) == ("restart", second.envelope)
    # The run goes back to the second now; the first, of the same millisecond, must not restart it once more.
    assert signals.find(0, KEY, both, running(second, generation=1), ARRIVED + 5) is None
    signals.remember(a_topic(), 0, KEY, Mark(ARRIVED + 6, event("device.online", 4)))
    ended = signals.find(0, KEY, both, running(), ARRIVED)
    assert ended is not None
    assert ended.signal.kind == "cancel"


def test_a_trigger_that_is_delivered_again_does_not_undo_what_came_after_it() -> None:
    signals = remembered(Mark(ARRIVED + 3, event("device.online", 2), topic="rmm", offset=8))
    asked = remembered(Mark(ARRIVED + 3, None, running().run, {"person": "ann"}))
    for known in (signals, asked):
        known.remember(a_topic(), 0, KEY, Mark(ARRIVED, TRIGGER, topic="rmm", offset=7))
        assert known.find(0, KEY, CANCELLED, running(), ARRIVED) is not None
    # And so it is where the module sent the trigger a second time.
    sent_twice = remembered(Mark(ARRIVED + 3, event("device.online", 2)), Mark(ARRIVED + 9, TRIGGER))
    assert sent_twice.find(0, KEY, CANCELLED, running(), ARRIVED) is not None


@pytest.mark.parametrize(
    ("topic", "offset", "counts"), [("rmm", 8, True), ("rmm", 6, False), ("security", 6, True), ("security", 8, True)]
)
def test_within_one_millisecond_the_order_of_a_topic_tells_and_between_topics_an_event_counts(
    topic: str, offset: int, counts: bool
) -> None:
    marks = [
        Mark(ARRIVED, event("device.online", 2), topic=topic, offset=offset),
        Mark(ARRIVED, TRIGGER, topic="rmm", offset=7),
    ]
    for seen_so in (marks, marks[::-1]):
        signals = remembered(*seen_so)
        assert (signals.find(0, KEY, CANCELLED, running(), ARRIVED) is not None) is counts
        assert (signals.before(0, KEY, CANCELLED, TRIGGER, ARRIVED) is not None) is counts


def test_one_that_overtook_a_trigger_that_is_itself_watched_cancels_too() -> None:
    both = workflow(restart_on=[{"type": "device.offline"}], cancel_on=[{"type": "device.online"}])
    signals = remembered(
        Mark(ARRIVED - 5, event("device.online", 2), topic="security", offset=1),
        Mark(ARRIVED, TRIGGER, topic="rmm", offset=7),
    )
    assert signals.before(0, KEY, both, TRIGGER, ARRIVED) is not None


@given(st.permutations(range(6)))
def test_marks_are_in_the_order_of_their_arrival_however_they_are_seen(order: list[int]) -> None:
    marks = [
        Mark(ARRIVED + number // 3, event("device.online", 10 + number), topic="rmm", offset=number)
        for number in range(6)
    ]
    memory, before = Memory(600), Memory(600)
    for number in order:
        (before if number % 2 else memory).add(KEY, marks[number], 0.0)
    assert [mark.offset for mark in memory.of(KEY)] == [0, 2, 4]
    memory.before = before
    assert memory.of(KEY) == marks


def test_a_restart_that_overtook_its_trigger_is_none() -> None:
    again = workflow(restart_on=[{"type": "device.online"}])
    signals = remembered(Mark(ARRIVED - 10, event("device.online", 2)))
    assert signals.find(0, KEY, again, running(), ARRIVED) is None
    assert signals.before(0, KEY, again, TRIGGER, ARRIVED) is None


def test_a_request_cancels_its_own_run_and_no_other() -> None:
    asked = Mark(ARRIVED + 1, None, running().run, {"person": "ann"})
    signals = remembered(asked)
    seen = signals.find(0, KEY, workflow(), running(), ARRIVED)
    assert seen is not None
    assert seen.signal.by == {"person": "ann"}
    assert signals.find(0, KEY, workflow(), running(run="another"), ARRIVED) is None
    assert signals.find(0, KEY, workflow(), running(), ARRIVED + 2) is None, "resumed after it"


def test_a_mark_is_written_once_and_comes_back_from_what_was_written() -> None:
    topic = a_topic()
    online = Mark(ARRIVED + 1, event("device.online", 2), topic="rmm", offset=4)
    marks = [online, Mark(ARRIVED + 2, None, "r-1", {"person": "ann"})]
    remembered(*marks, *marks, topic=topic)
    assert len(topic.values) == 2
    again = Signals(600)
    again.assign({0})
    for value in [*topic.values, *topic.values, b"{", b"{}", b"[]", None]:
        again.restore(0, KEY, value)
    # What came before it on its topic, in its millisecond, is told from it also after a restart.
    again.remember(topic, 0, KEY, Mark(ARRIVED + 1, TRIGGER, topic="rmm", offset=3))
    assert again.find(0, KEY, CANCELLED, running(), ARRIVED + 1) is not None
    seen = again.find(0, KEY, CANCELLED, running(), ARRIVED)
    assert seen is not None
    assert seen.appended == ARRIVED + 1
    assert again.find(0, KEY, workflow(), running(run="r-1"), ARRIVED) is not None


def test_marks_stay_known_while_those_of_a_partition_that_is_given_anew_are_read_back() -> None:
    topic, second = a_topic(), Mark(ARRIVED + 2, event("device.online", 3))
    signals = remembered(Mark(ARRIVED + 1, event("device.online", 2)), topic=topic)
    signals.assign({0})
    # A call that was in flight over the rebalance is decided on before anything was read back.
    seen = signals.find(0, KEY, CANCELLED, running(), ARRIVED)
    assert seen is not None
    assert seen.appended == ARRIVED + 1
    signals.restore(0, KEY, topic.values[0])
    signals.remember(topic, 0, KEY, second)
    assert signals.find(0, KEY, CANCELLED, running(), ARRIVED) == seen
    signals.remembered(signals.memories({0}), 0)
    assert signals.find(0, KEY, CANCELLED, running(), ARRIVED) == seen
    assert signals.entities(0) == [KEY]
    signals.assign({1})
    assert signals.find(0, KEY, CANCELLED, running(), ARRIVED) is None
    assert signals.entities(0) == []


def test_a_partition_that_is_given_anew_while_it_is_read_back_counts_as_read_only_when_it_is_read_again() -> None:
    topic, first = a_topic(), Mark(ARRIVED + 1, event("device.online", 2))
    signals = remembered(first, topic=topic)
    begun = signals.memories({0})
    signals.assign({0})
    signals.remembered(begun, 0.0)
    assert signals.unknown(0, ARRIVED / 1000)
    assert signals.find(0, KEY, CANCELLED, running(), ARRIVED) is not None, "known from before until it is read"


def test_marks_are_forgotten_after_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 5_000.0
    monkeypatch.setattr("streams.signals.time.time", lambda: now)
    signals = remembered(Mark(ARRIVED + 1, event("device.online", 2)))
    signals.remembered(signals.memories({0}), 0.0)
    now += 599
    signals.remember(a_topic(), 0, b"acme/device/d-9", Mark(ARRIVED + 2, event("device.online", 3)))
    assert signals.find(0, KEY, CANCELLED, running(), ARRIVED) is not None
    now += 2
    signals.remember(a_topic(), 0, b"acme/device/d-9", Mark(ARRIVED + 3, event("device.online", 4)))
    assert signals.find(0, KEY, CANCELLED, running(), ARRIVED) is None
    assert signals.unknown(0, ARRIVED / 1000 - 5), "who needs to know of that time has to read it back"
