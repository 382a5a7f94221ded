"""What is known of an organisation's enabled workflows: read by the indexes of runs, each sample bounded."""

# ruff: noqa: S608 - all text is our own, what people give are parameters
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from projections.health.conditions import comparisons
from projections.health.facts import (
    LATEST_ENDS,
    MOST_EVENTS,
    MOST_FAILURES,
    MOST_TRACES,
    MOST_WRITING_RUNS,
    RECENT,
    SHOWN,
    WINDOW,
    Facts,
    Failure,
    Kept,
    Seen,
    Trace,
    Write,
)
from projections.health.fights import writes_of
from projections.health.judge import wants_failures, wants_traces
from projections.retention import Keep
from runtime.postgres import Connection

_RAN: Final = "r.status not in ('skipped', 'suppressed')"
_FILTERED: Final = "r.status in ('skipped', 'suppressed')"
_NOTABLE: Final = "r.status not in ('completed', 'skipped')"
"""As the partial indexes of `0006_reading.sql` say it, so that they are taken."""
_OF: Final = "r.workflow_id = w.id and r.org_id = $1"
_WORKFLOWS: Final = """
    select w.workflow_id, w.name, w.version, w.trigger_type, w.definition, w.updated_at,
           coalesce((select min(v.published_at) from history_data.workflow_versions v
                      where v.org_id = w.org_id and v.workflow_id = w.workflow_id and v.published_at >
                            coalesce((select max(o.published_at) from history_data.workflow_versions o
                                       where o.org_id = w.org_id and o.workflow_id = w.workflow_id
                                         and o.state <> 'enabled'), '-infinity')), w.updated_at) as enabled_since
      from history_data.workflows w
     where w.org_id = $1 and w.state = 'enabled'
     order by w.workflow_id"""
# $1 org, $2 ids, $3 since when of each, $4 the window's beginning, $5 the recent days'.
_COUNTS: Final = f"""
    select w.id, a.ran, a.ran_in_window, a.recent, f.filtered, n.suppressed, n.failed, n.others, l.run_id, l.started_at
      from unnest($2::text[], $3::timestamptz[]) w (id, since)
     cross join lateral (select count(*) filter (where r.started_at >= w.since) as ran, count(*) as ran_in_window,
                                count(*) filter (where r.started_at >= greatest($5::timestamptz, w.since)) as recent
                           from history_data.runs r where {_OF} and {_RAN} and r.started_at >= $4::timestamptz) a
     cross join lateral (select count(*) as filtered from history_data.runs r
                          where {_OF} and {_FILTERED} and r.started_at >= $4::timestamptz
                            and r.started_at >= w.since) f
     cross join lateral (select count(*) filter (where r.status = 'suppressed'
                                                   and r.started_at >= w.since) as suppressed,
                                count(*) filter (where r.status = 'failed'
                                                   and r.started_at >= greatest($5::timestamptz, w.since)) as failed,
                                count(*) filter (where r.status in ('running', 'waiting', 'cancelled')
                                                   and r.started_at >= greatest($5::timestamptz, w.since)) as others
                           from history_data.runs r where {_OF} and {_NOTABLE} and r.started_at >= $4::timestamptz) n
      left join lateral (select r.run_id, r.started_at from history_data.runs r
                          where {_OF} and {_RAN} order by r.started_at desc limit 1) l on true"""
_KEPT: Final = f"""
    select w.id, k.guard, count(*) as times, min(k.started_at) as first, max(k.started_at) as last,
           (array_agg(k.error order by k.started_at desc))[1] as reason,
           (array_agg(k.run_id order by k.started_at desc))[1:{SHOWN}] as run_ids
      from unnest($2::text[], $3::timestamptz[]) w (id, since)
     cross join lateral (select r.run_id, r.guard, r.error, r.started_at from history_data.runs r
                          where {_OF} and r.status = 'suppressed' and {_NOTABLE}
                            and r.started_at >= $4::timestamptz and r.started_at >= w.since) k
     where k.guard is not null
     group by 1, 2 order by 1, 2"""
_TRACES: Final = f"""
    select r.run_id, r.started_at,
           (select c.entries::jsonb -> 0 -> 'data' -> 'conditions' from history_data.records c
             where c.run_id = r.run_id and c.week = history_data.week_of(r.started_at) and c.seq = 0) as conditions
      from history_data.runs r
     where r.workflow_id = $2 and r.org_id = $1 and r.status = 'skipped' and {_FILTERED} and r.started_at >= $3
     order by r.started_at desc limit {MOST_TRACES}"""
_ENDS: Final = f"""
    select r.status from history_data.runs r
     where r.workflow_id = $2 and r.org_id = $1 and {_RAN} and r.started_at >= $3
       and r.status in ('completed', 'failed')
     order by r.started_at desc limit {LATEST_ENDS}"""
_FAILURES: Final = f"""
    select r.run_id, r.started_at, r.error, s.step_id, s.action
      from (select r.run_id, r.started_at, r.error from history_data.runs r
             where r.workflow_id = $2 and r.org_id = $1 and r.status = 'failed' and {_NOTABLE} and r.started_at >= $3
             order by r.started_at desc limit {MOST_FAILURES}) r
      left join lateral (select s.step_id, s.action from history_data.steps s
                          where s.run_id = r.run_id and s.week = history_data.week_of(r.started_at)
                            and s.status = 'failed'
                          order by s.position limit 1) s on true
     order by r.started_at desc"""
_EVENTS: Final = f"""
    select e.event, e.time from history_data.events e
     where e.org_id = $1 and e.type = $2 and e.time >= $3 and e.received_at >= $3 - interval '1 hour'
     order by e.time desc limit {MOST_EVENTS + 1}"""
_LAST_RUNS: Final = f"""
    select r.run_id from history_data.runs r
     where r.org_id = $1 and r.trigger_type = $2 and {{kind}} and r.started_at >= $3
     order by r.started_at desc limit {SHOWN}"""
_WRITES: Final = f"""
    select r.run_id, s.action, s.finished_at,
           (select c.entries::jsonb -> (s.input_seq - c.seq) -> 'data' -> 'input' from history_data.records c
             where c.run_id = s.run_id and c.week = s.week and c.seq <= s.input_seq
             order by c.seq desc limit 1) as input
      from (select r.run_id, r.started_at from history_data.runs r
             where r.workflow_id = $2 and r.org_id = $1 and {_RAN} and r.started_at >= $3
             order by r.started_at desc limit {MOST_WRITING_RUNS}) r
     cross join lateral (select s.* from history_data.steps s
                          where s.run_id = r.run_id and s.week = history_data.week_of(r.started_at) offset 0) s
     where s.action in ('update_field', 'update_ticket') and s.status = 'succeeded' and s.finished_at is not null"""


async def organisations(connection: Connection) -> list[str]:
    """Those that have an enabled workflow, or findings of one that was."""
    rows = await connection.fetch(
        "select distinct org_id from history_data.workflows where state = 'enabled' "
        "union select distinct org_id from history_data.workflow_findings order by org_id"
    )
    return [row["org_id"] for row in rows]


async def facts_of(connection: Connection, org: str, now: datetime, keep: Keep) -> list[Facts]:
    """What is known of each enabled workflow of the organisation."""
    begin = now - WINDOW
    found = {
        row["workflow_id"]: Facts(
            row["workflow_id"], row["name"] or row["workflow_id"], row["version"], row["trigger_type"],
            orjson.loads(row["definition"]), row["enabled_since"], row["updated_at"], max(begin, row["updated_at"]),
        )
        for row in await connection.fetch(_WORKFLOWS, org)
    }  # fmt: skip
    if not found:
        return []
    ids, since = list(found), [one.since for one in found.values()]
    for row in await connection.fetch(_COUNTS, org, ids, since, begin, now - RECENT):
        one = found[row["id"]]
        one.ran, one.ran_in_window, one.recent = row["ran"], row["ran_in_window"], row["recent"]
        one.suppressed, one.skipped = row["suppressed"], row["filtered"] - row["suppressed"]
        one.failed, one.ended = row["failed"], row["recent"] - row["others"]
        if row["run_id"] is not None:
            one.last_ran = (row["run_id"], row["started_at"])
    kept: dict[str, list[Kept]] = {}
    for row in await connection.fetch(_KEPT, org, ids, since, now - RECENT):
        of_guard = Kept(row["guard"], row["times"], row["first"], row["last"], row["reason"] or "", row["run_ids"])
        kept.setdefault(row["id"], []).append(of_guard)
    for one in found.values():
        one.kept = kept.get(one.workflow_id, ())
        one.skipped_kept_for = min(WINDOW, keep.skipped)
        await _samples(connection, org, one, now)
    return list(found.values())


async def _samples(connection: Connection, org: str, one: Facts, now: datetime) -> None:
    if wants_traces(one, now):
        rows = await connection.fetch(_TRACES, org, one.workflow_id, one.since)
        one.traces = [Trace(row["run_id"], row["started_at"], _json(row["conditions"])) for row in rows]
    if wants_failures(one):
        since = max(one.since, now - RECENT)
        one.last_ends = [row["status"] for row in await connection.fetch(_ENDS, org, one.workflow_id, since)]
        rows = await connection.fetch(_FAILURES, org, one.workflow_id, since)
        one.failures = [Failure(*row.values()) for row in rows]


def _json(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


async def events_of(
    connection: Connection, org: str, facts: Sequence[Facts], now: datetime, keep: Keep
) -> dict[str, Seen]:
    """By trigger: the latest events, where a workflow compares their fields or has not run."""
    begin = now - WINDOW
    wanted = {
        one.trigger
        for one in facts
        if one.trigger and (any(comparisons(one.definition)) or (one.ran_in_window == 0 and one.enabled_since <= begin))
    }
    found: dict[str, Seen] = {}
    for trigger in sorted(wanted):
        rows = await connection.fetch(_EVENTS, org, trigger, begin)
        latest = rows[:MOST_EVENTS]
        runs: list[str] = []
        for kind in (_FILTERED, _RAN):
            runs += [row["run_id"] for row in await connection.fetch(_LAST_RUNS.format(kind=kind), org, trigger, begin)]
        found[trigger] = Seen(
            [orjson.loads(row["event"]) for row in latest],
            len(rows) > MOST_EVENTS,
            latest[-1]["time"] if latest else begin,
            runs,
            min(WINDOW, keep.events_by_org.get(org, keep.events)),
        )
    return found


async def writes(connection: Connection, org: str, fields: Mapping[str, set[str]], now: datetime) -> list[Write]:
    """What these workflows set of the fields that others set too, in the recent days."""
    found: list[Write] = []
    for workflow_id, names in fields.items():
        for row in await connection.fetch(_WRITES, org, workflow_id, now - RECENT):
            found += _writes(row, workflow_id, names)
    return found


def _writes(row: Any, workflow_id: str, names: set[str]) -> Iterator[Write]:
    for entity, name, value in writes_of(row["action"], _json(row["input"])):
        if name in names:
            yield Write(row["finished_at"], row["run_id"], workflow_id, entity, name, value)
