"""Where the history differs from what the log says: by checksum, and where that differs row by row, in words.

Both are in one database and of one moment, so only what is wrong differs. Runs that the log no longer has from their
beginning are not compared: the history alone knows them.
"""

# ruff: noqa: S608 - schema, table and column names are our own constants
from __future__ import annotations

from typing import Any, Final, NamedTuple

from projections.checksum import SESSION, TABLES, Sum, Table, summed, told
from projections.shadow import SHADOW, Period, periods
from projections.store import LIVE
from runtime.postgres import Connection

_RUN_IS_WHOLE: Final = f"exists (select from {SHADOW}.run_keys k where k.run_id = t.run_id and k.org_id is not null)"
_ONES: Final = {"entries": "entry", "dead_letters": "dead letter", "workflow_versions": "version of a workflow"}
_MANY: Final = {"dead_letters": "dead letters", "workflow_versions": "versions of workflows"}
_PLACES: Final = {
    "input_seq": "input", "output_seq": "output", "error_seq": "error", "event_seq": "trigger event",
    "org_id": "organisation", "week": "week",
}  # fmt: skip


class Difference(NamedTuple):
    """So many rows that differ in the same way; `example` names one of them."""

    table: str
    rows: int
    kind: str
    """`missing` in the history, `extra` in it, `empty` there (in these columns), or `other` (in these columns)."""
    columns: tuple[str, ...]
    example: str

    def __str__(self) -> str:
        """The sentence for people."""
        what = _ONES.get(self.table, self.table[:-1]) if self.rows == 1 else _MANY.get(self.table, self.table)
        counted = f"{self.rows:,} {what}"
        have = "has" if self.rows == 1 else "have"
        listed = ", ".join(_PLACES.get(name, name.replace("_", " ")) for name in self.columns)
        if self.kind == "missing":
            said = f"{counted} {'is' if self.rows == 1 else 'are'} in the log and missing in the history"
        elif self.kind == "extra":
            said = f"{counted} {'is' if self.rows == 1 else 'are'} in the history and not in the log"
        elif self.kind == "empty":
            said = f"{counted} {have} no {listed} in the history, and the log says it"
        else:
            said = f"{counted} {have} another {listed} in the history than by the log"
        return f"{said} (for example {self.example})"


class Compared(NamedTuple):
    """What a comparison came to: the sums by the history and by the log, and what differs."""

    history: dict[str, Sum]
    log: dict[str, Sum]
    differences: list[Difference]
    kept: int
    """Runs that the history alone still knows."""


async def compare(connection: Connection, *, events: bool, definitions: bool) -> Compared:
    """Compare the two, within a transaction of one moment that the caller has begun."""
    await connection.execute(SESSION)
    history: dict[str, Sum] = {}
    log: dict[str, Sum] = {}
    found: list[Difference] = []
    for table in TABLES:
        if (table.name == "events" and not events) or (table.source in {"workflows", "calendars"} and not definitions):
            continue
        sides = [0, 0], [0, 0]
        for ours, theirs in await _places(connection, table):
            pair = await _both(connection, ours), await _both(connection, theirs)
            for side, (rows, total) in zip(sides, pair, strict=True):
                side[0] += rows
                side[1] += total
            if pair[0] != pair[1]:
                found += await _differences(connection, table, ours, theirs)
        history[table.name], log[table.name] = (told(*side) for side in sides)
    kept = await connection.fetchval(
        f"""select count(*) from {LIVE}.run_keys l
             where not exists (select from {SHADOW}.run_keys k where k.run_id = l.run_id and k.org_id is not null)"""
    )
    return Compared(history, log, _gathered(found), kept)


async def _both(connection: Connection, rows: str) -> tuple[int, int]:
    row = await connection.fetchrow(summed(rows))
    return (row["rows"], int(row["total"])) if row else (0, 0)


async def _places(connection: Connection, table: Table) -> list[tuple[str, str]]:
    """The selects to compare, of the history and of the log: those of each period, where there are periods."""
    if not table.periodic:
        only = "true"
        if table.name in {"dead_letters", "workflow_versions"}:
            # The history keeps what the topic has no longer.
            same = " and ".join(f"s.{name} = t.{name}" for name in table.key)
            only = f"exists (select from {SHADOW}.{table.source} s where {same})"
        return [(table.rows(f"{LIVE}.{table.source}", only), table.rows(f"{SHADOW}.{table.source}"))]
    found = []
    there = {one.name for one in await periods(connection, LIVE, table.source)}
    for one in await periods(connection, SHADOW, table.source):
        ours = table.rows(f"{LIVE}.{one.name}" if one.name in there else f"{LIVE}.{table.source}", _only(table, one))
        theirs = table.rows(f"{SHADOW}.{one.name}", _RUN_IS_WHOLE if table.of_runs else "true")
        found.append((ours, theirs))
    return found


def _only(table: Table, one: Period) -> str:
    """The history's rows that the log has too."""
    if table.of_runs:
        return f"{one.condition.replace('week', 't.week').replace('started_at', 't.started_at')} and {_RUN_IS_WHOLE}"
    return f"""exists (select from {SHADOW}.{one.name} s where s.topic = t.topic and s.partition = t.partition
                          and s."offset" = t."offset" and s.event_id = t.event_id) and {one.condition}"""


async def _differences(connection: Connection, table: Table, ours: str, theirs: str) -> list[Difference]:
    same = " and ".join(f'l."{name}" = s."{name}"' for name in table.key)
    rest = [name for name in table.columns if name not in table.key]
    named = " || ' ' || ".join(f'coalesce(l."{name}", s."{name}")::text' for name in table.key)
    other = ", ".join(f"""case when l."{name}" is distinct from s."{name}" then '{name}' end""" for name in rest)
    filled = " or ".join(f"""(l."{name}" is not null and l."{name}" is distinct from s."{name}")""" for name in rest)
    rows = await connection.fetch(
        f"""select kind, columns, count(*) as rows, min(named) as example from (
                select {named} as named,
                       case when l."{table.key[0]}" is null then 'missing'
                            when s."{table.key[0]}" is null then 'extra'
                            when {filled} then 'other' else 'empty' end as kind,
                       case when l."{table.key[0]}" is not null and s."{table.key[0]}" is not null
                            then array_remove(array[{other}], null) else array[]::text[] end as columns
                  from ({ours}) l full join ({theirs}) s on {same}
                 where l is distinct from s) d
             group by kind, columns"""
    )
    return [_difference(table, row) for row in rows]


def _difference(table: Table, row: Any) -> Difference:
    return Difference(table.name, row["rows"], row["kind"], tuple(row["columns"]), row["example"][:120])


def _gathered(found: list[Difference]) -> list[Difference]:
    """Those of all periods together."""
    by_kind: dict[tuple[str, str, tuple[str, ...]], Difference] = {}
    for one in found:
        at = (one.table, one.kind, one.columns)
        known = by_kind.get(at)
        by_kind[at] = one if known is None else known._replace(rows=known.rows + one.rows)
    return list(by_kind.values())
