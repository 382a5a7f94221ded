"""What happens right now: the run log, the definitions and the dead letters, followed while somebody listens.

One consumer a process, outside any group. What it reads says only *that* something changed. What is told about it comes
from the history, once that has it: so whoever is told of a run can read it, and is told what can be read.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import asyncpg
import orjson
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from hub.channels import MISSED, NEWS_SECONDS, Channel, Listener, Message
from hub.problems import Problem
from hub.readable import At, Horizon
from hub.reading import Reads, bound
from projections.letters import of_record
from runtime.kafka import new_reader, started, topic_partitions
from runtime.logging import logger
from runtime.settings import Settings
from schemas.names import DEAD_LETTERS, DEFINITIONS, RUNS

log = logger("hub")

TOPICS: Final = (RUNS, DEFINITIONS, DEAD_LETTERS)
_FLUSH_SECONDS: Final = 0.1
_LINGER_SECONDS: Final = 60.0
"""For which an organisation without readers is followed on: a browser that reconnects then misses nothing."""
_BACK: Final = 300
"""Records of a partition that are read again at the start: those that came while the consumer was being made."""
_REMEMBERED: Final = 1_000
"""Records, for an organisation whose first reader comes just after them."""
_FETCH_WAIT_MS: Final = 100
_MOST_PENDING: Final = 5_000

_RUNS: Final = bound("""
    select r.run_id, r.workflow_id, r.status, r.entity_key
      from history_data.run_keys k
     cross join lateral (select x.run_id, x.workflow_id, x.status, x.entity_key
                           from history_data.runs x
                          where x.run_id = k.run_id and x.org_id = o.org
                            and x.started_at >= timestamptz '2000-01-03 00:00:00+00' + k.week * interval '7 days'
                            and x.started_at < timestamptz '2000-01-10 00:00:00+00' + k.week * interval '7 days') r
     where k.run_id = any($2::text[]) and k.org_id = o.org""")
_WORKFLOWS: Final = bound("""
    select w.workflow_id, w.version, w.state from history_data.workflows w
     where w.org_id = o.org and w.workflow_id = any($2::text[])""")

Change = tuple[str, str]
"""What changed: `run` or `workflow` with its id, or `dead-letter` with where it is."""


class _Pending:
    """What is to be told to one organisation once the history has it: of each thing the last news alone."""

    def __init__(self, org: str) -> None:
        self.channel = Channel(org)
        self.news: dict[Change, tuple[At, int, Any]] = {}

    def add(self, change: Change, at: At, offset: int, told: Any) -> None:
        if len(self.news) >= _MOST_PENDING and change not in self.news:
            self.news.clear()
            self.news["missed", ""] = at, offset, None
        self.news.pop(change, None)
        self.news[change] = at, offset, told

    def take(self, positions: Mapping[At, int]) -> dict[Change, Any]:
        """The news that can be read now."""
        found = {change: told for change, (at, offset, told) in self.news.items() if positions.get(at, 0) > offset}
        for change in found:
            del self.news[change]
        return found


class Live:
    """The streams of all organisations."""

    def __init__(self, settings: Settings, horizon: Horizon, reads: Reads) -> None:
        # The broker may wait a little longer than elsewhere: messages go out ten times a second at most.
        longer = max(settings.fetch_max_wait_ms, _FETCH_WAIT_MS)
        self._settings = settings.model_copy(update={"fetch_max_wait_ms": longer})
        self._horizon = horizon
        self._reads = reads
        self._of: dict[str, _Pending] = {}
        self._wanted = asyncio.Event()
        self._arrived = asyncio.Event()
        self._wanted_at = 0.0
        self._follows = self._broken = False
        self._remembered: deque[tuple[At, Any]] = deque(maxlen=_REMEMBERED)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin, which is to wait until somebody listens."""
        work = {"hub-live": self._follow(), "hub-live-told": self._tell()}
        self._tasks = [asyncio.create_task(one, name=name) for name, one in work.items()]

    async def stop(self) -> None:
        """End all streams, and the consumer."""
        for one in self._of.values():
            one.channel.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    @contextmanager
    def listening(self, org: str, last_id: str | None = None) -> Iterator[Listener]:
        """A reader of this organisation's news, who has read up to the message of this id. Raises Problem 429."""
        pending = self._of.get(org)
        if pending is None:
            pending = self._of[org] = _Pending(org)
            self._look_back(org, pending)
        if not self._follows and not self._wanted.is_set():
            self._wanted_at = time.time()
        self._wanted.set()
        with pending.channel.reader(last_id) as listener:
            yield listener

    # ---- from Kafka ----

    async def _follow(self) -> None:
        pause = 0.1
        while True:
            await self._wanted.wait()
            reader = new_reader(self._settings)
            try:
                await started(reader, "hub-live")
                await self._read(reader)
                pause = 0.1
            except (KafkaError, OSError) as error:
                log.warning("the run log can't be followed; trying again", error=repr(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
                self._broken, self._wanted_at = True, time.time()
            finally:
                self._follows = False
                self._remembered.clear()
                await asyncio.wait({asyncio.create_task(reader.stop())}, timeout=1.0)

    async def _read(self, reader: Any) -> None:
        """Read from about now, until nobody listens any more."""
        found = await topic_partitions(self._settings, TOPICS)
        if len(found) < len(TOPICS):
            raise KafkaError("there are topics missing")
        partitions = [one for of_topic in found.values() for one in of_topic]
        reader.assign(partitions)
        await self._seek(reader, partitions)
        since = _milliseconds(self._wanted_at)
        self._follows = True
        if self._broken:
            self._broken = False
            for one in self._of.values():
                one.channel.send([MISSED])
        while self._forget():
            for at, records in (await reader.getmany(timeout_ms=1_000)).items():
                for record in records:
                    if record.timestamp < 0 or record.timestamp >= since:
                        self._hear((at.topic, at.partition), record)

    async def _seek(self, reader: Any, partitions: Sequence[TopicPartition]) -> None:
        begin = await reader.beginning_offsets(partitions)
        for at, end in (await reader.end_offsets(partitions)).items():
            reader.seek(at, max(begin[at], end - _BACK))

    def _forget(self) -> bool:
        """Let go of organisations that nobody has listened to for a while; whether there are others."""
        now = asyncio.get_running_loop().time()
        for org, one in list(self._of.items()):
            if not one.channel.listeners and now - one.channel.left_at > _LINGER_SECONDS:
                del self._of[org]
        if not self._of:
            self._wanted.clear()
        return bool(self._of)

    def _hear(self, at: At, record: Any) -> None:
        self._remembered.append((at, record))
        org, rest = _split(record)
        pending = self._of.get(org)
        if pending is not None:
            self._note(org, pending, rest, at, record)

    def _look_back(self, org: str, pending: _Pending) -> None:
        """Note what came just before the organisation's first reader, which has fetched its page already."""
        since = _milliseconds(time.time())
        for at, record in self._remembered:
            of_org, rest = _split(record)
            if of_org == org and record.timestamp >= since:
                self._note(org, pending, rest, at, record)

    def _note(self, org: str, pending: _Pending, rest: str, at: At, record: Any) -> None:
        topic, _ = at
        if topic == RUNS:
            for run_id, kind in _last_entries(org, record.value):
                pending.add(("run", run_id), at, record.offset, kind)
        elif topic == DEAD_LETTERS:
            letter = of_record(record)
            told = {"at": letter.at, "topic": letter.topic}
            pending.add(("dead-letter", f"{at[1]}:{record.offset}"), at, record.offset, told)
        elif rest and "/" not in rest:
            pending.add(("workflow", rest), at, record.offset, None)
        if pending.news:
            self._arrived.set()

    # ---- to those who listen ----

    async def _tell(self) -> None:
        while True:
            await self._arrived.wait()
            # Also where it can be read at once: what else happens in this time goes with it.
            await asyncio.sleep(_FLUSH_SECONDS)
            if not any(one.news for one in self._of.values()):
                self._arrived.clear()
                continue
            with suppress(Problem, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await self._flush()

    async def _flush(self) -> None:
        positions = await self._horizon.positions(TOPICS)
        for one in list(self._of.values()):
            news = one.take(positions)
            if not news:
                continue
            try:
                one.channel.send(await self._messages(one.channel.org, news))
            except BaseException:
                one.channel.send([MISSED])
                raise

    async def _messages(self, org: str, news: Mapping[Change, Any]) -> list[Message]:
        """What is told of these changes: as the history has them now."""
        runs = {id: told for (kind, id), told in news.items() if kind == "run"}
        workflows = tuple(sorted(id for kind, id in news if kind == "workflow"))
        found = [MISSED] if ("missed", "") in news else []
        if workflows:
            rows = await self._reads.rows(_WORKFLOWS, org, workflows)
            known = {row["workflow_id"]: row for row in rows}
            found += [Message("workflow", _workflow(id, known.get(id))) for id in workflows]
        found += [Message("dead-letter", told) for (kind, _), told in news.items() if kind == "dead-letter"]
        if runs:
            rows = await self._reads.rows(_RUNS, org, tuple(sorted(runs)))
            found += [Message("run", {**row, "type": runs[row["run_id"]]}) for row in rows]
        return found


def _milliseconds(now: float) -> int:
    """The Kafka timestamp from which on something is news."""
    return int((now - NEWS_SECONDS) * 1000)


def _split(record: Any) -> tuple[str, str]:
    """The organisation in a record's key, and what stands behind it."""
    org, _, rest = (record.key or b"").decode(errors="replace").partition("/")
    return org, rest


def _workflow(id: str, row: Any) -> dict[str, Any]:
    """A deleted one has no version any more."""
    return {"id": id, "version": row and row["version"], "state": row and row["state"]}


def _last_entries(org: str, value: bytes | None) -> Iterator[tuple[str, str]]:
    """The runs that a record is about, each with the type of its last entry; none where it can't be read."""
    try:
        entries = orjson.loads(value or b"")
        found = {
            str(one["id"]).rpartition(":")[0]: str(one["type"])
            for one in (entries if isinstance(entries, list) else [entries])
            if one["orgid"] == org
        }
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return
    yield from found.items()
