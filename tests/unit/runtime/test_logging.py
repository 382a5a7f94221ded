"""How a line of the log looks, and what is never in one."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
import structlog

from runtime import tracing
from runtime.logging import configure, logger, tell_of_tasks, told_of
from runtime.settings import Settings
from runtime.tracing import CLIENT, Context, Span

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    tracing.active = None


@pytest.fixture(autouse=True)
def _seen_anew() -> None:
    """Loggers that were used before keep how they were configured."""
    structlog.reset_defaults()


def configured(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """Logs from now on; what is returned gives what was logged since."""
    configure(Settings(log_format="json", instance="worker-7", log_level="DEBUG"), "worker")
    return lambda: [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]


def fail(payload: str) -> None:
    local = {"password": payload}
    try:
        raise KeyError(local["password"])
    except KeyError as error:
        raise ValueError(f"about {payload}") from error


def test_a_line_says_whose_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    lines = configured(capsys)
    logger("timers").info("waiting", run_id="r-1", instance=None)
    logging.getLogger("some.library").warning("told %s", "so")
    ours, theirs = lines()
    for line in (ours, theirs):
        assert (line["process"], line["instance"]) == ("worker", "worker-7")
        assert line["version"]
        assert line["timestamp"].endswith("Z")
    assert (ours["event"], ours["logger"], ours["level"], ours["run_id"]) == ("waiting", "timers", "info", "r-1")
    assert (theirs["event"], theirs["logger"], theirs["level"]) == ("told so", "some.library", "warning")
    assert "trace_id" not in ours


def test_a_line_within_a_span_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    lines = configured(capsys)

    class Off:
        def sampled(self, *_: object) -> bool:
            return True

        def finish(self, *_: object) -> None:
            pass

        def stop(self, seconds: float) -> None:
            pass

    tracing.active = Off()
    with Span("work", CLIENT, Context(0xAB, 0xCD), None, {}):
        logger("executor").info("working")
    (line,) = lines()
    assert (line["trace_id"], line["span_id"]) == (f"{0xAB:032x}", f"{0xCD:016x}")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_has_no_locals_and_nothing_that_an_exception_says(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(Settings(log_format="json" if as_json else "console"), "worker")
    for log in (logger("executor"), logging.getLogger("some.library")):
        try:
            fail(SECRET)
        except ValueError:
            log.exception("an action raised")
    told = capsys.readouterr().err
    assert SECRET not in told
    assert told.count("ValueError") >= 2
    assert told.count("KeyError") >= 2
    assert told.count("in fail") >= 4


def test_an_exceptions_causes_are_told_first_and_a_circle_of_them_ends() -> None:
    with pytest.raises(ValueError, match=SECRET) as raised:
        fail(SECRET)
    error = raised.value
    told = told_of(error)
    assert told.index("KeyError") < told.index("ValueError")
    assert error.__cause__ is not None
    error.__cause__.__cause__ = error
    assert told_of(error).count("Traceback") == 2


def test_what_is_no_json_is_told_as_python_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    lines = configured(capsys)
    logger("x").info("odd", value=frozenset({1}), number=2**70)
    (line,) = lines()
    assert line["value"] == "frozenset({1})"


def test_an_exception_in_a_librarys_message_is_told_by_its_type(capsys: pytest.CaptureFixture[str]) -> None:
    lines = configured(capsys)
    logging.getLogger("some.library").error("crashed: %r, %s", ValueError(SECRET), "so")
    (line,) = lines()
    assert line["event"] == "crashed: 'ValueError', so"


async def test_a_task_that_nobody_waits_for_is_told_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    lines = configured(capsys)
    loop = asyncio.get_running_loop()
    tell_of_tasks(loop)

    async def work() -> None:
        fail(SECRET)

    task = loop.create_task(work())
    await asyncio.wait((task,))
    del task
    gc.collect()
    loop.set_exception_handler(None)
    told = [line for line in lines() if line["event"] == "a task failed"]
    assert [line["reason"] for line in told] == ["Task exception was never retrieved"]
    assert "in fail" in told[0]["exception"]
    assert SECRET not in str(told)
