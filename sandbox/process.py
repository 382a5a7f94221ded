"""Child processes that write to a log file and end with us, even when we are killed."""

from __future__ import annotations

import contextlib
import os
import queue
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

from sandbox.errors import SandboxError

_LEASH = Path(__file__).with_name("leash.py")
_PORTS = range(20_000, 32_000)
"""Below those that systems give to connections."""
_DICE = random.SystemRandom()
_given: dict[int, int | None] = {}
"""The ports that this process was given, each with the descriptor that tells other processes of it."""
_LOG_TAIL = 5  # lines of a log that an error shows


class _Spawner:
    """Starts every child from one thread that lives as long as the process.

    Linux sends the parent-death signal when the *thread* that made the child ends, so a short-lived one must not.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[Callable[[], subprocess.Popen[bytes]], Future[subprocess.Popen[bytes]]]]
        self._jobs = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def __call__(self, job: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="spawner", daemon=True)
                self._thread.start()
        done: Future[subprocess.Popen[bytes]] = Future()
        self._jobs.put((job, done))
        return done.result()

    def _work(self) -> None:
        while True:
            job, done = self._jobs.get()
            try:
                done.set_result(job())
            except OSError as error:
                done.set_exception(error)


_spawner = _Spawner()


def spawn(
    command: Sequence[str | Path],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    uid: int | None = None,
    at_our_end: signal.Signals = signal.SIGKILL,
    nice: int = 0,
) -> subprocess.Popen[bytes]:
    """Start a command in its own session, its output appended to `log`; it gets `at_our_end` when we end (Linux).

    `nice` is how far it stands back where the machine's cores are scarce.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    user = str(-1 if uid is None else uid)
    leash = [sys.executable, "-I", "-S", str(_LEASH), str(int(at_our_end)), str(os.getpid()), user]

    def start() -> subprocess.Popen[bytes]:
        with log.open("ab") as out:
            return subprocess.Popen(
                [*leash, *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                cwd=cwd,
                start_new_session=True,
            )

    process = _spawner(start)
    if nice:
        _stand_back(process, nice)
    return process


def _stand_back(process: subprocess.Popen[bytes], nice: int) -> None:
    """Let a process that was just started have less of the cores than others want, as `nice` does."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process.pid, nice)
        # Where Linux shares the cores out among sessions (sched(7), autogroup), a process's own value counts in its
        # session alone.
        Path(f"/proc/{process.pid}/autogroup").write_text(str(nice))


def end(process: subprocess.Popen[bytes], sign: signal.Signals = signal.SIGTERM, patience: float = 10) -> int:
    """Ask a process to end, kill it after `patience` seconds, and return its exit code."""
    if process.poll() is None:
        process.send_signal(sign)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], name: str, log: Path, patience: float = 40
) -> None:
    """Return as soon as `ready()`; raise SandboxError with the log's end where the process dies or takes too long."""
    deadline = time.monotonic() + patience
    while not ready():
        if process.poll() is not None:
            raise SandboxError(f"{name} ended with code {process.returncode} while starting: {tail(log)} (see {log})")
        if time.monotonic() > deadline:
            end(process, signal.SIGKILL)
            raise SandboxError(f"{name} did not answer within {patience:.0f} s: {tail(log)} (see {log})")
        time.sleep(0.03)


def tail(log: Path, lines: int = _LOG_TAIL) -> str:
    """The last lines of a log in one line of text."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return " | ".join(text.strip().splitlines()[-lines:]) or "it wrote nothing"


def free_port(preferred: int | None = None, host: str = "127.0.0.1") -> int:
    """The preferred port where it is free on `host`, else another one, which this process was not given before.

    Nor is it one that was given to another process that still runs, on Linux: seconds may pass before a port is used.
    And not one that the system picks: it would pick it again for whoever asks next, or for a connection.
    """
    others = [port for port in _DICE.sample(_PORTS, 400) if port not in _given]
    for port in ([preferred] if preferred else []) + others:
        with socket.socket() as probe:
            # As servers do, so that a port in TIME_WAIT after a restart counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                if port not in _given:
                    _given[port] = _claim(port)
            except OSError:
                continue
        return port
    raise SandboxError(f"no free port on {host}")


def _claim(port: int) -> int | None:
    """Have a port for as long as this process runs. Raises OSError where another process has it.

    By a name that sockets have in Linux without a file (unix(7), abstract): it is gone with whoever had it.
    """
    if sys.platform != "linux":
        return None
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0onestack-port-{port}")
    except OSError:
        claim.close()
        raise
    return claim.detach()  # closed by the system when we end


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an advisory lock on a file, waiting for whoever has it."""
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
