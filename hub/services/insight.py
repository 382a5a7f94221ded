"""How it goes in an organisation: throughput, failures, what guards keep back, how long steps take, and who is behind.

Everything is read by an index for the time that is asked for. Where rows themselves have to be read (errors, reasons,
steps), the latest thousands are.
"""

# ruff: noqa: S608 - all text is our own, what people give are parameters
from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Sequence
from typing import Any, Final

import orjson

from hub.reading import Reads, bound
from hub.services.lagging import Lagging
from hub.services.run_statements import RunFilter
from hub.services.runs import RunLists
from schemas.events import EVENT_TYPES

MOST_BUCKETS: Final = 120
MOST_COUNTED: Final = 10_000
LATEST_ROWS: Final = 20_000
LATEST_RUNS: Final = 2_000
_TOP: Final = 10
_KEPT_SECONDS: Final = 2.0
_KEPT_TIMES: Final = 20
"""An answer is kept so many times as long as it took, and two seconds at least: who looks on must cost little."""
_MOST_KEPT: Final = 5_000
_OPEN: Final = RunFilter(frozenset({"running", "waiting"}))

# Each has $2, the beginning, and $3, the length of a bucket in minutes.
_BIN: Final = "date_bin(make_interval(mins => $3::integer), {column}, $2::timestamptz) as at"
_COUNT: Final = f"""
    select {{named}} as what, n.at, n.found
      from (select {_BIN.format(column="r.started_at")}, count(*) as found
              from history_data.runs r
             where r.org_id = o.org and r.started_at >= $2::timestamptz and {{which}} group by 1) n"""
_NOTABLE: Final = "r.status not in ('completed', 'skipped')"
"""What the index of the few that people look for says of itself."""
SERIES: Final = bound(
    " union all ".join((
        _COUNT.format(named="'started'", which="r.status not in ('skipped', 'suppressed')"),
        _COUNT.format(named="'filtered'", which="r.status in ('skipped', 'suppressed')"),
        *(
            _COUNT.format(named=f"'{status}'", which=f"r.status = '{status}' and {_NOTABLE}")
            for status in ("failed", "running", "waiting", "cancelled")
        ),
    ))
)  # fmt: skip
EVENTS: Final = bound(f"""
    select 'events' as what, n.at, sum(n.found)::bigint as found
      from unnest($4::text[]) t (type)
     cross join lateral (select {_BIN.format(column="e.time")}, count(*) as found
                           from history_data.events e
                          where e.org_id = o.org and e.type = t.type and e.time >= $2::timestamptz
                            and e.received_at >= $2::timestamptz - interval '5 minutes' group by 1) n
     group by n.at""")
_LATEST: Final = f"""
    select r.workflow_id, r.workflow_name, r.guard, r.error, r.started_at
      from history_data.runs r
     where r.org_id = o.org and r.status = '{{status}}' and {_NOTABLE}
       and r.started_at >= $2::timestamptz
     order by r.started_at desc limit {LATEST_ROWS}"""
FAILING: Final = bound(f"""
    select f.workflow_id, l.workflow_name as name, f.failed, c.runs, l.error as last_error
      from (select n.workflow_id, count(*) as failed from ({_LATEST.format(status="failed")}) n
             group by 1 order by 2 desc, 1 limit {_TOP}) f
     cross join lateral (select count(*) as runs from history_data.runs r
                          where r.workflow_id = f.workflow_id and r.org_id = o.org
                            and r.started_at >= $2::timestamptz and r.status not in ('skipped', 'suppressed')) c
     cross join lateral (select r.workflow_name, r.error from history_data.runs r
                          where r.workflow_id = f.workflow_id and r.org_id = o.org and r.status = 'failed'
                            and {_NOTABLE} and r.started_at >= $2::timestamptz
                          order by r.started_at desc limit 1) l""")
STORMS: Final = bound(f"""
    select n.workflow_id, n.guard, count(*) as suppressed, max(n.started_at) as last_at,
           (array_agg(n.workflow_name order by n.started_at desc))[1] as name,
           coalesce((array_agg(n.error order by n.started_at desc))[1], '') as reason
      from ({_LATEST.format(status="suppressed")}) n
     group by n.workflow_id, n.guard order by 3 desc, 1, 2""")
LETTERS: Final = bound(f"""
    select count(*) as found
      from (select from history_data.dead_letters d
             where history_data.org_of(d.key) = o.org and d.at >= $2::timestamptz limit {MOST_COUNTED}) n""")
_MS: Final = "extract(epoch from s.finished_at - s.started_at)::double precision * 1000"
STEPS: Final = bound(f"""
    select s.action, count(*) filter (where s.status = 'succeeded') as succeeded,
           count(*) filter (where s.status = 'failed') as failed,
           percentile_cont(array[0.5, 0.95]) within group (order by {_MS})
             filter (where s.status in ('succeeded', 'failed') and s.finished_at is not null) as took
      from (select r.run_id, history_data.week_of(r.started_at) as week
              from history_data.runs r
             where r.org_id = o.org and r.started_at >= $2::timestamptz and r.status not in ('skipped', 'suppressed')
             order by r.started_at desc limit {LATEST_RUNS}) n
     cross join lateral (select s.action, s.status, s.started_at, s.finished_at from history_data.steps s
                          where s.run_id = n.run_id and s.week = n.week offset 0) s
     group by 1 order by 1""")

Answer = dict[str, Any]
_Key = tuple[str, int]


class Insights:
    """Makes the answers; whoever asks for one that is being made gets that one."""

    def __init__(self, reads: Reads, run_lists: RunLists, lagging: Lagging) -> None:
        self._reads = reads
        self._run_lists = run_lists
        self._lagging = lagging
        self._kept: dict[_Key, tuple[float, bytes]] = {}
        self._making: dict[_Key, asyncio.Task[bytes]] = {}

    async def of(self, org: str, minutes: int, now: dt.datetime) -> bytes:
        """The organisation's last so many minutes, as JSON, two seconds old at most unless it takes long to find out.

        Raises Problem 503 while Postgres is away.
        """
        key = (org, minutes)
        kept = self._kept.get(key)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        task = self._making.get(key)
        if task is None:
            task = self._making[key] = asyncio.create_task(self._make(key, now), name="hub-insight")
            task.add_done_callback(lambda _: self._making.pop(key, None))
        # Shielded: one who hangs up must not take the answer from those who share it.
        return await asyncio.shield(task)

    async def _make(self, key: _Key, now: dt.datetime) -> bytes:
        began = time.monotonic()
        found = orjson.dumps(await self.read(*key, now), option=orjson.OPT_UTC_Z)
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        over = time.monotonic()
        self._kept[key] = over + max(_KEPT_SECONDS, _KEPT_TIMES * (over - began)), found
        return found

    async def read(self, org: str, minutes: int, now: dt.datetime) -> Answer:
        """The answer as it is now."""
        step = -(-minutes // MOST_BUCKETS)
        times = buckets(now, minutes, step)
        since = times[0]
        rows = self._reads.rows
        series, events, failing, storms, letters, steps, (open_runs, _), (groups, history) = await asyncio.gather(
            rows(SERIES, org, since, step),
            rows(EVENTS, org, since, step, tuple(sorted(EVENT_TYPES))),
            rows(FAILING, org, since),
            rows(STORMS, org, since),
            rows(LETTERS, org, since),
            rows(STEPS, org, since),
            self._run_lists.counts(org, _OPEN, MOST_COUNTED),
            self._lagging.now(),
        )
        return {
            "at": now.astimezone(dt.UTC),
            "minutes": minutes,
            "series": _series(times, [*series, *events]),
            "running": open_runs["running"],
            "waiting": open_runs["waiting"],
            "dead_letters": letters[0]["found"],
            "failing": [dict(row) for row in sorted(failing, key=lambda row: (-row["failed"], row["workflow_id"]))],
            "storms": [dict(row) for row in storms if row["guard"] is not None],
            "lag": groups,
            "projector": history,
            "steps": [_action(row) for row in steps],
        }


def buckets(now: dt.datetime, minutes: int, step: int) -> list[dt.datetime]:
    """When each stretch of `step` minutes begins; `now` is in the last one."""
    length = dt.timedelta(minutes=step)
    at = now.astimezone(dt.UTC)
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    last = midnight + (at - midnight) // length * length
    count = -(-minutes // step)
    return [last - number * length for number in reversed(range(count))]


def _series(times: Sequence[dt.datetime], rows: Sequence[Any]) -> list[Answer]:
    found: dict[dt.datetime, Answer] = {
        at: {"at": at, "events": 0, "started": 0, "completed": 0, "failed": 0, "filtered": 0} for at in times
    }
    for row in rows:
        point = found.get(row["at"])
        if point is None:
            continue  # of a clock that is ahead of ours
        what, count = row["what"], row["found"]
        if what in point:
            point[what] += count
        # What is completed is what began and did not end otherwise, nor goes on: that is not looked for row by row.
        if what == "started":
            point["completed"] += count
        elif what not in ("filtered", "events"):
            point["completed"] -= count
    return list(found.values())


def _action(row: Any) -> Answer:
    p50, p95 = row["took"] or (None, None)
    return {
        "action": row["action"], "succeeded": row["succeeded"], "failed": row["failed"],
        "p50_ms": p50, "p95_ms": p95,
    }  # fmt: skip
