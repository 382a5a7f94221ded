"""One side of a cost curve: a whole rig, how it comes to have more of something, and what a piece of work costs it."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import psutil

from bench.curveload import SLEEP, Definition, Work, sleep, sleepers
from bench.errors import BenchError
from bench.rig import Rig, ready
from bench.usage import Usage
from bench.workload import HEADERS, Event
from engine.registry import Accepted, Registry
from engine.run import fold, start, waits_until
from engine.workflow import Workflow
from runtime.kafka import all_of
from schemas.events import decode
from schemas.names import DEFINITIONS, EVENT_TOPICS, RUNS
from streams.emit import claim_id
from streams.timer_log import TimerLog
from streams.waits import Wait, Waits, pack

KINDS: Final = ("worker", "projector", "kafka", "postgres")
"""Whose CPU is told; the driver's is the benchmark's own."""
_SETTLE: Final = 0.8
"""Seconds after the last row, in which offsets are committed and the events' rows gather: that is part of the cost."""
_LOOK: Final = 0.03
_STALLED: Final = 120.0
_AT_ONCE: Final = 20_000
_PROJECTED: Final = "select coalesce(sum(next), 0) from history_data.offsets where topic = $1"
_STATUSES: Final = "select status, count(*) as runs from history.runs where run_id = any($1) group by 1"
_WAITING: Final = "select count(*) from history.runs where workflow_id = $1 and status = 'waiting'"
_IN_FORCE: Final = re.compile(rb"in force.*workflow_id=")
_WORKER: Final = "worker-1"


class Spent(NamedTuple):
    """What one portion of work took: µs of CPU for a piece by kind of process, and seconds from first event to row."""

    us: dict[str, float]
    seconds: float

    @property
    def total(self) -> float:
        """µs of all kinds."""
        return sum(self.us.values())


class ReadBack(NamedTuple):
    """A worker was started with so many waiting runs: its memory in bytes, and the seconds until it knew them."""

    memory: int
    seconds: float


class Side:
    """A rig that has more and more of something, or that stays as it is."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.sent = 0
        self.defined = 1
        self.copies = 0
        self._waiting = self._restarts = 0

    # -- work ---------------------------------------------------------------------------------------------------------

    async def spend(self, work: Work) -> Spent:
        """Do this work and tell what it cost. Raises BenchError where anything of it is not as it has to be."""
        rig = self.rig
        target = await self._projected() + work.records
        usage, begun = Usage(rig.pids, "driver"), time.perf_counter()
        await self._send(work.topic, work.events)
        await self._until_projected(target)
        seconds = time.perf_counter() - begun
        await asyncio.sleep(_SETTLE)
        used = by_kind(usage.cpu())
        await self._check(work)
        self.sent += work.pieces
        return Spent({kind: used[kind] / work.pieces * 1e6 for kind in KINDS}, seconds)

    async def idle(self, seconds: float) -> dict[str, float]:
        """Per cent of a processor by kind of process, while nothing comes."""
        usage = Usage(self.rig.pids, "driver")
        await asyncio.sleep(seconds)
        return {kind: used / seconds * 100 for kind, used in by_kind(usage.cpu()).items()}

    async def _send(self, topic: str, events: Iterable[Event]) -> None:
        put = self.rig.publisher.put
        for future in all_of([put(topic, one.partition, one.key, one.value, HEADERS) for one in events]):
            await future

    async def _projected(self) -> int:
        """How many records of the run log are folded: by where the projector is, for rows are dear to count."""
        return int(await self.rig.postgres.fetchval(_PROJECTED, RUNS))

    async def _until_projected(self, target: int) -> None:
        most, moved = -1, time.monotonic()
        while (found := await self._projected()) < target:
            if found > most:
                most, moved = found, time.monotonic()
            elif time.monotonic() - moved > _STALLED:
                raise BenchError(f"{target - found:,} records of the run log did not come within {_STALLED:.0f} s")
            self.rig.check()
            await asyncio.sleep(_LOOK)

    async def _check(self, work: Work) -> None:
        rows = await self.rig.postgres.fetch(_STATUSES, list(work.runs))
        found, wanted = {row["status"]: row["runs"] for row in rows}, dict(Counter(work.runs.values()))
        if found != wanted:
            raise BenchError(f"the history has {found or 'no runs'}, and there should be {wanted}")
        if letters := await self.rig.postgres.fetchval("select count(*) from history.dead_letters"):
            raise BenchError(f"there are {letters:,} dead letters")

    # -- more of something --------------------------------------------------------------------------------------------

    async def define(self, definitions: Iterable[Definition]) -> None:
        """Publish these, and return when they are in force in the worker and in the history."""
        put, sent = self.rig.publisher.put, list[asyncio.Future[None]]()
        for key, value in definitions:
            sent.append(put(DEFINITIONS, 0, key, value))
            self.defined += 1
        for future in all_of(sent):
            await future
        log = self.rig.folder / f"{_WORKER}.log"
        async with asyncio.timeout(_STALLED):
            while (
                len(_IN_FORCE.findall(log.read_bytes())) < self.defined
                or await self.rig.postgres.fetchval("select count(*) from history.workflows") < self.defined
            ):
                self.rig.check()
                await asyncio.sleep(0.1)

    async def work_with(self, workers: int) -> None:
        """Start workers until there are so many, and return when all have their partitions."""
        for number in range(sum(name.startswith("worker-") for name in self.rig.pids), workers):
            self.rig.start(f"worker-{number + 1}", ["bench.worker"])
        await ready(self.rig)
        # Until what was done on the partitions is read back.
        await asyncio.sleep(2)

    async def have_waiting(self, count: int, real: int) -> ReadBack:
        """Have so many runs wait, and start the worker anew with them.

        The first of them, `real` in all, wait because an event made them. The rest are put where the worker would have
        put them, by its own code: a million events would fill the history as well, which is another curve.
        """
        if not self._waiting and not self._restarts:
            await self.define([sleep()])
        by_events = max(0, min(count, real) - self._waiting)
        made = sleepers("sleeper", self._waiting, by_events, self.rig.scenario.partitions)
        await self._send(EVENT_TOPICS["rmm"], made)
        self._waiting += by_events
        async with asyncio.timeout(_STALLED + by_events / 500):
            while await self.rig.postgres.fetchval(_WAITING, SLEEP) < min(self._waiting, real):
                self.rig.check()
                await asyncio.sleep(0.3)
        # What those runs left to be cleaned up would be cleaned up beside what is measured.
        await self.rig.postgres.execute("vacuum (analyze)", timeout=600)
        await self.rig.stop(_WORKER)
        for first in range(self._waiting, count, _AT_ONCE):
            await self._put_to_sleep(first, min(_AT_ONCE, count - first))
        self._waiting = max(self._waiting, count)
        return await self._started_anew()

    async def _put_to_sleep(self, first: int, count: int) -> None:
        registry, workflow = Registry(), None
        if isinstance(accepted := registry.apply(*sleep()), Accepted):
            workflow = accepted.workflow
        assert workflow is not None
        logs = [TimerLog(number, _Unkept()) for number in range(self.rig.scenario.partitions)]
        written = []
        for event in sleepers("sleeper", first, count, self.rig.scenario.partitions):
            wait = waiting(workflow, event)
            written.append(logs[event.partition].keep(self.rig.publisher, wait, workflow.body))
        for future in all_of(written):
            await future

    async def _started_anew(self) -> ReadBack:
        self._restarts += 1
        begun = time.monotonic()
        log = self.rig.start(_WORKER, ["bench.worker"], f"{_WORKER}-{self._restarts + 1}")
        wanted = b"waiting runs read back" if self._waiting else b"the worker works"
        while wanted not in (log.read_bytes() if log.exists() else b""):
            if time.monotonic() - begun > _STALLED + self._waiting / 5_000:
                raise BenchError(f"{self._waiting:,} waiting runs were not read back")
            self.rig.check()
            await asyncio.sleep(0.05)
        seconds = time.monotonic() - begun
        await ready(self.rig)
        return ReadBack(psutil.Process(self.rig.pids[_WORKER]).memory_info().rss, seconds)

    # -- room on disk -------------------------------------------------------------------------------------------------

    def bytes_in_kafka(self) -> dict[str, int]:
        """Of records, by topic."""
        found: Counter[str] = Counter()
        for file in (self.rig.folder / "kafka" / "data").glob("onestack.*/*.log"):
            found[file.parent.name.rpartition("-")[0]] += file.stat().st_size
        return dict(found)

    async def bytes_in_postgres(self) -> dict[str, int]:
        """By table of the history, whatever week or day; a table's indexes are told by themselves."""
        found: Counter[str] = Counter()
        for row in await self.rig.postgres.fetch(_SIZES):
            name = re.sub(r"_(\d{8}|past|future)$", "", row["name"])
            found[name] += row["heap"]
            found[f"{name}, indexes"] += row["indexes"]
        return {name: size for name, size in found.items() if size}


_SIZES: Final = """
select c.relname as name, pg_table_size(c.oid) as heap, pg_indexes_size(c.oid) as indexes
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = 'history_data' and c.relkind = 'r'"""


class _Unkept(Waits):
    """Waits that are only written: the worker that reads them back is to have them."""

    def add(self, wait: Wait) -> None:
        """Nothing."""


def waiting(workflow: Workflow, made: Event) -> Wait:
    """The wait of the run that this event starts, as the worker keeps it."""
    event, now = decode(made.value, []), datetime.now(UTC)
    state = fold(None, start(workflow, event, now), workflow.body)
    state.event = event.envelope
    due = waits_until(state)
    assert due is not None
    arrived = int(now.timestamp() * 1000)
    return Wait(claim_id(state), made.key, due.timestamp(), arrived, state.digest, pack(state))


def by_kind(used: dict[str, float]) -> dict[str, float]:
    """The workers together, and nothing of the driver."""
    found = dict.fromkeys(KINDS, 0.0)
    for name, value in used.items():
        kind = "worker" if name.startswith("worker-") else name
        if kind in found:
            found[kind] += value
    return found


def on_disk(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def memory_of(used: dict[str, Any]) -> dict[str, int]:
    """MB by kind."""
    return {kind: round(value) for kind, value in by_kind(used).items()}
