"""The guard agent: one hop between an event and its run, where a throttle or the storm breaker may say no.

Theory of operation. A throttle's key spans entities, and so partitions: what it counts has to meet in one place. The
trigger agent puts a request on the guard topic, keyed `{org}/{workflow id}`; this agent takes a partition's requests in
their order, asks the pure `engine.guards.Guard`, writes what it decided to the guard's log (the admissions topic, same
key and partition), waits for the broker, sends the verdicts to the entities' home partitions as control records, waits
again, and only then lets the requests' offsets be committed.

Every verdict follows from the log and the requests alone: the time of a request is when the broker took it. So a worker
that is killed between any two lines leaves either a verdict in the log, which is sent again when the request comes
again, or none, and then the next worker comes to the same one. The control agent finds a repeat by its run.

A storm ends when nothing was suppressed for a minute. Where no request comes to show it, the worker puts a tick on the
guard topic: it takes its place in the partition's order, and has the broker's time like all the others.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

import orjson

from engine.guards import LONGEST, MINUTE, REPEATS, Guard, Over, from_json, to_json
from runtime import tracing
from runtime.logging import logger
from runtime.metrics import STORMS_OPENED
from schemas.errors import Refused
from schemas.formats import newer_document
from schemas.names import ADMISSIONS, GUARD
from streams import dead_letters, spans
from streams.guard_records import Asked, Verdict, ahead_of, tell, verdict_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.guards import Decision
    from engine.workflow import Workflow
    from runtime.tracing import Span
    from streams.parts import Parts

_MARGIN: Final = 30_000
"""Milliseconds that are read more than asked for: our clock and the broker's differ."""
_LOOK_SECONDS: Final = 0.5
_TICK_SECONDS: Final = 5.0
_LATE: Final = 500
"""Milliseconds by which a tick comes late, so that the broker's clock is past the minute too."""


def needed(parts: Parts, workflow: Workflow) -> bool:
    """Whether a run of this workflow has to be admitted before it starts."""
    return workflow.throttle is not None or parts.settings.storm_limit > 0


class _Watch:
    """One partition: its guards by `{org}/{workflow id}`."""

    def __init__(self, partition: int, written: asyncio.Future[None] | None = None) -> None:
        self.partition = partition
        self.open = True
        self.ready = asyncio.Event()
        self.guards: dict[str, Guard] = {}
        self.pruned = -1
        self.written = written
        self.ticked: dict[str, float] = {}

    def guard(self, key: str) -> Guard:
        found = self.guards.get(key)
        if found is None:
            org, _, workflow_id = key.partition("/")
            found = self.guards[key] = Guard(org, workflow_id)
            found.pruned = self.pruned
        return found

    def close(self) -> None:
        self.open = False
        self.ready.set()


class Guards:
    """The guards of the partitions that this worker has."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._watches: dict[int, _Watch] = {}
        self._look: asyncio.Task[None] | None = None
        self._log = logger("guards")

    def assign(self, partitions: set[int]) -> None:
        """These partitions are ours: read what was decided there."""
        before = {partition: watch.written for partition, watch in self._watches.items()}
        self.revoke(set(self._watches))
        self._watches = {partition: _Watch(partition, before.get(partition)) for partition in partitions}
        if self._watches:
            _ = self._parts.spawn(self._fill(list(self._watches.values())))
        if self._look is None:
            self._look = asyncio.create_task(self._look_out())

    def revoke(self, partitions: set[int]) -> None:
        """A rebalance begins: decide nothing more there."""
        for partition in partitions:
            if (watch := self._watches.pop(partition, None)) is not None:
                watch.close()

    def close(self) -> None:
        """Decide nothing more."""
        self.revoke(set(self._watches))
        if self._look is not None:
            self._look.cancel()

    @property
    def storms(self) -> int:
        """How many workflows are in a storm."""
        return sum(guard.stormy is not None for watch in self._watches.values() for guard in watch.guards.values())

    # -- what was decided before ----------------------------------------------------------------------------------

    async def _fill(self, watches: list[_Watch]) -> None:
        await self._parts.definitions.ready.wait()
        longest = max(REPEATS, _longest(self._parts))
        await self._read(watches, int(time.time() * 1000) - longest - _MARGIN)
        for watch in watches:
            await self._complete(watch)
            watch.ready.set()

    async def _read(self, watches: list[_Watch], since: int) -> None:
        """Make these guards anew from their log, from this time on (milliseconds, by the broker's clock)."""
        by_partition = {watch.partition: watch for watch in watches if watch.open}
        for watch in by_partition.values():
            if watch.written is not None:
                await asyncio.wait((watch.written,))
            watch.guards, watch.pruned = {}, since + ahead_of(self._parts)

        def take(record: Any) -> None:
            if not self._parts.readable(record, newer_document(record.value)):
                return
            try:
                folded = from_json(orjson.loads(record.value))
                by_partition[record.partition].guard(record.key.decode()).fold(folded)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                self._log.warning("an admission can't be read", topic=ADMISSIONS, partition=record.partition,
                                  offset=record.offset, error=type(error).__name__)  # fmt: skip

        await self._parts.read_back.read(ADMISSIONS, list(by_partition), since / 1000, take)

    async def _complete(self, watch: _Watch) -> None:
        """Read further back where a storm began before what was read."""
        missing = [since for guard in watch.guards.values() if (since := guard.lacks) is not None]
        if missing:
            await self._read([watch], min(missing) - ahead_of(self._parts) - _MARGIN)

    async def _reach_back(self, watch: _Watch, asked: list[Asked]) -> None:
        missing = [
            one.appended - max(one.request.per, MINUTE)
            for one in asked
            if one.request is not None and not watch.guard(one.key).knows(one.request, one.at)
        ]
        if missing:
            self._log.info("reading further back in the guard's log", partition=watch.partition)
            await self._read([watch], min(missing) - _MARGIN)
            await self._complete(watch)

    # -- deciding -------------------------------------------------------------------------------------------------

    async def batch(self, event: Any, before: asyncio.Task[None] | None) -> None:
        """Decide on what has arrived on a partition, behind what arrived before it."""
        if before is not None and not before.done():
            await asyncio.wait((before,))
        watch = self._watches.get(event.message.partition)
        if watch is None:
            return
        await watch.ready.wait()
        sent: list[asyncio.Future[None]] = []
        asked = [one for record in event.value if (one := self._asked(record, sent)) is not None]
        await self._reach_back(watch, asked)
        if not watch.open:
            return
        written: list[asyncio.Future[None]] = []
        verdicts: list[Verdict] = []
        for one in asked:
            self._decide(watch, one, written, verdicts)
        _ = self._parts.spawn(self._finish(watch, event, written, verdicts, sent))

    def _asked(self, record: Any, sent: list[asyncio.Future[None]]) -> Asked | None:
        try:
            return Asked(record)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            refused = Refused.one("", f"not a request to a guard: {type(error).__name__}: {error}"[:300])
            sent.append(dead_letters.put(self._parts.publisher, record, refused, self._parts.partitions))
            return None

    def _decide(self, watch: _Watch, one: Asked, written: list[asyncio.Future[None]], verdicts: list[Verdict]) -> None:
        guard = watch.guard(one.key)
        records: list[Decision | Over] = []
        if (over := guard.lapse(one.at, one.offset)) is not None:
            guard.fold(over)
            records.append(over)
            span = self._traced(watch, one, over.run, over.carried)
            verdicts.append(verdict_of(span, over.carried, over.run, "storm", over.reason, over.summary))
        if one.request is not None:
            again, calm = guard.known(one.request.run) is not None, guard.stormy is None
            decision = guard.decide(one.request, one.at, self._parts.settings.storm_limit)
            guard.fold(decision)
            if calm and guard.stormy is not None:
                STORMS_OPENED.inc()
            if decision.verdict != "throttle" and not again:
                records.append(decision)
            span = self._traced(watch, one, decision.run, one.request.carried)
            verdicts.append(verdict_of(span, one.request.carried, decision.run, decision.verdict, decision.reason))
            guard.forget(one.at, one.request.per)
        for record in records:
            value = orjson.dumps(to_json(record))
            watch.written = self._parts.publisher.put(ADMISSIONS, watch.partition, one.key.encode(), value)
        if watch.written is not None:
            # Also that of a request before: a repeat must not be answered before the first is in the log.
            written.append(watch.written)

    @staticmethod
    def _traced(watch: _Watch, one: Asked, run: str, carried: dict[str, Any]) -> Span | None:
        if tracing.active is None:
            return None
        return spans.deciding(run, one.key, carried["event"], watch.partition, one.offset)

    async def _finish(
        self,
        watch: _Watch,
        event: Any,
        written: list[asyncio.Future[None]],
        verdicts: list[Verdict],
        sent: list[asyncio.Future[None]],
    ) -> None:
        await self._acknowledged(written)
        if not watch.open:
            return
        parts = self._parts
        sent += [tell(parts, verdict) for verdict in verdicts]
        await self._acknowledged(sent)
        if watch.open:
            event.ack()

    async def _acknowledged(self, futures: list[asyncio.Future[None]]) -> None:
        for future in dict.fromkeys(futures):
            if not future.done():
                await asyncio.wait((future,))
            if not future.cancelled() and (error := future.exception()) is not None:
                self._log.error("a record was refused for its size", error=repr(error))

    # -- the ends of storms ---------------------------------------------------------------------------------------

    async def _look_out(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for watch in list(self._watches.values()):
                if watch.open and watch.ready.is_set():
                    self._tick(watch)

    def _tick(self, watch: _Watch) -> None:
        now, ahead = self._parts.clock.time() * 1000, ahead_of(self._parts)
        for key, guard in watch.guards.items():
            last = guard.stormy
            if last is None or now < last + MINUTE + _LATE or time.monotonic() < watch.ticked.get(key, 0.0):
                continue
            watch.ticked[key] = time.monotonic() + _TICK_SECONDS
            value = orjson.dumps({"format": 1, "tick": True, "ahead": ahead})
            _ = self._parts.publisher.put(GUARD, watch.partition, key.encode(), value)


def _longest(parts: Parts) -> int:
    """The longest period of all throttles in force, in milliseconds."""
    registry, longest = parts.definitions.registry, 0.0
    for key in registry.snapshot():
        org, _, workflow_id = key.partition("/")
        workflow = registry.get(org, workflow_id)
        if workflow is not None and workflow.throttle is not None:
            longest = max(longest, min(workflow.throttle.per, LONGEST).total_seconds())
    return round(longest * 1000)


async def agent(parts: Parts, batches: AsyncIterator[Any]) -> None:
    """Take batches as they come; those of one partition in their order, others beside them."""
    last: dict[Any, asyncio.Task[None]] = {}
    async for event in batches:
        tp = event.message.tp
        last[tp] = parts.spawn(parts.guards.batch(event, last.get(tp)))
