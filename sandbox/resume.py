"""Starting again on the data of the last time where the broker, which keeps nothing, has forgotten its part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg

from runtime.postgres import connect
from schemas.names import DEFINITIONS

if TYPE_CHECKING:
    from sandbox.stack import Stack

_OFFSETS = "history_data.offsets"


async def forget_offsets(url: str) -> None:
    """Make the projector read a new, empty log from its beginning; the rows of older logs stay."""
    connection = await connect(url)
    try:
        if await connection.fetchval("select to_regclass($1)", _OFFSETS):
            await connection.execute(f"delete from {_OFFSETS}")  # noqa: S608 - a constant
    finally:
        await connection.close()


async def take_up(stack: Stack) -> int:
    """Publish the workflows that the history knows onto a broker that has forgotten them, and say how many."""
    if stack.options.broker == "kafka" or stack.modules.publisher is None:
        return 0
    connection = await connect(stack.postgres_url)
    try:
        rows = await connection.fetch("select org_id, workflow_id, definition::text from history.workflows")
    except asyncpg.UndefinedTableError:
        return 0
    finally:
        await connection.close()
    for org, workflow, definition in rows:
        await stack.modules.publisher.raw(DEFINITIONS, definition.encode(), f"{org}/{workflow}".encode())
    return len(rows)
