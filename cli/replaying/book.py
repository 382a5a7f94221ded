"""A replay's record: entries that workers write into the run log, and that the history has."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

import orjson

from cli.errors import Failure
from hub.services.requests import record_of
from schemas.messages import Control
from schemas.names import entity_key
from schemas.replays import Note, subject

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer

    from cli.replaying.job import Job
    from runtime.postgres import Connection

_PATIENCE: Final = 30.0
_LOOK: Final = 0.1


class Book:
    """Writes the record of one replay. `seq` is the number of the next entry; `token` is this process's own."""

    def __init__(self, connection: Connection, producer: AIOKafkaProducer, job: Job, seq: int) -> None:
        self._connection = connection
        self._producer = producer
        self._job = job
        self.seq = seq
        self.token = uuid.uuid4().hex
        self._unread: list[int] = []

    async def note(self, kind: Any, data: dict[str, Any], *, wait: bool = False) -> None:
        """Ask for the next entry; with `wait` it stands in the history when this returns.

        Raises Failure where another process has written instead, or where nothing shows.
        """
        job, seq = self._job, self.seq
        control = Control(
            id=f"{job.replay}:{seq}",
            action="replay",
            org=job.org,
            entity_key=entity_key(job.org, subject(job.replay)),
            run_id=job.replay,
            by=job.by.model_copy(update={"replay": None}),
            note=Note(seq=seq, type=kind, data={"token": self.token, **data}),
        )
        topic, key, value, _ = record_of(control)
        await self._producer.send_and_wait(topic, value, key)
        self.seq += 1
        self._unread.append(seq)
        await self.check()
        deadline = time.monotonic() + _PATIENCE
        while wait and seq in self._unread:
            if time.monotonic() > deadline:
                raise Failure(
                    f"Kafka has the record of {job.replay}, but the history does not show it: are a worker and a "
                    "projector of this version running? No run was touched since."
                )
            await asyncio.sleep(_LOOK)
            await self.check()

    async def check(self) -> None:
        """Raise Failure where what this process wrote is not what stands in the record: another one goes on."""
        rows = await self._connection.fetch(
            "select seq, entries from history_data.records where run_id = $1 and seq = any($2::integer[])",
            self._job.replay,
            self._unread,
        )
        for row in rows:
            if orjson.loads(row["entries"])[0]["data"].get("token") != self.token:
                raise Failure(f"Another process has gone on with {self._job.replay}: this one stops.")
            self._unread.remove(row["seq"])
