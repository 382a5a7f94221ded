"""Cancelling all that a workflow has under way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from hub.services.requests import PATIENCE, Reach, Request, Send, ask, request
from projections import queries
from projections.queries import Row
from schemas.messages import By

_BATCH: Final = 1000
_SETTLED: Final = 1.0
"""Seconds without an unfinished run after which none is taken to be left: a definition is in force within one."""
_STUCK: Final = 3 * PATIENCE
"""Seconds without a run that could be cancelled after which something is wrong."""


class Cancelled(NamedTuple):
    """How many runs were cancelled, and how many still go on."""

    done: int
    left: int


async def cancel_all(
    send: Send, reach: Reach, org: str, workflow_id: str, by: By, *, seconds: float | None = None
) -> Cancelled:
    """Cancel the workflow's unfinished runs until none is left, for so many seconds at most.

    It is given up, too, where for half a minute none of them can be cancelled.
    """

    async def unfinished() -> list[Row]:
        async with reach() as connection:
            found: list[Row] = []
            for status in ("waiting", "running"):
                wanted = queries.RunFilter(org, workflow_id, status)
                found += await queries.list_runs(connection, wanted, limit=_BATCH)
            return found

    async def cancel(runs: Sequence[Row]) -> int:
        requests: list[Request] = [request(run, "cancel", by) for run in runs]
        patience = PATIENCE if seconds is None else min(PATIENCE, max(0.1, until - time.monotonic()))
        await ask(send, reach, requests, patience)
        return sum(one.result == "cancelled" for one in requests)

    until = time.monotonic() + (seconds or 0)
    return await _until_none(unfinished, cancel, None if seconds is None else until)


async def _until_none(
    unfinished: Callable[[], Awaitable[list[Row]]],
    cancel: Callable[[Sequence[Row]], Awaitable[int]],
    until: float | None,
) -> Cancelled:
    done = 0
    quiet_since: float | None = None
    stuck_since = time.monotonic()
    while quiet_since is None or time.monotonic() - quiet_since < _SETTLED:
        runs = await unfinished()
        if not runs:
            quiet_since = quiet_since or time.monotonic()
            await asyncio.sleep(0.2)
            continue
        quiet_since = None
        if until is not None and time.monotonic() > until:
            return Cancelled(done, len(runs))
        more = await cancel(runs)
        done += more
        stuck_since = time.monotonic() if more else stuck_since
        if time.monotonic() - stuck_since > _STUCK:
            return Cancelled(done, len(runs))
    return Cancelled(done, 0)
