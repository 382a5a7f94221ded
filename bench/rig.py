"""All the processes of one measurement, started afresh: Kafka, Postgres, workers, the projector, a receiver."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from aiokafka.errors import KafkaError

from bench.errors import BenchError
from bench.workload import DEFINITION_KEY, HEADERS, NOOP_TOPICS, TOPIC, Event, definition
from projections.migrations import migrate
from projections.projector import GROUP as PROJECTORS
from runtime.kafka import Publisher, admin, new_producer
from runtime.logging import configure
from runtime.postgres import Connection, connect
from runtime.settings import Settings, load
from sandbox.kafka import Kafka
from sandbox.postgres import Postgres
from sandbox.process import end, free_port, spawn, tail
from schemas.names import DEFINITIONS
from streams.app import GROUP as WORKERS
from streams.topics import create

MODES: Final = {
    "default": "no-op actions; Kafka's defaults (durability by replication)",
    "fsync": "no-op actions; log.flush.interval.messages=1 (an fsync a batch)",
    "http": "three real HTTP calls a run; Kafka's defaults",
}
_ROOT: Final = Path(__file__).parents[1]
_SERVERS: Final = ("kafka", "postgres")
_PATIENCE: Final = 60.0  # seconds until the workers and the projector have their partitions


class Scenario(NamedTuple):
    """What to start."""

    mode: str
    workers: int
    partitions: int


class Rig:
    """The running parts. `pids` are those whose use is told, by name; `variables` are the programs' `ONESTACK_*`."""

    def __init__(
        self, scenario: Scenario, settings: Settings, publisher: Publisher, postgres: Connection, folder: Path
    ) -> None:
        self.scenario, self.settings, self.publisher, self.postgres = scenario, settings, publisher, postgres
        self.folder = folder
        self.variables = {
            "ONESTACK_BROKER": settings.broker,
            "ONESTACK_POSTGRES_URL": settings.postgres_url.get_secret_value(),
            "ONESTACK_PARTITIONS": str(scenario.partitions),
            "ONESTACK_METRICS_PORT": "0",
        }
        self.pids: dict[str, int] = {"driver": os.getpid()}
        self.receiver_port: int | None = None
        self._programs: dict[str, tuple[subprocess.Popen[bytes], Path]] = {}

    def send(self, event: Event) -> asyncio.Future[None]:
        """Put an event on its topic; the future is done when Kafka has acknowledged it."""
        return self.publisher.put(TOPIC, event.partition, event.key, event.value, HEADERS)

    def keep(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        """Name a program of ours, which has to run until the end."""
        self.pids[name] = process.pid
        self._programs[name] = process, log

    def start(self, name: str, arguments: Sequence[str], log_name: str | None = None) -> Path:
        """Start a Python module of ours under this name; its log, which goes on where there is one of that name."""
        log = self.folder / f"{log_name or name}.log"
        own = {**os.environ, **self.variables, "ONESTACK_INSTANCE": name}
        self.keep(name, spawn([sys.executable, "-m", *arguments], log, env=own, cwd=_ROOT), log)
        return log

    async def stop(self, name: str) -> None:
        """End a program of ours, which is then no part of the rig any more."""
        process, _log = self._programs.pop(name)
        self.pids.pop(name)
        await asyncio.to_thread(end, process, signal.SIGTERM, 30)

    def end(self) -> None:
        """End all programs that were started here."""
        for name, (process, _log) in self._programs.items():
            if name not in _SERVERS:
                end(process)

    def check(self) -> None:
        """Raise BenchError where a program has ended by itself."""
        for name, (process, log) in self._programs.items():
            if process.poll() is not None:
                raise BenchError(f"{name} ended with code {process.returncode}: {tail(log)}")


@asynccontextmanager
async def running(
    scenario: Scenario,
    folder: Path,
    *,
    variables: Mapping[str, str] | None = None,
    postgres_settings: Mapping[str, str | int] | None = None,
) -> AsyncIterator[Rig]:
    """The parts on new data in `folder`, ready for events; all ended when the context ends.

    The data is gone then; where it ends by an error, the logs stay. `variables` go to the programs.
    """
    async with AsyncExitStack() as stack:
        stack.push(_tidy(folder))
        options = {"log.flush.interval.messages": 1} if scenario.mode == "fsync" else {}
        kafka = stack.enter_context(Kafka(folder / "kafka", options=options))
        postgres = stack.enter_context(Postgres(folder / "postgres", settings=postgres_settings))
        settings = load(broker=kafka.bootstrap, postgres_url=postgres.url, partitions=scenario.partitions)
        configure(settings)
        await create(settings, NOOP_TOPICS)
        await migrate(postgres.url)
        connection = await connect(postgres.url)
        stack.push_async_callback(connection.close, timeout=5)
        producer = new_producer(settings)
        await producer.start()
        publisher = Publisher(producer)
        stack.push_async_callback(publisher.stop)
        # Before any worker starts, so that each has it from its first event on.
        await publisher.put(DEFINITIONS, 0, DEFINITION_KEY, definition(http=scenario.mode == "http"))
        rig = Rig(scenario, settings, publisher, connection, folder)
        rig.variables |= variables or {}
        for name, part in (("kafka", kafka), ("postgres", postgres)):
            if part.process is not None:
                rig.keep(name, part.process, part.log)
        stack.callback(rig.end)
        _start_programs(rig)
        await ready(rig)
        yield rig


def _tidy(folder: Path) -> Callable[[object, BaseException | None, object], None]:
    def tidy(_kind: object, error: BaseException | None, _at: object) -> None:
        if not isinstance(error, Exception):
            shutil.rmtree(folder, ignore_errors=True)
            return
        for part in ("kafka", "postgres"):
            shutil.rmtree(folder / part / "data", ignore_errors=True)

    return tidy


def _start_programs(rig: Rig) -> None:
    http = rig.scenario.mode == "http"
    commands = {
        f"worker-{n + 1}": ["cli.main", "worker"] if http else ["bench.worker"] for n in range(rig.scenario.workers)
    }
    commands["projector"] = ["cli.main", "projector"] if http else ["bench.keeper"]
    if http:
        rig.receiver_port = free_port()
        commands["receiver"] = ["bench.receiver", str(rig.receiver_port)]
        address = f"http://127.0.0.1:{rig.receiver_port}"
        rig.variables |= {f"ONESTACK_{module}_URL": address for module in ("PSA", "RMM", "HUB", "ONCALL")}
    for name, arguments in commands.items():
        rig.start(name, arguments)


async def ready(rig: Rig) -> None:
    """Return when each worker and the projector have had their partitions given."""
    client = await admin(rig.settings)
    try:
        async with asyncio.timeout(_PATIENCE):
            wanted = {WORKERS: sum(name.startswith("worker-") for name in rig.pids), PROJECTORS: 1}
            while wanted:
                rig.check()
                for group, members in list(wanted.items()):
                    state, there = await _group(client, group)
                    if state == "Stable" and there == members:
                        del wanted[group]
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise BenchError(f"workers and projector were not ready within {_PATIENCE:.0f} s") from None
    finally:
        await client.close()


async def _group(client: object, group: str) -> tuple[str, int]:
    with contextlib.suppress(KafkaError, OSError):
        [answer] = await client.describe_consumer_groups([group])  # type: ignore[attr-defined]  # aiokafka has no types
        [(_code, _name, state, _type, _protocol, members, *_rest)] = answer.groups
        return state, len(members)
    return "", 0
