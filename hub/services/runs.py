"""Lists of runs, by the filters that the pages offer, and how many there are.

A page is looked for in windows of time, the latest first, so that Postgres opens the tables of some weeks and not those
of years. Where much that an index finds is left out, they bound what one page may cost: a page may be shorter than its
limit, or empty, and still name the next one.

Rows come from Postgres as JSON and go out as they are. Only a skipped run's reason is put in here: it is read out of
the run's one record, and remembered, for neither ever changes.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from hub.reading import Reads, bound
from hub.services import cursors
from hub.services.reasons import skipped_reason
from hub.services.run_statements import CAP, RunFilter, Statement, counting, listing
from projections.periods import WEEKS
from schemas.errors import Refused

_Row = Mapping[str, Any]
_BEGINNING: Final = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
_END: Final = dt.datetime(9999, 12, 30, tzinfo=dt.UTC)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_BEHIND_ALL: Final = "~"
"""It comes behind every run's id."""
_PATIENCE: Final = 0.5
"""Seconds after which a page goes out as far as it was found."""
_FIRST_WEEKS: Final = 8
"""Weeks of the first window, where few rows are read besides those of the page. Each costs about 4 µs to open; a second
query more than a hundred."""
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
        """By organisation and run, as JSON."""

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
        found: list[_Row] = []
        began = time.monotonic()
        for lower, last in _windows(upper, wanted.since or _BEGINNING, now, bounded=statement.bounded):
            given = {**wanted.values, "upper": upper, "after": after, "lower": lower, "limit": limit + 1 - len(found)}
            found += await self._reads.rows(statement.sql, org, *statement.arguments(given))
            if len(found) > limit:
                break
            upper, after = lower, _BEHIND_ALL
            if not last and time.monotonic() - began > _PATIENCE:
                return await self._told(org, wanted, found), _cursor(lower, after)
        following = None
        if len(found) > limit:
            found = found[:limit]
            end = orjson.loads(found[-1]["run"])
            following = _cursor(dt.datetime.fromisoformat(end["started_at"]), end["run_id"])
        return await self._told(org, wanted, found), following

    async def counts(self, org: str, wanted: RunFilter, most: int = CAP) -> tuple[dict[str, int], bool]:
        """How many runs there are by status, of each `most` at most; and whether there are more than that of one."""
        shape = wanted.shape
        found = dict.fromkeys(sorted(wanted.statuses), 0)
        if not shape.statuses:
            return found, False
        statement = counting(shape, most)
        given = {**wanted.values, "since": wanted.since or _BEGINNING, "until": wanted.until or _END}
        for status, runs in await self._reads.rows(statement.sql, org, *statement.arguments(given)):
            found[status] = found.get(status, 0) + runs
        capped = any(runs > most for runs in found.values())
        return {status: min(runs, most) for status, runs in found.items()}, capped

    async def _told(self, org: str, wanted: RunFilter, rows: Sequence[_Row]) -> list[Any]:
        """The rows as they go out, with the reasons of those that were skipped."""
        if "skipped" not in wanted.statuses:
            return [orjson.Fragment(row["run"]) for row in rows]
        reasons = await self._reasons_of(org, {row["skipped"]: row["run"] for row in rows if row["skipped"]})
        return [orjson.Fragment(_with_reason(row["run"], reasons.get(row["skipped"]))) for row in rows]

    async def _reasons_of(self, org: str, skipped: Mapping[str, str]) -> dict[str, str]:
        """Why these runs, told as JSON by their id, were skipped: as JSON too."""
        found = {run_id: known for run_id in skipped if (known := self._reasons.get((org, run_id))) is not None}
        unknown = {run_id: orjson.loads(run) for run_id, run in skipped.items() if run_id not in found}
        if unknown:
            weeks = tuple(WEEKS.of(dt.datetime.fromisoformat(one["started_at"])) for one in unknown.values())
            for run_id, entries in await self._reads.rows(_RECORDS, org, tuple(unknown), weeks):
                (first, *_) = orjson.loads(entries)
                reason = skipped_reason(first["data"].get("conditions"), unknown[run_id]["trigger_type"])
                found[run_id] = self._reasons[org, run_id] = orjson.dumps(reason).decode()
            while len(self._reasons) > _REMEMBERED:
                self._reasons.popitem(last=False)
        return found


def _with_reason(run: str, reason: str | None) -> str:
    # In a text of JSON a quotation mark is escaped: these words can only be the field itself.
    return run if reason is None else run.replace('"reason":null', f'"reason":{reason}', 1)


def _windows(
    upper: dt.datetime, since: dt.datetime, now: dt.datetime, *, bounded: bool
) -> Iterator[tuple[dt.datetime, bool]]:
    """The beginnings of the windows in which a page is looked for, each with whether it is the last.

    Where what a page reads is bounded, the first has some weeks, and the next all the rest. Else the first is a week or
    two, and each has four times as many as the one before.
    """
    weeks = _FIRST_WEEKS if bounded else 2
    number = WEEKS.of(min(upper, now)) - weeks + 1
    while True:
        lower = WEEKS.begin(number)
        if lower is None or lower <= since:
            yield since, True
            return
        yield lower, False
        weeks *= 4
        number -= WEEKS.count if bounded else weeks


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
