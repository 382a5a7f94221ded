"""Where a process spends its time while it works off a backlog, by py-spy."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

from bench.errors import BenchError

_RATE: Final = 200  # samples a second
_IDLE: Final = "serve_forever (socketserver.py"  # the thread of /metrics waits, but seems busy to py-spy


class Place(NamedTuple):
    """A function, and the share of all samples that it was on top of, and that it was in at all."""

    name: str
    own: float
    total: float


class Profiler:
    """py-spy on a running process; `folded` is the file that it writes (for flame graphs)."""

    def __init__(self, pid: int, folded: Path) -> None:
        self._folded = folded
        command = [_program(), "record", "--pid", str(pid), "--rate", str(_RATE), "--format", "raw", "--function"]
        # Ends by SIGINT, with what it has so far; the duration is only what bounds it if we die.
        self._process = subprocess.Popen(
            [*command, "--duration", "3600", "--output", str(folded)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    async def stop(self) -> list[Place]:
        """The places where most samples were. Raises BenchError where py-spy may not look into the process."""
        self._process.send_signal(signal.SIGINT)
        _, errors = await asyncio.to_thread(self._process.communicate)
        if not self._folded.exists():
            lines = errors.decode(errors="replace").strip().splitlines()
            raise BenchError(f"py-spy could not look into the process (it may need root): {lines[0] if lines else ''}")
        return places(self._folded.read_text())


def places(folded: str) -> list[Place]:
    """The functions of stacks in the folded format, those with most samples of their own first."""
    own, total, samples = Counter[str](), Counter[str](), 0
    for line in folded.splitlines():
        stack, _, number = line.rpartition(" ")
        if _IDLE in stack:
            continue
        frames, count = stack.split(";"), int(number)
        samples += count
        own[frames[-1]] += count
        for frame in set(frames):
            total[frame] += count
    return [
        Place(name, own[name] / samples, count / samples)
        for name, count in sorted(total.items(), key=lambda one: (-own[one[0]], -one[1]))
    ]


def _program() -> str:
    beside = Path(sys.executable).with_name("py-spy")
    found = str(beside) if beside.exists() else shutil.which("py-spy")
    if found is None:
        raise BenchError("--profile needs py-spy, which is not installed: run `.venv/bin/pip install py-spy`.")
    return found


def need_py_spy() -> None:
    """Raise BenchError, before anything is started, where there is no py-spy."""
    _program()
