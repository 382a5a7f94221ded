"""What the planner asks of which broker, beside what aiokafka's own plan would do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from aiokafka.structs import TopicPartition

from runtime.fetch_planning import Planner

A0, A1, B0 = TopicPartition("a", 0), TopicPartition("a", 1), TopicPartition("b", 0)
PLAIN: Any = ([], {"plain": True}, 1.0, True, [])


class Fetched:
    """Records of a partition that nobody has taken yet."""

    def __init__(self, backoff: float) -> None:
        self.backoff = backoff

    def calculate_backoff(self) -> float:
        return self.backoff


def rig(leaders: dict[TopicPartition, int], positions: dict[TopicPartition, int | None]) -> tuple[Any, Any, Planner]:
    by_topic: dict[str, dict[int, Any]] = {}
    for at, leader in leaders.items():
        by_topic.setdefault(at.topic, {})[at.partition] = SimpleNamespace(leader=leader)
    cluster = SimpleNamespace(
        _partitions=by_topic,
        brokers=lambda: [SimpleNamespace(nodeId=1), SimpleNamespace(nodeId=2)],
        leader_for_partition=leaders.get,
    )
    fetcher = SimpleNamespace(
        _client=SimpleNamespace(cluster=cluster),
        _in_flight=set(),
        _records={},
        _fetcher_timeout=0.2,
        _max_partition_fetch_bytes=10,
        _fetch_max_wait_ms=500,
        _fetch_min_bytes=1,
        _fetch_max_bytes=99,
        _isolation_level=0,
        _get_actions_per_node=lambda _assignment: PLAIN,
    )
    states = {at: SimpleNamespace(_position=position, _paused=False) for at, position in positions.items()}
    assignment = SimpleNamespace(tps=list(positions), state_value=states.__getitem__)
    return fetcher, assignment, Planner(fetcher)


def asked(plan: Any) -> dict[int, dict[tuple[str, int], int]]:
    return {
        node: {(topic, number): offset for topic, parts in request.topics for number, offset, _ in parts}
        for node, request in plan[0]
    }


def test_each_broker_is_asked_for_its_partitions_from_their_positions() -> None:
    _, assignment, planner = rig({A0: 1, A1: 2, B0: 1}, {A0: 5, A1: 6, B0: 7})
    assert asked(planner(assignment)) == {1: {("a", 0): 5, ("b", 0): 7}, 2: {("a", 1): 6}}


def test_a_broker_with_a_fetch_under_way_is_not_asked_again() -> None:
    fetcher, assignment, planner = rig({A0: 1, A1: 2}, {A0: 5, A1: 6})
    fetcher._in_flight = {1}
    assert asked(planner(assignment)) == {2: {("a", 1): 6}}


def test_records_that_were_just_fetched_are_waited_for() -> None:
    fetcher, assignment, planner = rig({A0: 1, A1: 1}, {A0: 5, A1: 6})
    fetcher._records = {A0: Fetched(0.004)}
    requests, _, wait, _, _ = planner(assignment)
    assert requests == []
    assert wait == 0.004


def test_records_that_nobody_takes_do_not_keep_others_from_being_fetched() -> None:
    fetcher, assignment, planner = rig({A0: 1, A1: 1}, {A0: 5, A1: 6})
    fetcher._records = {A0: Fetched(0)}
    assert asked(planner(assignment)) == {1: {("a", 1): 6}}


def test_a_partition_without_position_or_leader_is_left_to_aiokafkas_own_plan() -> None:
    odd: list[tuple[dict[TopicPartition, int], dict[TopicPartition, int | None]]] = [
        ({A0: 1}, {A0: None}),
        ({A0: -1}, {A0: 5}),
        ({}, {A0: 5}),
    ]
    for leaders, positions in odd:
        _, assignment, planner = rig(leaders, positions)
        assert planner(assignment) == PLAIN
