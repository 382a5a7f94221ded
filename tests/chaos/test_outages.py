"""What is away for long is waited for: the product says so, stays alive, and goes on by itself when it is back.

`ONESTACK_CHAOS_OUTAGE` is for how many seconds each part is away; CI's 8 outlast a session and `stuck_after`.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from runtime.kafka import partition_of
from schemas.names import CONTROL, RUNS, command_topic
from tests.chaos.bus import alert, subject_on
from tests.chaos.receiver import Call, Reply, at_once
from tests.chaos.stack import Stack, eventually, step, workflow

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(2400)]

AWAY: Final = float(os.environ.get("ONESTACK_CHAOS_OUTAGE", "8"))
STUCK_AFTER: Final = 4
SLOTS: Final = 4
PATIENCE: Final = 60.0


@pytest.fixture
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    clock = tmp_path_factory.mktemp("clock") / "ahead"
    clock.write_text("0")
    one = Stack(
        ONESTACK_STUCK_AFTER=str(STUCK_AFTER),
        ONESTACK_MAX_CALLS=str(SLOTS),
        ONESTACK_ACTION_TIMEOUT="8",
        ONESTACK_CLOCK_FILE=str(clock),
    )
    try:
        await one.start("worker0", "projector")
        yield one
    finally:
        await one.stop()


# test_kafka_contract.py has both away for less long.
@pytest.mark.long
async def test_kafka_postgres_and_a_module_away_are_waited_for_and_told(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    say = _Say(capsys)
    for name in ("worker0", "projector"):
        await _ready(stack, name)
    await _postgres_away(stack, say)
    await _kafka_away(stack, say)
    await _module_hangs(stack, say)
    await _module_away_for_an_hour(stack, say)


async def test_a_record_of_a_newer_format_holds_its_partition_and_no_other(stack: Stack) -> None:
    await stack.bus.define(workflow("tag", "acme", [step("tag", "add_tag", tag="t")]))
    subject, other = (subject_on(number, "acme", "held", stack.partitions) for number in (1, 2))
    key = f"acme/alert/{subject}".encode()
    assert partition_of(key, stack.partitions) == 1
    newer = {"format": 2, "id": "r:0:tag", "action": "add_tag", "state": {"told": "in another way"}}
    await stack.bus.send(command_topic("add_tag"), key, json.dumps(newer).encode(), partition=1)
    entry = {"specversion": "1.0", "id": "r:0", "source": "/workflow-engine", "type": "run.begun", "formatversion": 2}
    await stack.bus.send(RUNS, key, json.dumps([entry]).encode(), partition=1)
    for name, part in (("worker0", "formats"), ("projector", "projector")):
        await _until(stack, name, part, "refused")
        _, body = await stack.probe(name)
        assert "format 2" in body["parts"][part]["detail"]
        assert (await stack.probe(name, "/healthz"))[0] == 200
    await stack.bus.emit_all([alert("acme", subject, "waits"), alert("acme", other, "goes-on")])
    await eventually(lambda: stack.statuses("acme"), lambda seen: seen.get("completed") == 1, PATIENCE, "the other")
    await asyncio.sleep(2)
    assert await stack.statuses("acme") == {"completed": 1, "all": 1}
    assert await stack.rows("select * from history.dead_letters") == []
    # Nothing of it was committed: whoever can read it finds it.
    assert f"{command_topic('add_tag')}[1]" in str(await stack.bus.not_committed())
    assert CONTROL not in str(await stack.bus.not_committed())


class _Say:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, line: str) -> None:
        with self._capsys.disabled():
            print(f"\n  {line}", end="", flush=True)


async def _until(stack: Stack, name: str, part: str, state: str) -> None:
    async def ask() -> tuple[int, dict[str, Any]]:
        return await stack.probe(name)

    await eventually(ask, lambda found: found[1].get("parts", {}).get(part, {}).get("state") == state, PATIENCE,
                     f"{name}: {part} {state}")  # fmt: skip


async def _ready(stack: Stack, name: str) -> None:
    await eventually(lambda: stack.probe(name), lambda found: found[0] == 200, PATIENCE, f"{name} is ready")


async def _stays(stack: Stack, name: str, path: str, status: int, seconds: float) -> dict[str, Any]:
    """The last body, where the probe said the same all the time."""
    loop = asyncio.get_running_loop()
    body: dict[str, Any] = {}
    until = loop.time() + seconds
    while loop.time() < until:
        found, body = await stack.probe(name, path)
        assert found == status, body
        await asyncio.sleep(0.3)
    return body


async def _postgres_away(stack: Stack, say: _Say) -> None:
    await asyncio.to_thread(stack.postgres.stop)
    await _until(stack, "projector", "postgres", "away")
    _, body = await stack.probe("projector")
    said = body["parts"]["postgres"]
    say(f"Postgres away: projector says {said['state']} since {said['since']}: {said['detail'][:120]}")
    await asyncio.gather(
        _stays(stack, "projector", "/healthz", 200, AWAY), _stays(stack, "worker0", "/readyz", 200, AWAY)
    )
    assert (await stack.probe("projector"))[1]["parts"]["postgres"]["since"] == said["since"]
    counted = await stack.metrics("projector")
    assert 'onestack_ready{process="projector"} 0.0' in counted
    assert 'onestack_dependency_up{dependency="postgres"} 0.0' in counted
    await asyncio.to_thread(stack.postgres.start)
    await _ready(stack, "projector")
    assert 'onestack_ready{process="projector"} 1.0' in await stack.metrics("projector")
    await stack.working()


async def _kafka_away(stack: Stack, say: _Say) -> None:
    await asyncio.to_thread(stack.kafka.kill)
    for name in ("worker0", "projector"):
        await _until(stack, name, "kafka", "away")
    _, body = await stack.probe("worker0")
    say(f"Kafka away: worker says {body['parts']['kafka']['detail']}")
    await asyncio.gather(*(_stays(stack, name, "/healthz", 200, AWAY) for name in ("worker0", "projector")))
    for name in ("worker0", "projector"):
        status, body = await stack.probe(name)
        assert status == 503
        assert not any(part["state"] == "stuck" for part in body["parts"].values()), body
        assert 'onestack_dependency_up{dependency="kafka"} 0.0' in await stack.metrics(name)
    await asyncio.to_thread(stack.kafka.start)
    for name in ("worker0", "projector"):
        await _ready(stack, name)
    await stack.working()


async def _module_hangs(stack: Stack, say: _Say) -> None:
    """More commands wait than there are places, for longer than it takes to be called stuck: busy, and ready."""
    await stack.bus.define(workflow("tag", "hung", [step("tag", "add_tag", tag="t")]))
    let_go = asyncio.Event()

    async def hangs(_call: Call) -> None:
        await let_go.wait()

    stack.receiver.behave = hangs
    await stack.bus.emit_all([alert("hung", f"h-{number}", f"h-{number}") for number in range(40)])

    async def busy() -> str:
        return str((await stack.probe("worker0"))[1].get("parts", {}).get("calls", {}).get("detail"))

    told = await eventually(busy, lambda text: text.startswith("Busy"), PATIENCE, "a busy worker")
    body = await _stays(stack, "worker0", "/readyz", 200, 2 * STUCK_AFTER)
    say(f"a module hangs: worker stays ready: {told} {body['parts']['progress']['detail']}")
    stack.receiver.behave = at_once
    let_go.set()
    await stack.completed("hung", 40)


async def _module_away_for_an_hour(stack: Stack, say: _Say) -> None:
    """Calls fail for an hour of the product's clock; what is tried again then is done."""
    retry = {"max_retries": 20, "initial_interval": "PT1M", "multiplier": 2, "max_interval": "PT10M"}
    await stack.bus.define(workflow("tag", "hour", [step("tag", "add_tag", tag="t")], retry=retry))

    async def refuses(_call: Call) -> Reply:
        return Reply(503)

    stack.receiver.behave = refuses
    clock = Path(stack.variables["ONESTACK_CLOCK_FILE"])
    events = [alert("hour", f"o-{number}", f"o-{number}") for number in range(8)]
    await stack.bus.emit_all(events)
    await eventually(lambda: stack.statuses("hour"), lambda seen: seen.get("waiting") == 8, PATIENCE, "runs that wait")
    for minutes in range(6, 66, 6):
        await asyncio.to_thread(clock.write_text, str(minutes * 60))
        await asyncio.sleep(0.6)
    body = await _stays(stack, "worker0", "/readyz", 200, 1)
    assert (await stack.statuses("hour")).get("waiting") == 8
    stack.receiver.behave = at_once
    await asyncio.to_thread(clock.write_text, str(90 * 60))
    await stack.completed("hour", 8)
    attempts = await stack.rows("select min(attempts) as least from history.steps join history.runs using (run_id) "
                                "where org_id = 'hour'")  # fmt: skip
    say(f"a module away for an hour: {len(events)} runs waited, ready all the time ({body['ready']}), done after "
        f"{attempts[0]['least']} attempts at least")  # fmt: skip
    assert attempts[0]["least"] >= 5
