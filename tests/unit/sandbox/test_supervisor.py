import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from sandbox.folder import Folder
from sandbox.modules.server import write_environment
from sandbox.process import free_port
from sandbox.supervisor import Program, Supervisor

SERVES = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(60)"


def program(tmp_path: Path, code: str = SERVES) -> Program:
    port = free_port()
    return Program([sys.executable, "-c", code, str(port)], {"PATH": "/usr/bin:/bin"}, tmp_path / "log", port)


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not done():  # noqa: ASYNC110 - what happens in other processes sets no event here
            await asyncio.sleep(0.02)


@pytest.fixture
async def told() -> list[str]:
    return []


@pytest.fixture
async def supervisor(told: list[str]) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(told.append, first_pause=0.05, longest_pause=0.1)
    yield supervisor
    await supervisor.stop()


async def test_a_program_runs_once_its_port_answers(supervisor: Supervisor, tmp_path: Path) -> None:
    part = await supervisor.run("one", program(tmp_path), "here")
    assert part.state == "starting"
    await until(lambda: part.state == "running")
    assert part.pid is not None


async def test_a_program_that_was_killed_is_started_again(
    supervisor: Supervisor, told: list[str], tmp_path: Path
) -> None:
    part = await supervisor.run("one", program(tmp_path), "here")
    await until(lambda: part.state == "running")
    first = part.pid
    assert first is not None
    psutil.Process(first).kill()
    await until(lambda: part.restarts == 1 and part.state == "running")
    assert part.pid != first
    assert told == ["one was ended by SIGKILL; restarting in 0.05 s."]


async def test_the_pause_grows_with_each_crash_up_to_the_longest(
    supervisor: Supervisor, told: list[str], tmp_path: Path
) -> None:
    part = await supervisor.run("one", program(tmp_path, "import sys; print('no luck'); sys.exit(3)"), "here")
    await until(lambda: part.restarts == 3)
    assert told[0] == "one ended with code 3 (no luck); restarting in 0.05 s."
    assert [text.split()[-2] for text in told[:3]] == ["0.05", "0.1", "0.1"]


async def test_stopping_ends_all_and_restarts_none(told: list[str], tmp_path: Path) -> None:
    supervisor = Supervisor(told.append, first_pause=0.05)
    parts = [await supervisor.run(name, program(tmp_path), "here") for name in ("one", "two")]
    await until(lambda: all(part.state == "running" for part in parts))
    await supervisor.stop()
    assert [part.state for part in parts] == ["stopped", "stopped"]
    assert [part.pid for part in parts] == [None, None]
    codes = [part.what.process.returncode for part in parts if part.what.process]
    assert codes == [-signal.SIGTERM] * 2
    assert told == []


def test_a_folder_in_use_is_replaced_by_a_sibling(tmp_path: Path) -> None:
    first = Folder.claim(tmp_path / "data")
    second = Folder.claim(tmp_path / "data")
    assert (first.path.name, second.path.name) == ("data", "data-2")
    first.release()
    third = Folder.claim(tmp_path / "data")
    assert third.path == first.path
    second.release()
    third.release()


def test_the_folder_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONESTACK_DATA_DIR", str(tmp_path / "here"))
    folder = Folder.claim()
    assert folder.path == tmp_path / "here"
    folder.release()


def test_the_environment_file_is_private_and_quoted(tmp_path: Path) -> None:
    file = tmp_path / "env"
    write_environment(file, {"ONESTACK_X": "it's $HOME"})
    assert file.read_text() == "export ONESTACK_X='it'\\''s $HOME'\n"
    assert file.stat().st_mode & 0o777 == 0o600


async def test_a_part_that_starts_while_all_are_stopped_is_stopped_too(tmp_path: Path) -> None:
    class Slow(Program):
        def start(self) -> None:
            time.sleep(0.2)
            super().start()

    supervisor = Supervisor(print)
    what = Slow([sys.executable, "-c", SERVES, "0"], {}, tmp_path / "log", 1)
    task = asyncio.create_task(supervisor.run("slow", what, "here"))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await supervisor.stop()
    assert what.process is not None
    assert what.process.returncode == -signal.SIGTERM
