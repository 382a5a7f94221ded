"""The process that keeps the history: Kafka in, Postgres out, until it is told to stop.

Where it stands is in Postgres alone: on each assignment, and after anything went wrong, it reads the offsets there and
seeks to them. Kafka's group only shares out the partitions.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from projections.definitions import Definitions, FoldFactory
from projections.errors import PositionLost
from projections.migrations import migrate
from projections.projection import Projection
from projections.store import MOVED, Move, Partition, Rows, Store
from runtime import metrics
from runtime.fetch_sessions import use_fetch_sessions
from runtime.kafka import client_options
from runtime.logging import logger
from runtime.postgres import Connection, connect, patiently
from runtime.settings import Settings
from schemas.names import DEAD_LETTERS, DEFINITIONS, RUNS

log = logger("projector")

GROUP: Final = "onestack-projector"
MOST_RECORDS: Final = 4_000
"""Records of one batch: about a tenth of a second of work, which is what a stop may have to wait for."""
LINGER: Final = 0.008
BUSY_LINGER: Final = 0.04
MANY: Final = 100
"""Seconds for which records may gather behind the first; the longer after a batch of that many."""
MOST_BYTES: Final = 16 * 1024 * 1024
_LONGEST_WAIT: Final = 5.0
# The last is what asyncpg raises of a connection that broke in the middle of a call.
_POSTGRES: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
    asyncpg.InternalClientError,
)
Batch = Mapping[TopicPartition, Sequence[Any]]


class Projector(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """One projector; `on_batch` hears of each batch that was written: its records and the seconds it took."""

    def __init__(
        self, settings: Settings, folds: FoldFactory, on_batch: Callable[[int, float], None] | None = None
    ) -> None:
        self.settings = settings
        self._folds = folds
        self._on_batch = on_batch or (lambda _records, _seconds: None)
        self._consumer: Any = None
        self._connection: Connection | None = None
        self._projection: Projection
        self._definitions: Definitions
        self._stale = True
        self._stopping = False
        self._writing = False
        self._lag_at = 0.0
        self._many = False

    async def run(self, stop: asyncio.Event) -> None:
        """Project until `stop` is set; then the transaction at work finishes, or after a second is rolled back."""
        work = asyncio.create_task(self._work(), name="projector")
        waiting = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
            self._stopping = True
            if self._writing and not work.done():
                await asyncio.wait({work}, timeout=1.0)
            if not work.done():
                work.cancel()
                await asyncio.wait({work}, timeout=0.3)
            if work.done() and not work.cancelled():
                self._ended(work, asked=stop.is_set())
        finally:
            waiting.cancel()
            work.cancel()
            await self._close()

    @staticmethod
    def _ended(work: asyncio.Task[None], *, asked: bool) -> None:
        error = work.exception()
        if error is not None and not asked:
            raise error
        if error is not None:
            # A client that is cancelled while its broker is away raises what it likes.
            log.debug("ended with an error", error=_told(error))

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:  # noqa: ARG002
        """Called by aiokafka: what is remembered holds no longer."""
        self._stale = True

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Called by aiokafka: the offsets are to be read from Postgres before anything is folded."""
        self._stale = True
        log.info("partitions assigned", partitions=len(assigned))

    async def _close(self) -> None:
        if self._consumer is not None:
            # Not wait_for: while the broker is away, aiokafka's stop may not end when it is cancelled.
            stopping = asyncio.create_task(self._consumer.stop())
            await asyncio.wait({stopping}, timeout=0.7)
            if stopping.done() and not stopping.cancelled() and stopping.exception() is not None:
                log.debug("the consumer did not stop cleanly", error=_told(stopping.exception() or OSError()))
        await self._disconnect()

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*_POSTGRES):
                await connection.close(timeout=0.3)

    async def _work(self) -> None:
        await migrate(self.settings.postgres_url, patience=None)
        await self._connect()
        await self._start_consumer()
        pause = 0.1
        while not self._stopping:
            try:
                await self._turn()
                pause = 0.1
            except PositionLost as lost:
                log.info("reading the offsets again", reason=str(lost))
                self._stale = True
            except _POSTGRES as error:
                log.warning("postgres did not take a batch, connecting anew", error=_told(error))
                self._stale = True
                await self._disconnect()
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_WAIT)
                await self._connect()
            except KafkaError as error:
                log.warning("kafka refused, trying again", error=_told(error))
                self._stale = True
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_WAIT)

    async def _connect(self) -> None:
        waited = False

        def say(error: BaseException) -> None:
            nonlocal waited
            waited = True
            log.warning("postgres is away, waiting for it", error=_told(error))

        url = self.settings.postgres_url
        # What a crash of the server takes of the rows it takes of the offsets too: Kafka has it still.
        self._connection = await patiently(lambda: connect(url, durable=False), patience=None, on_wait=say)
        if waited:
            log.info("postgres is back")
        await self._connection.add_listener(MOVED, self._moved)
        self._projection = Projection(Store(self._connection))
        self._definitions = Definitions(self._connection, self._folds)

    def _moved(self, *_told: object) -> None:
        self._stale = True

    async def _start_consumer(self) -> None:
        pause, waited = 0.2, False
        while True:
            consumer = self._consumer = self._new_consumer()
            try:
                await consumer.start()
            except (KafkaError, OSError, TimeoutError) as error:
                if not waited:
                    log.warning("kafka is away, waiting for it", error=_told(error))
                waited = True
                with contextlib.suppress(KafkaError, OSError):
                    await consumer.stop()
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_WAIT)
            else:
                return

    def _new_consumer(self) -> Any:
        settings = self.settings
        consumer = AIOKafkaConsumer(
            **client_options(settings),
            group_id=GROUP,
            group_instance_id=f"projector-{settings.instance}" if settings.instance else None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=6_000,
            heartbeat_interval_ms=1_000,
            fetch_max_wait_ms=settings.fetch_max_wait_ms,
            fetch_max_bytes=MOST_BYTES,
            max_partition_fetch_bytes=2 * 1024 * 1024 + 64 * 1024,
            metadata_max_age_ms=30_000,
        )
        use_fetch_sessions(consumer)
        consumer.subscribe([RUNS, DEAD_LETTERS, DEFINITIONS], listener=self)
        return consumer

    async def _turn(self) -> None:
        """Fetch what has arrived, and write it."""
        if self._stale:
            await self._seek()
        if self._definitions.reading and (DEFINITIONS, 0) in self._projection.positions:
            await self._define(())
        found = await self._arrived()
        if found and not self._stale:
            self._writing = True
            self._many = sum(map(len, found.values())) >= MANY
            try:
                await self._write(found)
            finally:
                self._writing = False
        self._measure_lag()

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

    async def _seek(self) -> None:
        """Stand where Postgres says, on each partition that is assigned."""
        self._stale = False
        assigned = self._consumer.assignment()
        self._projection.forget()
        self._projection.positions = {}
        if not assigned:
            return
        begins = await self._consumer.beginning_offsets(assigned)
        ends = await self._consumer.end_offsets(assigned)
        positions = await self._projection.store.positions(Partition(*one) for one in assigned)
        if self._stale:
            return
        for one in assigned:
            at = Partition(*one)
            if at.topic == DEFINITIONS:
                self._definitions.begin(ends[one])
                self._consumer.seek(one, begins[one])
                continue
            if positions[at] > ends[one] and not await self._reaches(one, begins[one], ends[one], positions[at]):
                log.warning(
                    "a topic is shorter than it was: it was made anew, reading it from its beginning", topic=at.topic
                )
                await self._projection.store.write(Rows(), [Move(*at, positions[at], begins[one])])
                positions[at] = begins[one]
            self._consumer.seek(one, max(positions[at], begins[one]))
        self._projection.positions = positions

    async def _reaches(self, one: TopicPartition, begin: int, end: int, position: int) -> bool:
        """Whether the log has the record before `position` after all.

        Tansu names as its end the offset after the first record of its last batch.
        """
        self._consumer.seek(one, max(begin, end - 1))
        until = time.monotonic() + 1.0
        reached = end
        while reached < position and time.monotonic() < until:
            for records in (await self._consumer.getmany(one, timeout_ms=100)).values():
                reached = records[-1].offset + 1
        return reached >= position

    async def _write(self, found: Batch) -> None:
        positions = self._projection.positions
        records: list[Any] = []
        for one, of_one in found.items():
            if one not in positions:
                continue
            if one.topic == DEFINITIONS:
                await self._define(of_one)
            else:
                records += of_one
        if not records:
            return
        began = time.perf_counter()
        poisoned, entries = self._projection.poisoned, self._projection.entries
        await self._projection.project(records)
        took = time.perf_counter() - began
        metrics.PROJECTED.inc(self._projection.entries - entries)
        metrics.PROJECTION_SECONDS.observe(took)
        if self._projection.poisoned > poisoned:
            metrics.DEAD_LETTERS.labels(RUNS).inc(self._projection.poisoned - poisoned)
        self._on_batch(len(records), took)

    async def _define(self, records: Sequence[Any]) -> None:
        partition = TopicPartition(DEFINITIONS, 0)
        # Compaction leaves holes: where the consumer stands says how far it has come, not the last record.
        position = await self._consumer.position(partition)
        if records:
            position = max(position, records[-1].offset + 1)
        await self._definitions.take(records, position)

    def _measure_lag(self) -> None:
        now = time.monotonic()
        if now < self._lag_at:
            return
        self._lag_at = now + 1.0
        lag = {RUNS: 0, DEAD_LETTERS: 0}
        for at, position in self._projection.positions.items():
            if at.topic in lag:
                with contextlib.suppress(KafkaError):
                    end = self._consumer.highwater(TopicPartition(*at))
                    lag[at.topic] += max(0, (end or 0) - position)
        for topic, waiting in lag.items():
            metrics.CONSUMER_LAG.labels(topic).set(waiting)


def _told(error: BaseException) -> str:
    return str(error) or type(error).__name__


async def run_projector(
    settings: Settings, folds: FoldFactory, *, on_batch: Callable[[int, float], None] | None = None
) -> None:
    """The projector as a process: migrates, serves `/metrics`, projects until SIGTERM or SIGINT.

    `folds` makes an empty fold of definitions (the engine's `Registry` class). Topics have to exist. The event loop has
    to end with it, as `asyncio.run` does: where a client's task keeps that from ending, the process is ended.
    """
    # Batches of parsed JSON hold no cycles, and looking for some in each took a sixth of the time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    metrics.serve(settings)
    code = 1
    try:
        await Projector(settings, folds, on_batch).run(stop)
        code = 0
    finally:
        _end_for_sure(code)


def _end_for_sure(code: int) -> None:
    """Give what is left of the clients' tasks a moment; one that waits for a lost broker would keep the process."""
    loop = asyncio.get_running_loop()
    if stuck := [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]:
        log.debug("leaving tasks of the clients behind", tasks=len(stuck))
        # All that counts is in Postgres, written or rolled back.
        last = threading.Timer(0.5, lambda: None if loop.is_closed() else os._exit(code))
        last.daemon = True
        last.start()
