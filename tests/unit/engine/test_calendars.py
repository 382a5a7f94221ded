"""Business time, also where clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.calendars import Calendar, compile_calendar
from engine.errors import NeverOpenError
from engine.registry import AcceptedCalendar, Deleted, RefusedDefinition, Registry, UnchangedCalendar
from schemas.calendars import DAYS, parse_calendar

WORKDAYS = dict.fromkeys(DAYS[:5], "09:00-17:30")
HOUR = timedelta(hours=1)


def document(**fields: Any) -> dict[str, Any]:
    return {"id": "office", "org": "acme", "version": 1, "time_zone": "Europe/Berlin", "hours": WORKDAYS, **fields}


def calendar(**fields: Any) -> Calendar:
    return compile_calendar(parse_calendar(document(**fields)))


def at(text: str, zone: str = "Europe/Berlin") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


OFFICE = calendar(holidays={"country": "DE", "subdivision": "BY", "also": ["12-24"], "not": ["2026-12-25"]})


@pytest.mark.parametrize(
    ("given", "opens"),
    [
        ("2026-11-23T08:59", "2026-11-23T09:00"),
        ("2026-11-23T09:00", "2026-11-23T09:00"),
        ("2026-11-23T12:34:56.789", "2026-11-23T12:34:56.789"),
        ("2026-11-23T17:30", "2026-11-24T09:00"),
        ("2026-11-27T18:00", "2026-11-30T09:00"),
        ("2026-12-23T18:00", "2026-12-25T09:00"),
        ("2026-06-03T18:00", "2026-06-05T09:00"),
        ("2026-03-28T12:00", "2026-03-30T09:00"),
    ],
)
def test_the_next_opening_is_in_hours_and_on_no_holiday(given: str, opens: str) -> None:
    found = OFFICE.next_open(at(given))
    assert found == at(opens)
    assert found.tzinfo is UTC
    assert OFFICE.open(at(given)) is (given == opens)


def test_the_next_business_day_is_never_today() -> None:
    assert OFFICE.next_day(at("2026-11-23T08:00")) == at("2026-11-24T09:00")
    assert OFFICE.next_day(at("2026-11-27T12:00")) == at("2026-11-30T09:00")
    late_in_utc = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)  # the 24th in Berlin
    assert OFFICE.next_day(late_in_utc) == at("2026-11-25T09:00")


@pytest.mark.parametrize(
    ("given", "hours", "until"),
    [
        ("2026-11-23T10:00", 2, "2026-11-23T12:00"),
        ("2026-11-23T16:30", 1, "2026-11-23T17:30"),
        ("2026-11-23T16:30", 2, "2026-11-24T10:00"),
        ("2026-11-22T03:00", 1, "2026-11-23T10:00"),
        ("2026-11-27T17:00", 1, "2026-11-30T09:30"),
        ("2026-11-22T03:00", 0, "2026-11-22T03:00"),
        ("2026-11-23T09:00", 42.5, "2026-11-27T17:30"),
    ],
)
def test_business_time_passes_in_hours_alone(given: str, hours: float, until: str) -> None:
    assert OFFICE.after(at(given), hours * HOUR) == at(until)


def test_hours_may_have_a_break_and_go_to_the_day_s_end() -> None:
    split = calendar(hours={"mon": ["13:00-24:00", "09:00-12:00"], "tue": "00:00-02:00"})
    assert split.next_open(at("2026-11-23T12:00")) == at("2026-11-23T13:00")
    assert split.after(at("2026-11-23T11:00"), 13 * HOUR) == at("2026-11-24T01:00")
    assert split.open(at("2026-11-23T23:59:59.999"))
    assert split.next_open(at("2026-11-24T02:00")) == at("2026-11-30T09:00")


def test_a_night_in_which_clocks_change_is_as_long_as_it_was() -> None:
    nights = calendar(hours=dict.fromkeys(DAYS, "00:00-06:00"))
    assert nights.after(at("2026-03-29T00:00"), 5 * HOUR) == at("2026-03-29T06:00")
    assert nights.after(at("2026-10-25T00:00"), 7 * HOUR) == at("2026-10-25T06:00")


def test_a_time_that_clocks_skip_is_the_moment_of_the_change() -> None:
    skipped = calendar(hours={"sun": ["01:00-02:30", "02:45-04:00"]})
    change = datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert skipped.after(at("2026-03-29T00:00"), HOUR) == change
    assert skipped.after(at("2026-03-29T00:00"), 2 * HOUR) == change + HOUR
    assert calendar(hours={"sun": "02:10-02:50"}).next_open(at("2026-03-28T00:00")) == at("2026-04-05T02:10")


def test_a_time_that_clocks_show_twice_is_its_first() -> None:
    twice = calendar(hours={"sun": "02:30-03:30"})
    assert twice.next_open(at("2026-10-25T00:00")) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert twice.after(at("2026-10-25T00:00"), 2 * HOUR) == at("2026-10-25T03:30")


def test_a_day_that_a_zone_never_had_is_closed() -> None:
    samoa = calendar(time_zone="Pacific/Apia", hours={"fri": "09:00-17:00"})
    assert samoa.next_open(at("2011-12-29T20:00", "Pacific/Apia")) == at("2012-01-06T09:00", "Pacific/Apia")


def test_a_day_that_comes_twice_agrees_with_itself() -> None:
    """Until 2011, Newfoundland set its clocks from 00:01 back to 23:01 of the day before."""
    always = calendar(time_zone="America/St_Johns", hours=dict.fromkeys(DAYS, "00:00-24:00"))
    begin = datetime(2010, 11, 7, 2, tzinfo=UTC)
    for minute in range(180):
        moment = begin + timedelta(minutes=minute)
        assert always.open(moment)
        assert always.next_open(moment) == moment
        assert always.next_day(moment) >= moment


def test_what_never_opens_is_told_by_name() -> None:
    every_day = [f"{date(2000, 1, 1) + timedelta(days=n):%m-%d}" for n in range(366)]
    closed = calendar(holidays={"also": every_day})
    for ask in (closed.next_open, closed.next_day, lambda moment: closed.after(moment, HOUR)):
        with pytest.raises(NeverOpenError, match="'office' has no such opening in the ten years after 2026-11-23"):
            ask(at("2026-11-23T10:00"))
    assert not closed.open(at("2026-11-23T10:00"))


def test_the_end_of_all_time_is_no_crash() -> None:
    with pytest.raises(NeverOpenError):
        OFFICE.next_open(datetime(9998, 12, 31, 20, tzinfo=UTC))


def test_a_date_of_one_year_wins_over_one_of_every_year() -> None:
    given = calendar(holidays={"also": ["12-24"], "not": ["2026-12-24"]})
    assert given.open(at("2026-12-24T10:00"))
    assert not given.open(at("2027-12-24T10:00"))


spans = st.lists(st.integers(0, 96), min_size=2, max_size=6, unique=True).map(sorted)


def _clock(quarter: int) -> str:
    return f"{quarter // 4:02}:{quarter % 4 * 15:02}"


def _hours(quarters: list[int]) -> list[str]:
    return [f"{_clock(a)}-{_clock(b)}" for a, b in zip(quarters[::2], quarters[1::2], strict=False)]


calendars = st.builds(
    lambda hours, zone, country, also: calendar(
        hours=hours, time_zone=zone, holidays={"country": country, "also": also}
    ),
    st.dictionaries(st.sampled_from(DAYS), spans.map(_hours), min_size=1),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Havana"]),
    st.sampled_from(["DE", "US", None]),
    st.lists(st.sampled_from(["12-24", "03-29", "2026-10-25", "2026-11-01"]), unique=True),
)
# The weeks around the changes of clocks, where things go wrong.
moments = st.one_of(
    st.datetimes(datetime(2026, 3, 6), datetime(2026, 4, 7)),  # noqa: DTZ001 - made aware below
    st.datetimes(datetime(2026, 10, 2), datetime(2026, 11, 10)),  # noqa: DTZ001 - made aware below
).map(lambda moment: moment.replace(tzinfo=UTC))


@given(calendars, moments, moments)
@settings(max_examples=200, deadline=None)
def test_openings_are_open_never_before_and_in_order(some: Calendar, one: datetime, other: datetime) -> None:
    for moment in (one, other):
        opening, day = some.next_open(moment), some.next_day(moment)
        assert opening >= moment
        assert some.open(opening)
        assert opening == moment or not some.open(moment)
        assert some.open(day)
        assert day > moment
        assert some.next_open(opening) == opening
    early, late = sorted((one, other))
    assert some.next_open(early) <= some.next_open(late)
    assert some.next_day(early) <= some.next_day(late)


def _open_minutes(some: Calendar, begin: datetime, end: datetime) -> int:
    return sum(some.open(begin + timedelta(minutes=n)) for n in range(int((end - begin) / timedelta(minutes=1))))


@given(calendars, moments, st.integers(1, 600))
@settings(max_examples=60, deadline=None)
def test_exactly_so_much_open_time_passes(some: Calendar, moment: datetime, minutes: int) -> None:
    begin = moment.replace(second=0, microsecond=0)
    until = some.after(begin, timedelta(minutes=minutes))
    assert some.open(until - timedelta(minutes=1))  # not a minute too late
    if until - begin < timedelta(days=10):
        assert _open_minutes(some, begin, until) == minutes
    assert some.after(begin, timedelta(minutes=minutes + 1)) > until
    assert some.after(some.after(begin, timedelta(minutes=1)), timedelta(minutes=minutes - 1)) <= until


KEY = "acme/calendar/office"


def test_a_calendar_on_the_topic_is_in_force_beside_the_workflows() -> None:
    registry = Registry()
    value = orjson.dumps(document())
    applied = registry.apply(KEY.encode(), value)
    assert isinstance(applied, AcceptedCalendar)
    assert registry.calendar("acme", "office") is applied.calendar
    assert (registry.in_force(KEY), registry.snapshot()) == (value, {KEY: value})
    assert registry.calendar("globex", "office") is None
    assert (registry.get("acme", "calendar/office"), registry.workflows("acme"), len(registry)) == (None, (), 0)
    assert isinstance(registry.apply(KEY, orjson.dumps(dict(reversed(document().items())))), UnchangedCalendar)
    assert isinstance(registry.apply(KEY, orjson.dumps(document(version=2))), AcceptedCalendar)
    assert registry.apply(KEY, None) == Deleted(None)
    assert (registry.calendar("acme", "office"), registry.in_force(KEY)) == (None, None)


@pytest.mark.parametrize(
    ("key", "fields", "field"),
    [
        (KEY, {"version": 2, "time_zone": "UTC"}, "version"),
        (KEY, {"version": 3, "time_zone": "Mars/Olympus"}, "time_zone"),
        (KEY, {"version": 3, "id": "other"}, "id"),
        (KEY, {"version": 3, "org": "globex"}, "org"),
        (KEY, {"version": 3, "steps": []}, "steps"),
        ("acme/calendar/", {}, "key"),
        ("acme/calendar/a/b", {}, "key"),
        ("/calendar/office", {}, "key"),
    ],
)
def test_a_calendar_that_is_refused_leaves_what_was_there(key: str, fields: dict[str, Any], field: str) -> None:
    registry = Registry()
    value = orjson.dumps(document(version=2))
    registry.apply(KEY, value)
    applied = registry.apply(key, orjson.dumps(document(**fields)))
    assert isinstance(applied, RefusedDefinition)
    assert applied.faults[0].field == field
    assert applied.in_force == (value if key == KEY else None)
    assert registry.in_force(KEY) == value


def test_a_calendar_under_a_workflow_s_key_is_no_workflow() -> None:
    assert isinstance(Registry().apply("acme/office", orjson.dumps(document())), RefusedDefinition)


def test_a_workflow_may_be_called_calendar() -> None:
    registry = Registry()
    workflow = {
        "id": "calendar", "org": "acme", "version": 1, "name": "C", "state": "enabled",
        "trigger": {"type": "device.offline"}, "steps": [{"id": "a", "action": "add_tag", "with": {"tag": "x"}}],
    }  # fmt: skip
    registry.apply("acme/calendar", orjson.dumps(workflow))
    assert [one.id for one in registry.workflows("acme")] == ["calendar"]
