"""Module events of an organisation: pages of them by the filters that the pages offer, and one of them whole.

A page is in the order of the events' own time. It is read by the index of types, each of them where none is asked for,
or by that of subjects. A record that repeats an event (a producer's repeat, or one that was forwarded to its
home partition) is left out: of those with one id and source the one that came first is shown.
"""

# ruff: noqa: S608 - all text is our own, what people give are parameters
from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson

from hub.reading import Reads, bound
from hub.services import cursors
from schemas.errors import Refused
from schemas.events import EVENT_TYPES, title_of

LONGEST: Final = 1024
"""Characters of an event's id and of its source."""
_MOST_SOURCES: Final = 20
_BEGINNING: Final = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
_END: Final = dt.datetime(9999, 12, 30, tzinfo=dt.UTC)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)

_REPEATED: Final = 3
"""How often a page that is short of repeats is filled up; one that still is goes out as it is."""

_COLUMNS: Final = (
    'e.event_id, e.org_id, e.type, e.time, e.received_at, e.topic, e.partition, e."offset", e.subject, e.event'
)
_TOLD: Final = (
    'e.event_id, e.org_id, e.type, e.time, e.received_at, e.topic, e.partition, e."offset", '
    "e.event ->> 'source' as source, coalesce(e.subject, e.event ->> 'subject') as subject"
)
_ENTITY: Final = "e.event #> array['data', split_part(coalesce(e.subject, e.event ->> 'subject'), '/', 1)] as entity"
_REPEATS: Final = """exists (
    select from history_data.events d
     where d.event_id = e.event_id and d.org_id = o.org and d.event ->> 'source' = e.event ->> 'source'
       and (d.received_at, d.topic, d.partition, d."offset") < (e.received_at, e.topic, e.partition, e."offset")
    ) as repeats"""
_WITHIN: Final = "e.org_id = o.org and e.time <= $3::timestamptz and e.time >= $2::timestamptz"
_BEHIND: Final = (
    '(e.time < $3::timestamptz or (e.topic, e.partition, e."offset") > ($4::text, $5::integer, $6::bigint))'
)
_ORDER: Final = 'order by e.time desc, e.topic, e.partition, e."offset" limit $7::integer'
# Parameters are the organisation, since, the place behind which the page begins, the limit, and the types.
_OF_TYPES: Final = bound(f"""
    select {_TOLD}, {_ENTITY}, {_REPEATS}
      from (select e.* from unnest($8::text[]) t (type)
             cross join lateral (select {_COLUMNS} from history_data.events e
                                  where e.type = t.type and {_WITHIN} and {_BEHIND} {_ORDER}) e {_ORDER}) e""")
# And the subjects. What the index finds is read first, and sorted: else all of a type would be read for a few of it.
_OF_SUBJECTS: Final = bound(f"""
    select {_TOLD}, {_ENTITY}, {_REPEATS}
      from (select e.* from unnest($9::text[]) s (subject)
             cross join lateral (select {_COLUMNS} from history_data.events e
                                  where e.subject = s.subject and {_WITHIN} offset 0) e
             where e.type = any($8::text[]) and {_BEHIND} {_ORDER}) e""")
_ONE: Final = bound(f"""
    select distinct on (source) * from (
        select {_TOLD}, e.event from history_data.events e
         where e.event_id = $2::text and e.org_id = o.org and ($3::text is null or e.event ->> 'source' = $3::text)) e
     order by source, received_at, topic, partition, "offset" limit {_MOST_SOURCES}""")


class EventFilter(NamedTuple):
    """Which events: None asks for all. An event happened at `since` or later, and before `until`."""

    type: str | None = None
    entity: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None


class _Place(NamedTuple):
    """A record's place in the list."""

    time: dt.datetime
    topic: str
    partition: int
    offset: int


async def page(
    reads: Reads, org: str, wanted: EventFilter, cursor: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """The briefs of the events that fit, newest first, and the cursor of the next page.

    Raises Refused where the cursor is none.
    """
    if wanted.type is not None and wanted.type not in EVENT_TYPES:
        return [], None
    place = _place(cursor) if cursor else _Place(max(wanted.until or _END, _BEGINNING) - _MICROSECOND, "", 0, 0)
    types = (wanted.type,) if wanted.type else tuple(sorted(EVENT_TYPES))
    statement, subjects = _OF_TYPES, tuple[tuple[str, ...], ...]()
    if wanted.entity:
        statement, subjects = _OF_SUBJECTS, (_subjects(org, wanted.entity),)
    found: list[dict[str, Any]] = []
    for _ in range(_REPEATED):
        more = limit - len(found)
        rows = await reads.rows(statement, org, wanted.since or _BEGINNING, *place, more + 1, types, *subjects)
        found += [_brief(row) for row in rows[:more] if not row["repeats"]]
        if len(rows) <= more:
            return found, None
        last = rows[more - 1]
        place = _Place(last["time"], last["topic"], last["partition"], last["offset"])
        if len(found) == limit:
            break
    at = (place.time - _EPOCH) // _MICROSECOND
    return found, cursors.encode(at, place.topic, place.partition, place.offset)


async def of_id(reads: Reads, org: str, event_id: str, source: str | None) -> list[dict[str, Any]]:
    """The events of this id, whole: one for each source that has one, up to 20."""
    rows = await reads.rows(_ONE, org, event_id, source)
    found = []
    for row in rows:
        envelope = orjson.loads(row["event"])
        found.append(_told(row, title_of(envelope)) | {"envelope": envelope})
    return found


def _brief(row: Any) -> dict[str, Any]:
    kind = row["subject"].partition("/")[0]
    named = {"subject": row["subject"], "data": {kind: orjson.loads(row["entity"])}} if row["entity"] else {}
    return _told(row, title_of(named))


def _told(row: Any, title: str | None) -> dict[str, Any]:
    same = {name: row[name] for name in ("source", "type", "subject", "time", "received_at", "org_id")}
    return {"id": row["event_id"], **same, "title": title}


def _subjects(org: str, entity: str) -> tuple[str, ...]:
    """The subjects that a text may mean: an organisation may be called as a kind of entity is."""
    return (entity, entity.removeprefix(f"{org}/")) if entity.startswith(f"{org}/") else (entity,)


def _place(cursor: str) -> _Place:
    at, topic, partition, offset = cursors.decode(cursor, int, str, int, int)
    try:
        found = _EPOCH + at * _MICROSECOND
    except OverflowError:
        found = _END + _MICROSECOND
    if not _BEGINNING <= found <= _END or not (0 <= partition < 2**31 and 0 <= offset < 2**63):
        raise Refused.one("cursor", "is none that a page of this list ended with")
    return _Place(found, topic, partition, offset)


__all__: Sequence[str] = ("LONGEST", "EventFilter", "of_id", "page")
