"""The process that keeps the history.

Runs, dead letters and definitions are followed here; beside that go the events, and the removal of what is old.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from aiokafka import TopicPartition

from projections import spans
from projections.definitions import Definitions, FoldFactory
from projections.event_projector import EventProjector
from projections.events import Redact
from projections.follower import Batch, Follower
from projections.housekeeping import Housekeeping
from projections.migrations import migrate
from projections.projection import Projection
from projections.readiness import ProjectorHealth
from projections.retention import REMOVED
from projections.store import Partition
from runtime import metrics, tracing
from runtime.dependencies import KAFKA, POSTGRES
from runtime.health import Health, Part
from runtime.logging import logger, tell_of_tasks
from runtime.postgres import Connection
from runtime.settings import Settings
from schemas.formats import READS, newer_entries
from schemas.names import DEAD_LETTERS, DEFINITIONS, PROJECTOR_GROUP, RUNS

log = logger("projector")

GROUP: Final = PROJECTOR_GROUP
MOST_RECORDS: Final = 4_000
"""Records of one batch: about a tenth of a second of work, which is what a stop may have to wait for."""
LINGER: Final = 0.008
BUSY_LINGER: Final = 0.04
MANY: Final = 100
"""Seconds for which records may gather behind the first; the longer after a batch of that many."""


class Projector(Follower):
    """One projector of runs; `on_batch` hears of each batch that was written: its records and the seconds it took."""

    topics = (RUNS, DEAD_LETTERS, DEFINITIONS)
    group = GROUP
    name = "projector"
    measured = (RUNS, DEAD_LETTERS)

    def __init__(
        self, settings: Settings, folds: FoldFactory, on_batch: Callable[[int, float], None] | None = None
    ) -> None:
        super().__init__(settings)
        self._folds = folds
        self._on_batch = on_batch or (lambda _records, _seconds: None)
        self._projection: Projection
        self._definitions: Definitions
        self._many = False
        self._held: dict[TopicPartition, tuple[int, int]] = {}

    async def _open(self, connection: Connection) -> None:
        await connection.add_listener(REMOVED, self._removed)
        self._projection = Projection(self._store)
        self._definitions = Definitions(connection, self._folds)

    def _removed(self, *_told: object) -> None:
        self._projection.forget_finished()

    def _stand(self, positions: dict[Partition, int]) -> None:
        self._projection.forget()
        self._projection.positions = positions
        if self._held:
            # Looked at again: another version may have gone on, or a rebuild may have moved the position.
            self._consumer.resume(*(self._held.keys() & self._consumer.assignment()))
            self._held.clear()

    def _positions(self) -> Mapping[Partition, int]:
        return self._projection.positions

    def _seeks_itself(self, one: TopicPartition, begin: int, end: int) -> bool:
        if one.topic != DEFINITIONS:
            return False
        self._definitions.begin(end)
        self._consumer.seek(one, begin)
        return True

    async def _turn(self) -> bool:
        if self._definitions.reading and (DEFINITIONS, 0) in self._projection.positions:
            await self._define(())
        found = await self._arrived()
        if found and not self._stale:
            self.measure.took(found.values())
            self._writing = True
            self._many = sum(map(len, found.values())) >= MANY
            try:
                await self._write(found)
                self.measure.wrote()
                POSTGRES.reached()
            finally:
                self._writing = False
            return True
        return False

    async def _arrived(self) -> dict[TopicPartition, list[Any]]:
        """What has arrived, and what follows it closely.

        The four records of a run that is over in 8 ms then cost one transaction instead of four, and none of them is
        written while the run still needs the machine.
        """
        found = dict(await self._consumer.getmany(timeout_ms=500, max_records=MOST_RECORDS))
        if found and (room := MOST_RECORDS - sum(map(len, found.values()))) > 0:
            await asyncio.sleep(BUSY_LINGER if self._many else LINGER)
            for at, records in (await self._consumer.getmany(timeout_ms=0, max_records=room)).items():
                found[at] = [*found.get(at, ()), *records]
        return found

    async def _write(self, found: Batch) -> None:
        positions = self._projection.positions
        records: list[Any] = []
        for one, of_one in found.items():
            if one not in positions:
                continue
            if one.topic == DEFINITIONS:
                await self._define(of_one)
            elif one not in self._held:
                records += self._readable(one, of_one)
        if not records:
            return
        if tracing.active is None:
            await self._project(records)
        else:
            with spans.projecting(records):
                await self._project(records)

    async def _project(self, records: list[Any]) -> None:
        began = time.perf_counter()
        poisoned, entries = self._projection.poisoned, self._projection.entries
        await self._projection.project(records)
        await self._marks.set(records)
        took = time.perf_counter() - began
        metrics.PROJECTED.inc(self._projection.entries - entries)
        metrics.PROJECTION_SECONDS.observe(took)
        if self._projection.poisoned > poisoned:
            metrics.DEAD_LETTERS.labels(RUNS, "invalid").inc(self._projection.poisoned - poisoned)
        self._on_batch(len(records), took)

    def _readable(self, at: TopicPartition, records: Sequence[Any]) -> Sequence[Any]:
        """The records before the first that is newer than this version reads: that one stays where it is."""
        if at.topic != RUNS:
            return records
        for number, record in enumerate(records):
            if (version := newer_entries(record.value)) is not None:
                self._held[at] = (record.offset, version)
                self._consumer.pause(at)
                self.log.error(
                    "a partition is held: a record there is newer than this version can read; run a newer projector",
                    topic=at.topic, partition=at.partition, offset=record.offset, format=version, reads=READS,
                )  # fmt: skip
                return records[:number]
        return records

    def held(self) -> Part | None:
        for at, (offset, version) in self._held.items():
            detail = (
                f"Held: partition {', '.join(str(one.partition) for one in sorted(self._held))}. The record at "
                f"{at.topic}/{at.partition}/{offset} is in format {version}, and this version reads up to {READS}. "
                "Nothing there is lost; the history of the other partitions goes on."
            )
            todo = "Run a projector of the version that wrote it; see docs/adr/0017-format-versions.md."
            return Part("refused", detail, todo)
        return None

    async def _define(self, records: Sequence[Any]) -> None:
        partition = TopicPartition(DEFINITIONS, 0)
        # Compaction leaves holes: where the consumer stands says how far it has come, not the last record.
        position = await self._consumer.position(partition)
        if records:
            position = max(position, records[-1].offset + 1)
        await self._definitions.take(records, position)


async def run_projector(
    settings: Settings, folds: FoldFactory, redact: Redact, *, on_batch: Callable[[int, float], None] | None = None
) -> None:
    """The projector as a process: migrates, serves `/metrics`, projects until SIGTERM or SIGINT.

    `folds` makes an empty fold of definitions (the engine's `Registry` class), `redact` gives an event as it may be
    kept (as the engine does for the run log). Topics have to exist. The event loop has to end with it, as `asyncio.run`
    does: where a client's task keeps that from ending, the process is ended.
    """
    # Batches of parsed JSON hold no cycles, and looking for some in each took a sixth of the time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    tell_of_tasks(loop)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    metrics.tell_build("projector")
    metrics.DEAD_LETTERS.labels(RUNS, "invalid")
    KAFKA.watch()
    POSTGRES.watch()
    health = Health("projector")
    standing = ProjectorHealth(settings, health)
    metrics.serve(settings, health)
    looking = asyncio.create_task(health.keep_looking(), name="health")
    code = 1
    try:
        await _migrated(settings, stop)
        standing.migrated()
        runs, events = Projector(settings, folds, on_batch), EventProjector(settings, redact)
        standing.follow(runs, events)
        await _together(stop, runs.run, events.run, Housekeeping(settings).run)
        code = 0
    finally:
        looking.cancel()
        _end_for_sure(code)


async def _migrated(settings: Settings, stop: asyncio.Event) -> None:
    """Bring the tables to this version, waiting for Postgres until then or until `stop` is set."""
    work = asyncio.create_task(migrate(settings.postgres_url, patience=None))
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if work.done():
        work.result()
    work.cancel()


async def _together(stop: asyncio.Event, *parts: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run all parts until `stop` is set. One that fails stops the others, and its error is raised."""

    async def one(part: Callable[[asyncio.Event], Awaitable[None]]) -> None:
        try:
            await part(stop)
        finally:
            stop.set()

    done = await asyncio.gather(*map(one, parts), return_exceptions=True)
    for error in done:
        if isinstance(error, BaseException):
            raise error


def _end_for_sure(code: int) -> None:
    """Give what is left of the clients' tasks a moment; one that waits for a lost broker would keep the process."""
    loop = asyncio.get_running_loop()
    if stuck := [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]:
        log.debug("leaving tasks of the clients behind", tasks=len(stuck))
        # All that counts is in Postgres, written or rolled back.
        last = threading.Timer(0.5, lambda: None if loop.is_closed() else os._exit(code))
        last.daemon = True
        last.start()
