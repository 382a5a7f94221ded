"""update_ticket: changed fields of a ticket in the PSA."""

from __future__ import annotations

from actions.module_api import ModuleApi
from schemas.outcomes import Call, Outcome
from schemas.requests import update_ticket


class UpdateTicket:
    """`PATCH {PSA}/v1/tickets/{ticket_id}` with `fields` itself as the body."""

    name = "update_ticket"

    def __init__(self, modules: ModuleApi) -> None:
        self._modules = modules

    async def perform(self, call: Call) -> Outcome:
        """The ticket as the PSA answers with it."""
        return await self._modules.perform(call, update_ticket)
