import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ONESTACK = [sys.executable, "-m", "cli.main"]


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    env = {name: value for name, value in os.environ.items() if not name.startswith("ONESTACK_")}
    command = [*ONESTACK, *arguments]
    # Unbuffered output, so that what it says can be waited for.
    env["PYTHONUNBUFFERED"] = "1"
    return subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def read_until(process: subprocess.Popen[str], text: str) -> str:
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"it ended without saying {text!r}:\n{seen}")


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, _ = process.communicate(timeout=100)
    return process.returncode, out


def offspring(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def assert_gone(children: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(children, timeout=40)
    assert [one.cmdline() for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []


@pytest.mark.timeout(240)
def test_up_runs_beside_another_restarts_a_worker_and_leaves_nothing_behind(tmp_path: Path) -> None:
    first = start(tmp_path, "up", "--workers", "2")
    read_until(first, "Ctrl-C stops all of it")
    second = start(tmp_path, "up")
    said = read_until(second, "Ctrl-C stops all of it")
    assert f"this one keeps its data in {tmp_path}/.onestack-2" in said
    assert "Ports that are taken were replaced: broker" in said
    assert re.search(r"export ONESTACK_BROKER='127\.0\.0\.1:\d+'", (tmp_path / ".onestack" / "env").read_text())

    worker = next(child for child in offspring(first) if child.cmdline()[-1] == "worker")
    worker.kill()
    read_until(first, "was ended by SIGKILL; restarting in 0.5 s")

    for process, sign in ((first, signal.SIGINT), (second, signal.SIGTERM)):
        children = offspring(process)
        process.send_signal(sign)
        code, out = finish(process)
        assert code == 0, out
        assert "Stopped. Data and logs are in" in out
        assert_gone(children)


@pytest.mark.timeout(120)
def test_up_that_is_killed_leaves_nothing_behind(tmp_path: Path) -> None:
    process = start(tmp_path, "up")
    read_until(process, "Ctrl-C stops all of it")
    children = offspring(process)
    process.kill()
    finish(process)
    assert_gone(children)


@pytest.mark.timeout(240)
def test_the_demo_agrees_with_itself_within_90_seconds(tmp_path: Path) -> None:
    began = time.monotonic()
    process = start(tmp_path, "demo")
    code, out = finish(process)
    assert code == 0, out
    assert "All agree." in out
    assert time.monotonic() - began < 90
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_broker_is_told_in_one_sentence(tmp_path: Path) -> None:
    code, out = finish(start(tmp_path, "up", "--broker", "rabbit"))
    assert code == 2
    assert out.count("\n") == 1
