"""Reading the past into a backtest, so that whoever else is served by this process is not kept waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

from engine.workflow import Workflow, compile_workflow
from projections import queries
from schemas.definitions import parse_definition

if TYPE_CHECKING:
    from engine.backtest import Backtest
    from hub.services.past import Past
    from runtime.postgres import Connection

_BATCH: Final = 200
_TURN: Final = 0.01
"""Seconds that reading may take the event loop for, before the others have their turn."""


async def feed(test: Backtest, events: AsyncIterator[Past], deadline: float | None = None) -> int:
    """Let the backtest see these events, in a thread; how many they were.

    Raises TimeoutError where they are not all seen at `deadline`, a time of `time.monotonic`.
    """
    batch: list[Past] = []
    seen, began = 0, time.monotonic()
    async for one in events:
        batch.append(one)
        if len(batch) >= _BATCH or time.monotonic() - began > _TURN:
            seen += await _see(test, batch)
            batch, began = [], time.monotonic()
            if deadline is not None and began > deadline:
                raise TimeoutError
    return seen + await _see(test, batch)


async def _see(test: Backtest, batch: list[Past]) -> int:
    def see() -> None:
        for event, received in batch:
            test.see(event, received)

    if batch:
        await asyncio.to_thread(see)
    return len(batch)


async def version_in_force(connection: Connection, org: str, workflow_id: str) -> Workflow | None:
    """What is in force under this id and has a trigger, to compare a draft with."""
    row = await queries.get_workflow(connection, org, workflow_id)
    if row is None:
        return None
    found = compile_workflow(parse_definition(row["definition"]))
    return None if found.trigger_type is None else found
