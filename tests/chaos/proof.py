"""What the crash tests share: the load, the kills, and what has to hold of the history when all is over."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import asyncpg
import pytest

from schemas.names import RUNS, run_id
from tests.chaos import oracle
from tests.chaos.bus import alert
from tests.chaos.receiver import Receiver
from tests.chaos.stack import Stack, step, workflow

ORGS: Final = ("acme", "globex")
WORKFLOW: Final = "respond"
ENTITIES: Final = 250
REPEATED_EVERY: Final = 20
"""Every so manieth event is sent twice, as producers do that were not sure."""
STEPS: Final = [
    step("ticket", "create_ticket", title="{{alert.title}}", priority="P1"),
    {"id": "matters", "condition": {"field": "alert.severity", "op": "equals", "value": "critical"}},
    step("tag", "add_tag", tag="{{steps.ticket.id}}"),
    step("note", "create_note", body="{{alert.title}} is {{steps.ticket.id}}"),
]
BODIES: Final = {
    org: workflow(WORKFLOW, org, STEPS, conditions={"field": "alert.level", "op": "greater_than", "value": 0})
    for org in ORGS
}


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill on the monotonic clock: `before` the signal, and `after` the process was gone."""

    victim: str
    before: float
    after: float


class Says:
    """Prints figures past pytest's capture."""

    def __init__(self, capsys: pytest.CaptureFixture[str], first: str) -> None:
        self._capsys = capsys
        self(f"\n  crash test: {first}")

    def __call__(self, line: str) -> None:
        with self._capsys.disabled():
            print(f"  {line}", flush=True)


def event(number: int, dice: random.Random) -> dict[str, Any]:
    """The event of this number, about an entity by chance."""
    return alert(ORGS[number % 2], f"a-{dice.randrange(ENTITIES)}", f"crash-{number}", level=1 + number % 9)


async def produce(stack: Stack, events: list[dict[str, Any]], rate: float) -> None:
    """Send events at so many a second, some twice; returns when Kafka has all."""
    began = time.monotonic()
    sending = []
    for number, one in enumerate(events):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        sending.append(asyncio.create_task(stack.bus.emit(one)))
        if number % REPEATED_EVERY == 0:
            sending.append(asyncio.create_task(stack.bus.emit(one)))
    await asyncio.gather(*sending)


async def finished(stack: Stack) -> int:
    """How many runs have ended."""
    query = "select count(*) from history.runs where org_id = any($1::text[]) and finished_at is not null"
    return sum([int(row["count"]) for row in await stack.rows(query, list(ORGS))])


async def check_history(
    stack: Stack, events: list[dict[str, Any]], say: Says, others: Mapping[str, dict[str, Any]] | None = None
) -> None:
    """Exactly the runs and steps that the events call for, and row by row what the log says.

    `others` has the definitions of further organisations, whose rows are compared with the log too.
    """
    count = len(events)
    log = await stack.bus.log(RUNS)
    lives = oracle.fold(log, {**BODIES, "probe": workflow("probe", "probe", []), **(others or {})})
    runs, steps, entries = [await _rows(stack, query) for query in (oracle.RUNS, oracle.STEPS, oracle.ENTRIES)]
    ours = [row for row in runs if row["org_id"] in ORGS]
    wanted = {run_id(one["orgid"], WORKFLOW, one["source"], one["id"]) for one in events}
    assert len(ours) == len(wanted) == count
    assert {row["run_id"] for row in ours} == wanted
    assert Counter(row["status"] for row in ours) == {"completed": count}
    by_run: dict[str, list[tuple[int, str, str]]] = {}
    for row in steps:
        by_run.setdefault(row["run_id"], []).append((row["position"], row["step_id"], row["status"]))
    told = [(position, one["id"], "succeeded") for position, one in enumerate(STEPS)]
    assert [by_run[run] for run in sorted(wanted)] == [told] * count
    assert oracle.difference(oracle.run_rows(lives), runs) is None
    assert oracle.difference(oracle.step_rows(lives), steps) is None
    assert oracle.difference(oracle.entry_rows(lives), entries) is None
    assert await stack.rows("select * from history.dead_letters") == []
    claimed = sum(len(json.loads(record)) for records in log.values() for record in records)
    say(f"{len(ours)} runs completed of {count} events, {len(STEPS)} steps each; history and log agree row by row")
    say(f"{claimed} entries in the log, {claimed - len(entries)} of them repeats that the fold left out")


async def _rows(stack: Stack, query: str) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(stack.postgres.url)
    try:
        await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
        return [dict(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


def silence(receiver: Receiver, kill: Kill) -> str:
    """The longest time without a call in the 15 s after a kill."""
    times = [kill.before, *(call.at for call in receiver.calls if kill.before < call.at < kill.before + 15)]
    longest = max((later - earlier for earlier, later in pairwise(times)), default=None)
    return "(nothing was left to do)" if longest is None else f"{longest:.1f} s"


async def dump(stack: Stack, url: str) -> dict[str, list[str]]:
    """Every row of the history's views, a line each."""
    return {view: [row["row"] for row in await stack.rows(query, url=url)] for view, query in oracle.DUMPS.items()}
