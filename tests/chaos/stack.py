"""A real Kafka, a Postgres, a receiver of module calls, and the product's own commands as processes to be killed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import asyncpg

from sandbox.kafka import Kafka
from sandbox.postgres import Postgres
from sandbox.process import end, free_port, spawn, tail
from schemas.names import EVENT_TOPICS, entity_key
from tests.chaos.bus import ALERTS, Bus, alert, subject_on
from tests.chaos.receiver import Receiver

T = TypeVar("T")
ONESTACK: Final = Path(sys.executable).with_name("onestack")
_PROBES: Final = "probe"


async def eventually(ask: Callable[[], Awaitable[T]], good: Callable[[T], bool], seconds: float, what: str) -> T:
    """Ask until the answer is good; fails with the last answer after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        found = await ask()
        if good(found):
            return found
        assert time.monotonic() < deadline, f"{what}: after {seconds:.0f} s it is {str(found)[:1000]}"
        await asyncio.sleep(0.1)


class Stack:
    """Everything that a worker and a projector need, in a short folder (a socket's path may not be long)."""

    def __init__(self, partitions: int = 4, **variables: str) -> None:
        self.partitions = partitions
        self.variables = variables
        self.folder = Path(tempfile.mkdtemp(prefix="onestack-chaos-"))
        self.kafka = Kafka(self.folder / "kafka")
        self.postgres = Postgres(self.folder / "pg")
        self.receiver = Receiver()
        self.bus = Bus(self.kafka.bootstrap)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ports: dict[str, int] = {}
        self.releases: dict[str, Path] = {}
        """Where a process runs another release than this tree: the folder that it is unpacked in."""
        self.up_with: dict[str, dict[str, str]] = {}
        """Variables of single processes, by their names."""
        self._probes = 0

    async def start(self, *names: str) -> None:
        """Start all of it, and these processes; returns when each partition's events become finished runs."""
        await asyncio.gather(asyncio.to_thread(self.kafka.start), asyncio.to_thread(self.postgres.start))
        await self.receiver.start()
        for name in names:
            self.up(name)
        await self.bus.start()
        await self._topics()
        await self.bus.define(workflow("probe", _PROBES, [step("tag", "add_tag", tag="probe")]))
        await self.working()

    async def stop(self) -> None:
        for process in self.processes.values():
            end(process, signal.SIGKILL)
        await self.bus.stop()
        await self.receiver.stop()
        await asyncio.to_thread(self.kafka.kill)
        await asyncio.to_thread(self.postgres.stop)
        if "ONESTACK_CHAOS_KEEP" not in os.environ:
            shutil.rmtree(self.folder, ignore_errors=True)

    # -- processes ----------------------------------------------------------------------------------------------

    @property
    def env(self) -> dict[str, str]:
        """The variables of every process: what all need, and those given to this stack."""
        modules = {f"ONESTACK_{name.upper()}_URL": self.receiver.url(name) for name in ("psa", "rmm", "hub", "oncall")}
        own = {
            "ONESTACK_BROKER": self.kafka.bootstrap,
            "ONESTACK_POSTGRES_URL": self.postgres.url,
            "ONESTACK_PARTITIONS": str(self.partitions),
            "ONESTACK_MODULE_TOKEN": "chaos",
        }
        others = {name: value for name, value in os.environ.items() if not name.startswith("ONESTACK_")}
        return {**others, **own, **modules, **self.variables}

    def up(self, name: str, **more: str) -> None:
        """Start `worker…` or `projector` under that stable name, with a log that goes on; `more` are variables.

        A worker's calls carry its name.
        """
        port = self.ports[name] = free_port()
        own = {"ONESTACK_INSTANCE": name, "ONESTACK_METRICS_PORT": str(port), "ONESTACK_MODULE_TOKEN": name}
        env = {**self.env, **own, **self.up_with.get(name, {}), **more}
        command: list[str | Path] = [ONESTACK]
        if (release := self.releases.get(name)) is not None:
            command, env["PYTHONPATH"] = [sys.executable, "-m", "cli"], str(release)
        role = name.rstrip("0123456789")
        self.processes[name] = spawn([*command, role], self.log(name), env=env, cwd=self.folder)

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def kill(self, name: str) -> None:
        """SIGKILL, and start it again at once. Fails where it has ended by itself before."""
        assert self.processes[name].poll() is None, f"{name} ended by itself: {tail(self.log(name), 25)}"
        self.processes[name].kill()
        self.processes[name].wait()
        self.up(name)

    def end(self, name: str, patience: float = 10) -> int:
        """SIGTERM; its exit code, which is -9 where it took longer than `patience` seconds."""
        return end(self.processes.pop(name), patience=patience)

    def alive(self) -> dict[str, int | None]:
        """Each process's exit code, None while it runs."""
        return {name: process.poll() for name, process in self.processes.items()}

    async def onestack(self, *arguments: str, **more: str) -> str:
        """What a command printed; fails where its exit code is not 0."""
        process = await asyncio.create_subprocess_exec(
            ONESTACK, *arguments, env={**self.env, **more}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        told, complained = await process.communicate()
        assert process.returncode == 0, complained.decode()
        return told.decode()

    async def probe(self, name: str, path: str = "/readyz") -> tuple[int, dict[str, Any]]:
        """The HTTP status and the body of a process's probe; 0 and nothing where it does not listen."""
        return await asyncio.to_thread(_probe, f"http://127.0.0.1:{self.ports[name]}{path}")

    async def metrics(self, name: str) -> str:
        """What a process counts, as Prometheus reads it."""

        def read() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}/metrics", timeout=5) as answer:
                text: str = answer.read().decode()
                return text

        return await asyncio.to_thread(read)

    async def part(self, name: str, part: str) -> str:
        """The state of one part in a process's /readyz, or nothing where it does not listen."""
        _, body = await self.probe(name)
        return str(body.get("parts", {}).get(part, {}).get("state", ""))

    # -- asking -------------------------------------------------------------------------------------------------

    async def rows(self, query: str, *values: Any, url: str | None = None) -> list[asyncpg.Record]:
        """What Postgres says; nothing while it is away or has no views yet."""
        try:
            connection = await asyncpg.connect(url or self.postgres.url)
        except (OSError, asyncpg.PostgresError):
            return []
        try:
            found: list[asyncpg.Record] = await connection.fetch(query, *values)
            return found
        except asyncpg.UndefinedTableError:
            return []
        finally:
            await connection.close()

    async def statuses(self, org: str) -> dict[str, int]:
        """An organisation's runs by status, and their number as `all`."""
        query = "select status, count(*) from history.runs where org_id = $1 group by status"
        found = {row["status"]: int(row["count"]) for row in await self.rows(query, org)}
        return {**found, "all": sum(found.values())}

    async def completed(self, org: str, count: int, seconds: float = 60) -> None:
        """Wait until so many runs of an organisation are completed; fails where any other run of it is there then."""
        seen = await eventually(
            lambda: self.statuses(org), lambda now: now.get("completed", 0) >= count, seconds, f"runs of {org}"
        )
        assert seen == {"completed": count, "all": count}

    async def working(self, seconds: float = 60) -> None:
        """Wait until an event on each partition becomes a completed run in the history."""
        self._probes += 1
        name = f"probe-{self._probes}"
        subjects = [subject_on(number, _PROBES, name, self.partitions) for number in range(self.partitions)]
        probes = [alert(_PROBES, subject, subject) for subject in subjects]
        await self.bus.emit_all(probes)
        keys = [entity_key(_PROBES, one["subject"]) for one in probes]
        query = "select entity_key from history.runs where status = 'completed' and entity_key = any($1::text[])"
        try:
            await eventually(lambda: self.rows(query, keys), lambda seen: len(seen) == len(keys), seconds, "probes")
        except AssertionError as late:
            logs = "\n".join(f"{name}: {tail(self.log(name))}" for name in self.processes)
            raise AssertionError(f"{late}\n{self.alive()}\n{logs}") from None

    async def _topics(self) -> None:
        async def there() -> bool:
            return ALERTS in await self.bus.topics()

        await eventually(there, bool, 60, f"topics such as {EVENT_TOPICS['psa']}")


def _probe(url: str) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
    except OSError:
        return 0, {}


def step(id: str, action: str, **parameters: Any) -> dict[str, Any]:
    """An action step."""
    return {"id": id, "action": action, "with": parameters}


def workflow(id: str, org: str, steps: list[dict[str, Any]], version: int = 1, **more: Any) -> dict[str, Any]:
    """An enabled definition on `alert.triggered`."""
    return {
        "id": id,
        "org": org,
        "version": version,
        "name": id.title(),
        "state": "enabled",
        "trigger": {"type": "alert.triggered"},
        "steps": steps,
        **more,
    }


def as_json(row: asyncpg.Record) -> str:
    """A row as one line of text, for comparisons."""
    return json.dumps(dict(row), default=str, sort_keys=True)
