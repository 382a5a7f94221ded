"""Which partition of a table a time belongs to: the tables of runs have one for each week, that of events one a day.

A period is a number, counted from the first; what lies before the first or after the last is in `past` or `future`,
so that no clock, however wrong, makes a row impossible or tables without end. A partition of the table `runs` is the
table `runs_20261123`, named by the day on which its period begins in UTC. The same bounds stand in
`sql/0003_partitions.sql`, which has the functions that make the tables.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

RUN_TABLES: Final = ("records", "runs", "steps")
"""The tables that are partitioned by the week in which the run began."""


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


class Periods:
    """`count` periods of so many days, the first of which begins on `first`, the last of which is over on `end`."""

    __slots__ = ("_seconds", "_start", "count", "days", "end", "first")

    def __init__(self, days: int, first: date, end: date) -> None:
        self.days, self.first, self.end = days, first, end
        self.count = (end - first).days // days
        self._start = _midnight(first).timestamp()
        self._seconds = days * 86400

    def of(self, at: datetime) -> int:
        """The number of the period that has this moment; -1 for the past, `count` for the future."""
        return int(max(-1, min(self.count, (at.timestamp() - self._start) // self._seconds)))

    def begin(self, number: int) -> datetime | None:
        """When the period begins; None for the past, which has no beginning."""
        return None if number < 0 else _midnight(self.first + timedelta(days=number * self.days))

    def over(self, number: int) -> datetime | None:
        """When the period is over; None for the future, which never is."""
        return None if number >= self.count else _midnight(self.first + timedelta(days=(number + 1) * self.days))

    def name(self, number: int) -> str:
        """What the names of this period's tables end with."""
        begin = self.begin(number)
        if begin is None:
            return "past"
        return "future" if number >= self.count else f"{begin:%Y%m%d}"

    def named(self, name: str) -> int:
        """The number of the period of this name. Raises ValueError where it is none."""
        if name in ("past", "future"):
            return -1 if name == "past" else self.count
        return self.of(datetime.strptime(name, "%Y%m%d").replace(tzinfo=UTC))


WEEKS: Final = Periods(7, date(2000, 1, 3), date(2200, 1, 6))
"""From Monday to Sunday."""
DAYS: Final = Periods(1, date(2000, 1, 3), date(2200, 1, 6))
