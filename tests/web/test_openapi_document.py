"""The OpenAPI document tells the truth: of all that schemathesis asks, no answer is a 5xx or outside its schema."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Final

import pytest

from tests.web.conftest import HubHouse

CASES: Final = 2_000
_CHECKS: Final = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_headers_conformance", "response_schema_conformance"),
)


def _session(house: HubHouse) -> str:
    """The cookie of somebody who may do all."""
    body = json.dumps({"org": "schemathesis", "role": "Owner"}).encode()
    headers = {"content-type": "application/json", "x-onestack": "1"}
    asked = urllib.request.Request(f"{house.address}/api/v1/session/development", body, headers)
    with urllib.request.urlopen(asked) as answer:
        return str(answer.headers["set-cookie"]).partition(";")[0]


@pytest.mark.timeout(900)
def test_no_answer_is_a_5xx_or_outside_its_schema(house: HubHouse, tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{house.address}/openapi.json"),
        *("-H", f"Cookie: {_session(house)}", "-H", "X-Onestack: 1"),
        *("--checks", ",".join(_CHECKS), "--phases", "examples,fuzzing", "--max-examples", "60", "--workers", "4"),
        # A stream has no end, and signing out is what it says.
        *("--exclude-path", "/api/v1/stream", "--exclude-path", "/api/v1/session"),
        *("--continue-on-failure", "--generation-deterministic", "--no-color"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
    counted = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert counted, done.stdout[-2_000:]
    assert int(counted[1]) >= CASES
    assert counted[1] == counted[2]
