"""Starting again on the data of the last time where the broker, which keeps nothing, has forgotten its part of it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg

from runtime.postgres import connect
from schemas.names import DEFINITIONS

if TYPE_CHECKING:
    from sandbox.stack import Stack

_OFFSETS, _MARKS = "history_data.offsets", "history_data.marks"
_IN_FORCE = "select org_id, workflow_id, definition::text from history.workflows"
_KNOWN = (
    _IN_FORCE + " union all select org_id, id, definition::text from history.lost_definitions where kind = 'workflow'"  # noqa: S608 - constants
)
"""The projector may have seen already that the new broker has none."""


async def forget_offsets(url: str) -> None:
    """Make the projector read a new, empty log from its beginning; the rows of older logs stay."""
    connection = await connect(url)
    try:
        for table in (_OFFSETS, _MARKS):
            if await connection.fetchval("select to_regclass($1)", table):
                await connection.execute(f"delete from {table}")  # noqa: S608 - a constant
    finally:
        await connection.close()


async def take_up(stack: Stack) -> int:
    """Publish the workflows that the history knows onto a broker that has forgotten them, and say how many."""
    if stack.options.broker == "kafka" or stack.modules.publisher is None:
        return 0
    connection = await connect(stack.postgres_url)
    rows: list[asyncpg.Record] = []
    try:
        # The second, where the tables are still those of an earlier version.
        for query in (_KNOWN, _IN_FORCE):
            with suppress(asyncpg.UndefinedTableError):
                rows = await connection.fetch(query)
                break
    finally:
        await connection.close()
    for org, workflow, definition in rows:
        await stack.modules.publisher.raw(DEFINITIONS, definition.encode(), f"{org}/{workflow}".encode())
    return len(rows)
