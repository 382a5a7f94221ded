"""add_tag: a tag on the triggering entity, or on another."""

from __future__ import annotations

from actions.errors import CannotPerformError
from actions.module_api import ModuleApi, entity, without
from schemas.outcomes import Call, Outcome


class AddTag:
    """`POST {HUB}/v1/entities/{entity_type}/{entity_id}/tags` with `tag`."""

    name = "add_tag"

    def __init__(self, modules: ModuleApi) -> None:
        self._modules = modules

    async def perform(self, call: Call) -> Outcome:
        """The tags as the Hub answers with them."""
        try:
            kind, id = entity(call)
        except CannotPerformError as error:
            return error.failed()
        body = without(call.input, "entity_type", "entity_id")
        return await self._modules.send(call, "POST", "ONESTACK_HUB_URL", f"/v1/entities/{kind}/{id}/tags", body)
