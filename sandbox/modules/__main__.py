"""`python -m sandbox.modules`: the stand-in modules as one process, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import signal

from sandbox.clock import given_clock
from sandbox.modules.server import PORTS, StandIns, shell_lines


def main() -> None:
    """Start all of them, print the variables that workers need, and wait."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.modules", description=__doc__)
    parser.add_argument("--broker", help="host:port to publish the events on that changes cause; none without it")
    for module, port in PORTS.items():
        parser.add_argument(f"--{module}-port", type=int, default=port, help=f"[{port}; a free one where it is taken]")
    given = vars(parser.parse_args())
    asyncio.run(_serve(given["broker"], {module: given[f"{module}_port"] for module in PORTS}))


async def _serve(broker: str | None, ports: dict[str, int]) -> None:
    stopped = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, stopped.set)
    modules = await StandIns(broker, ports, given_clock()).start()
    print("\n".join(shell_lines(modules.environment())), flush=True)
    print(f"# webhook receiver: {modules.url('webhook')}", flush=True)
    print(f"# counts: {modules.url('control')}/_stats", flush=True)
    await stopped.wait()
    await modules.stop()


if __name__ == "__main__":
    main()
