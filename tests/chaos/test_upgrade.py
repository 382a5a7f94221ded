"""A rolling upgrade and a downgrade under load: workers and projectors of two releases side by side, nothing lost.

`ONESTACK_CHAOS_UPGRADE` is for how many seconds events come at least; CI's 12 see every mixture of releases at work.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
import zipfile
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from schemas.names import TIMERS
from tests.chaos.bus import alert
from tests.chaos.proof import BODIES, Says, check_history, event, finished, produce
from tests.chaos.receiver import Call
from tests.chaos.stack import Stack, eventually, step, workflow

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

RELEASE: Final = Path(__file__).parent / "releases" / "onestack_workflow_engine-0.1.0-py3-none-any.whl"
SECONDS: Final = float(os.environ.get("ONESTACK_CHAOS_UPGRADE", "12"))
RATE: Final = 60.0
"""Events a second: every process is at work all the time, and two cores have room for the starts of the others."""
WAIT_EVERY: Final = 10
"""Every so manieth event is followed by one of an organisation whose runs are throttled, and wait in the middle."""
NEW, OLD = "this release", "the release before"
MOVES: Final = (
    ("worker0", NEW), ("worker1", NEW), ("projector", NEW),
    ("worker1", OLD), ("projector", OLD), ("worker0", OLD),
)  # fmt: skip
"""One after the other, as a rolling update does it: up, and down again. Between two of them the releases are mixed."""
PATIENT: Final = workflow(
    "patient", "patient",
    [step("wait", "delay", **{"for": "PT3S"}), step("tag", "add_tag", tag="woken")],
    throttle={"key": "{{alert.title}}", "limit": 1_000_000, "per": "PT1M"},
)  # fmt: skip


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """All of it on the release before."""
    with zipfile.ZipFile(RELEASE) as wheel:
        wheel.extractall(tmp_path)
    one = Stack()
    names = ("worker0", "worker1", "projector")
    one.releases = dict.fromkeys(names, tmp_path)
    try:
        await one.start(*names)
        yield one
    finally:
        await one.stop()


async def test_releases_work_side_by_side_up_and_down_again(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("ONESTACK_CHAOS_SEED") or random.randrange(10**6))
    say, dice = Says(capsys, f"upgrade, seed {seed} (ONESTACK_CHAOS_SEED repeats it)"), random.Random(seed)
    # That of before says nothing of its version: it is what runs, and not this tree under another name.
    assert "onestack_build_info" not in await stack.metrics("worker0")
    # The tables come first, and the projector of the release before goes on writing into them.
    say((await stack.onestack("migrate")).strip())
    await stack.bus.define(*BODIES.values(), PATIENT)
    stack.receiver.calls.clear()
    stack.receiver.behave = _takes_a_while
    moving = asyncio.create_task(_move_in_turn(stack, tmp_path, say))
    events, waiting = await _load(stack, dice, moving)
    assert moving.result() == [0] * len(MOVES), "each ends cleanly within 10 s"
    await eventually(lambda: finished(stack), lambda done: done >= len(events), 120, f"finished runs; {stack.alive()}")
    await stack.completed("patient", len(waiting))
    await check_history(stack, events, say, {"patient": PATIENT})
    commands = stack.receiver.moments()
    assert len(commands) == 3 * len(events) + len(waiting)
    assert stack.receiver.repeated() == {}, "who ends in peace repeats nothing"
    say(f"{len(stack.receiver.calls)} module calls for {len(commands)} commands")
    assert await eventually(stack.bus.not_committed, lambda found: not found, 30, "committed offsets") == {}
    left = Counter(record.key for records in (await stack.bus.records(TIMERS)).values() for record in records)
    assert len(left) > len(waiting)


async def _load(
    stack: Stack, dice: random.Random, moving: asyncio.Task[list[int]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Events at a steady rate until the last process has been moved, and some of runs that wait."""
    events: list[dict[str, Any]] = []
    waiting: list[dict[str, Any]] = []
    while not moving.done():
        some = [event(len(events) + number, dice) for number in range(int(RATE))]
        more = [
            alert("patient", f"p-{len(waiting) + n}", f"wait-{len(waiting) + n}")
            for n in range(len(some) // WAIT_EVERY)
        ]
        await asyncio.gather(produce(stack, some, RATE), produce(stack, more, len(more)))
        events += some
        waiting += more
    return events, waiting


async def _takes_a_while(_call: Call) -> None:
    await asyncio.sleep(0.02 + 0.08 * random.random())


async def _move_in_turn(stack: Stack, old: Path, say: Says) -> list[int]:
    """Restart each process in the other release, all of them within the load; their exit codes."""
    codes, began = [], time.monotonic()
    for number, (name, release) in enumerate(MOVES):
        await asyncio.sleep(max(0.5, began + (number + 0.5) * SECONDS / len(MOVES) - time.monotonic()))
        at = time.monotonic()
        codes.append(await asyncio.to_thread(stack.end, name))
        took = time.monotonic() - at
        if release is NEW:
            stack.releases.pop(name)
        else:
            stack.releases[name] = old
        starts = _starts(stack, name)
        stack.up(name)
        say(f"{at - began:5.1f} s  {name} ends in {took:.1f} s, and starts in {release}")
        await _works(stack, name, starts)
    return codes


async def _works(stack: Stack, name: str, before: int) -> None:
    """Wait until it takes part again: one of this release says so itself, the one before has it in its log."""

    async def ask() -> bool:
        if name in stack.releases:
            return _starts(stack, name) > before
        return (await stack.probe(name))[0] == 200

    await eventually(ask, bool, 60, f"{name} takes part")


def _starts(stack: Stack, name: str) -> int:
    return stack.log(name).read_text().count("the worker works" if name.startswith("worker") else "partitions assigned")
