"""The worker process from its first line on: it connects to Kafka while most of the program is still being loaded.

A worker that was killed is missed until it works again. Half of that time its modules are loaded, most of the rest it
waits for the answers of brokers: so both are done beside each other. What reads back the partitions is loaded first,
and begins as soon as it knows which they are; Faust and the actions come behind it.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import sys
from typing import TYPE_CHECKING, Final

from runtime import tracing
from runtime.logging import configure
from streams.connections import connect
from streams.stopping import told_to_stop

if TYPE_CHECKING:
    from runtime.settings import Settings
_SWITCH_SECONDS: Final = 0.0002


def run(settings: Settings) -> int:
    """Work until SIGTERM or SIGINT; the exit code of the process."""
    import uvloop  # noqa: PLC0415 - the commands that are not a worker need not load it

    # What is loaded stays: there is nothing to collect until then.
    gc.disable()
    configure(settings, "worker")
    tracing.configure(settings, "worker")
    uvloop.install()
    try:
        with asyncio.Runner() as runner:
            return runner.run(_main(settings))
    finally:
        tracing.stop()


async def _main(settings: Settings) -> int:
    stop = told_to_stop()
    connecting = asyncio.create_task(connect(settings), name="connect")
    # Whatever a broker answers has to be answered in turn: that must not wait long for a module that is being loaded.
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    parts = await asyncio.to_thread(importlib.import_module, "streams.parts")
    beginning = asyncio.create_task(parts.begin(settings, connecting), name="begin")
    worker = await asyncio.to_thread(importlib.import_module, "streams.worker")
    sys.setswitchinterval(usual)
    code: int = await worker.perform(settings, beginning, stop)
    return code
