"""Where the parts of a start are, for other processes of the same person: a file in its data folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

from sandbox.errors import SandboxError

_FILE: Final = "addresses.json"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Of a stack that runs."""

    broker: str
    postgres: str
    web: str | None
    webhook: str

    def write(self, folder: Path) -> None:
        """Tell them, to the folder's owner alone."""
        file = folder / _FILE
        file.touch(mode=0o600)
        file.write_bytes(orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2))


def forget(folder: Path) -> None:
    """Nothing runs there any more."""
    (folder / _FILE).unlink(missing_ok=True)


def read(folder: Path) -> Addresses:
    """What runs on this folder. Raises SandboxError where nothing does."""
    try:
        return Addresses(**orjson.loads((folder / _FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        message = (
            f"Nothing runs on {folder}: start it with 'onestack up' in another terminal first, or name the folder that "
            "it told with --data."
        )
        raise SandboxError(message) from None
