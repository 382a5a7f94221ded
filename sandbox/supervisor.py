"""Keeps parts running: starts them, restarts those that crash after a growing pause, and ends all of them."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sandbox.errors import SandboxError
from sandbox.process import end, spawn, tail

_LOOK = 0.1  # seconds between looks at a process
_STEADY = 30.0  # seconds of running after which a crash counts as the first again


class Runs(Protocol):
    """What can be supervised: a broker, Postgres, a program."""

    process: subprocess.Popen[bytes] | None
    log: Path

    def start(self) -> object:
        """Start it; returns when it is in service or, for a program, when it was started."""

    def stop(self) -> None:
        """End it in order."""


class Program:
    """A command of ours as a child process, in its own `folder`; in service once `port` answers."""

    def __init__(
        self, command: Sequence[str | Path], env: Mapping[str, str], log: Path, port: int, folder: Path | None = None
    ) -> None:
        self.log = log
        self._folder = folder
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None
        self._command = command
        self._env = env

    def start(self) -> None:
        """Start it."""
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        self.process = spawn(self._command, self.log, env=self._env, cwd=self._folder, at_our_end=signal.SIGTERM)

    def stop(self) -> None:
        """Ask it to end, and wait for it."""
        if self.process is not None:
            end(self.process, patience=15)

    def answers(self) -> bool:
        """Whether its port takes connections."""
        try:
            socket.create_connection(("127.0.0.1", self.port), 0.2).close()
        except OSError:
            return False
        return True


@dataclass(slots=True)
class Part:
    """A supervised part, as the status shows it."""

    name: str
    what: Runs
    address: str
    state: str = "starting"
    restarts: int = 0
    began: float = 0.0

    @property
    def pid(self) -> int | None:
        """The process that runs it now."""
        process = self.what.process
        return process.pid if process is not None and process.poll() is None else None


class Supervisor:
    """Parts in the order of their start; they end in the opposite order. `say` gets a sentence for each change."""

    def __init__(self, say: Callable[[str], None], first_pause: float = 0.5, longest_pause: float = 15.0) -> None:
        self.parts: list[Part] = []
        self._say = say
        self._pauses = first_pause, longest_pause
        self._watchers: list[asyncio.Task[None]] = []

    async def run(self, name: str, what: Runs, address: str) -> Part:
        """Start a part, and restart it from now on. Raises SandboxError where the first start fails."""
        part = Part(name, what, address)
        self.parts.append(part)
        await self._start(part)
        self._watchers.append(asyncio.create_task(self._watch(part)))
        return part

    async def stop_programs(self) -> None:
        """End all programs at once; nothing is restarted any more."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        self._watchers.clear()
        await self._stop([part for part in self.parts if isinstance(part.what, Program)])

    async def stop(self) -> None:
        """End all parts: the programs, then the others, the last started first."""
        await self.stop_programs()
        for part in reversed(self.parts):
            if not isinstance(part.what, Program):
                await self._stop([part])

    async def _stop(self, parts: Sequence[Part]) -> None:
        for part in parts:
            part.state = "stopping"
        await asyncio.gather(*(asyncio.to_thread(part.what.stop) for part in parts))
        for part in parts:
            part.state = "stopped"

    async def _start(self, part: Part) -> None:
        part.state = "starting"
        starting = asyncio.ensure_future(asyncio.to_thread(part.what.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The thread goes on: what it starts has to be there for whoever stops the parts next.
            await asyncio.wait([starting])
            raise
        part.began = time.monotonic()
        if not isinstance(part.what, Program):
            part.state = "running"

    async def _watch(self, part: Part) -> None:
        crashes = 0
        while True:
            code = await self._until_it_ends(part)
            crashes = 1 if time.monotonic() - part.began > _STEADY else crashes + 1
            first, longest = self._pauses
            pause = min(first * 2 ** (crashes - 1), longest)
            part.state = f"restarting in {pause:g} s"
            self._say(f"{part.name} {_how(code, part.what.log)}; restarting in {pause:g} s.")
            await asyncio.sleep(pause)
            part.restarts += 1
            try:
                await self._start(part)
            except (SandboxError, OSError) as error:
                self._say(f"{part.name} did not start again: {error}")

    async def _until_it_ends(self, part: Part) -> int:
        while (process := part.what.process) is not None and process.poll() is None:
            if part.state == "starting" and isinstance(part.what, Program) and part.what.answers():
                part.state = "running"
            await asyncio.sleep(_LOOK)
        return process.returncode if process is not None else -1


def _how(code: int, log: Path) -> str:
    """How a process ended: by which signal, or with which code and last words."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code} ({tail(log, 1)})"
