"""add_tag: a tag on the triggering entity, or on another."""

from __future__ import annotations

from actions.module_api import ModuleApi
from schemas.outcomes import Call, Outcome
from schemas.requests import add_tag


class AddTag:
    """`POST {HUB}/v1/entities/{entity_type}/{entity_id}/tags` with `tag`."""

    name = "add_tag"

    def __init__(self, modules: ModuleApi) -> None:
        self._modules = modules

    async def perform(self, call: Call) -> Outcome:
        """The tags as the Hub answers with them."""
        return await self._modules.perform(call, add_tag)
