"""The throttle's window and the storm breaker, lived through and replayed."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.guards import MINUTE, Decision, Guard, Over, Request, entity_in, from_json, rank_of, to_json

T0 = 1_795_000_000_000  # 2026-11-18 11:06:40 UTC
HALF_HOUR = 30 * MINUTE


def ask(run: str, *, key: str | None = None, limit: int = 1, per: int = HALF_HOUR, entity: str = "device/d-1",
        rank: int = 0) -> Request:  # fmt: skip
    return Request(run, entity, rank, key, limit, per if key is not None else 0, {"event": {"id": run}})


class Lived:
    """A guard as the agent drives it, and its log."""

    def __init__(self, storm_limit: int = 0) -> None:
        self.guard, self.storm_limit = Guard("acme", "wf"), storm_limit
        self.log: list[Any] = []
        self.offset = 0
        self.ends: list[Over] = []

    def write(self, record: Decision | Over) -> None:
        self.guard.fold(record)
        self.log.append(orjson.loads(orjson.dumps(to_json(record))))

    def tick(self, at: int) -> None:
        self.offset += 1
        if (over := self.guard.lapse(at, self.offset)) is not None:
            self.ends.append(over)
            self.write(over)

    def ask(self, request: Request, at: int) -> Decision:
        self.tick(at)
        decision = self.guard.decide(request, at, self.storm_limit)
        if decision.verdict != "throttle":
            self.write(decision)
        return decision

    def rebuilt(self, upto: int | None = None) -> Guard:
        guard = Guard("acme", "wf")
        for document in self.log[:upto]:
            guard.fold(from_json(document))
        return guard


def test_the_second_within_the_period_is_throttled_and_told_why() -> None:
    lived = Lived()
    assert lived.ask(ask("r1", key="d-17"), T0).verdict == "admitted"
    second = lived.ask(ask("r2", key="d-17"), T0 + HALF_HOUR - 1)
    assert second.verdict == "throttle"
    assert second.reason == "throttled: at most 1 run in 30 min for key 'd-17'; run r1 began at 11:06:40 UTC"
    assert lived.ask(ask("r3", key="d-18"), T0 + HALF_HOUR - 1).verdict == "admitted"
    assert lived.ask(ask("r4", key="d-17"), T0 + HALF_HOUR).verdict == "admitted"


def test_an_empty_key_is_a_key_of_its_own() -> None:
    lived = Lived()
    assert lived.ask(ask("r1", key="", limit=2), T0).verdict == "admitted"
    assert lived.ask(ask("r2", key="", limit=2), T0 + 1).verdict == "admitted"
    third = lived.ask(ask("r3", key="", limit=2, per=90_000), T0 + 2)
    assert third.reason == (
        "throttled: at most 2 runs in 90 s for all events whose key renders to nothing; "
        "the first of them, run r1, began at 11:06:40 UTC"
    )


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from("ab"), st.integers(0, 9)), min_size=1, max_size=60),
    st.data(),
)
def test_no_window_ever_has_more_than_the_limit_whatever_is_redelivered_and_rebuilt(
    limit: int, steps: list[tuple[int, str, int]], data: st.DataObject
) -> None:
    per, at = 100, T0
    lived = Lived()
    asked: list[tuple[Request, int]] = []
    verdicts: dict[str, str] = {}
    for number, (gap, key, fate) in enumerate(steps):
        at += gap
        request = ask(f"r{number}", key=key, limit=limit, per=per)
        asked.append((request, at))
        verdicts[request.run] = lived.ask(request, at).verdict
        if fate == 0:
            # Killed after any part of the log was written; what comes again begins anywhere before.
            kept = data.draw(st.integers(0, len(lived.log)), label="log records that were acknowledged")
            there = {document["run"] for document in lived.log[:kept]}
            first = next((n for n, (one, _) in enumerate(asked) if verdicts[one.run] == "admitted"
                          and one.run not in there), len(asked) - 1)  # fmt: skip
            back = data.draw(st.integers(0, first), label="the first that comes again")
            del lived.log[kept:]
            lived.guard = lived.rebuilt()
            for request, when in asked[back:]:
                assert lived.ask(request, when).verdict == verdicts[request.run]
    admitted: dict[str, list[int]] = {"a": [], "b": []}
    for request, when in asked:
        if verdicts[request.run] == "admitted":
            admitted[request.key or ""].append(when)
    for times in admitted.values():
        for time in times:
            assert sum(time <= other < time + per for other in times) <= limit


def test_what_no_request_can_need_is_forgotten_and_the_guard_knows_that_it_is() -> None:
    lived = Lived()
    for number in range(1000):
        at = T0 + number * MINUTE
        lived.ask(ask(f"r{number}", key=f"d-{number}"), at)
        lived.guard.forget(at, HALF_HOUR)
    assert len(lived.guard._admitted) < 40
    assert len(lived.guard._by_key) < 40
    assert lived.guard.knows(ask("new", key="x"), at)
    assert not lived.guard.knows(ask("new", key="x", per=20 * HALF_HOUR), at)


def storm(
    lived: Lived, count: int, *, entity: str = "device/d-1", rank: int = 2, at: int = T0, name: str = "r"
) -> list[str]:
    return [
        lived.ask(ask(f"{name}{number}", entity=entity, rank=rank), at + number).verdict for number in range(count)
    ]  # fmt: skip


def test_beyond_the_limit_runs_are_suppressed_and_one_summary_ends_the_storm() -> None:
    lived = Lived(storm_limit=5)
    assert storm(lived, 20) == ["admitted"] * 5 + ["storm"] * 15
    assert lived.ask(ask("other", entity="device/d-2"), T0 + 30).reason == (
        "storm: more than 5 runs a minute of this workflow"
    )
    last = T0 + 30
    lived.tick(last + MINUTE - 1)
    assert lived.ends == []
    lived.tick(last + MINUTE)
    lived.tick(last + 2 * MINUTE)
    (over,) = lived.ends
    assert over.summary == {
        "suppressed": 16,
        "started": 5,
        "from": "2026-11-18T11:06:40.000Z",
        "to": "2026-11-18T11:06:40.030Z",
        "entities": [{"entity": "device/d-1", "suppressed": 15}, {"entity": "device/d-2", "suppressed": 1}],
    }
    assert over.reason.startswith("storm over: 16 runs suppressed and 5 started")
    assert over.carried == {"event": {"id": "r5"}}
    assert lived.ask(ask("after"), last + 2 * MINUTE).verdict == "admitted"


def test_a_storm_goes_on_at_the_pace_of_the_limit() -> None:
    lived = Lived(storm_limit=2)
    verdicts = [lived.ask(ask(f"r{second}"), T0 + second * 1000).verdict for second in range(181)]
    assert [second for second, verdict in enumerate(verdicts) if verdict == "admitted"] == [0, 1, 60, 61, 120, 121, 180]
    assert lived.ends == []


def test_a_more_severe_event_of_the_same_entity_is_let_through_and_an_equal_one_is_not() -> None:
    lived = Lived(storm_limit=3)
    storm(lived, 10, rank=2)
    assert lived.ask(ask("worse", rank=4), T0 + 20).verdict == "admitted"
    assert lived.ask(ask("as-bad", rank=4), T0 + 21).verdict == "storm"
    assert lived.ask(ask("worst", rank=5), T0 + 22).verdict == "admitted"
    assert lived.ask(ask("unseen", entity="device/d-9", rank=5), T0 + 23).verdict == "storm"
    assert lived.ask(ask("seen", entity="device/d-9", rank=5), T0 + 24).verdict == "storm"


def test_a_request_that_comes_again_gets_the_same_verdict_and_is_counted_once() -> None:
    lived = Lived(storm_limit=3)
    first = storm(lived, 10)
    lived.guard = lived.rebuilt()
    assert storm(lived, 10) == first
    lived.tick(T0 + 2 * MINUTE)
    assert lived.ends[0].summary["suppressed"] == 7


def test_the_end_of_a_storm_is_told_again_where_the_record_that_showed_it_comes_again() -> None:
    lived = Lived(storm_limit=3)
    storm(lived, 10)
    lived.tick(T0 + 2 * MINUTE)
    guard = lived.rebuilt()
    assert guard.lapse(T0 + 2 * MINUTE, lived.offset) == lived.ends[0]
    assert guard.lapse(T0 + 2 * MINUTE, lived.offset + 1) is None


@given(
    st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=80),
    st.data(),
)
def test_a_guard_rebuilt_at_any_point_goes_on_like_the_one_that_lived(
    steps: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    lived, at = Lived(storm_limit=3), T0
    cut = data.draw(st.integers(0, len(steps)))
    admitted: list[int] = []
    for number, (gap, device, rank) in enumerate(steps):
        if number == cut:
            lived.guard = lived.rebuilt()
        at += gap
        request = ask(f"r{number}", entity=f"device/{device}", rank=rank)
        twin = lived.rebuilt()
        assert twin.lapse(at, lived.offset + 1) == lived.guard.lapse(at, lived.offset + 1)
        decision = lived.ask(request, at)
        if decision.verdict == "admitted":
            calm = sum(at - MINUTE < one for one in admitted) < 3
            assert calm or rank > 0
            admitted.append(at)
    lived.tick(at + MINUTE)
    suppressed = sum(one["kind"] == "decision" and one["verdict"] == "storm" for one in lived.log)
    assert sum(over.summary["suppressed"] for over in lived.ends) == suppressed
    assert len({over.run for over in lived.ends}) == len(lived.ends)
    assert lived.guard.stormy is None


def test_a_long_storm_is_known_from_its_last_whole_record_on() -> None:
    lived = Lived(storm_limit=3)
    storm(lived, 5_000)
    tail = Guard("acme", "wf")
    for document in lived.log[-100:]:
        tail.fold(from_json(document))
    since = tail.lacks
    assert since is not None
    start = next(n for n, document in enumerate(lived.log) if document["at"] >= since)
    assert 0 < start < len(lived.log) - 100
    whole = Guard("acme", "wf")
    for document in lived.log[start:]:
        whole.fold(from_json(document))
    assert whole.lacks is None
    assert whole.lapse(T0 + 2 * MINUTE, 1) == lived.guard.lapse(T0 + 2 * MINUTE, 1)


def test_a_storm_of_many_entities_keeps_its_records_small() -> None:
    lived = Lived(storm_limit=3)
    for number in range(5_000):
        lived.ask(ask(f"r{number}", entity=f"device/{'x' * 80}{number}"), T0 + number)
    assert max(len(orjson.dumps(document)) for document in lived.log) < 300_000
    lived.tick(T0 + 2 * MINUTE)
    assert lived.ends[0].summary["suppressed"] == 4_997


@pytest.mark.parametrize(
    ("data", "rank"),
    [
        ({"alert": {"severity": "critical"}}, 5),
        ({"alert": {"severity": "Low"}}, 2),
        ({"ticket": {"priority": "P2"}}, 4),
        ({"ticket": {"priority": 3}}, 0),
        ({"alert": "critical"}, 0),
        ({}, 0),
    ],
)
def test_the_rank_is_of_the_alert_or_the_ticket(data: dict[str, Any], rank: int) -> None:
    assert rank_of(data) == rank


def test_an_event_is_about_its_device_or_its_subject() -> None:
    assert entity_in({"device": {"id": "d-17"}}, "alert/a-1") == "device/d-17"
    assert entity_in({"device": {}}, "alert/a-1") == "alert/a-1"
    assert entity_in({}, "ticket/t-1") == "ticket/t-1"


@pytest.mark.parametrize("document", [{}, {"format": 2, "kind": "decision"}, {"format": 1, "kind": "decision", "x": 1}])
def test_what_is_no_record_of_the_log_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_json(document)
