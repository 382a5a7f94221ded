"""Which topics a worker polls next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.pace import MANY, Pace, Turn


def test_an_idle_worker_polls_everything_and_never_waits() -> None:
    pace = Pace()
    for _ in range(10):
        assert pace.next() is Turn.ALL
        assert pace.saw(Turn.ALL, MANY - 1) == 0


def test_a_busy_worker_lets_events_have_every_fourth_turn() -> None:
    pace = Pace()
    pace.saw(Turn.ALL, MANY)
    turns = []
    for _ in range(8):
        turn = pace.next()
        turns.append(turn)
        pace.saw(turn, MANY if turn is Turn.COMMANDS else 0)
    assert turns == [Turn.COMMANDS] * 3 + [Turn.EVENTS] + [Turn.COMMANDS] * 3 + [Turn.EVENTS]


def test_a_busy_worker_lets_records_gather() -> None:
    assert Pace().saw(Turn.COMMANDS, MANY) > 0


@given(st.lists(st.integers(0, 2 * MANY), max_size=60))
def test_events_never_wait_for_more_than_three_turns(brought: list[int]) -> None:
    pace, since = Pace(), 0
    for commands in brought:
        turn = pace.next()
        since = since + 1 if turn is Turn.COMMANDS else 0
        assert since <= 3
        pace.saw(turn, commands)
