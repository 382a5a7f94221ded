"""create_note: a note on a company's record in the Hub."""

from __future__ import annotations

from actions.module_api import ModuleApi
from schemas.outcomes import Call, Outcome
from schemas.requests import create_note


class CreateNote:
    """`POST {HUB}/v1/companies/{company_id}/notes` with `title` and `body`."""

    name = "create_note"

    def __init__(self, modules: ModuleApi) -> None:
        self._modules = modules

    async def perform(self, call: Call) -> Outcome:
        """The note as the Hub answers with it."""
        return await self._modules.perform(call, create_note)
