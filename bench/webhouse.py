"""The product for a browser to look at: `onestack up` filled by the demo, and a workflow of each template."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import APIRequestContext, Playwright

from bench.errors import BenchError
from sandbox.process import end, spawn, wait_until

ORG: Final = "northwind"
_START_SECONDS: Final = 180
_DEMO_SECONDS: Final = 600
_ADDRESS: Final = re.compile(r"The web app:\s+(http://\S+)")
_EXAMPLES: Final = {"email": "admin@msp.example", "number": 3, "duration": "15m", "team": "Operations"}


@contextmanager
def product() -> Iterator[str]:
    """The address of its Hub, with the demo's runs behind it. Raises BenchError where it does not start."""
    with tempfile.TemporaryDirectory(prefix="onestack-web-") as name:
        folder = Path(name)
        log = folder / "up.log"
        command = [sys.executable, "-m", "cli.main", "up", "--data", str(folder / "data")]
        up = spawn(command, log, env={**os.environ, "NO_COLOR": "1"}, at_our_end=signal.SIGTERM)
        try:
            wait_until(lambda: bool(_ADDRESS.search(_text(log))), up, "onestack up", log, _START_SECONDS)
            _fill(folder / "data")
            yield _ADDRESS.findall(_text(log))[0]
        finally:
            end(up, patience=60)


def _text(log: Path) -> str:
    return log.read_text() if log.exists() else ""


def _fill(data: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "demo", "--here", "--data", str(data)],
        check=False, capture_output=True, text=True, timeout=_DEMO_SECONDS,
    )  # fmt: skip
    if done.returncode != 0:
        raise BenchError(f"the demo failed:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")


def signed_in(playwright: Playwright, address: str, org: str) -> APIRequestContext:
    """The API as somebody who may do all. Raises BenchError where nobody is let in for development."""
    api = playwright.request.new_context(base_url=address, extra_http_headers={"X-Onestack": "1"})
    answer = api.post("/api/v1/session/development", data={"org": org, "role": "Admin"})
    if not answer.ok:
        raise BenchError(f"{address} lets nobody in for development: {answer.status} {answer.text()[:200]}")
    return api


def workflow_of_each_template(api: APIRequestContext) -> None:
    """So that the list has ten rows at least: of each template that has no workflow yet a draft."""
    known = {one["id"] for one in _read(api, "/workflows?limit=200")["items"]}
    for template in _read(api, "/templates")["items"]:
        if template["name"] in known:
            continue
        values = {
            one["name"]: _EXAMPLES.get(one["type"], "Example") for one in template["parameters"] if one["required"]
        }
        filled = api.post(f"/api/v1/templates/{template['name']}/fill", data={"values": values})
        made = api.post("/api/v1/workflows", data={**filled.json()["definition"], "state": "draft"})
        if not made.ok:
            raise BenchError(f"{template['name']}: {made.status} {made.text()[:500]}")


def _read(api: APIRequestContext, path: str) -> Any:
    answer = api.get(f"/api/v1{path}")
    if not answer.ok:
        raise BenchError(f"GET {path}: {answer.status} {answer.text()[:500]}")
    return answer.json()


def places(api: APIRequestContext) -> tuple[str, str | None]:
    """A workflow to open, the one with the most runs, and its newest run."""
    workflows = _read(api, "/workflows?limit=200")["items"]
    if not workflows:
        raise BenchError("there are no workflows to look at")
    busiest = max(workflows, key=lambda one: len(one["recent"]))
    return busiest["id"], busiest["recent"][0]["run_id"] if busiest["recent"] else None
