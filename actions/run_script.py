"""run_script: an RMM script on a device."""

from __future__ import annotations

from actions.module_api import ModuleApi
from schemas.outcomes import Call, Outcome
from schemas.requests import run_script


class RunScript:
    """`POST {RMM}/v1/devices/{device_id}/scripts` with `script_id` and `parameters`."""

    name = "run_script"

    def __init__(self, modules: ModuleApi) -> None:
        self._modules = modules

    async def perform(self, call: Call) -> Outcome:
        """The script's job as the RMM answers with it."""
        return await self._modules.perform(call, run_script)
