"""What every process that keeps part of the history does: Kafka in, Postgres out, until it is told to stop.

Where it stands is in Postgres alone: on each assignment, and after anything went wrong, it reads the offsets there and
seeks to them. Kafka's group only shares out the partitions.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from projections.errors import PositionLost
from projections.logs import Marks, start_anew
from projections.measuring import Measure
from projections.standing import standing_of
from projections.store import MOVED, Partition, Store
from runtime.dependencies import KAFKA, POSTGRES
from runtime.fetch_sessions import use_fetch_sessions
from runtime.fetch_waits import use_quiet_waits
from runtime.health import Part
from runtime.kafka import client_options
from runtime.kafka_connection import reason_of
from runtime.logging import logger
from runtime.postgres import Connection, connect, patiently, trouble
from runtime.settings import Settings
from schemas.names import DEFINITIONS

_LONGEST_WAIT: Final = 5.0
_IDLE: Final = 3.0
"""Seconds after a failure for which a part that has nothing to write still counts as waiting."""
# The last is what asyncpg raises of a connection that broke in the middle of a call.
POSTGRES_FAILED: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
    asyncpg.InternalClientError,
)
"""What a batch may end with: it is taken again, on a new connection."""
Batch = Mapping[TopicPartition, Sequence[Any]]


class Follower(ConsumerRebalanceListener, ABC):  # type: ignore[misc]  # aiokafka has no types
    """Follows `topics` as a member of `group`; what is done with the records is its subclass's."""

    topics: Sequence[str]
    group: str
    name: str
    """Of its task and its logger; its stable member name in the group begins with it."""
    measured: Sequence[str]
    """The topics whose lag it tells."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.log = logger(self.name)
        self._consumer: Any = None
        self._connection: Connection | None = None
        self._store: Store
        self._marks: Marks
        self._stale = True
        self._stopping = False
        self._writing = False
        self._failed_at = 0.0
        self.measure = Measure(self.group, self.measured)
        self.standing = standing_of(self.name)

    @abstractmethod
    async def _open(self, connection: Connection) -> None:
        """Begin on this connection; nothing of an earlier one holds any longer."""

    @abstractmethod
    def _stand(self, positions: dict[Partition, int]) -> None:
        """From here on come the records from these positions on."""

    @abstractmethod
    def _positions(self) -> Mapping[Partition, int]:
        """The next offset of each partition that it holds."""

    @abstractmethod
    async def _turn(self) -> bool:
        """Fetch what has arrived, and write it; whether anything was written."""

    @property
    def assigned(self) -> int:
        """How many partitions are its own."""
        return len(self._consumer.assignment()) if self._consumer is not None else 0

    @property
    def trouble(self) -> str | None:
        """What it waits for, where it waits."""
        return self.standing.reason

    def mark(self) -> int:
        """A number that changes with each batch that is written."""
        return sum(self._positions().values())

    def held(self) -> Part | None:
        """Why it refuses to go on with some partition, where it does."""
        return None

    async def run(self, stop: asyncio.Event) -> None:
        """Follow until `stop` is set; then the transaction at work finishes, or after a second is rolled back."""
        work = asyncio.create_task(self._work(), name=self.name)
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

    def _ended(self, work: asyncio.Task[None], *, asked: bool) -> None:
        error = work.exception()
        if error is not None and not asked:
            raise error
        if error is not None:
            # A client that is cancelled while its broker is away raises what it likes.
            self.log.debug("ended with an error", error=told(error))

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:  # noqa: ARG002
        """Called by aiokafka: what is remembered holds no longer."""
        self._stale = True

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Called by aiokafka: the offsets are to be read from Postgres before anything is written."""
        self._stale = True
        self.measure.shared_out()
        self.log.info("partitions assigned", partitions=len(assigned))

    async def _close(self) -> None:
        if self._consumer is not None:
            # Not wait_for: while the broker is away, aiokafka's stop may not end when it is cancelled.
            stopping = asyncio.create_task(self._consumer.stop())
            await asyncio.wait({stopping}, timeout=0.7)
            if stopping.done() and not stopping.cancelled() and stopping.exception() is not None:
                self.log.debug("the consumer did not stop cleanly", error=told(stopping.exception() or OSError()))
        await self._disconnect()

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*POSTGRES_FAILED):
                await connection.close(timeout=0.3)

    async def _work(self) -> None:
        await self._connect()
        await self._start_consumer()
        measuring = asyncio.create_task(self.measure.run(self._consumer, self._positions), name=f"{self.name}-measure")
        try:
            await self._keep_on()
        finally:
            measuring.cancel()

    async def _keep_on(self) -> None:
        pause = 0.1
        while not self._stopping:
            try:
                await self._follow()
                pause = 0.1
            except PositionLost as lost:
                self.log.info("reading the offsets again", reason=str(lost))
                self._stale = True
            except POSTGRES_FAILED as error:
                POSTGRES.away()
                self._wait(trouble(error))
                self._stale = True
                await self._disconnect()
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_WAIT)
                await self._connect()
                self._failed_at = time.monotonic()
            except KafkaError as error:
                KAFKA.away()
                self._wait(f"kafka refused ({told(error)})")
                self._stale = True
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_WAIT)

    def _wait(self, reason: str) -> None:
        self._failed_at = time.monotonic()
        if self.standing.wait(reason):
            self.log.warning("waiting; nothing is lost, and it goes on by itself", reason=reason)

    async def _follow(self) -> None:
        if self._stale:
            await self._seek()
        wrote = await self._turn()
        if self.standing.reason is not None and (wrote or time.monotonic() - self._failed_at > _IDLE):
            waited = self.standing.go_on()
            self.log.info("goes on", waited_seconds=round(waited or 0.0, 1))
        if POSTGRES.idle and self._connection is not None:
            await self._connection.execute("select 1")
            POSTGRES.reached()

    async def _connect(self) -> None:
        def say(error: BaseException) -> None:
            POSTGRES.away()
            self._wait(trouble(error))

        url = self.settings.postgres_url
        # What a crash of the server takes of the rows it takes of the offsets too: Kafka has it still.
        self._connection = connection = await patiently(lambda: connect(url, durable=False), patience=None, on_wait=say)
        POSTGRES.reached()
        await connection.add_listener(MOVED, self._moved)
        self._store = Store(connection)
        self._marks = Marks(connection)
        await self._open(connection)

    def _moved(self, *_told: object) -> None:
        self._stale = True

    async def _start_consumer(self) -> None:
        pause = 0.2
        while True:
            consumer = self._consumer = self._new_consumer()
            try:
                await consumer.start()
            except (KafkaError, OSError, TimeoutError) as error:
                KAFKA.away()
                self._wait(f"kafka is away ({told(error)})")
                with contextlib.suppress(KafkaError, OSError):
                    await consumer.stop()
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_WAIT)
            else:
                KAFKA.reached()
                return

    def _fetching(self) -> dict[str, Any]:
        """How the consumer fetches."""
        return {"fetch_max_wait_ms": self.settings.fetch_max_wait_ms, "fetch_max_bytes": 16 * 1024 * 1024}

    def _new_consumer(self) -> Any:
        settings = self.settings
        consumer = AIOKafkaConsumer(
            **client_options(settings),
            **self._fetching(),
            group_id=self.group,
            group_instance_id=f"{self.name}-{settings.instance}" if settings.instance else None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=6_000,
            heartbeat_interval_ms=1_000,
            max_partition_fetch_bytes=2 * 1024 * 1024 + 64 * 1024,
            metadata_max_age_ms=30_000,
        )
        use_fetch_sessions(consumer)
        use_quiet_waits(consumer)
        consumer.subscribe(list(self.topics), listener=self)
        return consumer

    async def _seek(self) -> None:
        """Stand where Postgres says, on each partition that is assigned."""
        self._stale = False
        assigned = self._consumer.assignment()
        self._stand({})
        if not assigned:
            return
        await start_anew(self._marks.connection, self._consumer, [one for one in assigned if one.topic != DEFINITIONS])
        begins = await self._consumer.beginning_offsets(assigned)
        ends = await self._consumer.end_offsets(assigned)
        positions = await self._store.positions(Partition(*one) for one in assigned)
        if self._stale:
            return
        for one in assigned:
            if not self._seeks_itself(one, begins[one], ends[one]):
                self._consumer.seek(one, max(positions[Partition(*one)], begins[one]))
        self._stand(positions)

    def _seeks_itself(self, one: TopicPartition, begin: int, end: int) -> bool:  # noqa: ARG002
        """Whether this partition's position is the subclass's to find, which it then has done."""
        return False


def told(error: BaseException) -> str:
    """The error in words."""
    return reason_of(error)
