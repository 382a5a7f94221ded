"""Replaying: one run first, then the rest at a bounded rate, until all are done or too many fail again.

What was sent is never remembered here alone: each request has an id of its own that is made of the replay and the run,
and the history tells which runs were replayed. So a replay that was killed goes on where it was.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from cli.replaying.preview import INSTEAD
from hub.services.plans import Planner
from hub.services.requests import Request, record_of, refusals
from projections import queries
from projections.replays import waiting_until
from schemas.replays import ReplayCounts

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiokafka import AIOKafkaProducer

    from cli.replaying.book import Book
    from cli.replaying.job import Job
    from runtime.postgres import Connection

_LOOK: Final = 0.2
_TELL: Final = 2.0
"""Seconds between two entries of progress: who would continue sees by them that somebody is at it."""
_SILENT: Final = 60.0
"""Seconds after which a request without any effect stops the replay."""
_CANARY: Final = 300.0
_LAST: Final = 120.0
"""Seconds in which the canary, and the last runs, have to end."""
_FEWEST: Final = 5
"""With fewer runs that ended nothing is said about how many fail again."""
_SOON: Final = dt.timedelta(seconds=60)
"""A run that waits for longer counts as going well: a retry comes sooner."""
_ENDED: Final = frozenset({"completed", "failed", "cancelled"})


class End(NamedTuple):
    """How it ended: `finished`, `stopped` (something is wrong) or `paused` (somebody said so)."""

    status: str
    reason: str | None = None


@dataclass(slots=True)
class _Sent:
    request: Request | None
    at: float
    shows: bool = False


class Drive:
    """One replay. `stop` is set when somebody wants it to end; `say` tells the person what happens."""

    def __init__(
        self, connection: Connection, producer: AIOKafkaProducer, job: Job, book: Book, say: Callable[[str], None]
    ) -> None:
        self._connection = connection
        self._producer = producer
        self._job = job
        self._book = book
        self._say = say
        self._planner = Planner(connection, job.version, job.by, INSTEAD, job.request_id)
        self._began = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
        self._flying: dict[str, _Sent] = {}
        self._results: dict[str, str] = {}
        self._replayed: set[str] = set()
        self._told = self._looked = time.monotonic()
        self._most = max(20, int(10 * job.rate))
        self.stop = asyncio.Event()

    def counts(self) -> ReplayCounts:
        """How far it is."""
        found = list(self._results.values())
        told = {name: found.count(name) for name in ReplayCounts.model_fields if name != "replayed"}
        return ReplayCounts(replayed=len(self._replayed), **told)

    @property
    def flying(self) -> int:
        """Runs that were sent and have not ended."""
        return len(self._flying)

    async def recall(self, replayed: set[str]) -> None:
        """Take up what was replayed before: where each of these runs stands now."""
        self._replayed |= replayed
        for run_id in self._job.run_ids:
            if run_id in replayed:
                self._flying[run_id] = _Sent(None, time.monotonic(), shows=True)
        await self._look()

    async def go(self, *, canary_only: bool) -> End:
        """Replay what has not been replayed. Raises Failure, and what Kafka and Postgres raise."""
        waiting = [one for one in self._job.run_ids if one not in self._replayed]
        if not {"completed", "waiting"} & set(self._results.values()):
            end = await self._canary(waiting)
            if end is not None:
                return end
            if canary_only and waiting:
                return End("paused", "only the canary was asked for")
        return await self._rest(waiting)

    async def _canary(self, waiting: list[str]) -> End | None:
        """One run, waited for to its end; None where it went well, or none is left."""
        run_id = ""
        while waiting and not self._flying:
            run_id = waiting.pop(0)
            await self._send(run_id)
        if not self._flying:
            return None
        run_id = run_id or next(iter(self._flying))
        self._say(f"canary: run {self._job.watched(run_id)}")
        deadline = time.monotonic() + _CANARY
        while run_id in self._flying:
            if self.stop.is_set():
                return End("paused", "stopped by hand")
            if time.monotonic() > deadline:
                return End("stopped", f"the canary, run {self._job.watched(run_id)}, has not ended in 5 minutes")
            if (end := self._silent()) is not None:
                return end
            await asyncio.sleep(_LOOK)
            await self._look()
            await self._tell()
        return await self._judged(run_id)

    async def _judged(self, run_id: str) -> End | None:
        result, watched = self._results[run_id], self._job.watched(run_id)
        if result in {"completed", "waiting"}:
            self._say(f"canary: {result}")
            return None
        [row] = await queries.runs_by_id(self._connection, [watched], org=self._job.org) or [{}]
        why = f": {row['error']}" if row.get("error") else ""
        return End("stopped", f"the canary, run {watched}, is {result.replace('_', ' ')}{why}")

    async def _rest(self, waiting: list[str]) -> End:
        due = changed = time.monotonic()
        before = -1
        while waiting or self._flying:
            if self.stop.is_set():
                return End("paused", "stopped by hand")
            if (end := self._silent() or self._too_many()) is not None:
                return end
            now = time.monotonic()
            if waiting and now >= due and len(self._flying) < self._most:
                await self._send(waiting.pop(0))
                # From now on and not from when it was due: what was held up is not caught up with in a burst.
                due = now + 1 / self._job.rate
            if len(self._flying) != before or waiting:
                before, changed = len(self._flying), now
            if now - changed > _LAST:
                return End("finished", f"{before:,} of its runs still go on")
            if now - self._looked >= _LOOK:
                await self._look()
            await self._tell()
            await asyncio.sleep(max(0.0, min(_LOOK, due - time.monotonic())) if waiting else _LOOK)
        return End("finished")

    async def _send(self, run_id: str) -> None:
        """Have one run replayed, unless it was already, or can't be."""
        rows = await queries.runs_by_id(self._connection, [run_id], org=self._job.org)
        if not rows:
            self._results[run_id] = "passed_over"
            return
        if await self._is_replayed(run_id):
            self._replayed.add(run_id)
            self._flying[run_id] = _Sent(None, time.monotonic(), shows=True)
            return
        resumes = self._job.action == "resume"
        plan = await (self._planner.resume(rows[0], None) if resumes else self._planner.rerun(rows[0]))
        if plan.request is None:
            self._results[run_id] = "passed_over"
            return
        topic, key, value, _ = record_of(plan.request.control)
        await self._producer.send_and_wait(topic, value, key)
        # The state that the run had is long, and has done its work.
        plan.request.control = plan.request.control.model_copy(
            update={"state": None, "definition": None, "event": None}
        )
        self._replayed.add(run_id)
        self._flying[run_id] = _Sent(plan.request, time.monotonic())

    async def _is_replayed(self, run_id: str) -> bool:
        if self._job.action == "rerun":
            return bool(await queries.run_statuses(self._connection, [self._job.watched(run_id)]))
        return any(_is_ours(one, self._job.replay) for one in await queries.run_log(self._connection, run_id))

    async def _look(self) -> None:
        """What became of those that are under way."""
        self._looked = time.monotonic()
        watched = {self._job.watched(one): one for one in self._flying}
        rows = await queries.run_statuses(self._connection, list(watched))
        waits = await waiting_until(self._connection, [row["run_id"] for row in rows if row["status"] == "waiting"])
        later = dt.datetime.now(dt.UTC) + _SOON
        for row in rows:
            run_id = watched[row["run_id"]]
            sent = self._flying[run_id]
            if not sent.shows:
                await self._effect(run_id, sent)
                continue  # its status was read before the log, and may be that of before
            until = waits.get(row["run_id"])
            if row["status"] in _ENDED:
                self._settle(run_id, row["status"])
            elif until is not None and until > later:
                self._settle(run_id, "waiting")
        await self._look_for_refusals()

    async def _effect(self, run_id: str, sent: _Sent) -> None:
        if self._job.action == "rerun" or sent.request is None:
            sent.shows = True
            return
        later = (await queries.run_log(self._connection, run_id))[sent.request.before :]
        if any(_is_ours(one, self._job.replay) for one in later):
            sent.shows = True
        elif later:
            # Somebody else had it go on at the same moment, and was first.
            self._replayed.discard(run_id)
            self._settle(run_id, "passed_over")

    async def _look_for_refusals(self) -> None:
        now = time.monotonic()
        silent = {id: one for id, one in self._flying.items() if not one.shows and now - one.at > 5 and one.request}
        if not silent:
            return
        await refusals(self._connection, [one.request for one in silent.values() if one.request], self._began)
        for run_id, one in silent.items():
            if one.request is not None and one.request.result == "refused":
                self._say(f"run {run_id} was refused: {one.request.reason}")
                self._replayed.discard(run_id)
                self._settle(run_id, "refused")

    def _settle(self, run_id: str, result: str) -> None:
        self._results[run_id] = result
        self._flying.pop(run_id, None)

    def _silent(self) -> End | None:
        now = time.monotonic()
        if any(not one.shows and now - one.at > _SILENT for one in self._flying.values()):
            return End("stopped", "what was asked for shows no effect: are a worker and a projector running?")
        return None

    def _too_many(self) -> End | None:
        found = self.counts()
        bad = found.failed + found.refused
        ended = bad + found.completed + found.cancelled + found.waiting
        if ended < _FEWEST or 100 * bad <= self._job.stop_at * ended:
            return None
        return End("stopped", f"{bad:,} of {ended:,} failed again, more than {self._job.stop_at:g} %")

    async def _tell(self) -> None:
        if time.monotonic() - self._told >= _TELL:
            self._told = time.monotonic()
            counts = self.counts()
            await self._book.note("replay.progress", {"counts": counts.model_dump()})
            self._say(progress(counts, len(self._job.run_ids)))


def _is_ours(entry: dict[str, object], replay: str) -> bool:
    data = entry.get("data")
    by = data.get("by") if isinstance(data, dict) else None
    return entry.get("type") == "run.resumed" and isinstance(by, dict) and by.get("replay") == replay


def progress(counts: ReplayCounts, runs: int) -> str:
    """How far it is, for people."""
    told = [f"{counts.replayed:,} of {runs:,} replayed"]
    told += [
        f"{number:,} {name.replace('_', ' ')}"
        for name, number in counts.model_dump().items()
        if name != "replayed" and number
    ]
    return ", ".join(told)
