"""create_ticket: a new ticket in the PSA."""

from __future__ import annotations

from actions.module_api import ModuleApi
from schemas.outcomes import Call, Outcome
from schemas.requests import create_ticket


class CreateTicket:
    """`POST {PSA}/v1/tickets` with all the parameters."""

    name = "create_ticket"

    def __init__(self, modules: ModuleApi) -> None:
        self._modules = modules

    async def perform(self, call: Call) -> Outcome:
        """The ticket as the PSA answers with it."""
        return await self._modules.perform(call, create_ticket)
