"""The product's worker with the three no-op actions beside its own: `python -m bench.worker`."""

from __future__ import annotations

import asyncio
import sys

import uvloop

from actions.catalogue import build_actions, open_services
from bench.workload import NOOP_TOPICS, NOOPS, Noop, noops_known
from runtime.logging import configure
from runtime.settings import Settings, load
from streams.worker import work


async def _main(settings: Settings) -> int:
    async with open_services(settings) as services:
        actions = {**build_actions(services), **{name: Noop(name) for name in NOOPS}}
        return await work(settings, actions, NOOP_TOPICS)


def main() -> int:
    """Work until SIGTERM; the exit code."""
    settings = load()
    configure(settings)
    uvloop.install()
    with noops_known(), asyncio.Runner() as runner:
        return runner.run(_main(settings))


if __name__ == "__main__":
    sys.exit(main())
