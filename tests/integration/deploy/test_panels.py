from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.timeout(240)
@pytest.mark.skipif(
    shutil.which("prometheus") is None and os.environ.get("CI") != "true",
    reason="prometheus is missing: apt-get install prometheus",
)
def test_every_panel_and_every_alert_has_data_of_a_prometheus_that_scraped_the_benchmark() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("ONESTACK_")}
    command = [sys.executable, "-m", "bench.panels"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    bad = [line for line in done.stdout.splitlines() if not line.startswith("ok")]
    assert done.returncode == 0, "\n".join(bad) + done.stderr
