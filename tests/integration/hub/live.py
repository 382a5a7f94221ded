"""The Hub on a real broker and Postgres, with a projector (and a worker, where a test wants one) as processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import orjson
from aiokafka import AIOKafkaProducer

from hub.access.development import Development
from hub.app import create_app
from hub.parts import Parts
from projections.migrations import migrate
from runtime.settings import load
from sandbox.broker import Tansu
from sandbox.postgres import Postgres
from sandbox.process import end, spawn, tail
from schemas.names import EVENT_TOPICS
from streams.topics import create

SECRET = "s" * 43
_ORGS = count()


class Live:
    """Everything in one folder; `hub()` is an application on it, and each test takes an organisation of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Tansu(folder / "broker")
        self.postgres = Postgres(folder / "pg", settings={"fsync": "off"})
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        self.broker.start()
        self.postgres.start()
        asyncio.run(migrate(self.postgres.url))
        self.up("projector")

    @property
    def variables(self) -> dict[str, str]:
        return {
            "ONESTACK_BROKER": self.broker.bootstrap,
            "ONESTACK_POSTGRES_URL": self.postgres.url,
            "ONESTACK_PARTITIONS": "2",
            "ONESTACK_FETCH_MAX_WAIT_MS": "10",
            "ONESTACK_SESSION_TIMEOUT": "3",
            "ONESTACK_METRICS_PORT": "0",
        }

    def up(self, role: str) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("ONESTACK_")}
        log = self.folder / f"{role}.log"
        self.processes[role] = spawn([sys.executable, "-m", "cli.main", role], log, env=env | self.variables)
        time.sleep(0.2)
        assert self.processes[role].poll() is None, tail(log)

    def down(self, role: str) -> None:
        end(self.processes.pop(role), signal.SIGTERM, 10)

    def stop(self) -> None:
        for process in self.processes.values():
            end(process, signal.SIGKILL)
        self.broker.stop()
        self.postgres.stop()

    @staticmethod
    def org() -> str:
        return f"org-{next(_ORGS)}"

    @asynccontextmanager
    async def hub(self) -> AsyncIterator[Hub]:
        """An application whose parts work."""
        settings = load(
            broker=self.broker.bootstrap,
            postgres_url=self.postgres.url,
            partitions=2,
            fetch_max_wait_ms=10,
            development_sign_in=SECRET,
        )

        async def topics() -> None:
            await create(settings)

        parts = Parts(settings, topics)
        app = create_app(parts)
        async with parts:
            await parts.definitions.wait_ready(30)
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app, client=("127.0.0.1", 1)),
                base_url="http://127.0.0.1:8080/api/v1",
                timeout=60,
            ) as client:
                yield Hub(client, parts)

    async def emit(self, *events: dict[str, Any]) -> None:
        """Send events as modules do."""
        producer = AIOKafkaProducer(bootstrap_servers=self.broker.bootstrap)
        await producer.start()
        try:
            for one in events:
                topic = EVENT_TOPICS[one["source"].strip("/")]
                key = f"{one['orgid']}/{one['subject']}".encode()
                await producer.send_and_wait(topic, orjson.dumps(one), key)
        finally:
            await producer.stop()


class Hub:
    """Requests as somebody of an organisation."""

    def __init__(self, client: httpx.AsyncClient, parts: Parts) -> None:
        self.client = client
        self.parts = parts

    def of(self, org: str, role: str = "Owner", person: str = "Ada") -> Somebody:
        return Somebody(self.client, Development(SECRET).sign(org, role, person))


class Somebody:
    """`await ada.get("/workflows")`: the answer; with `status` it has to have that."""

    def __init__(self, client: httpx.AsyncClient, credential: str) -> None:
        self._client = client
        self._headers = {"authorization": f"Bearer {credential}"}

    async def ask(self, method: str, path: str, status: int | None = None, **more: Any) -> httpx.Response:
        headers = self._headers | more.pop("headers", {})
        answer = await self._client.request(method, path, headers=headers, **more)
        assert status is None or answer.status_code == status, f"{answer.status_code}: {answer.text}"
        return answer

    async def get(self, path: str, status: int | None = 200, **more: Any) -> Any:
        return (await self.ask("GET", path, status, **more)).json()

    async def post(self, path: str, body: Any = None, status: int | None = 200, **more: Any) -> Any:
        return (await self.ask("POST", path, status, json=body, **more)).json()


def definition(**fields: Any) -> dict[str, Any]:
    """A workflow of one note."""
    note = {"id": "note", "action": "create_note", "with": {"body": "{{device.name}}", "company_id": "c-1"}}
    return {"name": "Device down", "state": "enabled", "trigger": {"type": "device.offline"}, "steps": [note], **fields}
