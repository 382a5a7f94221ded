"""The folder in which a start keeps its data and logs: one start at a time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Self

from sandbox.errors import SandboxError

DEFAULT = Path(".onestack")
_MOST = 50  # starts beside each other


class Folder:
    """A data folder that is ours until `release()`, or until this process ends however it ends."""

    def __init__(self, path: Path, wanted: Path, lock: IO[str]) -> None:
        self.path = path
        self.wanted = wanted
        self._lock = lock

    @classmethod
    def claim(cls, wanted: Path | None = None) -> Self:
        """The wanted folder (else $ONESTACK_DATA_DIR or ./.onestack), or a sibling where another start has it."""
        first = wanted_folder(wanted)
        for number in range(1, _MOST):
            path = first if number == 1 else first.with_name(f"{first.name}-{number}")
            lock = _lock(path)
            if lock is not None:
                return cls(path, first, lock)
        raise SandboxError(f"{_MOST} starts beside each other have all folders like {first}; stop some of them.")

    def release(self) -> None:
        """Let another start have it."""
        self._lock.close()


def wanted_folder(given: Path | None = None) -> Path:
    """The folder that was asked for, else $ONESTACK_DATA_DIR or ./.onestack."""
    return (given or Path(os.environ.get("ONESTACK_DATA_DIR") or DEFAULT)).expanduser().absolute()


def _lock(path: Path) -> IO[str] | None:
    import fcntl

    try:
        path.mkdir(parents=True, exist_ok=True)
        file = (path / "lock").open("a")
    except OSError as error:
        raise SandboxError(f"The data folder {path} cannot be written: {error.strerror}.") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
