"""A partition that is held: what waits of it is forgotten, and what waits of others keeps its turn."""

from __future__ import annotations

from typing import Any, NamedTuple

from streams.fair import Fair
from streams.holding import Held, Holding
from streams.offsets import Progress


class TP(NamedTuple):
    topic: str
    partition: int


class Record(NamedTuple):
    key: bytes
    offset: int
    value: bytes = b"{}"


def test_what_waits_of_a_held_partition_is_dropped_with_its_room_and_the_rest_is_handed_over() -> None:
    fair = Fair(10)
    for number in (0, 1):
        records: list[Any] = [Record(b"acme/d/1", offset) for offset in range(20)]
        fair.offer(TP("events", number), records, Progress().deliver(0, 20, 20), at_once=False)
    taken = fair.take(4)
    assert {portion.tp.partition for portion in taken} == {0, 1}
    before = fair.under_way
    fair.drop({0})
    assert 0 < fair.under_way < before
    assert fair.bytes_of(TP("events", 0)) == 0
    rest = fair.take(100)
    assert {portion.tp.partition for portion in rest} == {1}
    assert fair.waiting == 0
    assert fair.bytes == 0
    for portion in (*taken, *rest):
        portion.finish()
    assert fair.under_way == 0


def test_it_says_which_record_holds_which_partition_until_it_is_given_out_anew() -> None:
    holding = Holding()
    assert holding.part().state == "ready"
    assert holding.hold(Held("onestack.workflow.timers", 3, 17, 2))
    assert not holding.hold(Held("onestack.workflow.timers", 3, 18, 2))
    part = holding.part()
    assert part.state == "refused"
    assert not part.fatal
    assert "onestack.workflow.timers/3/17 is in format 2" in part.detail
    assert 3 in holding
    holding.release([3])
    assert not holding
