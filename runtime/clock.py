"""What time it is. In demos and tests it can be set forward, so that a wait of days takes a moment."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

LOOK_SECONDS: Final = 0.02
"""How often the clock file is looked at, at most."""


class Clock:
    """The system's clock, and the seconds that a file says are to be added to it."""

    __slots__ = ("_ahead", "_file", "_look_at", "_seen")

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._ahead = 0.0
        self._look_at = 0.0
        self._seen = 0

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
        now = time.monotonic()
        if now < self._look_at or self._file is None:
            return
        self._look_at = now + LOOK_SECONDS
        try:
            changed = self._file.stat().st_mtime_ns
            if changed != self._seen:
                # Time does not run backwards: what has fired has fired.
                self._ahead = max(self._ahead, float(self._file.read_text()))
                self._seen = changed
        except (OSError, ValueError):
            # Not written yet, or half written: the next look will tell.
            return
