"""Whether the pure parts cost the same whatever there is: `python -m bench.flat [--only NAME]`. Needs no service.

Each part does the same work beside more and more of what it keeps (workflows, organisations, waiting runs), and what is
told is µs of this process's CPU for one piece of it, the best of three: so the figures hold on a busy machine too.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

import orjson

from bench import curveload
from bench.errors import BenchError
from bench.workload import NOOPS, ORG, events, noops_known
from engine.registry import Accepted, Registry
from engine.run import start
from projections.projection import ACTIVE, FINISHED, Recent
from schemas.events import decode
from streams.fair import Fair
from streams.ledger import Ledger
from streams.offsets import Progress
from streams.slots import Slots
from streams.waits import Wait, Waits

NOW: Final = datetime(2026, 11, 23, tzinfo=UTC)
_TIMES: Final = 3
SCALE: Final = 1.0
"""Of how much is done for a figure; a test does less."""


class Part(NamedTuple):
    """A part: what one piece of work is, what there is more and more of, and who measures it (µs at each size)."""

    piece: str
    of: str
    sizes: tuple[int, ...]
    measure: Callable[[int], float]


def _workflow(number: int, trigger: str, wanted: str = "critical") -> tuple[bytes, bytes]:
    name = f"workflow-{number:05}"
    body = {
        "id": name, "org": ORG, "version": 1, "name": f"Workflow {number}", "state": "enabled",
        "trigger": {"type": trigger}, "conditions": {"field": "alert.severity", "op": "equals", "value": wanted},
        "steps": [{"id": one[-1], "action": one, "with": {"text": "{{event.id}}"}} for one in NOOPS],
    }  # fmt: skip
    return f"{ORG}/{name}".encode(), orjson.dumps(body)


def _much(pieces: int) -> int:
    return round(pieces * SCALE)


def _took(work: Callable[[], int]) -> float:
    """µs of CPU for each of the pieces that the work says it did: the best of three."""
    best = float("inf")
    for _ in range(_TIMES):
        gc.collect()
        begun = time.process_time()
        pieces = work()
        best = min(best, (time.process_time() - begun) / pieces)
    return best * 1e6


def _registry(definitions: Iterable[tuple[bytes, bytes]]) -> Registry:
    registry = Registry()
    for key, value in definitions:
        if not isinstance(applied := registry.apply(key, value), Accepted):
            raise BenchError(f"a definition is not in force: {applied}")
    return registry


def _load(count: int) -> float:
    """Workflows that all listen to one type come into force; each piece is one of them."""
    given = [_workflow(number, "alert.triggered") for number in range(count)]

    def work() -> int:
        return len(_registry(given).by_trigger("acme", "alert.triggered"))

    return _took(work)


def _candidates(count: int) -> float:
    """One event, and as many workflows whose condition is false: each piece is one that is evaluated and skipped."""
    registry = _registry(_workflow(number, "alert.triggered", wanted="low") for number in range(count))
    event = decode(events("x", 1, 4)[0].value, [])

    def work() -> int:
        done = 0
        while done < _much(2_000):
            for one in registry.by_trigger(event.org, event.type):
                orjson.dumps(start(one, event, NOW))
                done += 1
        return done

    return _took(work)


def _beside(count: int) -> float:
    """One event that starts one run, of an organisation with more and more workflows of other types."""
    registry = _registry([_workflow(0, "alert.triggered"), *(curveload.beside(number) for number in range(1, count))])
    value = events("x", 1, 4)[0].value
    return _took(lambda: _started(registry, value, _much(3_000)))


def _organisations(count: int) -> float:
    """The same beside more and more organisations, each with a workflow of the type."""
    registry = _registry(curveload.of_organisation(number) for number in range(count))
    value = events("x", 1, 4)[0].value
    return _took(lambda: _started(registry, value, _much(3_000)))


def _started(registry: Registry, value: bytes, times: int) -> int:
    for _ in range(times):
        event = decode(value, [])
        for one in registry.by_trigger(event.org, event.type):
            start(one, event, NOW)
    return times


def _turns(count: int) -> float:
    """A backlog of so many organisations is handed over by turns, 50 records being done at a time; a piece is one."""
    records = [
        SimpleNamespace(key=f"msp-{n % count}/device/{n}".encode(), value=b"x" * 500) for n in range(_much(40_000))
    ]

    def work() -> int:
        fair, done, under_way = Fair(500), 0, list[Any]()
        for number in range(4):
            progress, own = Progress(), records[number::4]
            for at in range(0, len(own), 500):
                part = own[at : at + 500]
                fair.offer(("t", number), part, progress.deliver(at, at + len(part), len(part)), at_once=False)
        while fair.waiting or under_way:
            under_way += fair.take(500)
            for one in under_way[:2]:
                done += len(one.records)
                one.finish()
            del under_way[:2]
        return done

    return _took(work)


def _slots(count: int) -> float:
    """Calls of so many organisations that wait for 64 slots; a piece is a call."""

    async def calls() -> int:
        slots, pieces = Slots(64), _much(20_000)

        async def one(share: str) -> None:
            await slots.acquire(share)
            await asyncio.sleep(0)
            slots.release(share)

        await asyncio.gather(*(one(f"msp-{number % count}") for number in range(pieces)))
        return pieces

    return _took(lambda: asyncio.run(calls()))


def _ledger(count: int) -> float:
    """An id is looked up, claimed and settled beside so many that are known."""

    async def claims() -> float:
        ledger = Ledger(0, 600.0, 0.0)
        for number in range(count):
            ledger.seen_in_log(f"{number:032x}:0", number)
        numbers = iter(range(10**12, 2 * 10**12))

        def work() -> int:
            for number, _ in zip(numbers, range(_much(20_000)), strict=False):
                name = f"{number:032x}:0"
                if not ledger.has(name):
                    ledger.claim(name, 1.0)
                    ledger.settle(name)
            return _much(20_000)

        return _took(work)

    return asyncio.run(claims())


def _waits(count: int) -> float:
    """A run begins to wait, and ends to, beside so many that wait for longer."""
    waits, drawn = Waits(), random.Random(7)
    for number in range(count):
        waits.add(Wait(f"{number:032x}:2", b"acme/device/%d" % number, 1e9 + drawn.random() * 1e6, 0, "d", None))
    numbers = iter(range(10**12, 2 * 10**12))

    def work() -> int:
        for number, _ in zip(numbers, range(_much(20_000)), strict=False):
            waits.add(Wait(f"{number:032x}:2", b"acme/alert/%d" % number, 1.0 + drawn.random(), 0, "d", None))
            if number % 100 == 99:
                for one in waits.take_due(10.0, 200):
                    waits.remove(one.id)
        return _much(20_000)

    return _took(work)


def _remembered(count: int) -> float:
    """The projector's memory of runs: one begins and one ends, a batch each, beside so many under way."""
    active, finished = Recent[int](ACTIVE), Recent[int](FINISHED)
    for number in range(count):
        active.keep(f"{number:032x}", number)
    for number in range(FINISHED):
        finished.keep(f"f{number:031x}", number)
    numbers = iter(range(10**12, 2 * 10**12))

    def work() -> int:
        for number, _ in zip(numbers, range(_much(5_000)), strict=False):
            active.keep(f"{number:032x}", number)
            active.trim()
            active.pop(f"{number:032x}", None)
            finished.keep(f"{number:032x}", number)
            finished.trim()
        return _much(5_000)

    return _took(work)


_WORKFLOWS: Final = (1, 10, 100, 1_000, 10_000)
_ORGS: Final = (1, 10, 100, 1_000)
PARTS: Final = {
    "load": Part("a definition comes into force", "of one type", (10, 100, 1_000, 10_000), _load),
    "candidates": Part("an evaluated workflow is skipped", "of one type", _WORKFLOWS, _candidates),
    "beside": Part("an event starts a run", "workflows of other types", _WORKFLOWS, _beside),
    "organisations": Part("an event starts a run", "organisations", _ORGS, _organisations),
    "turns": Part("a record has its turn", "organisations", _ORGS, _turns),
    "slots": Part("a call gets its slot", "organisations", (*_ORGS, 10_000), _slots),
    "ledger": Part("an id is claimed", "ids", (0, 10_000, 100_000, 1_000_000), _ledger),
    "waits": Part("a run waits", "waiting runs", (0, 10_000, 100_000, 1_000_000), _waits),
    "remembered": Part("the projector remembers a run", "runs under way", (0, 10_000, 50_000), _remembered),
}


def measure(names: list[str]) -> Iterator[tuple[Part, dict[int, float]]]:
    """Each part with its µs by size."""
    with noops_known():
        for name in names:
            part = PARTS[name]
            yield part, {size: part.measure(size) for size in part.sizes}


def main(arguments: list[str]) -> int:
    """Measure; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.flat", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part; may be given again [all]")
    for part, found in measure(parser.parse_args(arguments).only or list(PARTS)):
        figures = " · ".join(f"{size:,}: {us:.2f}" for size, us in found.items())
        print(f"{part.piece}, µs by {part.of}: {figures}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
