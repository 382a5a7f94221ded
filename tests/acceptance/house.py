"""The whole product as a person would start it by hand: embedded broker and Postgres, stand-ins, worker, projector."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

from sandbox.broker import Tansu
from sandbox.clock import VARIABLE, VirtualTime
from sandbox.kafka import Kafka
from sandbox.postgres import Postgres
from sandbox.process import end, free_port, spawn, tail

ONESTACK: Final = Path(sys.executable).with_name("onestack")
_RECEIVER: Final = "# webhook receiver: "
_COUNTS: Final = "# counts: "


class House:
    """Everything in one short folder; `onestack()` runs a command line against it."""

    def __init__(self, *, virtual: bool = False, kafka: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="onestack-house-"))
        self.broker: Kafka | Tansu = Kafka(self.folder / "broker") if kafka else Tansu(self.folder / "broker")
        self.postgres = Postgres(self.folder / "pg", settings={"fsync": "off"})
        self.time = VirtualTime(self.folder / "clock") if virtual else None
        self.env: dict[str, str] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.webhooks = ""
        self._counts = ""

    def start(self) -> None:
        self.broker.start()
        self.postgres.start()
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ONESTACK_")},
            **self._clock(),
            "ONESTACK_BROKER": self.broker.bootstrap,
            "ONESTACK_POSTGRES_URL": self.postgres.url,
            "ONESTACK_PARTITIONS": "4",
            # The embedded broker answers a fetch that waits only after half of its longest wait.
            **({} if isinstance(self.broker, Kafka) else {"ONESTACK_FETCH_MAX_WAIT_MS": "10"}),
            "NO_COLOR": "1",
            **self._modules(),
        }
        self.up("worker")
        self.up("projector")

    def _clock(self) -> dict[str, str]:
        return {} if self.time is None else {VARIABLE: str(self.time.file)}

    def _modules(self) -> dict[str, str]:
        """The stand-in modules as a process; the variables that it prints."""
        log = self.folder / "modules.log"
        command = [sys.executable, "-m", "sandbox.modules", "--broker", self.broker.bootstrap]
        root = Path(__file__).parents[2]
        self.processes["modules"] = spawn(command, log, cwd=root, env={**os.environ, **self._clock()})
        deadline = time.monotonic() + 30
        while _COUNTS not in (log.read_text() if log.exists() else ""):
            assert time.monotonic() < deadline, f"the stand-ins did not start: {tail(log)}"
            time.sleep(0.05)
        lines = log.read_text().splitlines()
        self.webhooks, self._counts = (
            next(line.removeprefix(told) for line in lines if line.startswith(told)) for told in (_RECEIVER, _COUNTS)
        )
        given = [shlex.split(line)[0].partition("=") for line in lines if line.startswith("ONESTACK_")]
        return {name: value for name, _, value in given}

    def up(self, role: str, **more: str) -> None:
        """Start `worker`, `projector` or `hub`; `more` are variables of its own."""
        env = {**self.env, "ONESTACK_METRICS_PORT": str(free_port()), **more}
        self.processes[role] = spawn([ONESTACK, role], self.log(role), env=env, cwd=self.folder)

    def log(self, role: str) -> Path:
        return self.folder / f"{role}.log"

    def stop(self) -> None:
        for process in self.processes.values():
            end(process, signal.SIGKILL)
        self.broker.stop()
        self.postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def onestack(self, *arguments: str, code: int = 0, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """A command line as a person gives it; fails where it ends with another exit code."""
        done = self._run(*arguments, stdin=stdin)
        assert done.returncode == code, f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done

    def _run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ONESTACK, *arguments],
            env=self.env,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def asked(self, *arguments: str) -> Any:
        """What a command prints with --json."""
        return json.loads(self.onestack(*arguments, "--json").stdout)

    def wait_for_runs(self, count: int, *arguments: str, seconds: float = 40) -> list[dict[str, Any]]:
        """What `onestack runs` lists, once so many runs are finished."""
        deadline = time.monotonic() + seconds
        while True:
            # The views are there as soon as the projector has begun.
            done = self._run("runs", *arguments, "--json")
            found: list[dict[str, Any]] = json.loads(done.stdout) if done.returncode == 0 else []
            if len([run for run in found if run["finished_at"]]) >= count:
                return found
            logs = {role: tail(self.log(role)) for role in ("worker", "projector")}
            assert time.monotonic() < deadline, f"{found}\n{done.stderr}\n{logs}"
            time.sleep(0.2)

    def counts(self) -> dict[str, dict[str, Any]]:
        """What the stand-in modules counted: by module `delivered`, `performed`, …"""
        found: dict[str, dict[str, Any]] = _json(self._counts)
        return found

    def mails(self) -> list[dict[str, Any]]:
        """The e-mails that came, each with `to`, `subject` and `text`."""
        found: list[dict[str, Any]] = _json(self._counts.replace("_stats", "_mail"))["mail"]
        return found

    def kept(self, module: str, path: str) -> Any:
        """What a stand-in module answers to a GET."""
        url = self.env[f"ONESTACK_{module.upper()}_URL"] + path
        return _json(url, {"Authorization": f"Bearer {self.env['ONESTACK_MODULE_TOKEN']}"})


def _json(url: str, headers: dict[str, str] | None = None) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {})) as answer:
        return json.load(answer)
