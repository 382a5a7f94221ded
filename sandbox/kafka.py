"""A real Apache Kafka (KRaft), its jars fetched once by Maven, for crash tests and the benchmark."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox.errors import SandboxError
from sandbox.kafka_security import Secured
from sandbox.process import end, free_port, locked, spawn, tail, wait_until
from sandbox.wire import answers

HOST = "127.0.0.1"
VERSION = "4.1.1"
_PATIENCE = 120.0
"""Seconds for a node to answer: one that was killed under load takes over half a minute where cores are scarce."""
_POM = Path(__file__).with_name("kafka.pom.xml")
_CLUSTER = "b25lc3RhY2tzYW5kYm94MA"  # any 16 bytes in base64; one node has no other cluster to be told from
_OPEN = {
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,DETOUR:PLAINTEXT",
}
_DEFAULTS = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    # A node that was killed is let in again only when its old session has ended: 9 s by default.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
}


class Kafka:
    """A broker on 127.0.0.1 whose data stays in `folder`, over `kill()` and `start()` too.

    `options` go to server.properties; `heap_mb` is the JVM's heap in MB. One of several has its number, the ports of
    all their controllers by number, and where `secured` is given TLS and SASL on every connection. `detour` are two
    ports: clients that come by the first are told to come by the second, where somebody stands between.
    """

    name = "kafka"

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        *,
        options: Mapping[str, str | int] | None = None,
        heap_mb: int = 512,
        number: int = 1,
        controllers: Mapping[int, int] | None = None,
        secured: Secured | None = None,
        detour: tuple[int, int] | None = None,
    ) -> None:
        self.folder = Path(folder).absolute()
        self.port = port or free_port()
        self.number = number
        self._secured, self._detour = secured, detour
        # The system may pick the same port twice, for nobody listens on the first yet.
        own = controllers or {number: next(port for port in iter(free_port, None) if port != self.port)}
        self._controllers = own
        given = {name: str(value) for name, value in (options or {}).items()}
        self._options = {**_DEFAULTS, **(secured.options if secured else _OPEN), **given}
        self._heap_mb = heap_mb
        self.nice = 0
        """How far it stands back where the machine's cores are scarce."""
        self._brokers_port = free_port()
        self.log = self.folder / "kafka.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """host:port for ONESTACK_BROKER."""
        return f"{HOST}:{self.port}"

    def start(self) -> Self:
        """Start it and wait until it answers as a live broker: about 2 s, 5 s after a kill. Fetches the jars first."""
        java, jars = _java(), fetch_jars()
        settings = self._configure()
        classpath = f"{jars}/*"
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(java, classpath, settings)
        # The serial collector and a fixed small heap: the machine's cores and memory belong to what is tested.
        flags = [f"-Xms{self._heap_mb}m", f"-Xmx{self._heap_mb}m", "-XX:+UseSerialGC", "-Xshare:auto"]
        flags += ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", *(self._secured.flags if self._secured else ())]
        command: list[str | Path] = [java, *flags, "-cp", classpath, "kafka.Kafka", settings]
        self.process = spawn(command, self.log, cwd=self.folder, at_our_end=signal.SIGTERM, nice=self.nice)
        wait_until(self._answers, self.process, "Apache Kafka", self.log, _PATIENCE)
        return self

    def _answers(self) -> bool:
        return answers(HOST, self.port, self._secured.door if self._secured else None)

    def stop(self) -> None:
        """End it with all data written."""
        if self.process is not None:
            end(self.process, patience=20)
            self.process = None

    def kill(self) -> None:
        """End it at once (SIGKILL), as a crash would."""
        if self.process is not None:
            self.process.kill()
            end(self.process)
            self.process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _configure(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        listening = {"CLIENTS" if self._secured else "PLAINTEXT": self.port}
        if self._secured:
            listening["BROKERS"] = self._brokers_port
        advertised = dict(listening)
        if self._detour:
            listening["DETOUR"], advertised["DETOUR"] = self._detour
        addresses = {
            "node.id": str(self.number),
            "controller.quorum.voters": ",".join(f"{one}@{HOST}:{port}" for one, port in self._controllers.items()),
            "listeners": _listeners({**listening, "CONTROLLER": self._controllers[self.number]}),
            "advertised.listeners": _listeners(advertised),
            "log.dirs": str(self.folder / "data").replace("\\", "\\\\"),
        }
        settings = self.folder / "server.properties"
        settings.write_text("".join(f"{name}={value}\n" for name, value in {**self._options, **addresses}.items()))
        return settings

    def _format(self, java: str, classpath: str, settings: Path) -> None:
        command = [java, "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", classpath, "kafka.tools.StorageTool", "format"]
        command += ["-t", _CLUSTER, "-c", str(settings), *(self._secured.users_at_format if self._secured else ())]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SandboxError(f"Kafka could not prepare its data folder {self.folder}: {done.stderr.strip()[-300:]}")


def _listeners(ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://{HOST}:{port}" for name, port in ports.items())


def cache_folder() -> Path:
    """Where downloads are kept between starts: $XDG_CACHE_HOME/onestack, or ~/.cache/onestack."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "onestack"


def fetch_jars() -> Path:
    """The folder with Kafka's jars, fetched by Maven the first time. Raises SandboxError where that cannot be."""
    jars = cache_folder() / f"kafka-{VERSION}"
    if jars.exists():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        raise SandboxError("Apache Kafka's jars are fetched by Maven, and there is no `mvn` command: install Maven.")
    with locked(cache_folder() / "kafka.lock"):
        if not jars.exists():
            _fetch(maven, jars)
    return jars


def _fetch(maven: str, jars: Path) -> None:
    partial, log = jars.with_suffix(".partial"), jars.with_suffix(".log")
    shutil.rmtree(partial, ignore_errors=True)
    command = [maven, "-q", "-B", "-f", str(_POM), f"-DoutputDirectory={partial}", f"-Dkafka={VERSION}"]
    with log.open("w") as out:
        done = subprocess.run([*command, "dependency:copy-dependencies"], stdout=out, stderr=out, check=False)
    if done.returncode or not any(partial.glob("kafka_2.13-*.jar")):
        raise SandboxError(f"Maven could not fetch Apache Kafka {VERSION}: {tail(log)} (see {log})")
    partial.rename(jars)


def _java() -> str:
    java = shutil.which("java")
    if java is None:
        raise SandboxError("Apache Kafka needs Java 17 or later, and there is no `java` command: install a JRE.")
    return java
