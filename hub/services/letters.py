"""Dead letters of an organisation: pages of them, and one of them.

A filter by text or topic is held against the letters of a stretch, the latest first, and after half a second a page
goes out as far as it was found: whoever asks for what no letter has does not keep Postgres busy with a year of them.
"""

# ruff: noqa: S608 - all text is our own, what people give are parameters
from __future__ import annotations

import datetime as dt
import time
from typing import Any, Final, NamedTuple

from hub.reading import Reads, bound
from hub.services import cursors
from schemas.errors import Refused

_BEGINNING: Final = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
_END: Final = dt.datetime(9999, 12, 30, tzinfo=dt.UTC)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_STRETCH: Final = 1_000
"""Letters that are looked through at a time."""
_PATIENCE: Final = 0.5

_COLUMNS: Final = 'id, reason, field, topic, partition, "offset", key, value, at'
_FITS: Final = (
    "($6::text is null or topic = $6::text) and ($7::text is null "
    "or strpos(lower(coalesce(reason, '')), lower($7::text)) > 0 "
    "or strpos(lower(coalesce(value, '')), lower($7::text)) > 0 or strpos(lower(key), lower($7::text)) > 0)"
)
_SHOWN: Final = ", ".join(
    f"case when fits then {name} end as {name}" for name in _COLUMNS.split(", ") if name not in ("id", "at")
)
# The organisation is what row-level security asks for; that condition is also how the index is entered.
_PAGE: Final = bound(
    f"select id, at, fits, {_SHOWN} from (select {_COLUMNS}, {_FITS} as fits from (select {_COLUMNS} "
    "from history_data.dead_letters d where o.org is not null and d.at >= $2::timestamptz and d.at <= $3::timestamptz "
    "and (d.at < $3::timestamptz or d.id > $4::text) order by d.at desc, d.id limit $5::integer) s) s"
)
_ONE: Final = bound(f"select {_COLUMNS} from history_data.dead_letters where o.org is not null and id = $2::text")


class LetterFilter(NamedTuple):
    """Which letters: None asks for all. `text` is looked for in reason, key and value, whatever its case."""

    topic: str | None = None
    since: dt.datetime | None = None
    text: str | None = None


async def page(
    reads: Reads, org: str, wanted: LetterFilter, cursor: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """The letters that fit, newest first, and the cursor of the next page. Raises Refused where the cursor is none."""
    at, after = _place(cursor) if cursor else (_END, "")
    since = wanted.since or _BEGINNING
    stretch = limit + 1 if wanted.topic is None and wanted.text is None else _STRETCH
    found: list[dict[str, Any]] = []
    began = time.monotonic()
    while True:
        rows = await reads.rows(_PAGE, org, since, at, after, stretch, wanted.topic, wanted.text)
        for row in rows:
            if not row["fits"]:
                continue
            if len(found) == limit:
                return found, _cursor(found[-1])
            found.append(told(row))
        if len(rows) < stretch:
            return found, None
        at, after = rows[-1]["at"], rows[-1]["id"]
        if time.monotonic() - began > _PATIENCE:
            return found, _cursor({"at": at, "id": after})


async def letter(reads: Reads, org: str, id: str) -> dict[str, Any] | None:
    """The letter of this id; None where it is none of the organisation's."""
    rows = await reads.rows(_ONE, org, id)
    return told(rows[0]) if rows else None


def told(row: Any) -> dict[str, Any]:
    """A letter as the API tells it."""
    found = {name: row[name] for name in ("id", "key", "value", "at")}
    unknown = {"partition": -1, "offset": -1, "topic": ""}
    placed = {name: none if row[name] is None else row[name] for name, none in unknown.items()}
    return {**found, **placed, "reason": row["reason"] or "no reason was given", "field": row["field"] or None}


def _place(cursor: str) -> tuple[dt.datetime, str]:
    at, id = cursors.decode(cursor, int, str)
    try:
        found = _EPOCH + at * _MICROSECOND
    except OverflowError:
        found = _END + _MICROSECOND
    if not _BEGINNING <= found <= _END:
        raise Refused.one("cursor", "is none that a page of this list ended with")
    return found, id


def _cursor(last: dict[str, Any]) -> str:
    return cursors.encode((last["at"] - _EPOCH) // _MICROSECOND, last["id"])
