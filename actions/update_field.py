"""update_field: one field of the triggering entity, or of another."""

from __future__ import annotations

from actions.errors import CannotPerformError
from actions.module_api import ModuleApi, entity, without
from schemas.outcomes import Call, Outcome


class UpdateField:
    """`PATCH {HUB}/v1/entities/{entity_type}/{entity_id}` with `field` and `value`."""

    name = "update_field"

    def __init__(self, modules: ModuleApi) -> None:
        self._modules = modules

    async def perform(self, call: Call) -> Outcome:
        """The entity as the Hub answers with it."""
        try:
            kind, id = entity(call)
        except CannotPerformError as error:
            return error.failed()
        body = without(call.input, "entity_type", "entity_id")
        return await self._modules.send(call, "PATCH", "ONESTACK_HUB_URL", f"/v1/entities/{kind}/{id}", body)
