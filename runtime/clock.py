"""What time it is. In demos and tests it can be set forward, so that a wait of days takes a moment."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    """The system's clock, and the seconds that a file says are to be added to it."""

    __slots__ = ("_ahead", "_file")

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._ahead = 0.0

    @property
    def virtual(self) -> bool:
        """Whether the clock may jump forward at any time."""
        return self._file is not None

    def time(self) -> float:
        """Seconds since the epoch."""
        if self._file is not None:
            self._look()
        return time.time() + self._ahead

    def now(self) -> datetime:
        """The time in UTC."""
        return datetime.now(UTC) if self._file is None else datetime.fromtimestamp(self.time(), UTC)

    def _look(self) -> None:
        # Each time, for what one process does after a jump must not find another before it.
        if self._file is None:
            return
        try:
            # Time does not run backwards: what has fired has fired.
            self._ahead = max(self._ahead, float(self._file.read_text()))
        except (OSError, ValueError):
            # Not written yet, or half written: the next look will tell.
            return
