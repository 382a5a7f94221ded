"""escalate_on_call: the on-call chain of a team."""

from __future__ import annotations

from actions.module_api import ModuleApi
from schemas.outcomes import Call, Outcome
from schemas.requests import escalate_on_call


class EscalateOnCall:
    """`POST {ONCALL}/v1/escalations` with all the parameters."""

    name = "escalate_on_call"

    def __init__(self, modules: ModuleApi) -> None:
        self._modules = modules

    async def perform(self, call: Call) -> Outcome:
        """The escalation as On-Call answers with it."""
        return await self._modules.perform(call, escalate_on_call)
