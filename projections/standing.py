"""How each part of the projector stands: at work, or waiting for something, since when and why.

Whoever answers for the process (`/readyz`) reads it; the parts themselves say in the log, once each time, that they
wait and that they go on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final


class Standing:
    """How one part stands; `name` is the part's."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.waiting_since: datetime | None = None
        """When it began to wait; None while it works."""
        self.reason: str | None = None
        """What it waits for, in a sentence for people; None while it works."""

    def wait(self, reason: str) -> bool:
        """It waits for this. Returns whether that is news: it worked until now, or waited for something else."""
        news = self._kind(reason) != self._kind(self.reason)
        self.waiting_since = self.waiting_since or datetime.now(UTC)
        self.reason = reason
        return news

    def go_on(self) -> float | None:
        """It works. Returns for how many seconds it had waited; None where it had not."""
        since, self.waiting_since, self.reason = self.waiting_since, None, None
        return None if since is None else (datetime.now(UTC) - since).total_seconds()

    @staticmethod
    def _kind(reason: str | None) -> str | None:
        # What stands in brackets differs from try to try: names of files, and of backends.
        return None if reason is None else reason.partition(" (")[0]


PARTS: Final[dict[str, Standing]] = {}
"""The parts that run in this process, by their names."""


def standing_of(name: str) -> Standing:
    """The part of this name, which is known from here on."""
    return PARTS.setdefault(name, Standing(name))
