"""Switching a workflow on and off, and cancelling what it began."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from cli.clients import need_topic, postgres, settings_for_people
from cli.errors import Failure
from cli.publishing import in_force, publish
from cli.requests import PATIENCE, ask, request
from hub.services.publishing import switched
from projections import queries
from schemas.names import DEFINITIONS

if TYPE_CHECKING:
    from projections.queries import Row
    from runtime.postgres import Connection
    from runtime.settings import Settings

_BATCH: Final = 1000
_SETTLED: Final = 1.0
"""Seconds without an unfinished run after which none is taken to be left: a definition is in force within one."""


async def switch(org: str, workflow_id: str, state: str) -> dict[str, Any]:
    """Publish what is in force under the next version in this state; what came of it. Raises Failure or Refused."""
    settings = settings_for_people()
    await need_topic(settings, DEFINITIONS)
    found = (await in_force(settings)).get(org, workflow_id)
    if found is None:
        raise Failure(f"No definition is in force as {org}/{workflow_id}.")
    told = {"org": org, "id": workflow_id, "version": found.version, "state": found.state, "published": False}
    if found.state == state:
        return told
    document = switched(found, state)
    if document.faults:
        raise Failure("\n".join([f"{org}/{workflow_id} can't be {state}:", *document.lines()]))
    [sent] = await publish([document])
    return told | {"version": sent["version"], "state": state, "published": True}


async def cancel_all(org: str, workflow_id: str, reason: str | None) -> int:
    """Cancel the workflow's unfinished runs until none is left; how many were. Raises Failure where some go on."""
    settings = settings_for_people()
    cancelled = 0
    async with postgres(settings) as connection:
        quiet_since: float | None = None
        stuck_since = time.monotonic()
        while quiet_since is None or time.monotonic() - quiet_since < _SETTLED:
            runs = await _unfinished(connection, org, workflow_id)
            if not runs:
                quiet_since = quiet_since or time.monotonic()
                await asyncio.sleep(0.2)
                continue
            quiet_since = None
            done = await _cancel(settings, connection, runs, reason)
            cancelled += done
            stuck_since = time.monotonic() if done else stuck_since
            if time.monotonic() - stuck_since > 3 * PATIENCE:
                raise Failure(
                    f"{cancelled:,} runs were cancelled, but {len(runs):,} go on: are a worker and a projector running?"
                )
    return cancelled


async def _unfinished(connection: Connection, org: str, workflow_id: str) -> list[Row]:
    found: list[Row] = []
    for status in ("waiting", "running"):
        wanted = queries.RunFilter(org, workflow_id, status)
        found += await queries.list_runs(connection, wanted, limit=_BATCH)
    return found


async def _cancel(settings: Settings, connection: Connection, runs: list[Row], reason: str | None) -> int:
    requests = [request(run, "cancel", reason or "the workflow was disabled") for run in runs]
    await ask(settings, connection, requests, PATIENCE)
    return sum(one.result == "cancelled" for one in requests)
