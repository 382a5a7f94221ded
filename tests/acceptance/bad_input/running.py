"""A whole engine on embedded parts, spoken to from outside: Kafka records in, dead letters and history out."""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from runtime.postgres import connect
from sandbox.broker import Tansu
from sandbox.postgres import Postgres
from sandbox.process import end, spawn, tail
from schemas.names import DEAD_LETTERS, DEFINITIONS
from tests.topics import read_topic

PARTITIONS = 2
PATIENCE = 90.0

Place = tuple[str, int, int]
Headers = Sequence[tuple[str, bytes | None]]


class Record(NamedTuple):
    """What somebody sends."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()


class Bad(NamedTuple):
    """A record that has to be refused: the dead letter's field, and what its reason says."""

    name: str
    record: Record
    field: str
    reason: str


class Hub(http.server.ThreadingHTTPServer):
    """A plain HTTP server in the Hub's place, which keeps what it was sent."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls.append(json.loads(body))
        answer = b'{"id": "n-1"}'
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


class House:
    """Broker, Postgres, one worker, one projector and the Hub."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Tansu(folder / "broker")
        self.postgres = Postgres(folder / "postgres", settings={"fsync": "off"})
        self.hub = Hub()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self.broker.start()
        self.postgres.start()
        self._start("worker")
        asyncio.run(self._until_topics())
        self._start("projector")
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            end(process)
        self.postgres.stop()
        self.broker.stop()
        self.hub.shutdown()
        self.hub.server_close()

    def _start(self, name: str) -> None:
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ONESTACK_")},
            "ONESTACK_BROKER": self.broker.bootstrap,
            "ONESTACK_POSTGRES_URL": self.postgres.url,
            "ONESTACK_PARTITIONS": str(PARTITIONS),
            "ONESTACK_FETCH_MAX_WAIT_MS": "10",
            "ONESTACK_HUB_URL": f"http://127.0.0.1:{self.hub.server_port}",
            "ONESTACK_METRICS_PORT": "0",
        }
        self.processes[name] = spawn([sys.executable, "-m", "cli.main", name], self.log(name), env=env)

    def log(self, name: str) -> Path:
        """Where a process writes."""
        return self.folder / f"{name}.log"

    def alive(self) -> bool:
        """Whether all processes that were started still run."""
        return all(process.poll() is None for process in self.processes.values())

    async def _until_topics(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            consumer = AIOKafkaConsumer(bootstrap_servers=self.broker.bootstrap)
            await consumer.start()
            topics = await consumer.topics()
            await consumer.stop()
            if {DEFINITIONS, DEAD_LETTERS} <= topics:
                return
            assert time.monotonic() < deadline, tail(self.log("worker"))
            await asyncio.sleep(0.1)

    async def send(self, records: Sequence[Record]) -> list[Place]:
        """Send the records, all on partition 0 of their topics; where each of them stands."""
        producer = AIOKafkaProducer(bootstrap_servers=self.broker.bootstrap, max_request_size=2**22, linger_ms=5)
        await producer.start()
        try:
            sent = [
                await producer.send(one.topic, one.value, one.key, partition=0, headers=list(one.headers))
                for one in records
            ]
            done = await asyncio.gather(*sent)
        finally:
            await producer.stop()
        return [(place.topic, place.partition, place.offset) for place in done]

    async def letters(self, places: Sequence[Place]) -> dict[Place, dict[str, Any]]:
        """The dead letters of the records at these places, as soon as all are there; those that are, after a while."""
        found: dict[Place, dict[str, Any]] = {}
        wanted = set(places)
        consumer = AIOKafkaConsumer(bootstrap_servers=self.broker.bootstrap, fetch_max_wait_ms=10)
        await consumer.start()
        try:
            partitions = [TopicPartition(DEAD_LETTERS, number) for number in range(PARTITIONS)]
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            deadline = time.monotonic() + PATIENCE
            while not wanted <= found.keys() and time.monotonic() < deadline and self.alive():
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        letter = orjson.loads(record.value)
                        found[letter["topic"], letter["partition"], letter["offset"]] = letter
        finally:
            await consumer.stop()
        return found

    async def query(self, sql: str, until: int = 1) -> list[dict[str, Any]]:
        """The rows, as soon as there are so many; those that are there after a while."""
        deadline = time.monotonic() + PATIENCE
        while True:
            connection = await connect(self.postgres.url)
            try:
                rows = [dict(row) for row in await connection.fetch(sql)] if await _migrated(connection) else []
            finally:
                await connection.close()
            if len(rows) >= until or time.monotonic() > deadline:
                return rows
            await asyncio.sleep(0.1)

    async def topic(self, name: str) -> list[Any]:
        """All records of a topic's partition 0 that are there now."""
        return await read_topic(self.broker.bootstrap, name, 1)


async def _migrated(connection: Any) -> bool:
    return await connection.fetchval("select to_regclass('history.runs')") is not None


def folded(records: Sequence[Any]) -> Mapping[bytes | None, bytes]:
    """What a compacted topic comes down to."""
    found: dict[bytes | None, bytes] = {}
    for record in records:
        if record.value is None:
            found.pop(record.key, None)
        else:
            found[record.key] = record.value
    return found
