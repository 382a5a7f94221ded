"""A real Prometheus that scrapes processes of this machine every second, and what it answers."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from bench.errors import BenchError
from sandbox.process import end, free_port, spawn, wait_until

PROGRAM: Final = "prometheus"
_SECONDS: Final = 10.0


class Prometheus:
    """`targets` are host:port by job; `rules` is a file of rules that it evaluates every second too."""

    def __init__(self, folder: Path, targets: Mapping[str, Sequence[str]], rules: Path) -> None:
        self.folder = folder
        self.log = folder / "prometheus.log"
        self.address = f"127.0.0.1:{free_port(9090)}"
        self._targets, self._rules = targets, rules
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it, and return when it answers. Raises BenchError where there is none, SandboxError where it fails."""
        if shutil.which(PROGRAM) is None:
            raise BenchError("Prometheus is needed: apt-get install prometheus")
        self.folder.mkdir(parents=True, exist_ok=True)
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(self._rules)],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": list(targets)}]}
                for job, targets in self._targets.items()
            ],
        }
        file = self.folder / "prometheus.yaml"
        file.write_text(json.dumps(config))  # JSON is YAML
        command = [PROGRAM, f"--config.file={file}", f"--storage.tsdb.path={self.folder / 'data'}",
                   f"--web.listen-address={self.address}", "--log.level=warn"]  # fmt: skip
        self._process = spawn(command, self.log)
        wait_until(self._answers, self._process, "Prometheus", self.log)
        return self

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            end(self._process)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=_SECONDS):
                return True
        except OSError:
            return False

    def asked(self, path: str, **parameters: str | float) -> Any:
        """The `data` of an answer of its API. Raises BenchError with what it says of a query that is wrong."""
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise BenchError(f"{parameters}: {json.load(error).get('error')}") from None

    def query(self, expr: str) -> list[Any]:
        """What an expression gives now: a list of series, each with `metric` and `value`."""
        found: list[Any] = self.asked("query", query=expr)["result"]
        return found

    def query_range(self, expr: str, begin: float, end: float) -> list[Any]:
        """What it gave at each second of this time: a list of series, each with `metric` and `values`."""
        found: list[Any] = self.asked("query_range", query=expr, start=begin, end=end, step=1)["result"]
        return found

    def names(self) -> set[str]:
        """The names of all metrics that it has scraped."""
        return set(self.asked("label/__name__/values"))
