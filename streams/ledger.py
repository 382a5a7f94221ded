"""What is already done on a partition, as the run log tells it: the memory behind "never double".

Theory of operation. Every decision of a run is one record of the run log, and its first entry's id, `{run}:{seq}`, is
known before the decision is made: a command carries the next `seq` of its run, an event makes `{run}:0`. So "was this
done?" is one look-up of that id. Ids come into the ledger in two ways:

- *live*: this worker claims an id before it works on it, and keeps the claim's future until the broker has the outcome.
  A second delivery waits for that future and does nothing else.
- *from the log*: when a partition is assigned, the end of its run log is read: as far back as the window in which a
  repeated event must be recognised, and further where what is delivered is older than that. An id found so is known by
  its offset: what it did stands there, and what should have come of it (the next command) may have been lost with the
  worker, so it is read again and sent again. That is harmless: the next command's own id tells whether it is done.
  Nor does it tell anything that the log has what came of that command: it may have been performed before Kafka had it,
  and the one after it may be lost. So what is delivered again is followed through the log to the last decision of its
  run (`Follow.again`), and only of a run that is over nothing has to be sent.

A worker that has just been given a partition reads the last seconds first, which tell what was done of commands that
are delivered again: calls begin then (`ready`). What is older, which tells a repeated event, is read behind that
(`whole`).

Memory is bounded by time: ids live in three generations, the oldest of which is dropped each window.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from aiokafka.structs import TopicPartition

from runtime.kafka import scan
from runtime.logging import logger
from schemas.formats import newer_entries
from schemas.names import RUN_ENDS, RUNS
from streams.holding import Held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiokafka import AIOKafkaConsumer

    from runtime.settings import Settings

_MARGIN: Final = 30.0
"""Seconds that are read more than asked for: producers' clocks differ from the broker's."""
_FIRST: Final = 45.0
"""Seconds of the log that are read first: a worker is restarted within a few, and the margin is part of it."""
_RECENT_BYTES: Final = 1_000_000
"""Of the newest records of runs under way that are kept of a partition: a few hundred runs, and none has to be read
again where a worker is restarted under load."""
_PREFIX: Final = b'[{"specversion":"1.0","id":"'
_TYPE: Final = b'","source":"/workflow-engine","type":"run.'
_ENDS: Final = tuple(f'{end}"'.encode() for end in RUN_ENDS)
Claim = asyncio.Future[None] | int | None
"""A live claim's future (None once it is done), or the offset of the record in the run log."""


def first_id(value: bytes | None) -> str | None:
    """The id of a run-log record's first entry, without parsing the record; None where it is not one of ours."""
    if value is None or not value.startswith(_PREFIX):
        return None
    end = value.find(b'"', len(_PREFIX), len(_PREFIX) + 200)
    return value[len(_PREFIX) : end].decode("ascii", "replace") if end > 0 else None


def ends(value: bytes, run: str) -> bool:
    """Whether a run-log record's last entry is the end of its run, without parsing the record."""
    at = value.rfind(b'{"specversion":"1.0","id":"' + run.encode() + b":")
    kind = value.find(_TYPE, at, at + 140) if at >= 0 else -1
    return kind >= 0 and value.startswith(_ENDS, kind + len(_TYPE))


class Recent:
    """The newest records of runs under way, by offset: as many as fit into so many bytes."""

    def __init__(self, most: int = _RECENT_BYTES) -> None:
        self._most, self._size = most, 0
        self._values: dict[int, bytes] = {}

    def keep(self, offset: int, value: bytes) -> None:
        """Take in the next one; the oldest make room."""
        self.drop(offset)
        self._values[offset] = value
        self._size += len(value)
        while self._size > self._most:
            self.drop(next(iter(self._values)))

    def drop(self, offset: int) -> None:
        """It is needed no more, if it is there."""
        self._size -= len(self._values.pop(offset, b""))

    def get(self, offset: int) -> bytes | None:
        """The value of a record, if it is kept."""
        return self._values.get(offset)


class Ledger:
    """One partition's memory. Ids are `{run}:{seq}`."""

    def __init__(self, partition: int, window: float, now: float) -> None:
        self.partition = partition
        self.open = True
        self.since = now
        self.filled_at = self.given_at = int(now * 1000)
        self.next_offset = -1
        self.ready = asyncio.Event()
        self.whole = asyncio.Event()
        self.recent = Recent()
        self.begun: set[asyncio.Future[None]] = set()
        self._queued: dict[asyncio.Future[None], str] = {}
        self._window = window
        self._generations: deque[dict[str, Claim]] = deque(({}, {}), maxlen=3)
        self._rotate_at = now + window

    def claim(self, entry_id: str, now: float, *, queued: bool = False) -> asyncio.Future[None]:
        """Take an id that nobody has: the future is to be resolved when the outcome is in the log.

        A `queued` one is for a call that has not begun: what is known of it ends with the next rebalance.
        """
        if now >= self._rotate_at:
            self._generations.append({})
            self._rotate_at = now + self._window
            # What the oldest generation had is forgotten: who needs to know further back has to read it again.
            self.since = max(self.since, now - 2 * self._window)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._generations[-1][entry_id] = future
        if queued:
            self._queued[future] = entry_id
        return future

    def settle(self, entry_id: str) -> None:
        """The outcome is in the log: keep the id alone."""
        for generation in self._generations:
            claim = generation.get(entry_id)
            if isinstance(claim, asyncio.Future):
                generation[entry_id] = None
                if not claim.done():
                    claim.set_result(None)

    def release(self, entry_id: str, only: asyncio.Future[None] | None = None) -> None:
        """Nothing came of the claim (the partition went away): whoever waits for it may take it.

        With `only` nothing happens where the id is by now another's.
        """
        for generation in self._generations:
            claim = generation.get(entry_id)
            if isinstance(claim, asyncio.Future) and (only is None or claim is only):
                del generation[entry_id]
                self._queued.pop(claim, None)
                claim.cancel()

    def begin_calls(self) -> None:
        """It is known what was done of the commands that come."""
        if not self.ready.is_set():
            self.given_at = int(time.time() * 1000)
            self.ready.set()

    def suspend(self) -> None:
        """Another worker may have the partition, or have had it: begin nothing until the log was read anew.

        The calls that have not begun are given up: by the time that they could, another worker may have made them. What
        they claim would hide from us that the log has it; each comes again from Kafka, and asks the log anew.
        """
        self.ready.clear()
        self.whole.clear()
        for claim, entry_id in list(self._queued.items()):
            self.release(entry_id, claim)

    def has(self, entry_id: str) -> bool:
        """Whether the id is claimed, done or in the log."""
        return any(entry_id in generation for generation in self._generations)

    def find(self, entry_id: str) -> Claim:
        """The claim of an id that `has` says is there."""
        for generation in self._generations:
            if entry_id in generation:
                return generation[entry_id]
        return None

    def seen_in_log(self, entry_id: str, offset: int) -> None:
        """An id was read from the log; the first record that has it counts, and a live claim knows better."""
        if not self.has(entry_id):
            self._generations[-1][entry_id] = offset

    def over(self, entry_id: str) -> None:
        """The run has ended: nothing of this record has to be sent again."""
        for generation in self._generations:
            if isinstance(generation.get(entry_id), int):
                generation[entry_id] = None

    def begin(self, claim: asyncio.Future[None]) -> None:
        """A call begins: a rebalance waits until its outcome is in the log."""
        self._queued.pop(claim, None)
        self.begun.add(claim)
        claim.add_done_callback(self.begun.discard)

    def close(self) -> None:
        """The partition is no longer ours: what is under way must not be published any more."""
        self.open = False
        self.ready.set()
        self.whole.set()
        for generation in self._generations:
            for claim in generation.values():
                if isinstance(claim, asyncio.Future) and not claim.done():
                    claim.cancel()


class Ledgers:
    """The ledgers of the partitions that this worker has, filled from the run log."""

    def __init__(self, settings: Settings, hold: Callable[[Held], None] = lambda _: None) -> None:
        self._settings = settings
        self._hold = hold
        self._ledgers: dict[int, Ledger] = {}
        self._reader: AIOKafkaConsumer
        self._reading = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._rebalances = 0
        self._log = logger("ledger")

    def start(self, reader: AIOKafkaConsumer) -> None:
        """Read with this consumer, which is connected."""
        self._reader = reader

    async def stop(self) -> None:
        """Close the reader."""
        for task in list(self._tasks):
            task.cancel()
        await self._reader.stop()

    def __len__(self) -> int:
        return len(self._ledgers)

    @property
    def recovering(self) -> set[int]:
        """The partitions of which it is not known yet what was done."""
        return {number for number, ledger in self._ledgers.items() if not ledger.whole.is_set()}

    def __getitem__(self, partition: int) -> Ledger:
        """The ledger of a partition; one that is not ours any more is a closed one."""
        ledger = self._ledgers.get(partition)
        if ledger is None:
            ledger = Ledger(partition, self._settings.repeat_window, time.time())
            ledger.close()
        return ledger

    async def revoke(self, partitions: Iterable[int], patience: float) -> None:
        """A rebalance begins: begin no more calls there, and wait for those in flight, at most so many seconds.

        What is known may be stale when the partition comes back.
        """
        ledgers = [ledger for partition in partitions if (ledger := self._ledgers.get(partition)) is not None]
        self._rebalances += 1
        for ledger in ledgers:
            ledger.suspend()
        if begun := [claim for ledger in ledgers for claim in ledger.begun]:
            await asyncio.wait(begun, timeout=patience)

    def assign(self, partitions: set[int]) -> None:
        """These partitions are ours: forget the others, and read what the run log says of these."""
        for partition in set(self._ledgers) - partitions:
            self._ledgers.pop(partition).close()
        self._rebalances += 1
        now = time.time()
        for partition in partitions:
            ledger = self._ledgers.get(partition)
            if ledger is None or not ledger.open:
                self._ledgers[partition] = Ledger(partition, self._settings.repeat_window, now)
            else:
                ledger.suspend()
        task = asyncio.create_task(self._fill(partitions, self._rebalances))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def under_way(self) -> dict[int, set[asyncio.Future[None]]]:
        """By partition: the claims whose calls have begun and are not in the log yet."""
        return {number: set(ledger.begun) for number, ledger in self._ledgers.items() if ledger.begun}

    async def close(self, partition: int, patience: float) -> None:
        """Go on with a partition no more, until it is given out anew; calls in flight have so many seconds to end."""
        if (ledger := self._ledgers.get(partition)) is not None:
            ledger.ready.clear()
            ledger.whole.clear()
            if ledger.begun:
                await asyncio.wait(list(ledger.begun), timeout=patience)
            ledger.close()

    async def reach_back(self, ledger: Ledger, to: float) -> None:
        """Make sure that the ledger knows the log from this time on (seconds since the epoch)."""
        await ledger.ready.wait()
        if to - _MARGIN >= ledger.since or not ledger.open:
            return
        self._log.info("reading further back in the run log", partition=ledger.partition, since=to)
        async with self._reading:
            if to - _MARGIN < ledger.since:
                await self._patiently([ledger], to - _MARGIN)

    async def record(self, ledger: Ledger, offset: int) -> bytes | None:
        """The value of a run-log record."""
        if (kept := ledger.recent.get(offset)) is not None:
            return kept
        at = TopicPartition(RUNS, ledger.partition)
        async with self._reading:
            async for _at, records in scan(self._reader, {at: (offset, offset + 1)}):
                if records:
                    value: bytes | None = records[0].value
                    return value
        return None

    async def _fill(self, partitions: set[int], rebalances: int) -> None:
        async with self._reading:
            now, ledgers = time.time(), [self._ledgers[p] for p in sorted(partitions) if p in self._ledgers]
            # One that was ours before is read on from where it was known, all of it at once.
            if fresh := [ledger for ledger in ledgers if ledger.next_offset < 0]:
                await self._patiently(fresh, now - _FIRST)
            for ledger in fresh:
                if rebalances != self._rebalances:
                    # Another worker may have had them since: the assignment that follows reads on.
                    return
                ledger.begin_calls()
            await self._patiently(ledgers, now - self._settings.repeat_window - _MARGIN)
            if rebalances != self._rebalances:
                return
            for ledger in ledgers:
                # In the milliseconds of a record's timestamp; the margin is for the clocks.
                ledger.filled_at = int((time.time() + _MARGIN) * 1000)
                ledger.begin_calls()
                ledger.whole.set()

    async def _patiently(self, ledgers: list[Ledger], since: float) -> None:
        for attempt in range(1_000_000):
            try:
                await self._read(ledgers, since)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever keeps Kafka from answering, the partition waits for it
                if attempt == 0:
                    self._log.warning("the run log can't be read yet; trying again", error=repr(error))
                await asyncio.sleep(min(0.1 * 2**attempt, 2.0))
            else:
                return

    async def _read(self, ledgers: list[Ledger], since: float) -> None:
        reader, began = self._reader, time.monotonic()
        by_tp = {TopicPartition(RUNS, ledger.partition): ledger for ledger in ledgers if ledger.open}
        if not by_tp:
            return
        ends = await reader.end_offsets(list(by_tp))
        at_time = await reader.offsets_for_times(dict.fromkeys(by_tp, int(since * 1000)))
        ranges: dict[TopicPartition, tuple[int, int]] = {}
        for tp, ledger in by_tp.items():
            found = at_time.get(tp)
            first = found.offset if found is not None else ends[tp]
            ranges[tp] = (max(first, ledger.next_offset) if since >= ledger.since else first, ends[tp])
        count = 0
        scans = {tp: _Scan(ledger) for tp, ledger in by_tp.items()}
        async for tp, records in scan(reader, ranges):
            for record in records:
                count += 1
                if (newer := newer_entries(record.value)) is not None:
                    self._hold(Held(tp.topic, tp.partition, record.offset, newer))
                scans[tp].take(record)
        for tp, ledger in by_tp.items():
            ledger.next_offset = max(ledger.next_offset, ends[tp])
            ledger.since = min(ledger.since, since)
        if count:
            seconds = round(time.monotonic() - began, 3)
            self._log.info("run log read", records=count, partitions=len(by_tp), seconds=seconds)


class _Scan:
    """One reading of a partition's run log: which ids it has, and of which runs something may have to be sent again."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._under_way: dict[str, list[tuple[str, int]]] = {}

    def take(self, record: Any) -> None:
        """The next record of the log."""
        entry_id, ledger = first_id(record.value), self._ledger
        if entry_id is None:
            return
        ledger.seen_in_log(entry_id, record.offset)
        run = entry_id.rpartition(":")[0]
        if ends(record.value, run):
            ledger.over(entry_id)
            for before, offset in self._under_way.pop(run, ()):
                ledger.over(before)
                ledger.recent.drop(offset)
        else:
            self._under_way.setdefault(run, []).append((entry_id, record.offset))
            ledger.recent.keep(record.offset, record.value)


def older(records: list[Any]) -> float:
    """The time of the oldest record, in seconds since the epoch."""
    known = [record.timestamp for record in records if record.timestamp > 0]
    return min(known) / 1000.0 if known else float("inf")
