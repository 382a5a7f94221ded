"""How a part of the projector stands, and what is said of a database that can't do its work."""

from __future__ import annotations

import asyncpg
import pytest

from projections.standing import Standing, standing_of
from runtime.postgres import is_away, trouble


def test_a_part_waits_from_its_first_reason_on_and_says_each_once() -> None:
    part = Standing("runs")
    assert part.go_on() is None
    assert part.wait("the disk is full (base/1/2)")
    since = part.waiting_since
    assert not part.wait("the disk is full (base/1/3)")
    assert part.wait("postgres is away")
    assert part.waiting_since == since
    assert part.reason == "postgres is away"
    waited = part.go_on()
    assert waited is not None
    assert waited >= 0
    # Asked of another name, for mypy takes the reason of before for the reason.
    again: Standing = part
    assert (again.waiting_since or again.reason) is None


def test_a_name_is_one_part() -> None:
    assert standing_of("some part") is standing_of("some part")


@pytest.mark.parametrize(
    ("state", "said", "away"),
    [
        ("53100", "the disk of the database is full", True),
        ("53300", "no connection left", True),
        ("25006", "can only be read", True),
        ("57014", "cancelled a statement", False),
        ("40P01", "waited in a circle", False),
        ("40001", "at odds with another", False),
    ],
)
def test_what_postgres_refuses_is_said_in_words(state: str, said: str, away: bool) -> None:
    error = asyncpg.PostgresError.new({"C": state, "M": "could not extend file"})
    assert said in trouble(error)
    assert "could not extend file" in trouble(error)
    assert is_away(error) is away
