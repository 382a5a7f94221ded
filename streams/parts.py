"""What a worker's agents share."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from engine.redaction import Redaction
from engine.rules import Rules
from runtime.clock import Clock
from runtime.kafka import Publisher
from schemas.formats import newer_document
from schemas.names import DEFINITIONS, SIGNALS
from streams.commands import made_of
from streams.definitions import Definitions
from streams.follow import Follow
from streams.guards import Guards
from streams.holding import Held, Holding
from streams.lease import Lease
from streams.ledger import Ledgers, older
from streams.reading import ReadBack
from streams.signals import EARLY_MS, Signals
from streams.slots import Slots
from streams.timers import Timers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Iterable
    from typing import Any

    from aiokafka import AIOKafkaConsumer
    from aiokafka.structs import TopicPartition

    from engine.run import RunState
    from runtime.settings import Settings
    from streams.connections import Connections
    from streams.executors import Executor
    from streams.joining import Joining
    from streams.ledger import Ledger

_MOST_HANDED_ON: Final = 16
_LEAVE_SECONDS: Final = 2.0
_JOIN_SECONDS: Final = 1.0
"""Within which we hear of our partitions after the group's coordinator has given them to us."""


class Parts:
    """One worker's publisher, definitions, ledgers and executors."""

    publisher: Publisher
    consumer: AIOKafkaConsumer
    joining: Joining

    def __init__(self, settings: Settings, partitions: int) -> None:
        self.settings = settings
        self.partitions = partitions
        self.clock = Clock(settings.clock_file)
        self.definitions = Definitions()
        self.rules = Rules(
            chain_limit=settings.chain_limit,
            chain_repeats=settings.chain_repeats,
            redact=Redaction(settings.redact),
            calendar=self.definitions.registry.calendar,
        )
        self.holding = Holding()
        self.ledgers = Ledgers(settings, self.hold)
        self.read_back = ReadBack()
        self.signals = Signals(settings.repeat_window)
        self.follow = Follow(self)
        self.timers = Timers(self)
        self.guards = Guards(self)
        self.slots = Slots(settings.max_calls)
        self.lease = Lease(settings.session_timeout)
        self.executors: dict[str, Executor] = {}
        """By action, from when there is an app."""
        self.stopping = False
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, connections: Connections) -> None:
        """Take up the connections; begin to read the definitions, and what is known of our partitions."""
        self.consumer, self.joining = connections.group, connections.joining
        self.publisher = Publisher(connections.producer)
        self._reaching = connections.reaching
        self.ledgers.start(connections.log)
        self.read_back.start(connections.states)
        self.definitions.start(connections.definitions)
        self.joining.take(self.on_assigned)

    async def drain(self, seconds: float) -> None:
        """Begin no more calls; wait for those in flight, and for what they lead to, at most this long."""
        self.stopping = True
        self.timers.halt()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=seconds)

    async def stop(self) -> None:
        """Let go of everything; what was not finished is delivered again after a restart."""
        self.timers.close()
        self.guards.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Where the app never came to listen, the group has to be left all the same.
        self.joining.give_up()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.consumer.stop(), _LEAVE_SECONDS)
        await self.definitions.stop()
        await self.ledgers.stop()
        await self.read_back.stop()
        await self.publisher.stop()

    def hand_on(self, ledger: Ledger, key: bytes, state: RunState, arrived: int) -> None:
        """Perform the next command of a run that was just acknowledged, without waiting to read it back from Kafka.

        The copy that Kafka delivers finds the claim, and only lets its offset be committed. A worker that is
        busy leaves the command to that copy: what Kafka delivers comes in batches, which cost less a record.
        """
        if state.current is None or self.stopping or not ledger.open or len(self._tasks) >= _MOST_HANDED_ON:
            return
        performer = self.timers if state.status == "waiting" else self.executors.get(state.current["action"])
        if performer is not None:
            _ = self.spawn(performer.go_on(ledger, key, state, arrived))

    async def known(self, ledger: Ledger, records: list[Any]) -> None:
        """Return when it is known what was done on a partition, what waits on it and which signals it has seen.

        Of all that the window of a repeated event has, for these records may repeat some that came long before.
        """
        await ledger.whole.wait()
        await self._known_since(ledger, older(records))

    async def known_of(self, ledger: Ledger, commands: list[Any]) -> None:
        """The same for commands: of all since they were made, as nothing can have come of them before."""
        await ledger.ready.wait()
        since = older(commands)
        if not ledger.whole.is_set():
            # A command may have come to Kafka long after it was performed.
            since = min(since, *map(made_of, commands))
            if since <= 0:
                await ledger.whole.wait()
                since = older(commands)
        await self._known_since(ledger, since)

    async def _known_since(self, ledger: Ledger, since: float) -> None:
        await self.timers.ready(ledger.partition)
        await self.ledgers.reach_back(ledger, since)
        await self.remember(ledger, since)

    async def remember(self, ledger: Ledger, since: float) -> None:
        """Make sure that a partition's signals are known from this time on (seconds since the epoch)."""
        if ledger.open and self.signals.unknown(ledger.partition, since):
            await self.recollect({ledger.partition}, since - EARLY_MS / 1000)

    def spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run beside the agents, and be waited for when the worker stops."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def on_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """These partitions are ours from now on."""
        partitions = _numbers(assigned)
        # The coordinator counts from when it let us join, a moment before we heard of it.
        self.lease.renew(self.joining.joined - _JOIN_SECONDS)
        self.holding.release(list(self.holding))
        self.ledgers.assign(partitions)
        self.signals.assign(partitions)
        self.timers.assign(partitions)
        self.guards.assign(partitions)

    @property
    def recovering(self) -> int:
        """On how many partitions work waits until it is known what was done there."""
        return len(self.ledgers.recovering | self.timers.recovering)

    async def recollect(self, partitions: set[int], since: float) -> None:
        """Read back the signals of these partitions, from this time on (seconds since the epoch)."""
        memories = self.signals.memories(partitions)
        await self.read_back.read(SIGNALS, partitions, since, self._restore_signal)
        self.signals.remembered(memories, since)

    def _restore_signal(self, record: Any) -> None:
        if self.readable(record, newer_document(record.value)):
            self.signals.restore(record.partition, record.key, record.value)

    def readable(self, record: Any, newer: int | None) -> bool:
        """False where a record is in a version that is newer than this release reads: then its partition is held."""
        if newer is not None:
            self.hold(Held(record.topic, record.partition, record.offset, newer))
        return newer is None

    def hold(self, held: Held) -> None:
        """Go on with a partition no more, until it is given out anew; calls in flight may end before."""
        if self.holding.hold(held):
            self.guards.revoke({held.partition})
            self.timers.drop(held.partition)
            _ = self.spawn(self.ledgers.close(held.partition, self.settings.action_timeout))

    async def on_revoked(self, revoked: Iterable[TopicPartition], patience: float) -> None:
        """A rebalance begins; returns when the calls in flight are in the log, or after so many seconds."""
        if not (partitions := _numbers(revoked)):
            # What is about to be told may have been taken over already (`Joining.take`): that goes on.
            return
        self.guards.revoke(partitions)
        await self.ledgers.revoke(partitions, patience)


def _numbers(partitions: Iterable[TopicPartition]) -> set[int]:
    """Which partitions these are; the one of the definitions is no entity's."""
    return {tp.partition for tp in partitions if tp.topic != DEFINITIONS}


async def begin(settings: Settings, connecting: Awaitable[Connections]) -> Parts:
    """The parts of a worker that takes over its partitions as soon as it is connected and they are given to it."""
    connections = await connecting
    parts = Parts(settings, connections.partitions)
    parts.start(connections)
    return parts
