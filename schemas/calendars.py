"""Business calendars: when an organisation works. Published beside its workflows, under `{org}/calendar/{id}`."""

from __future__ import annotations

import datetime as dt
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from schemas.definitions import Id, read_document
from schemas.errors import Refused

if TYPE_CHECKING:
    from holidays import HolidayBase

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""The days of the week as calendars name them, Monday first, as `date.weekday()` counts them."""
KIND: Final = "calendar"
"""The middle part of a calendar's key on the definitions topic."""
_MOST_DATES: Final = 1000
"""In each list of a calendar: a hundred days a year for ten years."""
_MOST_HOURS: Final = 24
_CLOCK: Final = r"(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)"
_TIME_OF_DAY = re.compile(_CLOCK, re.ASCII)
_SPAN = re.compile(r"\s*(\S+?)\s*[-–]\s*(\S+)\s*")
_DATE = re.compile(r"(?:(\d{4})-)?(\d\d)-(\d\d)", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_UNREADABLE: Final = object()
_ZONE = re.compile(r"(?!posix/|right/)[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*", re.ASCII)
_NO_ZONES: Final = frozenset({"Factory", "localtime", "posixrules"})
"""Names that a machine's own zone files may have; what they mean depends on the machine."""


class Span(NamedTuple):
    """Minutes of a local day, from the first on and before the second; 1440 is the day's end."""

    begin: int
    end: int


class YearlyDate(NamedTuple):
    """A date, or where `year` is None the same day of every year."""

    year: int | None
    month: int
    day: int


def _time_of_day(text: object) -> str:
    if isinstance(text, str) and _TIME_OF_DAY.fullmatch(text):
        return text
    raise ValueError(f"should be a time of day such as 09:00 (24:00 is the day's end), not {str(text)[:40]!r}")


TimeOfDay = Annotated[str, BeforeValidator(_time_of_day), Field(json_schema_extra={"pattern": f"^{_CLOCK}$"})]
_Short = Annotated[str, Field(pattern=rf"^\s*{_CLOCK}\s*[-–]\s*{_CLOCK}\s*$")]
"""`09:00-17:30`, as the exported schema tells it."""


class Part(BaseModel):
    """A part of a calendar; a field that it does not know is a mistake."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Hours(Part):
    """Open from a time of the local day until another of the same day."""

    from_: TimeOfDay = Field(alias="from")
    to: TimeOfDay

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        if span := _SPAN.fullmatch(given):
            return {"from": span[1], "to": span[2]}
        raise ValueError(f"should be hours such as 09:00-17:30, not {given[:40]!r}")

    @model_validator(mode="after")
    def _forward(self) -> Hours:
        if self.span.begin >= self.span.end:
            raise ValueError(
                f"{self.to} is not after {self.from_}; hours over midnight are two: "
                f"until 24:00 on this day and from 00:00 on the next"
            )
        return self

    @property
    def span(self) -> Span:
        """The hours in minutes of the day."""
        return Span(_minutes(self.from_), _minutes(self.to))


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _listed(given: object) -> object:
    """One span of hours as a list of it; nothing as an empty list."""
    if given is None:
        return []
    return [given] if isinstance(given, str | dict | Hours) else given


Open = Annotated[
    list[Hours],
    BeforeValidator(_listed, json_schema_input_type=_Short | Hours | list[_Short | Hours] | None),
    Field(max_length=_MOST_HOURS),
]


class Week(Part):
    """The hours of each day, as `09:00-17:30`, `{from: "09:00", to: "17:30"}`, or a list of such; else it is closed."""

    mon: Open = Field(default_factory=list)
    tue: Open = Field(default_factory=list)
    wed: Open = Field(default_factory=list)
    thu: Open = Field(default_factory=list)
    fri: Open = Field(default_factory=list)
    sat: Open = Field(default_factory=list)
    sun: Open = Field(default_factory=list)

    @field_validator(*DAYS)
    @classmethod
    def _apart(cls, hours: list[Hours]) -> list[Hours]:
        ordered = sorted(hours, key=lambda one: one.span)
        for one, other in pairwise(ordered):
            if other.span.begin < one.span.end:
                raise ValueError(f"{one.from_}-{one.to} and {other.from_}-{other.to} overlap")
        return ordered

    @model_validator(mode="after")
    def _ever(self) -> Week:
        if not any(self.spans()):
            raise ValueError("there are no hours on any day: name some, such as mon: 09:00-17:30")
        return self

    def spans(self) -> tuple[tuple[Span, ...], ...]:
        """The hours of each day in minutes, Monday first, in order."""
        return tuple(tuple(one.span for one in getattr(self, day)) for day in DAYS)


def _date(text: object) -> str:
    if isinstance(text, str) and (found := _DATE.fullmatch(text)):
        year, month, day = found.groups()
        try:
            dt.date(int(year or 2000), int(month), int(day))  # 2000 has a 29 February
        except ValueError:
            raise ValueError(f"{text!r} is not a day that there is") from None
        return text
    raise ValueError(f"should be a date such as 2026-12-24, or 12-24 for every year, not {str(text)[:40]!r}")


Date = Annotated[str, BeforeValidator(_date), Field(json_schema_extra={"pattern": r"^(\d{4}-)?\d\d-\d\d$"})]


def yearly(text: str) -> YearlyDate:
    """The parts of a date that a calendar has accepted."""
    year, month, day = _DATE.fullmatch(text).groups()  # type: ignore[union-attr]  # accepted dates match
    return YearlyDate(int(year) if year else None, int(month), int(day))


def country_holidays(country: str, subdivision: str | None = None) -> HolidayBase:
    """The public holidays there; a date that is asked for is looked up in its year. Raises ValueError for no place."""
    # Imported here: most organisations have no calendar, and no process should start later for it.
    from holidays import country_holidays as known  # noqa: PLC0415

    try:
        return known(country, subdiv=subdivision)
    except NotImplementedError:
        pass
    try:
        places = known(country).subdivisions
    except NotImplementedError:
        raise ValueError(f"no holidays are known of the country {country!r}") from None
    known_ones = f"it has {', '.join(places)}" if places else "it has none"
    raise ValueError(f"{country} has no subdivision {str(subdivision)[:40]!r}: {known_ones}")


def _country(code: str) -> str:
    if not _COUNTRY.fullmatch(code):
        raise ValueError(f"should be an ISO 3166-1 code of two capital letters, such as DE, not {code[:40]!r}")
    country_holidays(code)
    return code


class Holidays(Part):
    """The days on which it is closed whatever the hours say: a country's, some more, and all but some."""

    country: Annotated[str, AfterValidator(_country), Field(json_schema_extra={"pattern": "^[A-Z]{2}$"})] | None = (
        Field(None, description="ISO 3166-1 code of two capital letters: its public holidays, those observed included.")
    )
    subdivision: str | None = Field(
        None, description="The state, province or region whose own holidays count too, such as BY in DE."
    )
    also: Annotated[list[Date], Field(max_length=_MOST_DATES)] = Field(
        default_factory=list, description="Days that are closed too: 2026-12-24, or 12-24 for every year."
    )
    not_: Annotated[list[Date], Field(max_length=_MOST_DATES)] = Field(
        default_factory=list, alias="not", description="Holidays of the country on which it is open all the same."
    )

    @field_validator("subdivision")
    @classmethod
    def _inside(cls, name: str | None, info: ValidationInfo) -> str | None:
        country = info.data.get("country", _UNREADABLE)
        if name is not None and country is not _UNREADABLE:
            if country is None:
                raise ValueError("needs its country")
            country_holidays(country, name)
        return name

    @model_validator(mode="after")
    def _clear(self) -> Holidays:
        if both := sorted(set(self.also) & set(self.not_)):
            raise ValueError(f"{both[0]} stands in both 'also' and 'not'")
        return self


class CalendarDefinition(Part):
    """An organisation's business hours and holidays, in its time zone."""

    id: Id
    org: Id
    version: Annotated[int, Field(ge=1, le=2_147_483_647, strict=True)]
    name: Annotated[str, Field(max_length=200)] | None = None
    description: Annotated[str, Field(max_length=4000)] | None = None
    time_zone: Annotated[str, Field(description="IANA name, such as Europe/Berlin.")]
    hours: Week
    holidays: Holidays = Field(default_factory=Holidays)

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, name: str) -> str:
        try:
            if _ZONE.fullmatch(name) and name not in _NO_ZONES:
                ZoneInfo(name)
                return name
        except (KeyError, ValueError, OSError):  # OSError: a folder of zones, such as Europe
            pass
        raise ValueError(f"{name[:60]!r} is not a time zone: write its IANA name, such as Europe/Berlin or UTC")


def calendar_key(org: str, calendar_id: str) -> str:
    """The key of a calendar on the definitions topic."""
    return f"{org}/{KIND}/{calendar_id}"


def is_calendar(body: dict[str, Any]) -> bool:
    """Whether a document means to be a calendar and not a workflow."""
    return ("hours" in body or "time_zone" in body) and "steps" not in body and "trigger" not in body


def parse_calendar(given: bytes | str | dict[str, Any]) -> CalendarDefinition:
    """The calendar in a JSON text or in a document that is parsed already.

    Raises Refused with every fault, each with the dotted path of its field, such as `hours.mon[0].to`.
    """
    document = read_document(given)
    try:
        return CalendarDefinition.model_validate(document)
    except ValidationError as error:
        raise Refused.from_validation(error) from None
