"""Whether Kafka and Postgres answer this process, as far as its own work has shown, for `/metrics` and `/readyz`.

Whoever talks to them says so here: a batch that was acknowledged, a transaction that was committed. It costs one
assignment, and nothing is asked for the sake of asking unless the process has been idle.
"""

from __future__ import annotations

import time
from typing import Final

from runtime.metrics import DEPENDENCY_REACHED, DEPENDENCY_UP

IDLE: Final = 5.0
"""Seconds after which one that was not talked to is asked whether it is there."""
SILENT: Final = 30.0
"""Seconds without an answer after which it counts as away: one that hangs refuses nothing."""


class Dependency:
    """One that the process can't do without."""

    __slots__ = ("name", "reached_at", "told", "up")

    def __init__(self, name: str) -> None:
        self.name = name
        self.up = False
        self.reached_at = 0.0
        """In seconds since the epoch; 0 where it has never answered."""
        self.told = False

    def watch(self) -> None:
        """From here on `/metrics` tells of it."""
        if not self.told:
            self.told = True
            DEPENDENCY_UP.labels(self.name).set_function(lambda: float(self.answers))
            DEPENDENCY_REACHED.labels(self.name).set_function(lambda: self.reached_at)

    def reached(self) -> None:
        """It has answered just now."""
        self.up, self.reached_at = True, time.time()

    def away(self) -> None:
        """It did not answer."""
        self.up = False

    @property
    def answers(self) -> bool:
        """Whether it has answered lately, and has not failed to since."""
        return self.up and time.time() - self.reached_at < SILENT

    @property
    def idle(self) -> bool:
        """Whether it is time to ask: it is away, or was not talked to for some seconds."""
        return not self.up or time.time() - self.reached_at >= IDLE


KAFKA: Final = Dependency("kafka")
POSTGRES: Final = Dependency("postgres")
