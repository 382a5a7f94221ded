"""create_note: a note on a company's record in the Hub."""

from __future__ import annotations

from actions.errors import CannotPerformError
from actions.module_api import ModuleApi, segment, without
from schemas.outcomes import Call, Outcome


class CreateNote:
    """`POST {HUB}/v1/companies/{company_id}/notes` with `title` and `body`."""

    name = "create_note"

    def __init__(self, modules: ModuleApi) -> None:
        self._modules = modules

    async def perform(self, call: Call) -> Outcome:
        """The note as the Hub answers with it."""
        try:
            company = segment("company_id", call.input.get("company_id"))
        except CannotPerformError as error:
            return error.failed()
        body = without(call.input, "company_id")
        return await self._modules.send(call, "POST", "ONESTACK_HUB_URL", f"/v1/companies/{company}/notes", body)
