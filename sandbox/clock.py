"""Virtual time: a clock that is set forward for all processes at once, by a file that they look at."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from runtime.clock import Clock

VARIABLE = "ONESTACK_CLOCK_FILE"


def given_clock() -> Clock:
    """The clock that the environment says to go by."""
    file = os.environ.get(VARIABLE)
    return Clock(Path(file) if file else None)


class VirtualTime:
    """Time that only goes forward, by itself and by `forward()`. `file` is what the processes have to be given."""

    def __init__(self, file: Path) -> None:
        self.file = file.absolute()
        self.ahead = timedelta()
        self._write()
        self.clock = Clock(self.file)

    def now(self) -> datetime:
        """What time it is there."""
        return datetime.now(UTC) + self.ahead

    def forward(self, by: timedelta) -> None:
        """Let so much time have passed. Raises ValueError where it would run backwards."""
        if by < timedelta():
            raise ValueError("time does not run backwards")
        self.ahead += by
        self._write()

    def until(self, moment: datetime) -> None:
        """Let time pass until then; nothing where that is over."""
        self.forward(max(timedelta(), moment - self.now()))

    def _write(self) -> None:
        # Renamed into place, for others read it at any moment.
        fresh = self.file.with_name(f"{self.file.name}.new")
        fresh.write_text(f"{self.ahead.total_seconds():.6f}\n")
        fresh.replace(self.file)
