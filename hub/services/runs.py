"""Lists of runs, by the filters that the pages offer, and how many there are.

A page is looked for in windows of time, the latest first, so that Postgres opens the tables of a week or two and not
those of a year. Where much that an index finds is left out, they bound what one page may cost: a page may be shorter
than its limit, or empty, and still name the next one.

Rows come from Postgres as JSON and go out as they are. Only a skipped run's reason is made here: it is read out of the
run's one record, and remembered, for neither ever changes.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson

from hub.reading import Reads, bound
from hub.services import cursors
from hub.services.reasons import skipped_reason
from hub.services.run_statements import CAP, RunFilter, Statement, counting, listing
from projections.periods import WEEKS
from schemas.errors import Refused

_BEGINNING: Final = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
_END: Final = dt.datetime(9999, 12, 30, tzinfo=dt.UTC)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_BEHIND_ALL: Final = "~"
"""It comes behind every run's id."""
_PATIENCE: Final = 0.5
"""Seconds after which a page goes out as far as it was found."""
_REMEMBERED: Final = 50_000

_RECORDS: Final = bound("""
    select c.run_id, c.entries
      from unnest($2::text[], $3::integer[]) k (run_id, week)
     cross join lateral (select c.run_id, c.entries from history_data.records c
                          where c.run_id = k.run_id and c.seq = 0 and c.week = k.week) c""")


class RunLists:
    """Pages of runs; it remembers the reasons of skipped ones."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._reasons: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def page(
        self, org: str, wanted: RunFilter, *, cursor: str | None, limit: int, now: dt.datetime
    ) -> tuple[list[Any], str | None]:
        """Runs as JSON (texts, or objects to be dumped), and the cursor of the next page.

        Raises Refused where the cursor is none.
        """
        upper, after = _place(cursor) if cursor else (wanted.until or _END, _BEHIND_ALL)
        shape = wanted.shape
        if not shape.statuses:
            return [], None
        statement = listing(shape)
        found: list[str] = []
        began = time.monotonic()
        for lower, last in _windows(upper, wanted.since or _BEGINNING, now, exact=statement.exact):
            given = {**wanted.values, "upper": upper, "after": after, "lower": lower, "limit": limit + 1 - len(found)}
            found += await self._reads.made(_texts, statement.sql, org, *statement.arguments(given))
            if len(found) > limit:
                break
            upper, after = lower, _BEHIND_ALL
            if not last and time.monotonic() - began > _PATIENCE:
                return await self._told(org, wanted, found), _cursor(lower, after)
        following = None
        if len(found) > limit:
            found = found[:limit]
            end = orjson.loads(found[-1])
            following = _cursor(dt.datetime.fromisoformat(end["started_at"]), end["run_id"])
        return await self._told(org, wanted, found), following

    async def counts(self, org: str, wanted: RunFilter) -> tuple[dict[str, int], bool]:
        """How many runs there are by status; and whether there are more than that of one."""
        shape = wanted.shape
        found = dict.fromkeys(sorted(wanted.statuses), 0)
        if not shape.statuses:
            return found, False
        statement = counting(shape)
        given = {**wanted.values, "since": wanted.since or _BEGINNING, "until": wanted.until or _END}
        for status, runs in await self._reads.rows(statement.sql, org, *statement.arguments(given)):
            found[status] = found.get(status, 0) + runs
        capped = any(runs > CAP for runs in found.values())
        return {status: min(runs, CAP) for status, runs in found.items()}, capped

    async def _told(self, org: str, wanted: RunFilter, texts: Sequence[str]) -> list[Any]:
        """The rows with the reasons of those that were skipped."""
        if "skipped" not in wanted.statuses:
            return [orjson.Fragment(one) for one in texts]
        rows = [orjson.loads(one) for one in texts]
        skipped = [row for row in rows if row["status"] == "skipped"]
        reasons = await self.reasons(org, skipped)
        for row in skipped:
            row["reason"] = reasons.get(row["run_id"])
        return rows

    async def reasons(self, org: str, skipped: Sequence[dict[str, Any]]) -> dict[str, str]:
        """Why these runs were skipped, by their id; `started_at` is the text or the time of each."""
        found: dict[str, str] = {}
        unknown: dict[str, dict[str, Any]] = {}
        for row in skipped:
            known = self._reasons.get((org, row["run_id"]))
            if known is None:
                unknown[row["run_id"]] = row
            else:
                found[row["run_id"]] = known
        if unknown:
            weeks = tuple(WEEKS.of(_moment(row["started_at"])) for row in unknown.values())
            for run_id, entries in await self._reads.rows(_RECORDS, org, tuple(unknown), weeks):
                (first, *_) = orjson.loads(entries)
                reason = skipped_reason(first["data"].get("conditions"), unknown[run_id]["trigger_type"])
                found[run_id] = self._reasons[org, run_id] = reason
            while len(self._reasons) > _REMEMBERED:
                self._reasons.popitem(last=False)
        return found


def _texts(rows: Sequence[Any]) -> list[str]:
    return [row[0] for row in rows]


def _moment(given: str | dt.datetime) -> dt.datetime:
    return dt.datetime.fromisoformat(given) if isinstance(given, str) else given


def _windows(
    upper: dt.datetime, since: dt.datetime, now: dt.datetime, *, exact: bool
) -> Iterator[tuple[dt.datetime, bool]]:
    """The beginnings of the windows in which a page is looked for, each with whether it is the last.

    The first is a week or two; the next has all the rest, where every row that is read is one of the list, and else
    each has twice as many weeks as the one before.
    """
    number = WEEKS.of(min(upper, now)) - 1
    weeks = 2
    while True:
        lower = WEEKS.begin(number)
        if lower is None or lower <= since:
            yield since, True
            return
        yield lower, False
        number -= WEEKS.count if exact else weeks
        weeks *= 2


def _place(cursor: str) -> tuple[dt.datetime, str]:
    at, run_id = cursors.decode(cursor, int, str)
    try:
        found = _EPOCH + at * _MICROSECOND
    except OverflowError:
        found = _END
    if not _BEGINNING <= found <= _END:
        raise Refused.one("cursor", "is none that a page of this list ended with")
    return found, run_id


def _cursor(at: dt.datetime, run_id: str) -> str:
    return cursors.encode((at - _EPOCH) // _MICROSECOND, run_id)


__all__ = ["RunFilter", "RunLists", "Statement"]
