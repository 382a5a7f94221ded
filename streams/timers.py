"""Timers: runs that wait for a time (a delay) or for their next attempt (a retry), durable and on one partition.

Theory of operation. A run that waits is a command on the delay topic. This agent keeps it on the timers topic, which is
compacted, under the id of the entry that will end the wait, and only then lets the command's offset be committed. So
what waits is what stands on the timers topic and has no tombstone; a worker that is given a partition reads it back.
When a wait is due, or a signal ends it, the id is claimed in the ledger like that of any decision, the decision is made
and acknowledged, and then the tombstone is written. A crash between the two leaves a wait that has ended: the ledger
finds its id in the run log, what follows is sent again, and the tombstone is written then.

A wait never fires early: it is compared with the clock again after each sleep. Each partition has a loop of its own, so
that one whose leader is away holds up no other.

`timer_log` has how a wait is written and read back.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from engine.run import waits_until
from runtime import tracing
from runtime.kafka import all_of
from runtime.logging import logger
from runtime.metrics import TIMER_LATENESS
from schemas.errors import Refused
from schemas.formats import newer_header
from schemas.names import TIMERS
from schemas.outcomes import Fired
from streams import dead_letters, spans
from streams.commands import arrived_of, entry_of, read_command
from streams.emit import claim_id
from streams.signals import EARLY_MS
from streams.spill import open_spill
from streams.timer_log import TimerLog
from streams.waits import Wait, Waits, pack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.run import RunState
    from streams.emit import Sent
    from streams.ledger import Ledger
    from streams.parts import Parts
    from streams.signals import Seen

_AT_ONCE: Final = 200
"""Waits of a partition that are ended together: about 20 ms of work."""
_LOOK_SECONDS: Final = 0.05
"""How often a clock that may jump is looked at."""
_LONGEST_SLEEP: Final = 5.0


class _Partition:
    """One partition's waits, and the loop that ends them."""

    def __init__(self, number: int, waits: Waits) -> None:
        self.number = number
        self.waits = waits
        self.ready = asyncio.Event()
        self.woken = asyncio.Event()
        self.log = TimerLog(number, waits)
        self.loop: asyncio.Task[None] | None = None
        self.ending: float | None = None
        """When the first of the waits was due that are being ended now."""

    def first_due(self) -> float | None:
        return self.ending if self.ending is not None else self.waits.next_due()

    def halt(self) -> None:
        if self.loop is not None:
            self.loop.cancel()


class Timers:
    """The agent on the delay topic, and the timers of this worker's partitions."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._partitions: dict[int, _Partition] = {}
        self._log = logger("timers")

    # -- partitions ---------------------------------------------------------------------------------------------

    def assign(self, partitions: set[int]) -> None:
        """These partitions are ours: forget the others, and read back what waits on these."""
        for number in set(self._partitions) - partitions:
            self._close(self._partitions.pop(number))
        fresh: list[_Partition] = []
        for number in partitions:
            partition = self._partitions.get(number)
            if partition is not None:
                self._close(partition)
            # Read anew also where it stayed ours: another worker may have had it in between.
            partition = _Partition(number, Waits(open_spill(self._parts.settings, number)))
            self._partitions[number] = partition
            fresh.append(partition)
        _ = self._parts.spawn(self._restore(fresh))

    async def ready(self, number: int) -> None:
        """Return when it is known what waits on this partition, or when it is not ours."""
        partition = self._partitions.get(number)
        if partition is not None:
            await partition.ready.wait()

    def drop(self, number: int) -> None:
        """Let go of a partition, until it is given out anew."""
        if (partition := self._partitions.pop(number, None)) is not None:
            self._close(partition)

    def halt(self) -> None:
        """End no more waits."""
        for partition in self._partitions.values():
            partition.halt()

    def close(self) -> None:
        """Let go of everything."""
        for partition in self._partitions.values():
            self._close(partition)

    @staticmethod
    def _close(partition: _Partition) -> None:
        partition.halt()
        partition.ready.set()
        partition.waits.close()

    @property
    def waiting(self) -> int:
        """How many runs wait."""
        return sum(len(partition.waits) for partition in self._partitions.values())

    @property
    def overdue(self) -> float:
        """How many seconds ago the wait was due that should have ended first; 0 where none is due."""
        now = self._parts.clock.time()
        due = [first for one in self._partitions.values() if (first := one.first_due()) is not None]
        return max(0.0, now - min(due)) if due else 0.0

    @property
    def recovering(self) -> set[int]:
        """The partitions on which it is not known yet what waits."""
        return {number for number, one in self._partitions.items() if not one.ready.is_set()}

    async def _restore(self, fresh: list[_Partition]) -> None:
        began, by_number = time.monotonic(), {partition.number: partition for partition in fresh}
        await self._parts.recollect(set(by_number), time.time() - self._parts.settings.repeat_window - EARLY_MS / 1000)
        await self._parts.read_back.read(
            TIMERS, by_number, None, lambda record: self._take_back(by_number[record.partition], record)
        )
        for partition in fresh:
            if self._partitions.get(partition.number) is not partition:
                continue
            partition.log.drop_unused(self._parts.publisher)
            partition.ready.set()
            partition.loop = asyncio.create_task(self._fire(partition))
        if count := sum(len(partition.waits) for partition in fresh):
            took = round(time.monotonic() - began, 3)
            self._log.info("waiting runs read back", count=count, partitions=len(fresh), seconds=took)

    def _take_back(self, partition: _Partition, record: Any) -> None:
        if self._parts.readable(record, newer_header(record.headers)):
            partition.log.take_back(record)

    # -- beginning to wait --------------------------------------------------------------------------------------

    async def run(self, batches: AsyncIterator[Any]) -> None:
        """Take batches of the delay topic as they come."""
        async for event in batches:
            _ = self._parts.spawn(self._batch(event))

    async def _batch(self, event: Any) -> None:
        records: list[Any] = event.value
        ledger = self._parts.ledgers[event.message.partition]
        await self._parts.known_of(ledger, records)
        if not ledger.open:
            return
        sent: list[asyncio.Future[None]] = []
        for record in records:
            try:
                sent += await self._one(ledger, record)
            except Exception as error:  # noqa: BLE001 - a bug of ours with one run must not hold up a partition
                self._log.exception("a wait could not begin", topic=record.topic, partition=record.partition,
                                    offset=record.offset, entry_id=entry_of(record))  # fmt: skip
                refused = Refused.one("", f"internal error: {type(error).__name__}: {error}"[:500])
                sent.append(dead_letters.put(self._parts.publisher, record, refused, self._parts.partitions))
        await self._acked(event, ledger, sent)

    @staticmethod
    async def _acked(event: Any, ledger: Ledger, sent: list[asyncio.Future[None]]) -> None:
        for future in all_of(sent):
            await asyncio.wait((future,))
        if ledger.open and not any(future.cancelled() for future in sent):
            event.ack()

    async def _one(self, ledger: Ledger, record: Any) -> list[asyncio.Future[None]]:
        """What is to be acknowledged before this command is."""
        try:
            state = read_command(record.value, "delay")
            if waits_until(state) is None:
                raise Refused.one("state.current.until", "is not a time to wait until")
        except Refused as refused:
            return [dead_letters.put(self._parts.publisher, record, refused, self._parts.partitions)]
        entry_id = claim_id(state)
        if ledger.has(entry_id):
            claim = ledger.find(entry_id)
            if isinstance(claim, asyncio.Future):
                return [claim]
            if isinstance(claim, int):
                with spans.repeating(state, ledger, record):
                    await self._parts.follow.again(ledger, record.key, state, arrived_of(record))
            return []
        return self._begin(ledger, record.key, state, arrived_of(record), record)

    async def go_on(self, ledger: Ledger, key: bytes, state: RunState, arrived: int) -> None:
        """Begin a wait that was just acknowledged; its copy from Kafka finds it here."""
        await self.ready(ledger.partition)
        if ledger.open and ledger.ready.is_set() and not ledger.has(claim_id(state)):
            _ = self._begin(ledger, key, state, arrived)

    def _begin(
        self, ledger: Ledger, key: bytes, state: RunState, arrived: int, record: Any = None
    ) -> list[asyncio.Future[None]]:
        partition, wait_id = self._partitions.get(ledger.partition), claim_id(state)
        due = waits_until(state)
        if partition is None or due is None:
            return []
        if wait_id in partition.waits:
            writing = partition.log.being_kept(wait_id)
            return [writing] if writing is not None else []
        wait = Wait(wait_id, key, due.timestamp(), arrived, state.digest, pack(state))
        written = partition.log.keep(self._parts.publisher, wait, state.workflow)
        if tracing.active is not None:
            spans.keeping(state, ledger, record, written)
        # From here to the end of this function nothing is awaited: a signal that is not seen now finds the wait.
        seen = self._parts.signals.find(ledger.partition, key, self._parts.follow.workflow(state), state, arrived)
        if seen is not None:
            return [written, *self._interrupt(ledger, partition, wait, seen)]
        partition.woken.set()
        return [written]

    # -- ending to wait -----------------------------------------------------------------------------------------

    def waiting_for(self, number: int, key: bytes) -> bool:
        """Whether runs about this entity wait."""
        partition = self._partitions.get(number)
        return partition is not None and partition.waits.has_entity(key)

    def interrupt(self, ledger: Ledger, key: bytes) -> tuple[list[asyncio.Future[None]], set[str]]:
        """End or restart the waiting runs of an entity that a signal concerns.

        What is to be acknowledged, and the ids of the workflows of which a run began again.
        """
        sent: list[asyncio.Future[None]] = []
        restarted: set[str] = set()
        partition = self._partitions.get(ledger.partition)
        if partition is None or not ledger.open or not ledger.ready.is_set():
            return sent, restarted
        for wait in partition.waits.of_entity(key):
            if ledger.has(wait.id):
                _ = self._parts.spawn(self._ended_before(ledger, partition, wait))
                continue
            state = partition.waits.state(wait)
            workflow = self._parts.follow.workflow(state)
            seen = self._parts.signals.find(ledger.partition, key, workflow, state, wait.arrived)
            if seen is not None:
                sent += self._interrupt(ledger, partition, wait, seen)
                if seen.signal.kind == "restart":
                    restarted.add(workflow.id)
        return sent, restarted

    def _interrupt(self, ledger: Ledger, partition: _Partition, wait: Wait, seen: Seen) -> list[asyncio.Future[None]]:
        claim = ledger.claim(wait.id, time.time())
        ledger.begin(claim)
        try:
            state = partition.waits.state(wait)
            if tracing.active is None:
                sent = self._parts.follow.signal(ledger, wait.key, state, seen, wait.arrived)
            else:
                with spans.waking(state, ledger.partition, seen):
                    sent = self._parts.follow.signal(ledger, wait.key, state, seen, wait.arrived)
        except BaseException:
            ledger.release(wait.id)
            raise
        _ = self._parts.spawn(self._ended(ledger, partition, [(wait, sent)]))
        return [claim]

    async def _fire(self, partition: _Partition) -> None:
        """End the waits of a partition as they become due."""
        parts, waits = self._parts, partition.waits
        ledger = parts.ledgers[partition.number]
        await ledger.whole.wait()
        if (first := waits.next_due()) is not None and first < parts.clock.time():
            # It may have been ended by whoever had the partition before: then the log tells, from that time on.
            await parts.ledgers.reach_back(ledger, min(first, time.time()))
        self._catch_up(ledger, partition)
        while True:
            if not ledger.open:
                return
            await ledger.whole.wait()
            partition.woken.clear()
            due = waits.take_due(parts.clock.time(), _AT_ONCE) if not parts.stopping else []
            if due:
                partition.ending = due[0].due
                await self._end_all(ledger, partition, due)
                partition.ending = None
            else:
                await self._sleep(partition)

    def _catch_up(self, ledger: Ledger, partition: _Partition) -> None:
        """Finish what was under way when the partition changed hands.

        A wait that was cancelled long before it is due would else end once more then, when the ledger has forgotten
        that it ended; and a mark may have been kept by whoever could not end the waits that it concerns.
        """
        for wait in [one for one in partition.waits if ledger.has(one.id)]:
            _ = self._parts.spawn(self._ended_before(ledger, partition, wait))
        for key in self._parts.signals.entities(partition.number):
            try:
                _ = self.interrupt(ledger, key)
            except Exception:  # noqa: BLE001 - a bug of ours with one run must not hold up a partition's timers
                self._log.exception("a signal could not be obeyed", entity_key=key.decode("utf-8", "replace"))

    async def _sleep(self, partition: _Partition) -> None:
        clock, longest = self._parts.clock, _LOOK_SECONDS if self._parts.clock.virtual else _LONGEST_SLEEP
        until = partition.waits.next_due()
        seconds = longest if until is None else min(longest, max(0.0005, until - clock.time()))
        if until is None and not clock.virtual:
            await partition.woken.wait()
            return
        try:
            async with asyncio.timeout(seconds):
                await partition.woken.wait()
        except TimeoutError:
            return

    async def _end_all(self, ledger: Ledger, partition: _Partition, due: list[Wait]) -> None:
        ended: list[tuple[Wait, Sent]] = []
        for wait in due:
            if not (ledger.open and ledger.ready.is_set()):
                partition.waits.give_back(wait)
            elif ledger.has(wait.id):
                # Beside the others: its claim may be held by a decision that waits for the broker.
                _ = self._parts.spawn(self._ended_before(ledger, partition, wait))
            elif (sent := self._end(ledger, partition, wait)) is not None:
                ended.append((wait, sent))
        # Shielded: where the partition is given anew meanwhile, what was decided is still brought to its end.
        await asyncio.shield(self._parts.spawn(self._ended(ledger, partition, ended)))

    def _end(self, ledger: Ledger, partition: _Partition, wait: Wait) -> Sent | None:
        ledger.begin(ledger.claim(wait.id, time.time()))
        try:
            state = partition.waits.state(wait)
            if tracing.active is None:
                sent = self._parts.follow.outcome(ledger, wait.key, state, Fired(), wait.arrived)
            else:
                with spans.waking(state, ledger.partition):
                    sent = self._parts.follow.outcome(ledger, wait.key, state, Fired(), wait.arrived)
        except Exception as error:  # noqa: BLE001 - a bug of ours with one run must not hold up a partition's timers
            ledger.release(wait.id)
            self._log.exception("a wait could not be ended", run_id=wait.run, entry_id=wait.id)
            self._bury(partition, wait, error)
            return None
        TIMER_LATENESS.observe(max(0.0, self._parts.clock.time() - wait.due))
        return sent

    def _bury(self, partition: _Partition, wait: Wait, error: Exception) -> None:
        """Make a wait that can't be ended a dead letter, so that nothing is lost and nothing is tried for ever."""
        state = zlib.decompress(partition.waits.packed(wait))
        record = SimpleNamespace(topic=TIMERS, partition=partition.number, offset=-1, key=wait.key, value=state)
        refused = Refused.one("", f"internal error: {type(error).__name__}: {error}"[:500])
        _ = dead_letters.put(self._parts.publisher, record, refused, self._parts.partitions)
        _ = partition.log.forget(self._parts.publisher, wait)

    async def _ended_before(self, ledger: Ledger, partition: _Partition, wait: Wait) -> None:
        """The wait has ended already: what follows may have been lost, and the tombstone was."""
        claim = ledger.find(wait.id)
        if isinstance(claim, asyncio.Future):
            await asyncio.wait((claim,))
            if claim.cancelled():
                # Nothing came of it: the wait goes on.
                partition.waits.give_back(wait)
                partition.woken.set()
                return
        elif isinstance(claim, int):
            state = partition.waits.state(wait)
            with spans.repeating(state, ledger):
                await self._parts.follow.again(ledger, wait.key, state, wait.arrived)
        if ledger.open and wait.id in partition.waits:
            await asyncio.wait((partition.log.forget(self._parts.publisher, wait),))

    async def _ended(self, ledger: Ledger, partition: _Partition, ended: list[tuple[Wait, Sent]]) -> None:
        """Wait for the broker, and forget the waits."""
        for future in all_of(future for _, sent in ended for future in sent):
            if not future.done():
                await asyncio.wait((future,))
        for wait, sent in ended:
            if any(future.cancelled() or future.exception() is not None for future in sent):
                ledger.release(wait.id)
                partition.waits.give_back(wait)
                continue
            if ledger.open:
                # Settled only then: where the tombstone is lost, the event that ended the wait has to come again,
                # so its offset must not be committed before.
                _settle_after(partition.log.forget(self._parts.publisher, wait), ledger, wait.id)


def _settle_after(written: asyncio.Future[None], ledger: Ledger, entry_id: str) -> None:
    written.add_done_callback(lambda _: ledger.settle(entry_id))
