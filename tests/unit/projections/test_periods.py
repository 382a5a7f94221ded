"""Which week or day a time belongs to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.periods import DAYS, WEEKS, Periods

MOMENTS = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))]))


@pytest.mark.parametrize("periods", [WEEKS, DAYS])
@given(at=MOMENTS)
def test_every_moment_is_in_exactly_its_period(periods: Periods, at: datetime) -> None:
    number = periods.of(at)
    begin, over = periods.begin(number), periods.over(number)
    assert begin is None or begin <= at
    assert over is None or at < over
    assert periods.named(periods.name(number)) == number


@pytest.mark.parametrize(
    ("text", "week", "day"),
    [
        ("2026-11-23T00:00:00+00:00", "20261123", "20261123"),
        ("2026-11-22T23:59:59.999999+00:00", "20261116", "20261122"),
        ("2026-11-23T00:30:00+02:00", "20261116", "20261122"),
        ("1999-12-31T00:00:00+00:00", "past", "past"),
        ("0001-01-01T00:00:00+14:00", "past", "past"),
        ("2200-01-06T00:00:00+00:00", "future", "future"),
        ("9999-12-31T23:59:59-12:00", "future", "future"),
    ],
)
def test_weeks_begin_on_monday_and_days_at_midnight_in_utc(text: str, week: str, day: str) -> None:
    at = datetime.fromisoformat(text)
    assert WEEKS.name(WEEKS.of(at)) == week
    assert DAYS.name(DAYS.of(at)) == day


def test_the_past_has_no_beginning_and_the_future_no_end() -> None:
    assert (WEEKS.begin(-1), WEEKS.over(WEEKS.count)) == (None, None)
    assert WEEKS.over(-1) == WEEKS.begin(0)
    assert WEEKS.over(WEEKS.count - 1) == WEEKS.begin(WEEKS.count) == datetime(2200, 1, 6, tzinfo=UTC)


@pytest.mark.parametrize("file", ["0003_partitions.sql", "0004_events_versions_calendars.sql"])
def test_the_tables_of_past_and_future_have_the_same_bounds(file: str) -> None:
    sql = resources.files("projections").joinpath("sql", file).read_text()
    for periods in (WEEKS, DAYS):
        assert f"from (minvalue) to (''{periods.first} 00:00:00+00'')" in sql
        assert f"from (''{periods.end} 00:00:00+00'') to (maxvalue)" in sql
