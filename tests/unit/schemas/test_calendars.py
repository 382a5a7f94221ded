"""What a calendar's document may say, and how its faults are told."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.calendars import is_calendar, parse_calendar
from schemas.errors import Refused
from schemas.export.documents import json_schemas

GOOD: dict[str, Any] = {
    "id": "office",
    "org": "acme",
    "version": 1,
    "time_zone": "Europe/Berlin",
    "hours": {"mon": "09:00-17:30"},
}


def test_hours_are_read_in_each_way_of_writing_them() -> None:
    ways: list[Any] = [
        "09:00-17:30",
        ["09:00 – 17:30"],
        {"from": "09:00", "to": "17:30"},
        [{"from": "09:00", "to": "17:30"}],
    ]
    for way in ways:
        read = parse_calendar({**GOOD, "hours": {"mon": way, "tue": None, "wed": []}})
        assert read.hours.spans() == (((540, 1050),), (), (), (), (), (), ())


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"time_zone": "Europe"}, "time_zone", "'Europe' is not a time zone"),
        ({"time_zone": "localtime"}, "time_zone", "not a time zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone", "not a time zone"),
        ({"time_zone": 1}, "time_zone", "should be text"),
        ({"hours": {}}, "hours", "no hours on any day"),
        ({"hours": {"mon": []}}, "hours", "no hours on any day"),
        ({"hours": {"mon": "17:30-09:00"}}, "hours.mon[0]", "09:00 is not after 17:30; hours over midnight are two"),
        ({"hours": {"mon": "9-17:00"}}, "hours.mon[0].from", "a time of day such as 09:00"),
        ({"hours": {"mon": "all day"}}, "hours.mon[0]", "should be hours such as 09:00-17:30"),
        ({"hours": {"mon": ["09:00-17:30", {"from": "09:00", "to": "24:01"}]}}, "hours.mon[1].to", "time of day"),
        ({"hours": {"mon": ["13:00-18:00", "09:00-14:00"]}}, "hours.mon", "09:00-14:00 and 13:00-18:00 overlap"),
        ({"hours": {"monday": "09:00-17:30"}}, "hours.monday", "is not known here"),
        ({"holidays": {"country": "XX"}}, "holidays.country", "no holidays are known of the country 'XX'"),
        ({"holidays": {"country": "Germany"}}, "holidays.country", "two capital letters"),
        ({"holidays": {"country": "DE", "subdivision": "QQ"}}, "holidays.subdivision", "it has BB, BE, BW, BY"),
        ({"holidays": {"subdivision": "BY"}}, "holidays.subdivision", "needs its country"),
        ({"holidays": {"also": ["2026-02-30"]}}, "holidays.also[0]", "'2026-02-30' is not a day that there is"),
        ({"holidays": {"not": ["1.5.2026"]}}, "holidays.not[0]", "a date such as 2026-12-24"),
        ({"holidays": {"also": ["12-24"], "not": ["12-24"]}}, "holidays", "12-24 stands in both"),
        ({"version": 0}, "version", "greater than or equal to 1"),
        ({"id": "a b"}, "id", "letters, digits"),
        ({"surprise": 1}, "surprise", "is not known here"),
    ],
)
def test_a_fault_is_told_with_its_field(fields: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_calendar({**GOOD, **fields})
    [fault] = refused.value.faults
    assert fault.field == field
    assert reason in fault.reason


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ({}, True),
        ({"hours": {"mon": ["09:00-12:00", {"from": "13:00", "to": "24:00"}], "tue": None}}, True),
        ({"holidays": {"country": "DE", "subdivision": "BY", "also": ["12-24"], "not": ["2026-10-03"]}}, True),
        ({"hours": {"mon": "9-17"}}, False),
        ({"hours": {"monday": "09:00-17:00"}}, False),
        ({"holidays": {"also": ["Christmas"]}}, False),
        ({"holidays": {"country": "de"}}, False),
        ({"version": 0}, False),
    ],
)
def test_the_exported_schema_agrees_with_what_is_accepted(fields: dict[str, Any], fits: bool) -> None:
    body = {**GOOD, **fields}
    assert Draft202012Validator(json_schemas()["calendar.schema.json"]).is_valid(body) is fits
    if fits:
        parse_calendar(body)
    else:
        with pytest.raises(Refused):
            parse_calendar(body)


def test_a_leap_day_of_every_year_and_hours_side_by_side_are_fine() -> None:
    parse_calendar({**GOOD, "hours": {"mon": ["09:00-12:00", "12:00-24:00"]}, "holidays": {"also": ["02-29"]}})


def test_a_document_is_known_as_a_calendar_by_what_it_has() -> None:
    assert is_calendar(GOOD)
    assert is_calendar({"time_zone": "UTC"})
    assert not is_calendar({"id": "x", "steps": [], "hours": {}})
    assert not is_calendar({"id": "x"})


def test_holidays_are_loaded_by_calendars_that_name_a_country_alone() -> None:
    script = (
        "import sys, engine.registry, schemas.calendars as c\n"
        f"c.parse_calendar({GOOD!r})\n"
        "print('holidays' in sys.modules)\n"
        f"c.parse_calendar({{**{GOOD!r}, 'holidays': {{'country': 'DE'}}}})\n"
        "print('holidays' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
