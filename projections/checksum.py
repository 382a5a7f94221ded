"""A checksum of the history: equal for equal rows, in whatever order and by whichever server they are kept.

Rows are told by the names of their columns, and entries one by one, however they lie in their records. A row's checksum
is half an MD5 of its text; that of a table is the sum of its rows'. It tells loss and damage, not a forger.
"""

# ruff: noqa: S608 - schema, table and column names are our own constants, values are quoted
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from projections.events import EVENT_COLUMNS
from projections.periods import RUN_TABLES
from projections.store import LIVE, RUN_COLUMNS, STEP_COLUMNS
from runtime.postgres import Connection

SESSION: Final = "set local timezone = 'UTC'; set local datestyle = 'ISO'; set local extra_float_digits = 1"
"""What the text of a row must not depend on."""


class Sum(NamedTuple):
    """Of so many rows; `checksum` is 16 hexadecimal digits."""

    rows: int
    checksum: str


class Table(NamedTuple):
    """What is compared of the history: `key` are the first of the columns, and name a row."""

    name: str
    source: str
    key: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def periodic(self) -> bool:
        """Whether it is kept by the week or the day."""
        return self.source in RUN_TABLES or self.source == "events"

    @property
    def of_runs(self) -> bool:
        """Whether its rows belong to a run, whose id is the first of the key."""
        return self.source in RUN_TABLES

    def rows(self, place: str, where: str = "true") -> str:
        """A select of its columns from that table; `where` may say `t`."""
        listed = ", ".join(_column(name) for name in self.columns)
        if self.name == "entries":
            return f"""select t.run_id, (t.seq + e.number - 1)::integer as seq, e.entry::text as entry
                         from {place} t
                        cross join lateral json_array_elements(t.entries) with ordinality e (entry, number)
                        where {where}"""
        return f"select {listed} from {place} t where {where}"


def _column(name: str) -> str:
    # json has no equality, and jsonb's text is the same whatever order its keys came in.
    return f"t.{name}::text as {name}" if name in {"event", "definition"} else f't."{name}"'


def _keyed(key: Sequence[str], columns: Sequence[str]) -> tuple[str, ...]:
    return (*key, *(name for name in columns if name not in key))


TABLES: Final = (
    Table("runs", "runs", ("run_id",), _keyed(("run_id",), RUN_COLUMNS)),
    Table("steps", "steps", ("run_id", "position"), _keyed(("run_id", "position"), STEP_COLUMNS)),
    Table("entries", "records", ("run_id", "seq"), ("run_id", "seq", "entry")),
    Table(
        "events", "events", ("topic", "partition", "offset"), _keyed(("topic", "partition", "offset"), EVENT_COLUMNS)
    ),
    Table(
        "dead_letters", "dead_letters", ("id",),
        ("id", "reason", "field", "topic", "partition", "offset", "key", "value", "at"),
    ),
    Table(
        "workflows", "workflows", ("org_id", "workflow_id"),
        ("org_id", "workflow_id", "version", "name", "state", "trigger_type", "definition", "updated_at"),
    ),
    Table(
        "workflow_versions", "workflow_versions", ("org_id", "workflow_id", "version", "digest"),
        ("org_id", "workflow_id", "version", "digest", "state", "definition"),
    ),
    Table(
        "calendars", "calendars", ("org_id", "calendar_id"), ("org_id", "calendar_id", "definition", "updated_at"),
    ),
)  # fmt: skip
"""A version's `published_at` is left out: one that is published again, word for word, is the same version."""

_ORG: Final[Mapping[str, str]] = {
    "runs": "t.org_id = {org}",
    "steps": f"exists (select from {LIVE}.run_keys k where k.run_id = t.run_id and k.org_id = {{org}})",
    "entries": f"exists (select from {LIVE}.run_keys k where k.run_id = t.run_id and k.org_id = {{org}})",
    "dead_letters": f"{LIVE}.org_of(t.key) = {{org}}",
}


def summed(rows: str) -> str:
    """The statement that sums those rows: `rows`, and `total` as a number."""
    return f"""select count(*) as rows,
                      coalesce(sum(('x' || left(md5(r::text), 16))::bit(64)::bigint::numeric), 0) as total
                 from ({rows}) r"""


def told(rows: int, total: Any) -> Sum:
    """The sum as people compare it."""
    return Sum(rows, f"{int(total) % 2**64:016x}")


async def checksums(connection: Connection, *, org: str | None = None) -> tuple[dict[str, Sum], dict[str, int]]:
    """The sum of each table, of one organisation or of all, and how far each topic was folded then (its offsets' sum).

    All of it is of one moment.
    """
    found: dict[str, Sum] = {}
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(SESSION)
        quoted = None if org is None else await connection.fetchval("select quote_literal($1::text)", org)
        for table in TABLES:
            where = "true" if quoted is None else _ORG.get(table.name, "t.org_id = {org}").format(org=quoted)
            row = await connection.fetchrow(summed(table.rows(f"{LIVE}.{table.source}", where)))
            assert row is not None  # noqa: S101 - an aggregate
            found[table.name] = told(row["rows"], row["total"])
        folded = await connection.fetch(
            f"select topic, sum(next)::bigint as next from {LIVE}.offsets group by 1 order by 1"
        )
    return found, {row["topic"]: row["next"] for row in folded}
