"""How a projector is, for `/healthz` and `/readyz`: what it waits for, and whether what waits for it moves."""

from __future__ import annotations

from typing import Final

from projections.follower import Follower
from runtime.dependencies import KAFKA, POSTGRES, Dependency
from runtime.health import Health, Part, ready
from runtime.progress import Progress
from runtime.settings import Settings

_GIVE_UP: Final = 5
"""How many times `stuck_after` a follower may stand still before only a restart helps."""


class ProjectorHealth:
    """A projector's parts: kafka, postgres, tables, and each of its followers."""

    def __init__(self, settings: Settings, health: Health) -> None:
        self._settings, self._health = settings, health
        self._migrated = False
        self._troubled: list[Follower] = []
        health.add("kafka", self._kafka)
        health.add("postgres", self._postgres)
        health.add("tables", self._tables)

    def migrated(self) -> None:
        """The tables are those of this version."""
        self._migrated = True

    def follow(self, *followers: Follower) -> None:
        """From here on these are looked at, each as a part of its name."""
        for one in followers:
            self._troubled.append(one)
            self._health.add(one.name, _Standing(self._settings, one).part)

    def _kafka(self) -> Part:
        if KAFKA.up:
            return ready("Kafka answers.")
        detail = "Kafka does not answer; the projector waits for it, and goes on by itself."
        return Part("away", detail, "See to it that ONESTACK_BROKER leads to a Kafka that runs.")

    def _postgres(self) -> Part:
        if POSTGRES.up:
            return ready("Postgres answers.")
        said = next((one.trouble for one in self._troubled if one.trouble), None)
        detail = "The projector waits for Postgres, and goes on by itself. Runs go on; the history stands still."
        if said:
            detail += f" It said: {said[:300]}."
        return Part("away", detail, "See to it that ONESTACK_POSTGRES_URL leads to a Postgres that takes writes.")

    def _tables(self) -> Part:
        if self._migrated:
            return ready("The tables are those of this version.")
        return Part("starting", "The tables are being brought to this version.")


class _Standing:
    """One follower: what waits for it, and whether that moves."""

    def __init__(self, settings: Settings, follower: Follower) -> None:
        self._settings, self._follower = settings, follower
        self._progress = Progress()

    def part(self) -> Part:
        one = self._follower
        if (held := one.held()) is not None:
            return held
        if _away(POSTGRES) or _away(KAFKA) or one.trouble:
            self._progress.forgive()
            why = f": {one.trouble[:300]}" if one.trouble else ""
            return Part("waiting", f"It waits for Kafka or Postgres, and goes on by itself{why}.")
        if not one.assigned:
            self._progress.forgive()
            return ready("It has no partitions: another projector has them, and it stands by.")
        waiting, mark = one.measure.waiting, one.mark()
        self._progress.look({one.name: (waiting, mark)}, lambda _: False)
        still = self._progress.still()[one.name]
        if still >= self._settings.stuck_after:
            detail = (
                f"{waiting:,} records wait, and none was written for {still:.0f} s though Kafka and Postgres answer."
            )
            todo = "Restart the projector and report this with its log; nothing is lost by that."
            return Part("stuck", detail, todo, fatal=still >= _GIVE_UP * self._settings.stuck_after)
        if waiting:
            return ready(f"{waiting:,} records behind ({one.measure.seconds:.0f} s), and at work on them.")
        return ready("It has come as far as Kafka.")


def _away(dependency: Dependency) -> bool:
    return not dependency.up
