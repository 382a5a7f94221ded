"""The Hub on a Postgres with a long history, and wrk that asks it."""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import jwt
import orjson
import psutil
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm
from rich.console import Console

from bench.errors import BenchError
from bench.hubpast import BIG, fill
from projections.migrations import migrate
from runtime.postgres import connect
from sandbox.postgres import Postgres
from sandbox.process import end, spawn, tail

CONNECTIONS: Final = 50
_SETTINGS: Final = {"shared_buffers": "512MB", "max_wal_size": "4GB", "maintenance_work_mem": "256MB"}
_LUA: Final = """
local paths, at = {}, 0
for line in io.lines("%s") do paths[#paths + 1] = line end
math.randomseed(%d)
function request()
   at = at + 1
   return wrk.format("GET", paths[math.random(#paths)])
end
function done(summary, latency, requests)
   local bad = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
   io.write(string.format("RESULT %%d %%d %%d %%d %%d %%d %%d\\n", summary.requests, summary.duration,
            latency:percentile(50), latency:percentile(95), latency:percentile(99), latency.max, bad))
end
"""


class Figures(NamedTuple):
    """What wrk saw, in ms, and what a request cost both processes, in µs of CPU."""

    requests: int
    per_second: int
    p50: float
    p95: float
    p99: float
    longest: float
    bad: int
    hub_us: int
    postgres_us: int


class Rig:
    """The Hub on a Postgres, and a token of somebody of the big organisation."""

    def __init__(self, folder: Path, url: str, port: int) -> None:
        self.folder, self.url, self.port = folder, url, port
        key = Ed25519PrivateKey.generate()
        document = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "bench", "use": "sig", "alg": "EdDSA"}
        self.jwks = folder / "jwks.json"
        self.jwks.write_bytes(orjson.dumps({"keys": [document]}))
        claims = {"org": BIG, "role": "Owner", "sub": "bench", "exp": int(time.time()) + 24 * 3600}
        self.token = jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": "bench"})
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the Hub; returns when it answers from the history."""
        log = self.folder / "hub.log"
        env = {name: value for name, value in os.environ.items() if not name.startswith("ONESTACK_")} | {
            "ONESTACK_POSTGRES_URL": self.url,
            "ONESTACK_BROKER": "127.0.0.1:1",
            "ONESTACK_HUB_PORT": str(self.port),
            "ONESTACK_JWKS": str(self.jwks),
            "ONESTACK_METRICS_PORT": "0",
        }
        self.process = spawn([sys.executable, "-m", "cli.main", "hub"], log, env=env)
        deadline = time.monotonic() + 60
        while self.ask("/api/v1/runs?limit=1") is None:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise BenchError(f"the Hub does not answer: {tail(log)}")
            time.sleep(0.2)

    def ask(self, path: str) -> Any:
        """What the Hub answers; None where it does not yet."""
        command = ["curl", "-sf", "-H", f"Authorization: Bearer {self.token}", f"http://127.0.0.1:{self.port}{path}"]
        done = subprocess.run(command, check=False, capture_output=True)
        return orjson.loads(done.stdout) if done.returncode == 0 else None

    def load(self, paths: Sequence[str], seconds: int) -> Figures:
        """Ask for these for so long, by 50 connections."""
        assert self.process is not None
        listed, script = self.folder / "paths.txt", self.folder / "wrk.lua"
        listed.write_text("\n".join(paths))
        script.write_text(_LUA % (listed, 7))
        hub, postgres = _cpu(psutil.Process(self.process.pid)), _cpu_of_postgres()
        command = [
            "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), "-H",
            f"Authorization: Bearer {self.token}", f"http://127.0.0.1:{self.port}",
        ]  # fmt: skip
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", done.stdout)
        if found is None:
            raise BenchError(f"wrk told nothing: {done.stdout} {done.stderr}")
        requests, duration, *times, bad = map(int, found.groups())
        share = 1e6 / max(requests, 1)
        p50, p95, p99, longest = (round(one / 1000, 1) for one in times)
        hub_us = round((_cpu(psutil.Process(self.process.pid)) - hub) * share)
        postgres_us = round((_cpu_of_postgres() - postgres) * share)
        return Figures(requests, round(requests * 1e6 / duration), p50, p95, p99, longest, bad, hub_us, postgres_us)

    def stop(self) -> None:
        """End the Hub."""
        if self.process is not None:
            end(self.process, signal.SIGTERM, 10)


def _cpu(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


_postgres: psutil.Process | None = None


def _cpu_of_postgres() -> float:
    """Of the server and its children: those that have ended count too, as the system adds them up."""
    assert _postgres is not None
    used = _postgres.cpu_times()
    total = used.user + used.system + used.children_user + used.children_system
    for child in _postgres.children():
        try:
            total += _cpu(child)
        except psutil.NoSuchProcess:
            continue
    return float(total)


@contextmanager
def history(folder: Path, runs: int, console: Console) -> Iterator[Postgres]:
    """A Postgres with so many runs; made where the folder does not have it yet."""
    global _postgres  # noqa: PLW0603 - one at a time
    mark = folder / "runs"
    if not mark.exists() or mark.read_text() != str(runs):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with Postgres(folder / "pg", settings={**_SETTINGS, "fsync": "off", "full_page_writes": "off"}) as server:
            began = time.monotonic()
            uvloop.run(_fill(server.url, runs, console))
            console.print(f"{runs:,} runs in {time.monotonic() - began:.0f} s", highlight=False)
        mark.write_text(str(runs))
    with Postgres(folder / "pg", settings=_SETTINGS) as server:
        assert server.process is not None
        _postgres = psutil.Process(server.process.pid)
        yield server


async def _fill(url: str, runs: int, console: Console) -> None:
    await migrate(url)
    connection = await connect(url, durable=False)
    now = dt.datetime.now(dt.UTC)
    monday = (now - dt.timedelta(days=now.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        with console.status("writing") as status:
            await fill(connection, runs, monday, lambda done: status.update(f"writing: {done:,} of {runs:,} runs"))
    finally:
        await connection.close(timeout=5)
