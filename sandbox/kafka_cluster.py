"""Several real brokers as production has them: three nodes, each topic three times, two copies needed for a write."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from sandbox.kafka import Kafka
from sandbox.kafka_security import Secured
from sandbox.process import free_port

_PROMPT: Final = {
    # A killed node's partitions have a new leader as soon as its session has ended.
    "controller.quorum.election.timeout.ms": "500",
    "controller.quorum.fetch.timeout.ms": "1000",
    "replica.lag.time.max.ms": "5000",
}


def _safe(count: int) -> dict[str, str]:
    """Three copies, of which two are needed for a write, or what a smaller cluster can have."""
    copies, needed = str(min(count, 3)), "2" if count > 2 else "1"
    return {
        "default.replication.factor": copies,
        "min.insync.replicas": needed,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": needed,
        **_PROMPT,
    }


class Cluster:
    """Brokers 1 to `count` on 127.0.0.1, each broker and controller; `kill(n)` and `start_one(n)` speak of one."""

    def __init__(
        self,
        folder: Path,
        *,
        count: int = 3,
        secured: Secured | None = None,
        options: Mapping[str, str | int] | None = None,
        heap_mb: int = 320,
        nice: int = 0,
    ) -> None:
        controllers: dict[int, int] = {}
        for number in range(1, count + 1):
            controllers[number] = next(port for port in iter(free_port, None) if port not in controllers.values())
        self.brokers = {
            number: Kafka(
                folder / f"broker{number}",
                next(port for port in iter(free_port, None) if port not in controllers.values()),
                options={**_safe(count), **(options or {})},
                heap_mb=heap_mb,
                number=number,
                controllers=controllers,
                secured=secured,
            )
            for number in controllers
        }
        for broker in self.brokers.values():
            broker.nice = nice

    @property
    def bootstrap(self) -> str:
        """All brokers' host:port, with commas."""
        return ",".join(broker.bootstrap for broker in self.brokers.values())

    def start(self) -> None:
        """Start all; returns when each answers as a member of the cluster."""
        with ThreadPoolExecutor(len(self.brokers)) as pool:
            for started in [pool.submit(broker.start) for broker in self.brokers.values()]:
                started.result()

    def start_one(self, number: int) -> None:
        """Start one that was killed; returns when it answers."""
        self.brokers[number].start()

    def kill(self, number: int) -> None:
        """SIGKILL to one."""
        self.brokers[number].kill()

    def stop(self) -> None:
        """Kill all: what they hold is not needed any more."""
        for broker in self.brokers.values():
            broker.kill()
