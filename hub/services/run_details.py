"""One run whole: its steps with every attempt, its entries, its story, the definition that it ran, and related runs.

All of it comes from the run's records and from rows, by one query. What a run is told as is made anew only where any
of that has changed: the last answers are remembered beside the rows that they were made of.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final, TypeVar

import orjson

from hub.reading import Reads, bound
from hub.services.run_telling import Entry, definition_of, tell
from projections.periods import WEEKS

_WEEKS_KEPT: Final = 50_000
_DEFINITIONS_KEPT: Final = 500
_ANSWERS_KEPT: Final = 1_000
_MOST_RELATED: Final = 100
_EARLIEST: Final = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
_LATEST: Final = dt.datetime(9999, 12, 30, tzinfo=dt.UTC)

_WEEK: Final = bound("select k.week from history_data.run_keys k where k.run_id = $2::text and k.org_id = o.org")
_ROW: Final = (
    "r.run_id, r.org_id, r.workflow_id, r.workflow_name, r.workflow_version, r.status, r.trigger_type, r.entity_key, "
    "r.entity_name, r.started_at, r.finished_at, r.error, r.causation_chain, r.caused_by, r.rerun_of"
)
# By the index of what stems from a run, which has it in these words.
_STEMS_FROM: Final = "case when x.rerun_of is null then x.caused_by else x.rerun_of end"
# Where a run has more kin than are told, those that repeat it come first: people asked for them.
# What a run caused began later than the run itself, so that older weeks need not be looked at.
_RUN: Final = bound(f"""
    select {_ROW},
           (select array_agg(c.entries::text order by c.seq) from history_data.records c
             where c.run_id = r.run_id and c.week = $5::integer) as records,
           (select array_agg(jsonb_build_array(
                       case when x.rerun_of is null then 'caused by this' else 'reran this' end,
                       x.run_id, x.workflow_id, x.workflow_name, x.status)::text order by x.rerun_of is not null)
              from (select * from history_data.runs x where {_STEMS_FROM} = $2::text
                       and (x.caused_by is not null or x.rerun_of is not null)
                       and x.org_id = o.org and x.started_at >= $3
                     order by x.rerun_of is null limit {_MOST_RELATED}) x) as stemming
      from history_data.runs r
     where r.run_id = $2::text and r.org_id = o.org
       and r.started_at >= $3::timestamptz and r.started_at < $4::timestamptz""")  # noqa: S608 - our own text
_BRIEFLY: Final = bound("""
    select r.run_id, r.workflow_id, r.workflow_name, r.status from history_data.runs r
     where r.run_id = any($2::text[]) and r.org_id = o.org""")
_RECORDS: Final = bound("""
    select c.entries::text as entries from history_data.records c
     where c.run_id = $2::text and c.week = $3::integer order by c.seq""")
_DEFINITION: Final = bound("""
    select v.definition::text as definition from history_data.workflow_versions v
     where v.org_id = o.org and v.workflow_id = $2 and v.version = $3 and v.digest = $4""")

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class RunDetails:
    """Reads runs whole."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._weeks: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._definitions: OrderedDict[tuple[str, str, int, str], dict[str, Any]] = OrderedDict()
        self._answers: OrderedDict[tuple[str, str], tuple[Any, bytes]] = OrderedDict()

    async def whole(self, org: str, run_id: str) -> bytes | None:
        """The run as the API tells it; None where the organisation has none of this id."""
        row = await self._row(org, run_id)
        if row is None:
            return None
        others = await self._others(org, row)
        made_of = (tuple(row.values()), others)
        known = self._answers.get((org, run_id))
        if known is not None and known[0] == made_of:
            return known[1]
        entries = read_entries(row["records"] or ())
        told = tell(dict(row), entries, await self._definition(org, row, entries), _related(row, others))
        answer = orjson.dumps(told, option=orjson.OPT_UTC_Z)
        _remember(self._answers, (org, run_id), (made_of, answer), _ANSWERS_KEPT)
        return answer

    async def log(self, org: str, run_id: str) -> list[Entry] | None:
        """The run's entries, as the run log has them; None where the organisation has no such run."""
        week = await self._week(org, run_id)
        if week is None:
            return None
        records = await self._reads.rows(_RECORDS, org, run_id, week)
        return read_entries([one["entries"] for one in records]) or None

    async def _row(self, org: str, run_id: str) -> Any:
        for _ in range(2):
            week = await self._week(org, run_id)
            if week is None:
                return None
            begin, over = WEEKS.begin(week), WEEKS.over(week)
            rows = await self._reads.rows(_RUN, org, run_id, begin or _EARLIEST, over or _LATEST, week)
            if rows:
                return rows[0]
            # It was folded anew from an entry of another week, or removed.
            self._weeks.pop((org, run_id), None)
        return None

    async def _week(self, org: str, run_id: str) -> int | None:
        week = self._weeks.get((org, run_id))
        if week is None:
            for row in await self._reads.rows(_WEEK, org, run_id):
                week = row["week"]
                _remember(self._weeks, (org, run_id), week, _WEEKS_KEPT)
        return week

    async def _others(self, org: str, row: Any) -> tuple[tuple[Any, ...], ...]:
        """The run that caused this one, and the one that it repeats, where the organisation has them."""
        ids = tuple(sorted({one for one in (row["caused_by"], row["rerun_of"]) if one is not None}))
        found = await self._reads.rows(_BRIEFLY, org, ids) if ids else ()
        return tuple(tuple(one.values()) for one in found)

    async def _definition(self, org: str, row: Any, entries: Sequence[Entry]) -> dict[str, Any] | None:
        """The definition of the version that it ran last: by its digest, for a number may come again."""
        pinned = definition_of(entries)
        if pinned is None:
            return None
        key = (org, row["workflow_id"], *pinned)
        known = self._definitions.get(key)
        if known is None:
            for one in await self._reads.rows(_DEFINITION, *key):
                known = orjson.loads(one["definition"])
                _remember(self._definitions, key, known, _DEFINITIONS_KEPT)
        return known


def read_entries(records: Sequence[str]) -> list[Entry]:
    """The entries in the texts of records."""
    return [entry for text in records for entry in orjson.loads(text)]


def _related(row: Mapping[str, Any], others: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Runs that have to do with this one, and how."""
    by_id = {one[0]: one for one in others}
    found = []
    cause, chain = row["caused_by"], row["causation_chain"]
    if cause in by_id:
        found.append(_other("caused this", *by_id[cause]))
    elif len(chain) > 1:
        # Which run it was is not known, or it is no longer kept; which workflow, the chain says.
        found.append(_other("caused this", None, chain[-2], None, None))
    if row["rerun_of"] in by_id:
        found.append(_other("rerun of", *by_id[row["rerun_of"]]))
    return found + [_other(*orjson.loads(text)) for text in row["stemming"] or ()]


def _other(how: str, run_id: str | None, workflow_id: str, name: str | None, status: str | None) -> dict[str, Any]:
    return {"run_id": run_id, "workflow_id": workflow_id, "workflow_name": name, "status": status, "how": how}


def _remember(kept: OrderedDict[Key, Value], key: Key, value: Value, most: int) -> None:
    kept[key] = value
    while len(kept) > most:
        kept.popitem(last=False)
