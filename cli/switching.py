"""Switching a workflow on and off, and cancelling what it began."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from cli.clients import need_topic, postgres, settings_for_people
from cli.errors import Failure
from cli.publishing import in_force, publish, send
from cli.requests import by
from hub.services import cancelling
from hub.services.publishing import switched
from schemas.names import DEFINITIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.services.records import Record


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

    async def sending(records: Sequence[Record]) -> Any:
        return await send(settings, records)

    async with postgres(settings) as connection:
        told = await cancelling.cancel_all(
            sending, lambda: nullcontext(connection), org, workflow_id, by(reason or "the workflow was disabled")
        )
    if told.left:
        raise Failure(
            f"{told.done:,} runs were cancelled, but {told.left:,} go on: are a worker and a projector running?"
        )
    return told.done
