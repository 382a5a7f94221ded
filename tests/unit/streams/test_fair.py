"""Turns: nobody waits behind all of another's records, and nothing is lost, doubled or reordered."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from schemas.names import CONTROL, DEFINITIONS, EVENT_TOPICS, command_topic
from streams import ahead
from streams.ahead import LEAST_BYTES, MOST_BYTES, MOST_BYTES_OF_ALL, MOST_UNCOMMITTED, MOST_UNFINISHED, Ahead
from streams.fair import MOST_UNDER_WAY, Fair, Portion, Window, organisation
from streams.offsets import Progress

RMM = EVENT_TOPICS["rmm"]
P0, P1 = TP(RMM, 0), TP(RMM, 1)


def record(tp: TP, offset: int, org: str, value: bytes = b"x") -> Any:
    key = f"{org}/device/d-{offset}".encode()
    return SimpleNamespace(topic=tp.topic, partition=tp.partition, offset=offset, key=key, value=value)


class Reader:
    """Reads ahead in batches, and hands over."""

    def __init__(self, most_in_portion: int = 200) -> None:
        self.fair = Fair(most_in_portion)
        self.progress: dict[TP, Progress] = {}
        self.next: dict[TP, int] = {}
        self.under_way: list[Portion] = []
        self.taken: list[Any] = []

    def read(self, tp: TP, *orgs: str, at_once: bool = False, value: bytes = b"x") -> Portion | None:
        first = self.next.get(tp, 0)
        self.next[tp] = first + len(orgs)
        records = [record(tp, first + n, org, value) for n, org in enumerate(orgs)]
        batch = self.progress.setdefault(tp, Progress()).deliver(first, first + len(orgs), len(orgs))
        portion = self.fair.offer(tp, records, batch, at_once=at_once)
        if portion is not None:
            self.note(portion)
        return portion

    def note(self, portion: Portion) -> None:
        self.under_way.append(portion)
        self.taken += portion.records

    def take(self, most: int) -> list[Any]:
        portions = self.fair.take(most)
        for portion in portions:
            self.note(portion)
        return [one for portion in portions for one in portion.records]


def test_a_single_record_does_not_wait_for_a_backlog_before_it() -> None:
    reader = Reader()
    for _ in range(100):
        reader.read(P0, *["acme"] * 200)
    reader.read(P0, "globex")
    taken = reader.take(200)
    assert [organisation(one) for one in taken].count(b"globex") == 1
    assert len(taken) == 200


def test_where_nothing_waits_records_are_handed_over_as_they_came() -> None:
    reader = Reader()
    portion = reader.read(P0, "acme", "globex", at_once=True)
    assert portion is not None
    assert [one.offset for one in portion.records] == [0, 1]
    portion.finish()
    assert reader.progress[P0].committable() == 2
    reader.read(P0, "acme")
    assert reader.read(P0, "acme", at_once=True) is None
    assert [one.offset for one in reader.take(10)] == [2, 3]


def test_a_batch_is_done_with_the_last_of_its_records() -> None:
    reader = Reader()
    reader.read(P0, "a", "b", "a", "b")
    first = reader.fair.take(2)
    second = reader.fair.take(2)
    for portion in second:
        portion.finish()
    assert reader.progress[P0].committable() is None
    for portion in first:
        portion.finish()
    assert reader.progress[P0].committable() == 4


def test_one_partitions_backlog_leaves_turns_to_the_same_organisations_others() -> None:
    reader = Reader()
    reader.read(P0, *["acme"] * 200)
    reader.read(P1, "acme")
    assert P1.partition in [one.partition for one in reader.take(20)]


def test_an_organisation_that_is_slow_leaves_room_for_others() -> None:
    reader = Reader()
    for _ in range(20):
        reader.read(P0, *["acme"] * 200)
    while reader.take(1000):
        pass
    held = len(reader.taken)
    assert held == MOST_UNDER_WAY * 3 // 4
    reader.read(P0, *["globex"] * 10)
    assert {organisation(one) for one in reader.take(1000)} == {b"globex"}
    for portion in reader.under_way:
        portion.finish()
    assert len(reader.take(10_000)) == MOST_UNDER_WAY * 3 // 4


def test_a_window_never_has_more_under_way_than_it_may() -> None:
    window = Window()
    for number in range(1000):
        org = f"o{number}".encode()
        window.hold({org: window.room(org)})
    assert window.total <= MOST_UNDER_WAY


ORGS = st.sampled_from(["a", "b", "c", "d"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([P0, P1]), st.lists(ORGS, min_size=1, max_size=30), st.booleans()),
        st.integers(1, 40),
        st.sampled_from(["finish"]),
    ),
    max_size=40,
)


@given(STEPS, st.integers(1, 7), st.randoms(use_true_random=False))
def test_each_record_is_taken_once_in_the_order_of_its_organisation_and_nothing_unfinished_is_committed(
    steps: list[Any], most_in_portion: int, random: Any
) -> None:
    reader = Reader(most_in_portion)
    for step in steps:
        if isinstance(step, tuple):
            reader.read(step[0], *step[1], at_once=step[2])
        elif isinstance(step, int):
            reader.take(step)
        elif reader.under_way:
            reader.under_way.pop(random.randrange(len(reader.under_way))).finish()
        unfinished: dict[TP, int] = {}
        for portion in reader.under_way:
            for one in portion.records:
                unfinished[portion.tp] = min(unfinished.get(portion.tp, one.offset), one.offset)
        for tp, progress in reader.progress.items():
            assert (progress.committable() or 0) <= unfinished.get(tp, reader.next[tp])
    while reader.fair.waiting:
        assert reader.take(50)
    for portion in reader.under_way:
        assert all(one.partition == portion.tp.partition for one in portion.records)
        portion.finish()
    for tp, end in reader.next.items():
        mine = [one for one in reader.taken if one.partition == tp.partition]
        assert sorted(one.offset for one in mine) == list(range(end))
        for org in {organisation(one) for one in mine}:
            offsets = [one.offset for one in mine if organisation(one) == org]
            assert offsets == sorted(offsets)
        assert reader.progress[tp].committable() == end
    assert (reader.fair.bytes, reader.fair.under_way) == (0, 0)


@given(st.dictionaries(ORGS, st.integers(1, 300), min_size=1), st.integers(4, 100))
def test_nobody_starves(waiting: dict[str, int], most: int) -> None:
    reader = Reader()
    for org, count in waiting.items():
        reader.read(P0, *[org] * count)
    while left := {org for org in waiting if any(organisation(one) == org.encode() for one in _queued(reader))}:
        taken = {organisation(one).decode() for one in reader.take(most)}
        assert left <= taken
        for portion in reader.under_way:
            portion.finish()
        reader.under_way.clear()


def _queued(reader: Reader) -> list[Any]:
    done = {(one.partition, one.offset) for one in reader.taken}
    return [
        one
        for lanes in reader.fair._queues.values()
        for lane in lanes.values()
        for stretch in lane
        for one in stretch.records
        if (one.partition, one.offset) not in done
    ]


def test_after_a_rebalance_nothing_waits_and_what_is_still_under_way_holds_no_room() -> None:
    reader = Reader()
    reader.read(P0, *["acme"] * 10)
    reader.take(4)
    reader.fair.clear()
    assert (reader.fair.waiting, reader.fair.bytes, reader.take(10)) == (0, 0, [])
    for portion in reader.under_way:
        portion.finish()
    assert reader.fair.under_way == 0


def test_a_record_without_a_key_is_of_nobody() -> None:
    assert organisation(SimpleNamespace(key=None)) == b""
    assert organisation(SimpleNamespace(key=b"acme/device/d-1")) == b"acme"
    assert organisation(SimpleNamespace(key=b"odd")) == b"odd"


def test_events_commands_and_verdicts_take_turns_and_definitions_keep_their_one_order() -> None:
    found = Ahead()
    assert found.of(P0) is found.events
    assert found.of(TP(command_topic("create_note"), 0)) is found.commands
    assert found.of(TP(CONTROL, 0)) is found.commands
    assert found.of(TP(DEFINITIONS, 0)) is None


def test_what_waits_in_memory_is_bounded_for_each_partition_and_for_all(monkeypatch: Any) -> None:
    reader = Reader()
    found = Ahead()
    found.events = reader.fair
    big = b"x" * 1_000_000
    while reader.fair.bytes_of(P0) < MOST_BYTES:
        assert found.full(reader.progress) == set()
        reader.read(P0, "acme", value=big)
    assert found.full(reader.progress) == {P0}
    partitions = [TP(RMM, number) for number in range(1, 9)]
    for tp in partitions:
        while tp not in found.full(reader.progress):
            reader.read(tp, "acme", value=big)
    # Each may still bring a little of what may be another's.
    assert all(reader.fair.bytes_of(tp) >= LEAST_BYTES for tp in partitions)
    assert reader.fair.bytes < MOST_BYTES_OF_ALL + 9 * 2 * LEAST_BYTES
    monkeypatch.setattr(ahead, "MOST_BYTES_OF_ALL", 1 << 60)
    monkeypatch.setattr(ahead, "MOST_BYTES", 1 << 60)
    assert found.full(reader.progress) == set()
    reader.progress[P0].records = MOST_UNCOMMITTED
    assert found.full(reader.progress) == {P0}


def test_a_topic_without_turns_is_full_with_what_is_under_way() -> None:
    found, tp = Ahead(), TP(DEFINITIONS, 0)
    progress = Progress()
    progress.records = MOST_UNFINISHED - 1
    assert found.full({tp: progress}) == set()
    progress.records = MOST_UNFINISHED
    assert found.full({tp: progress}) == {tp}


def test_where_no_partition_has_room_nobody_loses_a_turn() -> None:
    reader = Reader()
    orgs = [f"o{number:04}" for number in range(MOST_UNDER_WAY)]
    for at in range(0, len(orgs), 200):
        reader.read(P0, *orgs[at : at + 200])
    while reader.take(500):
        pass
    assert Window().full is False
    waiting = reader.fair.waiting
    assert waiting > 0
    assert reader.take(500) == []
    reader.under_way[0].finish()
    first = reader.take(1)
    # The one whose turn it was when there was no room: those behind it have not been before it.
    assert [organisation(one).decode() for one in first] == [orgs[len(orgs) - waiting]]
