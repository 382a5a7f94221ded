"""What the run log and the history say, each read by itself: the log from Kafka, the history by its views."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from runtime.postgres import Connection
from sandbox.demo.expect import Run
from schemas.names import DEAD_LETTERS, RUNS

Place = tuple[str, int, int]
"""Topic, partition and offset."""

_ENDS = {f"run.{status}": status for status in ("completed", "failed", "skipped", "suppressed", "cancelled")}


@dataclass(slots=True)
class Evidence:
    """One witness's account of what happened."""

    runs: dict[Run, str] = field(default_factory=dict)  # with the status in which it ended
    entries: set[tuple[str, int, str]] = field(default_factory=set)  # run id, seq, type
    performed: dict[str, str] = field(default_factory=dict)  # command id -> action
    failed: set[str] = field(default_factory=set)  # command ids
    dead_letters: Counter[Place] = field(default_factory=Counter)


class LogReader:
    """Reads the run log and the dead letters from their beginning while they grow."""

    def __init__(self, bootstrap: str, fetch_wait_ms: int) -> None:
        self.seen = Evidence()
        self.letters: list[dict[str, Any]] = []
        self._runs: dict[str, Run] = {}
        self._next: dict[TopicPartition, int] = {}
        self._known: set[tuple[str, int]] = set()
        self._consumer = AIOKafkaConsumer(
            RUNS,
            DEAD_LETTERS,
            bootstrap_servers=bootstrap,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=fetch_wait_ms,
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to read."""
        await self._consumer.start()
        self._task = asyncio.create_task(self._read())

    async def stop(self) -> None:
        """Read no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._consumer.stop()

    async def _read(self) -> None:
        while True:
            for at, records in (await self._consumer.getmany(timeout_ms=200)).items():
                for record in records:
                    if record.offset < self._next.get(at, 0):
                        continue  # a consumer without a group begins again when partitions are assigned anew
                    self._next[at] = record.offset + 1
                    if at.topic == RUNS:
                        for entry in orjson.loads(record.value):
                            self._take(entry)
                    else:
                        self._take_letter(orjson.loads(record.value))
            await asyncio.sleep(0.02)  # a pause saves fetches: nobody waits for these records

    def _take(self, entry: dict[str, Any]) -> None:
        run_id, _, seq = entry["id"].rpartition(":")
        kind, data = entry["type"], entry["data"]
        if (run_id, int(seq)) in self._known:
            return  # the first entry that claims a seq is the truth
        self._known.add((run_id, int(seq)))
        self.seen.entries.add((run_id, int(seq), kind))
        if kind in {"run.started", "run.skipped", "run.suppressed"}:
            event = data["event"]
            self._runs[run_id] = (entry["orgid"], data["workflow"]["id"], event["source"], event["id"])
        elif kind == "run.restarted":
            # From now on the run is about the event that restarted it.
            self._runs[run_id] = (*self._runs[run_id][:2], data["event"]["source"], data["event"]["id"])
        if kind in _ENDS:
            self.seen.runs[self._runs[run_id]] = _ENDS[kind]
        if kind in {"step.succeeded", "step.failed"}:
            command = f"{run_id}:{data['generation']}:{data['step']}"
            if kind == "step.succeeded":
                self.seen.performed[command] = data["action"]
            elif data["next_try"] is None:
                self.seen.failed.add(command)

    def _take_letter(self, letter: dict[str, Any]) -> None:
        self.letters.append(letter)
        self.seen.dead_letters[letter["topic"], letter["partition"], letter["offset"]] += 1


_RUNS_SQL = """
select org_id, workflow_id, trigger_event ->> 'source', trigger_event ->> 'id', status from history.runs
"""
_STEPS_SQL = """
select run_id, step_id, action, status from history.steps where action <> 'condition'
"""


async def history(connection: Connection) -> Evidence:
    """What the views say now."""
    seen = Evidence()
    for *run, status in await connection.fetch(_RUNS_SQL):
        org, workflow, source, event = run
        seen.runs[org, workflow, source, event] = status
    for run_id, step, action, status in await connection.fetch(_STEPS_SQL):
        if status == "succeeded":
            seen.performed[f"{run_id}:0:{step}"] = action
        elif status == "failed":
            seen.failed.add(f"{run_id}:0:{step}")
    seen.entries = {tuple(row) for row in await connection.fetch("select run_id, seq, type from history.entries")}
    for row in await connection.fetch('select topic, partition, "offset" from history.dead_letters'):
        seen.dead_letters[row[0], row[1], row[2]] += 1
    return seen
