"""What one batch begins: others have their turn between, and what was not taken in whole comes again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from bench.curveload import evaluated, skips
from bench.workload import noops_known
from engine.registry import Accepted, Registry
from engine.rules import RULES
from engine.workflow import Workflow
from schemas.events import Event, decode
from streams.ledger import Ledger
from streams.starting import Starts


class Broker:
    """Acknowledges when it is told to."""

    def __init__(self) -> None:
        self.put_in: list[asyncio.Future[None]] = []

    def put(self, *_: Any) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.put_in.append(future)
        return future

    def acknowledge(self) -> None:
        for future in self.put_in:
            if not future.done():
                future.set_result(None)


class Acked:
    """A batch."""

    done = False

    def ack(self) -> None:
        self.done = True


@pytest.fixture
def workflows() -> list[Workflow]:
    """Those whose condition is false for the event."""
    found = []
    with noops_known():
        for number in range(1_200):
            applied = Registry().apply(*evaluated(number))
            assert isinstance(applied, Accepted)
            found.append(applied.workflow)
    return found


@pytest.fixture
def event() -> Event:
    return decode(skips("x", 1, 1, 1).events[0].value, [])


def made(broker: Broker) -> tuple[Any, Ledger]:
    parts: Any = SimpleNamespace(
        publisher=broker, rules=RULES, stopping=False, settings=SimpleNamespace(storm_limit=0),
        clock=SimpleNamespace(now=lambda: datetime(2026, 11, 23, tzinfo=UTC)),
        signals=SimpleNamespace(before=lambda *_: None),
    )  # fmt: skip
    ledger = Ledger(0, 600.0, 0.0)
    ledger.ready.set()
    return parts, ledger


async def begun(starts: Starts, workflows: list[Workflow], event: Event) -> int:
    """As many as are begun in one go."""
    for number, workflow in enumerate(workflows, 1):
        starts.of_event(workflow, event, b"acme/ticket/x-0", 1)
        if starts.tired:
            return number
    return len(workflows)


async def test_an_event_for_many_workflows_waits_for_the_broker_between(
    workflows: list[Workflow], event: Event
) -> None:
    broker = Broker()
    parts, ledger = made(broker)
    starts = Starts(parts, ledger)
    first = await begun(starts, workflows, event)
    assert 0 < first < len(workflows)
    assert len(broker.put_in) == first
    breath = asyncio.create_task(starts.breathe())
    await asyncio.sleep(0)
    assert not breath.done()
    broker.acknowledge()
    assert await breath is True
    assert not starts.tired
    assert await begun(starts, workflows[first:], event) == first


async def test_few_workflows_never_wait(workflows: list[Workflow], event: Event) -> None:
    starts = Starts(*made(Broker()))
    assert await begun(starts, workflows[:200], event) == 200
    assert not starts.tired


@pytest.mark.parametrize("why", ["closed", "rebalance", "stopping"])
async def test_what_was_not_taken_in_whole_is_not_acknowledged(
    why: str, workflows: list[Workflow], event: Event
) -> None:
    broker = Broker()
    parts, ledger = made(broker)
    starts = Starts(parts, ledger)
    first = await begun(starts, workflows, event)
    breath = asyncio.create_task(starts.breathe())
    await asyncio.sleep(0)
    if why == "closed":
        ledger.close()
    elif why == "rebalance":
        ledger.ready.clear()
    else:
        parts.stopping = True
    broker.acknowledge()
    assert await breath is False
    batch = Acked()
    await starts.finish(batch, whole=False)
    assert not batch.done
    # What was begun is known when the batch comes again, and nobody waits for it for good.
    again = Starts(parts, ledger)
    assert await begun(again, workflows[:first], event) == len(workflows[:first])
    assert len(broker.put_in) == first
    await asyncio.wait_for(again.finish(batch), 5)
    assert batch.done is (why != "closed")
