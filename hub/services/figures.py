"""What a list of workflows says about their runs: the last ones, the last days, and how many succeed.

Nothing is counted ahead: each figure is read by an index from the runs themselves, so that it is never wrong. A busy
organisation's take long enough to be kept for a little while; how old they are is told.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from typing import Any, Final, TypedDict

from hub.reading import Reads, bound

RECENT: Final = 20
DAYS: Final = 7
_KEPT_SECONDS: Final = 1.0
_KEPT_TIMES: Final = 20
"""Figures are kept so many times as long as it took to read them, and at least a second: a twentieth of one processor
at most goes into them, however many look on."""
_MOST_KEPT: Final = 20_000

_RECENT: Final = bound(f"""
    select w.id, n.run_id, n.status, n.started_at
      from unnest($2::text[]) w (id)
     cross join lateral (select run_id, status, started_at
                           from history_data.runs
                          where workflow_id = w.id and org_id = o.org and status not in ('skipped', 'suppressed')
                          order by started_at desc limit {RECENT}) n""")  # noqa: S608 - our own text
# By three indexes that hold all that is counted: what ran, what was filtered, and what ran and did not complete.
_COUNT: Final = """
    select w.id, n.day, {named} as status, n.runs
      from unnest($2::text[]) w (id)
     cross join lateral (select date_bin('1 day', started_at, $3) as day, count(*) as runs{column}
                           from history_data.runs
                          where workflow_id = w.id and org_id = o.org and started_at >= $3 and {which}
                          group by 1{group}) n"""
_COUNTS: Final = bound(
    " union all ".join((
        _COUNT.format(named="'ran'", column="", group="", which="status not in ('skipped', 'suppressed')"),
        _COUNT.format(named="'filtered'", column="", group="", which="status in ('skipped', 'suppressed')"),
        _COUNT.format(named="n.status", column=", status", group=", 3",
                      which="status not in ('completed', 'skipped') "
                            "and status = any('{failed,running,waiting,cancelled}')"),
    ))
)  # fmt: skip


class Day(TypedDict):
    """How a day's runs ended."""

    day: str
    completed: int
    failed: int
    filtered: int
    other: int


class Recent(TypedDict):
    """One of the last runs."""

    run_id: str
    status: str
    started_at: dt.datetime


class WorkflowFigures(TypedDict):
    """What is told of one workflow's runs."""

    recent: list[Recent]
    days: list[Day]
    success_rate: float | None


class Figures:
    """The figures of many workflows; `now` is the time by which workers go."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._kept: dict[tuple[str, str], tuple[float, float, WorkflowFigures]] = {}

    async def of(
        self, org: str, workflow_ids: Sequence[str], now: dt.datetime
    ) -> tuple[dict[str, WorkflowFigures], int]:
        """The figures of each workflow, and how many milliseconds old the oldest are."""
        at = time.monotonic()
        wanted = [one for one in workflow_ids if (kept := self._kept.get((org, one))) is None or kept[1] <= at]
        if wanted:
            fresh = await read(self._reads, org, wanted, now)
            took = time.monotonic() - at
            until = time.monotonic() + max(_KEPT_SECONDS, _KEPT_TIMES * took)
            if len(self._kept) > _MOST_KEPT:
                self._kept.clear()
            # As old as the question: a run that came meanwhile may be missing.
            self._kept |= {(org, one): (at, until, found) for one, found in fresh.items()}
        found = {one: self._kept[org, one] for one in workflow_ids if (org, one) in self._kept}
        oldest = min((since for since, _, _ in found.values()), default=time.monotonic())
        return {one: figures for one, (_, _, figures) in found.items()}, int((time.monotonic() - oldest) * 1000)


async def read(reads: Reads, org: str, workflow_ids: Sequence[str], now: dt.datetime) -> dict[str, WorkflowFigures]:
    """The figures as they are now."""
    ids = tuple(dict.fromkeys(workflow_ids))
    first = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0) - dt.timedelta(days=DAYS - 1)
    found = {one: WorkflowFigures(recent=[], days=_days(first), success_rate=None) for one in ids}
    for row in await reads.rows(_RECENT, org, ids):
        found[row["id"]]["recent"].append(
            Recent(run_id=row["run_id"], status=row["status"], started_at=row["started_at"])
        )
    _count(found, await reads.rows(_COUNTS, org, ids, first), first)
    return found


def _days(first: dt.datetime) -> list[Day]:
    return [
        Day(day=(first + dt.timedelta(days=number)).date().isoformat(), completed=0, failed=0, filtered=0, other=0)
        for number in range(DAYS)
    ]


def _count(found: dict[str, WorkflowFigures], rows: Sequence[Any], first: dt.datetime) -> None:
    for row in rows:
        number = (row["day"] - first).days
        if not 0 <= number < DAYS:
            continue  # a clock that was set back
        day, runs = found[row["id"]]["days"][number], row["runs"]
        if row["status"] == "filtered":
            day["filtered"] += runs
        elif row["status"] == "ran":
            day["completed"] += runs
        else:
            day["failed" if row["status"] == "failed" else "other"] += runs
            day["completed"] -= runs
    for figures in found.values():
        completed = sum(day["completed"] for day in figures["days"])
        ended = completed + sum(day["failed"] for day in figures["days"])
        figures["success_rate"] = completed / ended if ended else None
