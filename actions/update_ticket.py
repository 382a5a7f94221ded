"""update_ticket: changed fields of a ticket in the PSA."""

from __future__ import annotations

from actions.errors import CannotPerformError
from actions.module_api import ModuleApi, segment
from schemas.outcomes import Call, Outcome


class UpdateTicket:
    """`PATCH {PSA}/v1/tickets/{ticket_id}` with `fields` itself as the body."""

    name = "update_ticket"

    def __init__(self, modules: ModuleApi) -> None:
        self._modules = modules

    async def perform(self, call: Call) -> Outcome:
        """The ticket as the PSA answers with it."""
        fields = call.input.get("fields")
        try:
            ticket = segment("ticket_id", call.input.get("ticket_id"))
            if not isinstance(fields, dict):
                raise CannotPerformError("parameters", "fields has to be an object of field names and values")
        except CannotPerformError as error:
            return error.failed()
        return await self._modules.send(call, "PATCH", "ONESTACK_PSA_URL", f"/v1/tickets/{ticket}", fields)
