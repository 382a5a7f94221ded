"""update_field: one field of the triggering entity, or of another."""

from __future__ import annotations

from actions.module_api import ModuleApi
from schemas.outcomes import Call, Outcome
from schemas.requests import update_field


class UpdateField:
    """`PATCH {HUB}/v1/entities/{entity_type}/{entity_id}` with `field` and `value`."""

    name = "update_field"

    def __init__(self, modules: ModuleApi) -> None:
        self._modules = modules

    async def perform(self, call: Call) -> Outcome:
        """The entity as the Hub answers with it."""
        return await self._modules.perform(call, update_field)
