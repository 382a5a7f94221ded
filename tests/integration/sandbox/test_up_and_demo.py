import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
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


@contextmanager
def web_app(process: subprocess.Popen[str], said: str) -> Iterator[httpx.Client]:
    """Somebody of northwind at the web app whose address was told; whatever comes, the process is told to stop."""
    try:
        found = re.search(r"The web app:  (http://127\.0\.0\.1:\d+)", said)
        assert found is not None, said
        with httpx.Client(base_url=f"{found[1]}/api/v1", timeout=30) as client:
            assert client.get("/session/options").json()["development"] is True
            assert client.post("/session/development", json={"org": "northwind", "role": "Owner"}).status_code == 200
            yield client
    finally:
        process.send_signal(signal.SIGINT)


@pytest.mark.timeout(240)
def test_up_tells_the_web_app_first_and_the_demo_fills_it_with_one_command(tmp_path: Path) -> None:
    assert finish(start(tmp_path, "demo", "--here"))[0] == 1, "nothing runs there yet"
    up = start(tmp_path, "up")
    said = read_until(up, "Ctrl-C stops all of it")
    assert said.index("The web app:") < said.index("It runs.")
    assert "onestack demo --here\n" in said
    with web_app(up, said) as client:
        assert client.get("/session").json()["kind"] == "development"
        assert "northwind" not in client.get("/session/options").json()["orgs"]
        code, out = finish(start(tmp_path, "demo", "--here"))
        assert code == 0, out
        assert "23 workflows" in out
        assert {"northwind", "harbor", "redwood"} <= set(client.get("/session/options").json()["orgs"])
        hub = next(one for one in offspring(up) if one.cmdline()[-1] == "hub")
        secret = hub.environ()["ONESTACK_DEVELOPMENT_SIGN_IN"]
        for file in (tmp_path / ".onestack").glob("*"):
            if file.is_file():
                assert secret not in file.read_text(errors="replace"), "it is of this start alone, and in no file"
    assert finish(up)[0] == 0
    code, out = finish(start(tmp_path, "demo", "--here"))
    assert (code, "Nothing runs on" in out) == (1, True)


@pytest.mark.timeout(240)
def test_a_demo_agrees_with_itself_goes_on_with_the_web_app_and_leaves_nothing(tmp_path: Path) -> None:
    demo = start(tmp_path, "demo", "--keep")
    said = read_until(demo, "The web app:")
    assert "All agree." in said
    with web_app(demo, said) as client:
        assert "northwind" in client.get("/session/options").json()["orgs"]
    code, out = finish(demo)
    assert code == 0, out
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_broker_is_told_in_one_sentence(tmp_path: Path) -> None:
    code, out = finish(start(tmp_path, "up", "--broker", "rabbit"))
    assert code == 2
    assert out.count("\n") == 1
