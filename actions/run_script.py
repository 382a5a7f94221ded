"""run_script: an RMM script on a device."""

from __future__ import annotations

from actions.errors import CannotPerformError
from actions.module_api import ModuleApi, segment, without
from schemas.outcomes import Call, Outcome


class RunScript:
    """`POST {RMM}/v1/devices/{device_id}/scripts` with `script_id` and `parameters`."""

    name = "run_script"

    def __init__(self, modules: ModuleApi) -> None:
        self._modules = modules

    async def perform(self, call: Call) -> Outcome:
        """The script's job as the RMM answers with it."""
        try:
            device = segment("device_id", call.input.get("device_id"))
        except CannotPerformError as error:
            return error.failed()
        body = without(call.input, "device_id")
        return await self._modules.send(call, "POST", "ONESTACK_RMM_URL", f"/v1/devices/{device}/scripts", body)
