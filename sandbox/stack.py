"""All of One Stack's workflow engine on embedded parts: broker, Postgres, stand-in modules, workers, projector."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe

from sandbox.addresses import Addresses, forget
from sandbox.broker import Tansu
from sandbox.clock import VARIABLE, VirtualTime, given_clock
from sandbox.errors import SandboxError
from sandbox.folder import Folder
from sandbox.kafka import Kafka
from sandbox.modules.server import PORTS, StandIns, write_environment
from sandbox.postgres import Postgres
from sandbox.process import free_port, tail
from sandbox.resume import forget_offsets
from sandbox.supervisor import Program, Supervisor

WORKFLOWS = Path(__file__).with_name("demo") / "workflows"
"""The demo's definitions, which are examples too."""

_BROKER_PORT = 9092
_METRICS_PORT = 9464
_HUB_PORT = 8080
_LOOPBACK = "127.0.0.1"
_PARTITIONS = 4  # enough for the workers of one machine; each costs the broker and every worker something
_TRIES = 3  # starts that may fail before we give up
_PATIENCE = 60.0  # seconds for workers and projector to be in service


@dataclass(frozen=True, slots=True)
class StackOptions:
    """What to run. `data` is where data and logs are kept ($ONESTACK_DATA_DIR or ./.onestack by default)."""

    broker: str = "embedded"
    workers: int = 1
    data: Path | None = None
    virtual: bool = False
    """Whether time can be set forward, by `Stack.time`."""
    hub: bool = True
    """Whether the Hub runs too: API and web app."""


class Stack:
    """The whole of it, in one process and its children. `say` gets a sentence for whatever a person should know."""

    def __init__(self, options: StackOptions, say: Callable[[str], None]) -> None:
        if options.broker not in {"embedded", "kafka"}:
            raise SandboxError(f"--broker is embedded or kafka, not {options.broker}.")
        self.options = options
        self.supervisor = Supervisor(say)
        self.folder: Path = Path()
        self.modules = StandIns()
        self.environment: dict[str, str] = {}
        self.time: VirtualTime | None = None
        self.web: str | None = None
        """The address of the web app, where the Hub runs."""
        self._say = say
        self._claim: Folder | None = None

    @property
    def bootstrap(self) -> str:
        """host:port of the broker."""
        return self.environment["ONESTACK_BROKER"]

    @property
    def postgres_url(self) -> str:
        """Where the history is."""
        return self.environment["ONESTACK_POSTGRES_URL"]

    @property
    def psql(self) -> Path:
        """A psql program for people who have none."""
        return self._postgres.psql

    async def start(self) -> None:
        """Start all parts and return when workers and projector are in service. Raises SandboxError."""
        # A client whose broker is away says so many times a second; the supervisor says it once.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        self._claim = Folder.claim(self.options.data)
        self.folder = self._claim.path
        if self.folder != self._claim.wanted:
            self._say(f"Another start has {self._claim.wanted}; this one keeps its data in {self.folder}.")
        broker, postgres = self._broker(), Postgres(self.folder / "postgres")
        self._postgres = postgres
        started = await asyncio.gather(
            self.supervisor.run(broker.name, broker, broker.bootstrap),
            self.supervisor.run("postgres", postgres, "unix socket"),
            return_exceptions=True,
        )
        for failed in started:
            if isinstance(failed, BaseException):
                raise failed
        if isinstance(broker, Tansu):
            await forget_offsets(postgres.url)
        if self.options.virtual:
            self.time = VirtualTime(self.folder / "clock")
        self.modules = await StandIns(broker.bootstrap, PORTS, self.time.clock if self.time else given_clock()).start()
        self._tell_ports({"broker": broker.port, **self.modules.ports}, {"broker": _BROKER_PORT, **PORTS})
        self.environment = self._variables(broker.bootstrap, postgres.url)
        write_environment(self.folder / "env", self.environment)
        await self._start_programs()
        Addresses(broker.bootstrap, postgres.url, self.web, self.modules.url("webhook")).write(self.folder)

    async def stop(self) -> None:
        """End all parts in order."""
        if self._claim is not None:
            forget(self.folder)
        await self.supervisor.stop_programs()
        await self.modules.stop()
        await self.supervisor.stop()
        if self._claim is not None:
            self._claim.release()

    def _broker(self) -> Tansu | Kafka:
        port = free_port(_BROKER_PORT)
        folder = self.folder / "broker"
        if self.options.broker == "kafka":
            return Kafka(folder, port)
        return Tansu(folder, port)

    def _variables(self, bootstrap: str, postgres_url: str) -> dict[str, str]:
        found = {
            "ONESTACK_BROKER": bootstrap,
            "ONESTACK_POSTGRES_URL": postgres_url,
            "ONESTACK_PARTITIONS": os.environ.get("ONESTACK_PARTITIONS") or str(_PARTITIONS),
            **self.modules.environment(),
        }
        clock = self.time.file if self.time else os.environ.get(VARIABLE)
        if clock:
            found[VARIABLE] = str(Path(clock).absolute())  # they run in folders of their own
            # Weeks pass in a moment there, and whoever looks on wants to see what was in them.
            found |= dict.fromkeys(("ONESTACK_KEEP_SKIPPED", "ONESTACK_KEEP_EVENTS"), "365d")
        if self.options.broker != "kafka":
            # Tansu answers a fetch that waits only after half of its longest wait.
            found["ONESTACK_FETCH_MAX_WAIT_MS"] = "10"
        return found

    async def _start_programs(self) -> None:
        names = [*(f"worker-{number + 1}" for number in range(self.options.workers)), "projector"]
        programs = []
        port = _METRICS_PORT
        for name in names:
            port = free_port(port)
            programs.append(self._program(name, port, {"ONESTACK_METRICS_PORT": str(port)}))
            port += 1
        if self.options.hub:
            await self._start_hub()
        for name, program in zip(names, programs, strict=True):
            await self.supervisor.run(name, program, f"http://127.0.0.1:{program.port}/metrics")
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while late := [part for part in self.supervisor.parts if part.state != "running"]:
            if asyncio.get_running_loop().time() > deadline or late[0].restarts >= _TRIES:
                log = late[0].what.log
                raise SandboxError(f"{late[0].name} does not get into service: {tail(log)} (see {log})")
            await asyncio.sleep(0.05)

    async def _start_hub(self) -> None:
        port = free_port(_HUB_PORT)
        own = {"ONESTACK_HUB_PORT": str(port)}
        if not os.environ.get("ONESTACK_JWKS"):
            # Nobody's keys are known here, so whoever sits at this machine may say who they are: with a secret of this
            # start alone, in the Hub's own variables, and never where another machine could reach it.
            own |= {"ONESTACK_HUB_HOST": _LOOPBACK, "ONESTACK_DEVELOPMENT_SIGN_IN": token_urlsafe(32)}
        self.web = f"http://{_LOOPBACK}:{port}"
        await self.supervisor.run("hub", self._program("hub", port, own), self.web)
        self._tell_ports({"web app": port}, {"web app": _HUB_PORT})

    def _program(self, name: str, port: int, more: Mapping[str, str]) -> Program:
        role = name.partition("-")[0]
        own = {"ONESTACK_INSTANCE": name, "ONESTACK_DATA_DIR": str(self.folder / name), **more}
        if secrets := os.environ.get("ONESTACK_SECRETS_DIR"):
            own["ONESTACK_SECRETS_DIR"] = str(Path(secrets).absolute())  # they run in folders of their own
        env = {**os.environ, **self.environment, **own}
        command = [sys.executable, "-m", "cli.main", role]
        return Program(command, env, self.folder / "logs" / f"{name}.log", port, self.folder / name)

    def _tell_ports(self, ports: Mapping[str, int], wanted: Mapping[str, int]) -> None:
        moved = [f"{name} {wanted[name]} by {port}" for name, port in ports.items() if port != wanted[name]]
        if moved:
            self._say(f"Ports that are taken were replaced: {', '.join(moved)}.")
