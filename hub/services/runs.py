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

_BEGINNING: Final = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
_END: Final = dt.datetime(9999, 12, 30, tzinfo=dt.UTC)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_BEHIND_ALL: Final = "~"
"""It comes behind every run's id."""
_PATIENCE: Final = 0.5
"""Seconds after which a page goes out as far as it was found."""
_REMEMBERED: Final = 50_000
_NO_REASON: Final = '"reason":null'

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
        """By organisation and run, as a field of JSON."""
        self._sparse: OrderedDict[tuple[str, RunFilter], None] = OrderedDict()

    async def page(
        self, org: str, wanted: RunFilter, *, cursor: str | None, limit: int, now: dt.datetime
    ) -> tuple[list[Any], str | None]:
        """Runs as JSON, ready to be dumped, and the cursor of the next page.

        Raises Refused where the cursor is none.
        """
        upper, after = _place(cursor) if cursor else (wanted.until or _END, _BEHIND_ALL)
        if not wanted.shape.statuses:
            return [], None
        statement = listing(wanted.shape)
        found: list[str] = []
        skipped: list[str | None] = []
        began, looked = time.monotonic(), 0
        whole = (org, wanted) in self._sparse
        for lower, last in _windows(upper, wanted.since or _BEGINNING, now, statement, whole=whole):
            given = {**wanted.values, "upper": upper, "after": after, "lower": lower, "limit": limit + 1 - len(found)}
            ((runs, ids),) = await self._reads.rows(statement.sql, org, *statement.arguments(given))
            found += runs or ()
            skipped += ids or ()
            looked += 1
            if len(found) > limit:
                break
            upper, after = lower, _BEHIND_ALL
            if not last and time.monotonic() - began > _PATIENCE:
                return await self._told(org, found, skipped), _cursor(lower, after)
        self._note(org, wanted, sparse=looked > 1 or (whole and len(found) <= limit))
        following = None
        if len(found) > limit:
            found = found[:limit]
            end = orjson.loads(found[-1])
            following = _cursor(dt.datetime.fromisoformat(end["started_at"]), end["run_id"])
        return await self._told(org, found, skipped), following

    def _note(self, org: str, wanted: RunFilter, *, sparse: bool) -> None:
        """Remember lists that the first window does not fill a page of: next time they are read in one go."""
        if sparse:
            self._sparse[org, wanted] = None
            if len(self._sparse) > _REMEMBERED:
                self._sparse.popitem(last=False)
        else:
            self._sparse.pop((org, wanted), None)

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

    async def _told(self, org: str, runs: Sequence[str], skipped: Sequence[str | None]) -> list[Any]:
        """The runs as they go out, with the reasons of those that were skipped."""
        if not skipped:
            return [orjson.Fragment(run) for run in runs]
        known = self._reasons
        # A page may end before the last that was found.
        rows = list(zip(runs, skipped, strict=False))
        unknown = {run_id: run for run, run_id in rows if run_id is not None and (org, run_id) not in known}
        if unknown:
            await self._learn(org, unknown)
        # In a text of JSON a quotation mark is escaped: these words can only be the field itself.
        return [
            orjson.Fragment(run if run_id is None else run.replace(_NO_REASON, known.get((org, run_id), _NO_REASON), 1))
            for run, run_id in rows
        ]

    async def _learn(self, org: str, skipped: Mapping[str, str]) -> None:
        """Find out why these runs, told as JSON by their id, were skipped."""
        while len(self._reasons) > _REMEMBERED:
            self._reasons.popitem(last=False)
        told = {run_id: orjson.loads(run) for run_id, run in skipped.items()}
        weeks = tuple(WEEKS.of(dt.datetime.fromisoformat(one["started_at"])) for one in told.values())
        for run_id, entries in await self._reads.rows(_RECORDS, org, tuple(told), weeks):
            (first, *_) = orjson.loads(entries)
            reason = skipped_reason(first["data"].get("conditions"), told[run_id]["trigger_type"])
            self._reasons[org, run_id] = f'"reason":{orjson.dumps(reason).decode()}'


def _windows(
    upper: dt.datetime, since: dt.datetime, now: dt.datetime, statement: Statement, *, whole: bool
) -> Iterator[tuple[dt.datetime, bool]]:
    """The beginnings of the windows in which a page is looked for, each with whether it is the last.

    Where what a page reads is bounded, the second has all the rest, or the first all there is where it is asked for the
    `whole`; else each has four times as many weeks as the one before.
    """
    if whole and statement.bounded:
        yield since, True
        return
    weeks = statement.weeks
    number = WEEKS.of(min(upper, now)) - weeks + 1
    while True:
        lower = WEEKS.begin(number)
        if lower is None or lower <= since:
            yield since, True
            return
        yield lower, False
        weeks *= 4
        number -= WEEKS.count if statement.bounded else weeks


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
