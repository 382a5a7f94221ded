"""Whether the Hub can work, part by part, with what to do about each that is not as it should be."""

from __future__ import annotations

from typing import Any, Final

import asyncpg

from hub.database import ROLE
from hub.documents.service import Part, Readiness
from hub.lag import Behind
from hub.parts import Parts
from hub.problems import Problem
from projections.migrations import migrations

_LEVEL: Final = """
select (select max(version) from history_data.migrations) as level, hub_data.guard() as unguarded"""


async def readiness(parts: Parts) -> tuple[Readiness, Behind | None]:
    """How each part is now, and how far the history is behind where that is known."""
    found = {"kafka": await _kafka(parts)}
    row: Any = None
    behind: Behind | None = None
    try:
        async with parts.postgres.unbound() as connection:
            row = await connection.fetchrow(_LEVEL)
        found["postgres"] = _ready("Postgres answers.")
        behind = await parts.lag.behind()
        found |= _tables(row) | {"projector": _projector(behind)}
    except Problem as problem:
        found["postgres"] = _not("away", problem.detail, "See to it that ONESTACK_POSTGRES_URL leads to a Postgres.")
    except asyncpg.PostgresError as error:
        found["postgres"] = _ready("Postgres answers.")
        found["tables"] = _not("waiting", f"The tables are not there: {error}.", "Run 'onestack migrate'.")
    return Readiness(ready=all(part.state == "ready" for part in found.values()), parts=found), behind


async def _kafka(parts: Parts) -> Part:
    if not await parts.sender.answers():
        return _not("away", "Kafka does not answer.", "See to it that ONESTACK_BROKER leads to a Kafka.")
    if not parts.definitions.ready:
        return _not("waiting", "The definitions are being read.", None)
    return _ready("Kafka answers, and the definitions are read.")


def _tables(row: Any) -> dict[str, Part]:
    wanted = migrations()[-1].version
    level = row["level"] or 0
    tables = _ready(f"The tables are those of migration {level}.")
    if level < wanted:
        detail = f"The tables are those of migration {level}; this Hub needs {wanted}."
        tables = _not("behind", detail, "Run 'onestack migrate', or start a projector of this version.")
    unguarded = row["unguarded"]
    orgs = _ready("Postgres keeps organisations apart.")
    if unguarded is not None:
        todo = (
            f"As a superuser: create role {ROLE} nologin; grant {ROLE} to the user of ONESTACK_POSTGRES_URL; "
            "then start the Hub again."
        )
        orgs = _not("refused", f"Postgres does not keep organisations apart: {unguarded}.", todo)
    return {"tables": tables, "organisations": orgs}


def _projector(behind: Behind | None) -> Part:
    if behind is None:
        return _not("waiting", "How far the projector is behind is not known while Kafka does not answer.", None)
    if behind.stuck:
        detail = f"The projector is {behind.total:,} records behind, and has stood still for {behind.stands:.0f} s."
        return _not("behind", detail, "See to it that a projector runs ('onestack projector').")
    if behind.total:
        return _ready(f"The projector is {behind.total:,} records behind, and at work on them.")
    return _ready("The projector has come as far as Kafka.")


def _ready(detail: str) -> Part:
    return Part(state="ready", detail=detail, todo=None)


def _not(state: Any, detail: str, todo: str | None) -> Part:
    return Part(state=state, detail=detail, todo=todo)
