"""A worker whose actions do what no action may: run as a module, it works like `onestack worker`.

An action holds the event loop where the device's name begins with `block`, and never ends where it begins with `hang`.
"""

from __future__ import annotations

import asyncio
import time

from runtime.logging import configure
from runtime.settings import load
from schemas.names import ACTIONS
from schemas.outcomes import Call, Outcome, Succeeded
from streams.worker import work

BLOCKS_SECONDS = 8.0


class Wedging:
    """One action."""

    reaches_out = True

    def __init__(self, name: str) -> None:
        self.name = name

    async def perform(self, call: Call) -> Outcome:
        device = str(call.event["data"]["device"]["name"])
        if device.startswith("block"):
            time.sleep(BLOCKS_SECONDS)  # noqa: ASYNC251 - this is what the test is about
        if device.startswith("hang"):
            await asyncio.Event().wait()
        return Succeeded({"id": call.step})


if __name__ == "__main__":
    settings = load()
    configure(settings)
    asyncio.run(work(settings, {name: Wedging(name) for name in ACTIONS if name != "delay"}))
