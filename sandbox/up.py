"""`onestack up`: all of it on embedded parts, in the foreground, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.live import Live

from sandbox.errors import SandboxError
from sandbox.folder import DEFAULT
from sandbox.resume import take_up
from sandbox.stack import WORKFLOWS, Stack, StackOptions
from sandbox.status import History, picture

_REFRESH = 0.5  # seconds between two looks at the parts
_COUNTS = 2.0  # seconds between two looks at the history
_PLAIN_EVERY = 10.0  # seconds between two lines of counts where there is no terminal


class Interrupt:
    """Ctrl-C and SIGTERM as an event; a second one ends the process at once, and with it its children."""

    def __init__(self) -> None:
        self.stopped = asyncio.Event()

    def __enter__(self) -> Self:
        for sign in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(sign, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for sign in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(sign)

    async def or_done(self, work: Coroutine[Any, Any, Any]) -> bool:
        """Run `work` until it is done (True, or what it raised) or a signal came first (False)."""
        task = asyncio.ensure_future(work)
        waiter = asyncio.ensure_future(self.stopped.wait())
        await asyncio.wait((task, waiter), return_when=asyncio.FIRST_COMPLETED)
        waiter.cancel()
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return False
        task.result()
        return True

    def _on_signal(self) -> None:
        if self.stopped.is_set():
            os._exit(130)
        self.stopped.set()


def up(*, broker: str = "embedded", data_dir: Path | None = None, workers: int = 1) -> None:
    """Run everything until Ctrl-C or SIGTERM. Raises SandboxError where a part cannot start."""
    asyncio.run(serve(StackOptions(broker, workers, data_dir)))


async def serve(options: StackOptions) -> None:
    """Run everything until a signal comes. Raises SandboxError where a part cannot start."""
    console = Console()
    with Interrupt() as interrupt:
        stack = Stack(options, lambda text: console.print(text, highlight=False, soft_wrap=True))
        try:
            if await interrupt.or_done(_serve(stack, console)):
                raise SandboxError("the status ended by itself")
        finally:
            console.print("Stopping …")
            await stack.stop()
        console.print(f"Stopped. Data and logs are in {stack.folder}.", soft_wrap=True)


async def _serve(stack: Stack, console: Console) -> None:
    console.print(f"Starting on {_broker(stack.options)} and Postgres …")
    await stack.start()
    again = await take_up(stack)
    if again:
        console.print(f"Published {again} workflows of the last start again: Tansu had forgotten them.")
    _tell(stack, console)
    async with _history(stack) as history:
        if console.is_terminal:
            await _live(stack, history, console)
        else:
            await _plain(stack, history, console)


async def _live(stack: Stack, history: History, console: Console) -> None:
    with Live(console=console, auto_refresh=False) as live:
        rounds = 0
        while True:
            if rounds % int(_COUNTS / _REFRESH) == 0:
                await history.refresh()
            live.update(picture(stack.supervisor.parts, stack.modules, history.counts), refresh=True)
            rounds += 1
            await asyncio.sleep(_REFRESH)


async def _plain(stack: Stack, history: History, console: Console) -> None:
    for part in stack.supervisor.parts:
        console.print(f"{part.name}: {part.state}, {part.address}, pid {part.pid}", highlight=False, soft_wrap=True)
    told = ""
    while True:
        await history.refresh()
        sentence = history.counts.sentence()
        if sentence != told:
            console.print(sentence, highlight=False, soft_wrap=True)
            told = sentence
        await asyncio.sleep(_PLAIN_EVERY)


@asynccontextmanager
async def _history(stack: Stack) -> AsyncIterator[History]:
    history = History(stack.postgres_url)
    try:
        yield history
    finally:
        await history.close()


def _broker(options: StackOptions) -> str:
    return "Apache Kafka" if options.broker == "kafka" else "Tansu"


def _path(path: Path) -> str:
    """A path as a person would type it here, for a shell."""
    return shlex.quote(min(os.path.relpath(path), str(path), key=len))


def _data(stack: Stack) -> str:
    """The option by which another command finds this start."""
    return "" if stack.folder == DEFAULT.absolute() else f" --data {_path(stack.folder)}"


def _tell(stack: Stack, console: Console) -> None:
    def say(text: str = "") -> None:
        console.print(text, highlight=False, soft_wrap=True, markup=False)

    say()
    if stack.web is not None:
        say(f"The web app:  {stack.web}")
        say(f"Its demo's data, from another terminal:  onestack demo --here{_data(stack)}")
        say()
    say(f"It runs. In another terminal, take its addresses over with:  . {shlex.quote(str(stack.folder / 'env'))}")
    say("and then, for example:")
    say(f"  onestack publish {_path(WORKFLOWS)}/*.yaml      # put workflows in force")
    say("  onestack emit device.online --org harbor           # publish an event")
    say("  onestack runs                                      # what came of it")
    say(f"  curl {stack.modules.url('control')}/_stats            # what the modules were asked to do")
    say(f'  {_path(stack.psql)} "$ONESTACK_POSTGRES_URL" -c "table history.runs"')
    say("Or by hand, and for programs of your own:")
    say(f"  export ONESTACK_BROKER={stack.bootstrap}")
    say(f"  export ONESTACK_POSTGRES_URL={shlex.quote(stack.postgres_url)}")
    say(f"Data and logs are in {stack.folder}. Ctrl-C stops all of it.")
    say()
