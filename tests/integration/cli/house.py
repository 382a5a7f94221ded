"""A broker, a Postgres, a projector and a worker, modules that can be broken, and `onestack` as a process."""

from __future__ import annotations

import asyncio
import http.server
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from cli.main import run as command
from projections.migrations import migrate
from runtime.postgres import connect
from runtime.settings import load
from sandbox.process import tail
from schemas.names import CONTROL, DEFINITIONS
from streams.topics import create
from tests.integration.hub.live import Live
from tests.topics import read_topic

PARTITIONS = 2
PATIENCE = 60.0
T = TypeVar("T")
STEPS = [
    {"id": "note", "action": "create_note", "with": {"body": "{{device.name}}", "company_id": "c-1"}},
    {"id": "ticket", "action": "create_ticket", "with": {"title": "{{device.name}}"}, "on_error": "stop"},
    {"id": "tag", "action": "add_tag", "with": {"tag": "{{device.name}}"}},
]


class Call(NamedTuple):
    """A call that a module performed: its Idempotency-Key, what it made, and for which device."""

    key: str
    made: str
    name: str


class Modules(http.server.ThreadingHTTPServer):
    """PSA and Hub in one. Tickets of names that begin with one of `broken` are refused."""

    daemon_threads = True

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.broken: tuple[str, ...] = ()
        super().__init__(("127.0.0.1", 0), _Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_: Any) -> None:
        """A worker that was killed leaves its connections behind."""

    def made(self, what: str, name: str) -> list[str]:
        """The keys of the calls that made this for devices whose name begins so."""
        return [call.key for call in self.calls if call.made == what and call.name.startswith(name)]


class _Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Modules

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        made = self.path.rpartition("/")[2]
        name = body.get("title") or body.get("body") or body.get("tag")
        refused = made == "tickets" and name.startswith(self.server.broken) if self.server.broken else False
        if not refused:
            self.server.calls.append(Call(self.headers["Idempotency-Key"].strip('"'), made, name))
        answer = b'{"title": "the board is closed"}' if refused else b'{"id": "x-1"}'
        self.send_response(422 if refused else 201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


class House(Live):
    """All of it; each test takes an organisation of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.modules = Modules()

    @property
    def variables(self) -> dict[str, str]:
        url = f"http://127.0.0.1:{self.modules.server_port}"
        return super().variables | {"ONESTACK_HUB_URL": url, "ONESTACK_PSA_URL": url, "ONESTACK_COMMIT_INTERVAL": "0.1"}

    def start(self) -> None:
        self.broker.start()
        asyncio.run(create(load(broker=self.broker.bootstrap, partitions=PARTITIONS, fetch_max_wait_ms=10)))
        self.postgres.start()
        asyncio.run(migrate(self.postgres.url))
        for role in ("projector", "worker"):
            self.up(role)

    def stop(self) -> None:
        super().stop()
        self.modules.shutdown()
        self.modules.server_close()

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """`onestack` with these arguments, as a process."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("ONESTACK_")}
        return subprocess.Popen(
            [sys.executable, "-m", "cli.main", *arguments], env=env | self.variables, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    async def told(self, code: int, *arguments: str) -> str:
        """What it writes; it has to end with this code."""
        return "".join(await self._written(code, *arguments))

    async def told_json(self, *arguments: str) -> Any:
        """What it prints as JSON."""
        out, _ = await self._written(0, *arguments, "--json")
        return json.loads(out)

    async def told_here(self, code: int, *arguments: str) -> str:
        """The same in this process, which is faster: for what needs no signals, as it ends before anything is sent."""
        written = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(written), redirect_stderr(written):
            for name, value in self.variables.items():
                patch.setenv(name, value)
            found = await asyncio.to_thread(command, list(arguments))
        assert found == code, f"{found}: {written.getvalue()}"
        return written.getvalue()

    async def _written(self, code: int, *arguments: str) -> tuple[str, str]:
        process = self.begin(*arguments)
        out, errors = await asyncio.to_thread(process.communicate, timeout=PATIENCE)
        assert process.returncode == code, f"{process.returncode}: {out}{errors}"
        return out, errors

    async def ended(self, process: subprocess.Popen[str], stop: signal.Signals) -> tuple[int, str]:
        """Send a signal, and wait for the end."""
        process.send_signal(stop)
        out, errors = await asyncio.to_thread(process.communicate, timeout=PATIENCE)
        return process.returncode, out + errors

    async def define(self, org: str, version: int = 1, **fields: Any) -> None:
        """Put a workflow in force: a note, a ticket and a tag for each device that goes offline."""
        body = {
            "id": "wf", "org": org, "version": version, "name": "WF", "state": "enabled",
            "trigger": {"type": "device.offline"}, "steps": STEPS, **fields,
        }  # fmt: skip
        producer = AIOKafkaProducer(bootstrap_servers=self.broker.bootstrap)
        await producer.start()
        try:
            await producer.send_and_wait(DEFINITIONS, orjson.dumps(body), f"{org}/wf".encode())
        finally:
            await producer.stop()
        await asyncio.sleep(1)  # in force on every live worker within a second

    async def happen(self, org: str, count: int, prefix: str) -> None:
        """So many devices go offline, one after the other, called `{prefix}-{number}`."""
        await self.emit(*(
            {
                "specversion": "1.0", "id": f"{prefix}-{n}", "source": "/rmm", "type": "device.offline",
                "subject": f"device/{prefix}-{n}", "orgid": org,
                "data": {"device": {"id": f"{prefix}-{n}", "name": f"{prefix}-{n}"}},
            }
            for n in range(count)
        ))  # fmt: skip

    async def asked(self, org: str) -> list[dict[str, Any]]:
        """What was asked for by control messages of this organisation, in the order in which it was sent."""
        found = await read_topic(self.broker.bootstrap, CONTROL, PARTITIONS)
        asked = [orjson.loads(record.value) for record in sorted(found, key=lambda record: record.timestamp)]
        return [one for one in asked if one["org"] == org]

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        connection = await connect(self.postgres.url)
        try:
            return [dict(row) for row in await connection.fetch(query, *values)]
        finally:
            await connection.close()

    async def runs(self, org: str, count: int, status: str) -> list[str]:
        """The ids of so many runs, the oldest first, once they have this status."""

        async def there() -> list[str]:
            found = await self.rows(
                "select run_id from history.runs where org_id = $1 and status = $2 order by started_at, run_id",
                org,
                status,
            )
            return [row["run_id"] for row in found]

        return await self.until(there, lambda found: len(found) >= count, f"{count} runs {status}")

    async def until(self, ask: Callable[[], Awaitable[T]], good: Callable[[T], bool], what: str) -> T:
        """Ask until the answer is good."""
        deadline = time.monotonic() + PATIENCE
        while not good(found := await ask()):
            assert time.monotonic() < deadline, f"{what}: it is {found}\n{tail(self.folder / 'worker.log')}"
            await asyncio.sleep(0.1)
        return found
