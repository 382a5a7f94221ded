"""What traces cost a worker: CPU a run with traces off, at 1 % and at all runs, without Kafka's or a module's own cost.

    python -m bench.tracing [--runs 20000] [--rounds 5]

A worker's own agents run one event with one HTTP action through decoding, matching, deciding and sending. In the place
of Kafka and of the module stand objects that answer at once: what is left is our Python, and a difference shows.
Spans go to a receiver in a process of its own. It runs on versions without traces too, where it measures `off` alone.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import http.server
import os
import statistics
import subprocess
import sys
import time
from collections import deque
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import orjson

from actions.create_note import CreateNote
from actions.exchange import Exchange
from actions.module_api import ModuleApi
from runtime.secrets import Secrets
from runtime.settings import Settings
from schemas.names import command_topic
from streams import triggers
from streams.executors import Executor
from streams.ledger import Ledger
from streams.parts import Parts
from streams.worker import _calm_collector

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

tracing: Any
try:
    from runtime import tracing
except ImportError:  # a version without traces
    tracing = None

NOTES = command_topic("create_note")
BATCH = 200
MODES = {"off": {}, "1 %": {"OTEL_TRACES_SAMPLER_ARG": "0.01"}, "100 %": {"OTEL_TRACES_SAMPLER_ARG": "1"}}


class Broker:
    """Acknowledges at once, and keeps the commands for the executor."""

    def __init__(self) -> None:
        self.commands: deque[Any] = deque()
        self.offset = 0

    def put(self, topic: str, _: int, key: bytes, value: bytes, headers: Any = None) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        if topic == NOTES:
            self.commands.append(record(topic, key, value, self.offset, headers or []))
            self.offset += 1
        return done


class Session:
    """A module that answers at once."""

    @asynccontextmanager
    async def request(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        async def read() -> bytes:
            return b'{"id": "n-1"}'

        yield SimpleNamespace(status=201, headers={}, content_length=13, read=read)


def record(topic: str, key: bytes, value: bytes, offset: int, headers: Any = ()) -> Any:
    at = int(time.time() * 1000)
    return SimpleNamespace(topic=topic, partition=0, offset=offset, key=key, value=value, headers=headers, timestamp=at)


def batch(records: list[Any]) -> Any:
    message = SimpleNamespace(partition=0, tp=("", 0))
    return SimpleNamespace(value=records, message=message, ack=lambda: None)


def parts() -> Parts:
    settings = Settings(hub_url="http://hub.example")
    exchange = Exchange(Session(), Secrets(None, {}, []), 30.0)  # type: ignore[arg-type]  # answers like one
    modules = ModuleApi(exchange, {"ONESTACK_HUB_URL": "http://hub.example"}, "token")
    action = CreateNote(modules)
    found = Parts(settings, 1)
    found.publisher = Broker()  # type: ignore[assignment]  # answers like one
    ledger = found.ledgers._ledgers[0] = Ledger(0, 600.0, time.time() - 1000)  # noqa: SLF001 - no Kafka to read it from
    ledger.filled_at = 0
    ledger.since = 0.0
    ledger.ready.set()
    ledger.whole.set()
    definition = {
        "id": "wf", "org": "acme", "version": 1, "name": "Note", "state": "enabled",
        "trigger": {"type": "device.offline"},
        "conditions": {"all": [{"field": "device.criticality", "op": "greater_than", "value": 3}]},
        "steps": [{"id": "note", "action": "create_note", "with": {"body": "{{device.name}}", "company_id": "c-1"}}],
    }  # fmt: skip
    found.definitions.registry.apply(b"acme/wf", orjson.dumps(definition))
    found.definitions.ready.set()
    found.executors[action.name] = Executor(found, action)
    return found


def event(number: int, traceparent: str | None) -> Any:
    device = {"id": f"d-{number % 500}", "name": "SRV-01", "criticality": 5}
    body = {
        "specversion": "1.0", "id": f"ev-{number}", "source": "/rmm", "type": "device.offline", "orgid": "acme",
        "subject": f"device/{device['id']}", "time": "2026-11-23T08:00:00Z", "data": {"device": device},
    }  # fmt: skip
    if traceparent:
        body["traceparent"] = traceparent
    return record("onestack.events.rmm", f"acme/{body['subject']}".encode(), orjson.dumps(body), number)


async def drive(work: Parts, first: int, count: int) -> float:
    """µs of CPU a run, of this process with its exporting thread."""
    broker, executor = work.publisher, work.executors["create_note"]
    assert isinstance(broker, Broker)
    events = [event(number, None) for number in range(first, first + count)]
    gc.collect()
    began = time.process_time()
    for at in range(0, count, BATCH):
        await triggers._batch(work, batch(events[at : at + BATCH]), None)  # noqa: SLF001 - what the agent spawns
        while broker.commands or work._tasks:  # noqa: SLF001 - until all of the batch is done
            if broker.commands:
                commands, broker.commands = list(broker.commands), deque()
                await executor._batch(batch(commands))  # noqa: SLF001 - what the agent spawns
            await asyncio.sleep(0)
    return (time.process_time() - began) / count * 1e6


async def measure(runs: int, rounds: int) -> list[float]:
    work = parts()
    await drive(work, 0, min(runs, 2000))
    found = [await drive(work, 1_000_000 * (number + 1), runs) for number in range(rounds)]
    tasks = getattr(work.timers, "_partitions", {})
    assert not tasks
    return found


class _Take(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def receive() -> None:
    """Be the receiver; the first line says the port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Take)
    print(server.server_port, flush=True)
    server.serve_forever()


def one(runs: int, rounds: int) -> None:
    """Measure as the variables say, in this process."""
    if tracing is not None:
        tracing.configure(Settings(), "worker")
    _calm_collector()
    print(*(f"{value:.1f}" for value in asyncio.run(measure(runs, rounds))))
    if tracing is not None:
        tracing.stop()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--as", dest="role", choices=["receiver", "one"])
    given = parser.parse_args()
    if given.role == "receiver":
        receive()
    elif given.role == "one":
        one(given.runs, given.rounds)
    else:
        compare(given.runs, given.rounds)


def compare(runs: int, rounds: int) -> None:
    again = [sys.executable, "-m", "bench.tracing", "--runs", str(runs), "--rounds", str(rounds), "--as"]
    with subprocess.Popen([*again, "receiver"], stdout=subprocess.PIPE, text=True) as receiver:
        assert receiver.stdout is not None
        port = receiver.stdout.readline().strip()
        base = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        asked = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_TRACES_SAMPLER": "traceidratio"}
        off = 0.0
        modes = MODES if tracing is not None else {"off": {}}
        for mode, variables in modes.items():
            env = base | asked | variables if variables else base
            told = subprocess.run([*again, "one"], env=env, stdout=subprocess.PIPE, text=True, check=True).stdout
            values = [float(value) for value in told.split()]
            middle = statistics.median(values)
            off = off or middle
            print(f"{mode:>6}: {middle:6.1f} µs a run (least {min(values):.1f}), {middle / off:.2f} times off")
        receiver.terminate()


if __name__ == "__main__":
    main()
