"""How a worker is, for `/healthz` and `/readyz`: a stuck one is told from one that is busy, or waits for others.

Busy is a worker whose records move, or whose calls are under way within their time-outs, however many records wait.
Stuck is one where records wait on a partition that is its own, and for `ONESTACK_STUCK_AFTER` seconds none has moved,
though Kafka answers and no call can be waited for.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, cast

from runtime.dependencies import KAFKA
from runtime.health import Part, ready
from runtime.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Hashable

    from runtime.health import Health
    from runtime.settings import Settings
    from streams.app import App
    from streams.parts import Parts
    from streams.transport import BatchConsumer

_GRACE: Final = 10.0
"""Seconds that a call may take beyond its time-out until it counts as one that never ends."""
_GIVE_UP: Final = 5
"""How many times `stuck_after` a partition may stand still before only a restart helps."""


class WorkerHealth:
    """A worker's parts: kafka, partitions, progress, calls, formats."""

    def __init__(self, settings: Settings, health: Health) -> None:
        self._settings = settings
        self._app: App | None = None
        self._parts: Parts | None = None
        self._stopping = False
        self._progress = Progress()
        self._begun: dict[Any, float] = {}
        health.add("kafka", self._kafka)
        health.add("partitions", self._partitions)
        health.add("progress", self._moves)
        health.add("calls", self._calls)
        health.add("formats", lambda: self._parts.holding.part() if self._parts else ready("No record was read yet."))

    def follow(self, parts: Parts, app: App) -> None:
        """From here on it is these that are looked at."""
        self._parts, self._app = parts, app

    def stop(self) -> None:
        """The worker stops: it takes on nothing more."""
        self._stopping = True

    @property
    def _consumer(self) -> BatchConsumer | None:
        """The consumer, once it is a member of the group or tries to be."""
        if self._app is None or not self._app.started:
            return None
        consumer = cast("BatchConsumer", self._app.consumer)
        return consumer if hasattr(consumer, "client") else None

    def _kafka(self) -> Part:
        if self._answers():
            return ready("Kafka answers.")
        detail = "Kafka does not answer; the worker waits for it, and goes on by itself."
        return Part("away", detail, "See to it that ONESTACK_BROKER leads to a Kafka that runs.")

    def _answers(self) -> bool:
        return KAFKA.up and (self._parts is None or self._parts.lease.held)

    def _partitions(self) -> Part:
        consumer, parts = self._consumer, self._parts
        if self._stopping:
            return Part("waiting", "The worker has been told to stop: it ends its calls and takes on nothing more.")
        if self._app is not None and self._app.crash_reason is not None:
            return Part("stuck", "The streams have crashed; the worker ends.", "See its log.", fatal=True)
        if consumer is None or parts is None:
            return Part("starting", "The worker is starting.")
        coordinator = consumer.client._coordinator  # noqa: SLF001 - aiokafka has no public way to it
        if coordinator.need_rejoin(consumer.client._subscription.subscription):  # noqa: SLF001 - the same
            return Part("waiting", "The partitions are being shared out among the workers.")
        if not parts.definitions.ready.is_set():
            return Part("starting", "The definitions are being read.")
        if parts.recovering:
            return Part("starting", f"What was done on {parts.recovering} partitions is being read back.")
        count = len({tp.partition for tp in consumer.assignment()})
        if not count:
            return ready("It has no partitions: there are more workers than partitions, and it stands by.")
        return ready(f"It works on {count} partitions.")

    def _moves(self) -> Part:
        consumer, parts = self._consumer, self._parts
        if consumer is None or parts is None:
            return ready("Nothing is under way yet.")
        standing = consumer.standing()
        timely = self._timely(parts)
        if not self._answers() or parts.recovering:
            self._progress.forgive()
        # Where calls wait for a place, those that have one are what everybody waits for.
        by_others = parts.slots.waiting > 0 and bool(timely)
        lanes: dict[Hashable, tuple[int, Hashable]] = dict(standing.items())
        self._progress.look(lanes, lambda lane: by_others or lane in timely or lane in parts.holding)
        still = {
            lane: seconds for lane, seconds in self._progress.still().items() if seconds >= self._settings.stuck_after
        }
        waiting = sum(count for count, _ in standing.values())
        if still:
            lane, longest = max(still.items(), key=lambda one: one[1])
            detail = (
                f"{standing[cast('int', lane)][0]:,} records wait on partition {lane}, and none has moved for "
                f"{longest:.0f} s, though no call is under way that could be waited for."
            )
            todo = "Restart the worker and report this with its log; nothing is lost by that."
            return Part("stuck", detail, todo, fatal=longest >= _GIVE_UP * self._settings.stuck_after)
        if not waiting:
            return ready("Nothing waits.")
        why = "they wait for calls that are under way" if by_others or timely else "they move"
        return ready(f"{waiting:,} records wait or are under way, and {why}.")

    def _timely(self, parts: Parts) -> set[int]:
        """The partitions with a call under way that has not overrun its time-out."""
        now, most = time.monotonic(), self._settings.action_timeout + _GRACE
        under_way = parts.ledgers.under_way()
        begun = {claim: self._begun.get(claim, now) for claims in under_way.values() for claim in claims}
        self._begun = begun
        return {number for number, claims in under_way.items() if any(now - begun[one] <= most for one in claims)}

    def _calls(self) -> Part:
        if self._parts is None:
            return ready("No calls are under way.")
        slots = self._parts.slots
        if slots.waiting:
            return ready(
                f"Busy: {slots.in_flight} calls of at most {slots.limit} are under way, and {slots.waiting:,} commands "
                "wait for a place. Slow modules take them; see onestack_action_seconds."
            )
        return ready(f"{slots.in_flight} calls of at most {slots.limit} are under way.")
