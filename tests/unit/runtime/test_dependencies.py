from __future__ import annotations

import time
from typing import Any

import pytest
from prometheus_client import REGISTRY

from runtime.dependencies import IDLE, SILENT, Dependency
from runtime.lag import LagGauges


def told(name: str, **labels: Any) -> float | None:
    return REGISTRY.get_sample_value(name, {key: str(value) for key, value in labels.items()})


def test_a_dependency_is_told_of_from_when_it_is_watched() -> None:
    one = Dependency("test-watched")
    assert told("onestack_dependency_up", dependency="test-watched") is None
    one.watch()
    assert told("onestack_dependency_up", dependency="test-watched") == 0
    one.reached()
    assert told("onestack_dependency_up", dependency="test-watched") == 1
    reached = told("onestack_dependency_reached_timestamp_seconds", dependency="test-watched")
    assert reached == one.reached_at > 0
    one.away()
    assert told("onestack_dependency_up", dependency="test-watched") == 0
    assert told("onestack_dependency_reached_timestamp_seconds", dependency="test-watched") == reached


def test_one_that_hangs_is_away_after_some_time(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Dependency("test-silent")
    one.reached()
    assert one.answers
    later = time.time() + SILENT
    monkeypatch.setattr(time, "time", lambda: later)
    assert not one.answers


def test_it_is_asked_only_where_it_is_away_or_was_not_talked_to_for_some_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Dependency("test-idle")
    assert one.idle
    one.reached()
    assert not one.idle
    later = time.time() + IDLE
    monkeypatch.setattr(time, "time", lambda: later)
    assert one.idle
    one.reached()
    one.away()
    assert one.idle


def test_the_lag_of_a_partition_that_another_member_has_now_is_told_no_longer() -> None:
    gauges = LagGauges("test-group")

    def lag(partition: int) -> float | None:
        return told("onestack_consumer_lag", group="test-group", topic="t", partition=partition)

    gauges.show({("t", 0): 3, ("t", 1): 5})
    assert (lag(0), lag(1)) == (3, 5)
    gauges.show({("t", 1): 0, ("t", 2): 1})
    assert (lag(0), lag(1), lag(2)) == (None, 0, 1)
    gauges.show({})
    assert (lag(0), lag(1), lag(2)) == (None, None, None)
