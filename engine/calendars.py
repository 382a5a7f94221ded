"""Business time: when an organisation is open next, and when so many open hours have passed.

Everything is computed from local days. A day's hours become stretches of UTC: a local time that the clocks skip (in
spring) counts as the moment of the change, and one that they show twice (in autumn) as its first. That mapping never
runs backwards, so the stretches of all days are in order and apart, and hours around a change are as long as they
really were. A day that is a holiday, or that the calendar's zone never had, has no stretch.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from engine.errors import NeverOpenError
from schemas.calendars import YearlyDate, country_holidays, yearly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.calendars import CalendarDefinition, Span

_LONGEST_SEARCH: Final = 3660
"""Days that are looked through for an opening: as long as the longest delay (schemas.durations)."""
_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
_NOTHING: Final = timedelta(0)
_LAST_DAY: Final = date(9998, 12, 31)
"""Of those that can be computed with in every zone."""

Stretch = tuple[datetime, datetime]
"""From the first moment on and before the second, in UTC."""


class Calendar:
    """A business calendar, compiled. Moments go in aware, of any offset, and come out in UTC."""

    __slots__ = ("_also", "_country", "_not", "_spans", "_zone", "id", "org", "version")

    def __init__(self, definition: CalendarDefinition) -> None:
        self.id = definition.id
        self.org = definition.org
        self.version = definition.version
        self._zone = ZoneInfo(definition.time_zone)
        self._spans: tuple[tuple[Span, ...], ...] = definition.hours.spans()
        given = definition.holidays
        self._country = None if given.country is None else country_holidays(given.country, given.subdivision)
        self._also = frozenset(map(yearly, given.also))
        self._not = frozenset(map(yearly, given.not_))

    def open(self, at: datetime) -> bool:
        """Whether it is open at this moment; at the very end of the hours it is not."""
        moment = at.astimezone(UTC)
        # Of the next day too: where clocks are set back over midnight, the day before comes twice.
        days = islice(self._days(moment), 2)
        return any(begin <= moment < end for day in days for begin, end in self._stretches(day))

    def next_open(self, at: datetime) -> datetime:
        """The first moment from `at` on at which it is open: `at` itself where it is. Raises NeverOpenError."""
        moment = at.astimezone(UTC)
        for begin, end in self._from(moment):
            if moment < end:
                return max(moment, begin)
        raise self._never(moment)

    def next_day(self, at: datetime) -> datetime:
        """The opening of the next business day after `at`'s local day. Raises NeverOpenError."""
        moment = at.astimezone(UTC)
        for begin, _ in self._from(moment, skip=1):
            return max(moment, begin)
        raise self._never(moment)

    def after(self, at: datetime, business: timedelta) -> datetime:
        """The first moment by which it was open for so long since `at`; `at` itself where `business` is no time.

        It may be the moment of closing. Raises NeverOpenError where the next ten years have less open time than that.
        """
        moment = at.astimezone(UTC)
        left = business
        if left <= _NOTHING:
            return moment
        for begin, end in self._from(moment):
            begins = max(moment, begin)
            if end - begins >= left:
                return begins + left
            left -= max(end - begins, _NOTHING)
        raise self._never(moment)

    def _never(self, moment: datetime) -> NeverOpenError:
        return NeverOpenError(f"the calendar {self.id!r} has no such opening in the ten years after {moment:%Y-%m-%d}")

    def _days(self, moment: datetime) -> Iterator[date]:
        """The local days from this moment's on, as far as one looks."""
        day = moment.astimezone(self._zone).date()
        for _ in range(_LONGEST_SEARCH):
            yield day
            if day >= _LAST_DAY:
                return
            day += _DAY

    def _from(self, moment: datetime, skip: int = 0) -> Iterator[Stretch]:
        """The stretches of the local days from this moment's on, in order."""
        for day in islice(self._days(moment), skip, None):
            yield from self._stretches(day)

    def _stretches(self, day: date) -> Iterator[Stretch]:
        spans = self._spans[day.weekday()]
        if not spans or self._closed(day):
            return
        midnight = datetime.combine(day, time())
        for span in spans:
            begin, end = (self._utc(midnight + timedelta(minutes=minutes)) for minutes in span)
            if begin < end:
                yield begin, end

    def _closed(self, day: date) -> bool:
        exact, every_year = YearlyDate(*day.timetuple()[:3]), YearlyDate(None, day.month, day.day)
        if exact in self._also or (every_year in self._also and exact not in self._not):
            return True
        if exact in self._not or every_year in self._not or self._country is None:
            return False
        return day in self._country

    def _utc(self, local: datetime) -> datetime:
        """The moment of a local time that is told without its zone."""
        first = local.replace(tzinfo=self._zone).utcoffset() or _NOTHING
        second = local.replace(tzinfo=self._zone, fold=1).utcoffset() or _NOTHING
        moment = (local - first).replace(tzinfo=UTC)
        if first >= second:
            return moment
        # The clocks skip this time: by halves to the second at which they do.
        before, after = (local - second).replace(tzinfo=UTC), moment
        while after - before > _SECOND:
            middle = before + (after - before) // 2 // _SECOND * _SECOND
            if middle.astimezone(self._zone).utcoffset() == first:
                before = middle
            else:
                after = middle
        return after


def compile_calendar(definition: CalendarDefinition) -> Calendar:
    """The calendar as something that can be asked."""
    return Calendar(definition)
