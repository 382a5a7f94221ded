"""An embedded broker, workers as processes, and a Hub whose answers a test can hold back."""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from runtime.kafka import partition_of
from sandbox.broker import Tansu
from sandbox.process import end, spawn, tail
from schemas.names import DEAD_LETTERS, DEFINITIONS, EVENT_TOPICS, RUNS
from streams.app import GROUP
from tests.topics import read_topic

PARTITIONS = 2
MAX_CALLS = 8
PATIENCE = 60.0
RMM = EVENT_TOPICS["rmm"]


class Call(NamedTuple):
    """A call that the Hub got."""

    key: str
    body: str
    traceparent: str = ""


class Hub(http.server.ThreadingHTTPServer):
    """Answers notes at once; one whose body begins with `slow` after 50 ms, with `held` when it is let go.

    `flaky` fails twice. With a `refusal` all are refused, with that answer.
    """

    daemon_threads = True

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.let_go = threading.Event()
        self.refusal = b""
        super().__init__(("127.0.0.1", 0), _Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_: Any) -> None:
        """A worker that was killed leaves its connections behind."""

    def count(self) -> Counter[str]:
        """How often each command was performed."""
        return Counter(call.key for call in self.calls)


class _Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = str(given.get("body", given))
        key = (self.headers["Idempotency-Key"] or self.headers["webhook-id"]).strip('"')
        self.server.calls.append(Call(key, body, self.headers["traceparent"] or ""))
        if body.startswith("slow"):
            time.sleep(0.05)
        elif body.startswith("held"):
            self.server.let_go.wait(PATIENCE)
        elif body == "flaky" and self.server.count()[self.server.calls[-1].key] <= 2:
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        answer = self.server.refusal or b'{"id": "n-1"}'
        self.send_response(422 if self.server.refusal else 201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_PATCH = do_POST  # noqa: N815 - http.server's name

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


class Run(NamedTuple):
    """A run as the log tells it: the first entry that claims a number is the truth."""

    entries: dict[int, dict[str, Any]]

    @property
    def name(self) -> str:
        """What its device is called."""
        name: str = self.entries[0]["data"]["event"]["data"]["device"]["name"]
        return name

    @property
    def kinds(self) -> list[str]:
        """The types of its entries."""
        return [self.entries[seq]["type"] for seq in sorted(self.entries)]


class Cluster:
    """What a test drives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Tansu(folder / "broker")
        self.hub = Hub()
        self.workers: dict[str, subprocess.Popen[bytes]] = {}

    def close(self) -> None:
        """End everything."""
        for name in list(self.workers):
            self.kill(name)
        self.broker.stop()
        self.hub.let_go.set()
        self.hub.shutdown()
        self.hub.server_close()

    def environment(self, **given: str) -> dict[str, str]:
        """What a process here is told; `given` wins over it."""
        return {
            **{key: value for key, value in os.environ.items() if not key.startswith(("ONESTACK_", "OTEL_"))},
            "ONESTACK_BROKER": self.broker.bootstrap,
            "ONESTACK_PARTITIONS": str(PARTITIONS),
            "ONESTACK_FETCH_MAX_WAIT_MS": "10",
            "ONESTACK_SESSION_TIMEOUT": "3",
            "ONESTACK_COMMIT_INTERVAL": "0.1",
            "ONESTACK_HUB_URL": f"http://127.0.0.1:{self.hub.server_port}",
            "ONESTACK_METRICS_PORT": "0",
            "ONESTACK_MAX_CALLS": str(MAX_CALLS),
            **given,
        }

    async def start(self, name: str, **given: str) -> None:
        """Start a worker, with these variables besides; returns when it works."""
        env = self.environment(**given)
        log = self.folder / f"{name}.log"
        before = log.read_bytes().count(b"the worker works") if log.exists() else 0
        self.workers[name] = spawn([sys.executable, "-m", "cli.main", "worker"], log, env=env)

        async def works() -> bool:
            assert self.workers[name].poll() is None, tail(log)
            return log.exists() and log.read_bytes().count(b"the worker works") > before

        await self.until(works)

    def counted(self, name: str, metric: str) -> float:
        """What a worker tells of a metric at /metrics, over all its labels."""
        served = re.findall(r"http://[\d.:]+/metrics", (self.folder / f"{name}.log").read_text())
        with urllib.request.urlopen(served[-1], timeout=10) as answer:
            lines = [line.split() for line in answer.read().decode().splitlines()]
        return sum(
            float(value) for full, value in (line for line in lines if len(line) == 2) if full.split("{")[0] == metric
        )

    def kill(self, name: str) -> None:
        """SIGKILL."""
        process = self.workers.pop(name)
        process.kill()
        process.wait()

    async def stop(self, name: str) -> None:
        """SIGTERM, which a worker follows within its 10 s."""
        process = self.workers.pop(name)
        assert await asyncio.to_thread(end, process, signal.SIGTERM, 30) == 0

    async def until(self, met: Callable[[], Awaitable[bool]], what: str = "what was waited for") -> None:
        """Return as soon as it is so."""
        deadline = time.monotonic() + PATIENCE
        while not await met():
            assert time.monotonic() < deadline, f"{what} did not happen"
            await asyncio.sleep(0.05)

    async def send(
        self, topic: str, *records: tuple[bytes | None, bytes | None, int], headers: Sequence[Any] = ()
    ) -> list[int]:
        """Send (key, value, partition) in order; their offsets."""
        producer = AIOKafkaProducer(bootstrap_servers=self.broker.bootstrap)
        await producer.start()
        try:
            sent = [
                await producer.send(topic, value, key, partition=partition, headers=list(headers))
                for key, value, partition in records
            ]
            return [(await one).offset for one in sent]
        finally:
            await producer.stop()

    async def define(self, org: str, version: int = 1, **fields: Any) -> None:
        """Put a definition in force that makes a note of each device that goes offline."""
        body = definition(org, version, **fields)
        await self.send(DEFINITIONS, (f"{org}/wf".encode(), orjson.dumps(body), 0))
        await asyncio.sleep(1)  # in force on every live worker within a second

    async def emit(self, org: str, *names: str, partition: int | None = None, prefix: str = "") -> None:
        """Send an event a name, each of its own device unless there is a prefix, which names the one they share."""
        records = []
        for number, name in enumerate(names):
            value = event(org, prefix or f"d-{name}", name, f"{prefix}{name}-{number}")
            key = f"{org}/{value['subject']}".encode()
            home = partition_of(key, PARTITIONS)
            records.append((key, orjson.dumps(value), home if partition is None else partition))
        await self.send(RMM, *records)

    async def records(self, topic: str) -> list[Any]:
        """All that is on a topic now, by partition, in order."""
        return await read_topic(self.broker.bootstrap, topic, 1 if topic == DEFINITIONS else PARTITIONS)

    async def runs(self, org: str) -> dict[str, Run]:
        """An organisation's runs, in the order in which they began on their partitions."""
        found: dict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
        for record in await self.records(RUNS):
            for entry in orjson.loads(record.value):
                if entry["orgid"] == org:
                    run, _, seq = entry["id"].rpartition(":")
                    found[run].setdefault(int(seq), entry)
        return {run: Run(entries) for run, entries in found.items()}

    async def finished(self, org: str, count: int) -> dict[str, Run]:
        """The organisation's runs, as soon as so many have ended."""
        runs: dict[str, Run] = {}

        async def ended() -> bool:
            nonlocal runs
            runs = await self.runs(org)
            return sum(run.kinds[-1] == "run.completed" for run in runs.values()) >= count

        await self.until(ended, f"the end of {count} runs of {org}")
        return runs

    async def letters(self) -> list[dict[str, Any]]:
        """All dead letters."""
        return [orjson.loads(record.value) for record in await self.records(DEAD_LETTERS)]

    async def committed(self, topic: str) -> dict[int, int]:
        """The workers' committed offsets by partition; 0 where there is none."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.broker.bootstrap, group_id=GROUP, enable_auto_commit=False)
        await consumer.start()
        try:
            partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
            consumer.assign(partitions)
            return {at.partition: await consumer.committed(at) or 0 for at in partitions}
        finally:
            await consumer.stop()

    async def ends(self, topic: str) -> dict[int, int]:
        """The offsets after a topic's last records (Tansu itself tells less: the end of its last batch's first one)."""
        found = dict.fromkeys(range(PARTITIONS), 0)
        for record in await self.records(topic):
            found[record.partition] = record.offset + 1
        return found


def definition(org: str, version: int = 1, **fields: Any) -> dict[str, Any]:
    """A workflow of one note, whose body is the device's name."""
    note = {"id": "note", "action": "create_note", "with": {"body": "{{device.name}}", "company_id": "c-1"}}
    return {
        "id": "wf",
        "org": org,
        "version": version,
        "name": f"Version {version}",
        "state": "enabled",
        "trigger": {"type": "device.offline"},
        "steps": [note],
        **fields,
    }


def event(org: str, device: str, name: str, event_id: str) -> dict[str, Any]:
    """A device goes offline."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "/rmm",
        "type": "device.offline",
        "subject": f"device/{device}",
        "orgid": org,
        "data": {"device": {"id": device, "name": name}},
    }
