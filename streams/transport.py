"""A Faust transport that hands an agent what has arrived on a partition as one event.

Theory of operation. Faust's cost is per event: queues, waits, bookkeeping. Here it is paid per batch: the value of an
event is a list of Kafka records, and its ack acknowledges them all. Differences from Faust's own aiokafka driver:

- The consumer lives in the main loop. Faust's runs in a thread of its own, which costs two hand-overs a fetch; our
  agents never hold the loop for long, so heartbeats are safe here.
- Offsets are kept as batches in delivery order (`offsets.Progress`), not as sets of single offsets.
- Events and commands are read ahead and handed over by turns (`fair.Fair`), so that one organisation's backlog holds
  up no other's records behind it. A partition of which too much waits or is not done is not polled: memory is bounded.
- Partitions are assigned by range, so that partition n of every topic is on one worker: topics have the same number
  of partitions and are keyed alike, so all about one entity meets in one process.
- A failed commit is logged and tried again with the next one. Kafka away is no reason to end the process.

What must change together: `_deliver` and `_release` (hand over), `finish` (acks), `force_commit` (commits) and
`on_partitions_revoked` (forgets).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from runtime.logging import logger
from runtime.metrics import REBALANCES, RECORDS_DONE
from schemas.formats import newer_request
from schemas.names import DEFINITIONS
from streams.ahead import MOST_IN_BATCH, Ahead, is_event
from streams.consumer import KafkaConsumer
from streams.delivery import BatchMessage
from streams.fair import Fair, Portion
from streams.lease import renewed_by
from streams.offsets import Progress
from streams.pace import MOST_AT_ONCE, MOST_COMMANDS, MOST_NEW, MOST_STARTING, READ_AHEAD, Pace, Turn

if TYPE_CHECKING:
    from collections.abc import Container, Mapping


class BatchConsumer(KafkaConsumer):
    """A Faust consumer in the main loop, whose messages are batches."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._progress: dict[TP, Progress] = {}
        self._log = logger("consumer")
        self._commit_failed = False
        self._pace = Pace()
        self._ahead = Ahead()
        self._released = self._commands = 0
        self._plenty = False
        self._finished: Counter[int] = Counter()
        self._rebalances = REBALANCES.labels(self.app.conf.id)

    async def on_start(self) -> None:
        """Take up the connection to Kafka."""
        self.client = self._host.worker_parts.consumer
        renewed_by(self.client, self._host.worker_parts.lease)
        await super().on_start()

    async def on_stop(self) -> None:
        """Commit what is done, and leave."""
        try:
            await asyncio.wait_for(self.force_commit(), 3)
        except (TimeoutError, KafkaError):
            self._log.warning("the last commit did not go through; what it covers will be delivered again")
        # Where we end before we were told what is ours, nobody waits for us to hear it.
        self._host.worker_parts.joining.give_up()
        await self.client.stop()

    # -- delivering ---------------------------------------------------------------------------------------------

    async def _drain_messages(self, fetcher: Any) -> None:
        stopped, fetcher_stopped = self._stopped.is_set, fetcher._stopped.is_set
        try:
            while not (stopped() or fetcher_stopped()):
                if not self.flow_active:
                    await self.wait(self.can_resume_flow.wait())
                    continue
                generation = self.app.consumer_generation_id
                turn = self._pace.next()
                arrived = await self._poll(turn)
                self._commands = 0
                self._plenty = sum(len(records) for tp, records in arrived.items() if is_event(tp)) >= MOST_AT_ONCE
                for tp, records in arrived.items():
                    await self._deliver(ensure_TP(tp), records, generation)
                await self._release(turn)
                if pause := self._pace.saw(turn, self._commands):
                    await asyncio.sleep(pause)
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise
        except asyncio.CancelledError:
            if not self.app.should_stop:
                raise

    async def _poll(self, turn: Turn) -> Mapping[TopicPartition, list[Any]]:
        active, full = self._get_active_partitions(), self._ahead.full(self._progress)
        waiting = self._ahead.waiting
        # While events come in plenty they are read in every turn: whose they are is known only then.
        every = turn is Turn.ALL or (turn is Turn.COMMANDS and self._plenty)
        held = frozenset(self._host.worker_parts.holding)
        limited = bool(full or held) or not every
        free: tuple[TopicPartition, ...] = ()
        if limited:
            wanted = (tp for tp in active if every or is_event(tp) is (turn is Turn.EVENTS))
            free = tuple(TopicPartition(*tp) for tp in wanted if tp not in full and not _is_held(tp, held))
        if not active or (limited and not free):
            await asyncio.sleep(0.005 if active else 0.05)
            return {}
        wait_ms = 1000
        if limited or waiting or turn is not Turn.ALL:
            # Where what was handed over just now left more behind, that goes on at once.
            wait_ms = {Turn.ALL: 0 if self._released else 20, Turn.COMMANDS: 10, Turn.EVENTS: 0}[turn]
        if held:
            self._ahead.drop(held)
        most = READ_AHEAD if waiting or turn is Turn.EVENTS else MOST_AT_ONCE
        try:
            records: Mapping[TopicPartition, list[Any]] = await self.client.getmany(
                *free, timeout_ms=wait_ms, max_records=most
            )
        except IllegalStateError:
            # A rebalance began between two lines; its listener tells us what is ours now.
            await asyncio.sleep(0.01)
            return {}
        except KafkaError as error:
            self._log.warning("a fetch failed; trying again", error=repr(error))
            await asyncio.sleep(0.2)
            return {}
        return records

    async def _deliver(self, tp: TP, records: list[Any], generation: int) -> None:
        records = self._readable(tp, records)
        if not records:
            return
        read = self._read_offset[tp]
        if read is not None and records[0].offset < read:
            records = [record for record in records if record.offset >= read]
        fair = self._ahead.of(tp)
        for at in range(0, len(records), MOST_IN_BATCH):
            part = records[at : at + MOST_IN_BATCH]
            # No await between this check and `deliver`: a batch of before a rebalance in a new `Progress` would let
            # offsets be committed that nobody has processed.
            if not self._delivers(generation):
                await self._rewind(tp)
                return
            progress = self._progress.get(tp)
            if progress is None:
                progress = self._progress[tp] = Progress()
            after = part[-1].offset + 1
            batch = progress.deliver(part[0].offset, after, len(part))
            # The next offset to read, as a seek to a committed offset leaves it there.
            self._read_offset[tp] = after
            portion: Portion | None
            if fair is None:
                portion = Portion(tp, part, [(batch, len(part))], Counter(), None)
            else:
                portion = fair.offer(tp, part, batch, at_once=self._room(fair) >= len(part))
            if portion is not None:
                await self._hand_over(portion, generation)
                if len(records) > MOST_IN_BATCH:
                    await asyncio.sleep(0)

    def _readable(self, tp: TP, records: list[Any]) -> list[Any]:
        """The records before the first that we can't read yet, which holds its partition; none of a held one."""
        parts = self._host.worker_parts
        if _is_held(tp, parts.holding):
            return []
        if tp.topic == DEFINITIONS or is_event(tp):
            return records
        for at, record in enumerate(records):
            newer = newer_request(record.value)
            if newer is not None and not parts.readable(record, newer):
                return records[:at]
        return records

    async def _release(self, turn: Turn) -> None:
        """Hand over what has its turn: commands as there is room, events beside them as the pace allows."""
        self._released = 0
        for fair in (self._ahead.commands, self._ahead.events):
            if not fair.waiting or not self.flow_active or (fair is self._ahead.events and turn is Turn.COMMANDS):
                continue
            generation = self.app.consumer_generation_id
            for portion in fair.take(self._room(fair, new=MOST_NEW)):
                self._released += len(portion.records)
                # What is left over by a rebalance is read again, from what is committed.
                if self._delivers(generation):
                    await self._hand_over(portion, generation)
        if self._released:
            await asyncio.sleep(0)

    def _room(self, fair: Fair, new: int = 0) -> int:
        """How many records may be handed over now; `new` is how many events where runs under way come first."""
        if fair is self._ahead.commands:
            return MOST_COMMANDS - self._commands
        room = MOST_STARTING - fair.under_way
        return min(room, new) if self._pace.busy else room

    def _delivers(self, generation: int) -> bool:
        """False where a rebalance has come between."""
        delivers: bool = self.flow_active and self.app.consumer_generation_id == generation
        return delivers

    async def _rewind(self, tp: TP) -> None:
        """Read again what was polled and not handed over.

        A poll that waits across a rebalance returns records of the new assignment, and has moved the position behind
        them: unread, they would be committed over by the batches after them.
        """
        at, read = TopicPartition(*tp), self._read_offset[tp]
        if at not in self.client.assignment():
            return
        try:
            if read is None:
                await self.client.seek_to_beginning(at)
            else:
                self.client.seek(at, read)
        except IllegalStateError:
            # It was taken away meanwhile; whoever has it next begins at the committed offset.
            self._log.debug("not rewound", topic=tp.topic, partition=tp.partition)

    async def _hand_over(self, portion: Portion, generation: int) -> None:
        tp, part = portion.tp, portion.records
        first = part[0]
        if self._ahead.of(tp) is self._ahead.commands:
            self._commands += len(part)
        message = BatchMessage(
            first.topic, first.partition, first.offset, first.timestamp / 1000.0, first.timestamp_type,
            [], b"", cast("Any", part), None, 0, 0, tp, generation_id=generation,
        )  # fmt: skip
        message.portion = portion
        # Faust races this with the flow being suspended, at the price of two tasks a message. Here a message may wait
        # over a rebalance instead: what it holds is delivered again, and the ledger knows what was done.
        await self.callback(message)

    # -- acknowledging and committing ---------------------------------------------------------------------------

    def finish(self, message: BatchMessage) -> None:
        """Everything that came of these records is acknowledged by the broker."""
        if not message.acked:
            message.acked = True
            message.portion.finish()
            self._finished[message.partition] += 1
            _done(message.topic).inc(len(message.portion.records))
        self._unacked_messages.discard(message)

    def ack(self, message: Any) -> bool:
        """Faust's way to the same end."""
        self.finish(message)
        return True

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: ARG002 - Faust's signature
        """Commit each partition up to its first batch that is not done."""
        assigned = self.assignment()
        offsets: dict[TP, int] = {}
        for tp, progress in self._progress.items():
            offset = progress.committable()
            if offset is not None and tp in assigned:
                offsets[tp] = offset
        return await self._commit(offsets) if offsets else False

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        try:
            await self.client.commit({TopicPartition(*tp): OffsetAndMetadata(o, "") for tp, o in offsets.items()})
        except (CommitFailedError, IllegalStateError):
            return False
        except KafkaError as error:
            if not self._commit_failed:
                self._log.warning("offsets could not be committed; trying again", error=repr(error))
            self._commit_failed = True
            return False
        self._commit_failed = False
        for tp, offset in offsets.items():
            if (progress := self._progress.get(tp)) is not None:
                progress.committed = offset
        return True

    # -- rebalancing --------------------------------------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit what is done, then forget the batches: what is not done will be delivered again."""
        self.stop_flow()
        self._active_partitions.difference_update(revoked)
        # Under the 10 s of rebalance_timeout_ms, with room for the commit.
        await self._host.worker_parts.on_revoked(revoked, 6.0)
        try:
            await asyncio.wait_for(self.force_commit(), 3)
        except (TimeoutError, KafkaError):
            self._log.warning("offsets were not committed before the rebalance")
        for tp in revoked:
            self._progress.pop(tp, None)
        self._ahead.clear()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Take these partitions over, which may be none: agents wait until what was done on them is known."""
        self._rebalances.inc()
        self._progress.clear()
        self._ahead.clear()
        parts = self._host.worker_parts
        if not parts.joining.taken:
            parts.on_assigned(assigned)
        await super().on_partitions_assigned(assigned, generation_id)

    # -- how far it is ------------------------------------------------------------------------------------------

    def lag(self) -> dict[tuple[str, int], int]:
        """By topic and partition: records that were produced and are not done yet, as of the last fetch."""
        waiting: dict[tuple[str, int], int] = {}
        for tp in self.client.assignment():
            progress = self._progress.get(ensure_TP(tp))
            end, read = self.client.highwater(tp) or 0, self._read_offset[ensure_TP(tp)] or 0
            under_way = progress.records if progress else 0
            waiting[tp.topic, tp.partition] = max(0, end - read) + under_way
        return waiting

    def standing(self) -> dict[int, tuple[int, tuple[int, int]]]:
        """By partition number: the records that wait or are under way, and a mark that changes as they move."""
        found: dict[int, tuple[int, tuple[int, int]]] = {}
        for (topic, partition), waiting in self.lag().items():
            if topic != DEFINITIONS:
                count, (read, done) = found.get(partition, (0, (0, self._finished[partition])))
                at = self._read_offset[TP(topic, partition)] or 0
                found[partition] = (count + waiting, (read + at, done))
        return found


@cache
def _done(topic: str) -> Any:
    return RECORDS_DONE.labels(topic)


def _is_held(tp: TP, held: Container[int]) -> bool:
    return tp.partition in held and tp.topic != DEFINITIONS


class BatchTransport(driver.Transport):  # type: ignore[misc]  # its base has no types
    """Faust's aiokafka transport with our consumer."""

    Consumer = BatchConsumer
