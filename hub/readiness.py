"""Whether the Hub can work, part by part, with what to do about each that is not as it should be."""

from __future__ import annotations

from typing import Any, Final

import asyncpg

from hub.database import ROLE
from hub.documents.service import Part, Readiness
from hub.parts import Parts
from hub.problems import Problem
from projections.migrations import migrations
from schemas.names import DEFINITIONS

_LEVEL: Final = """
select (select max(version) from history_data.migrations) as level,
       (select next from history_data.offsets where topic = $1 and partition = 0) as read,
       hub_data.guard() as unguarded"""


async def readiness(parts: Parts) -> Readiness:
    """How each part is. Looks at Postgres once; what Kafka is like is known already."""
    found = {"kafka": _kafka(parts)}
    row: Any = None
    try:
        async with parts.postgres.unbound() as connection:
            row = await connection.fetchrow(_LEVEL, DEFINITIONS)
        found["postgres"] = _ready("Postgres answers.")
    except Problem as problem:
        found["postgres"] = _not("away", problem.detail, "See to it that ONESTACK_POSTGRES_URL leads to a Postgres.")
    except asyncpg.PostgresError as error:
        found["postgres"] = _ready("Postgres answers.")
        found["tables"] = _not("waiting", f"The tables are not there: {error}.", "Run 'onestack migrate'.")
    if row is not None:
        found |= _tables(row) | {"projector": _projector(parts, row["read"])}
    return Readiness(ready=all(part.state == "ready" for part in found.values()), parts=found)


def _kafka(parts: Parts) -> Part:
    if not parts.sender.ready:
        return _not("away", "Kafka has not answered yet.", "See to it that ONESTACK_BROKER leads to a Kafka.")
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


def _projector(parts: Parts, read: int | None) -> Part:
    behind = parts.definitions.position - (read or 0)
    if parts.definitions.ready and behind > 0:
        detail = f"The projector is {behind} records of the definitions topic behind."
        return _not("behind", detail, "See to it that a projector runs ('onestack projector').")
    return _ready("The projector has come as far as the definitions topic.")


def _ready(detail: str) -> Part:
    return Part(state="ready", detail=detail, todo=None)


def _not(state: Any, detail: str, todo: str | None) -> Part:
    return Part(state=state, detail=detail, todo=todo)
