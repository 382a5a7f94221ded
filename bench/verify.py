"""Whether everything was done that the figures claim: no figure without it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

import aiohttp

from bench.backlog import Logged
from bench.rig import Rig
from bench.workload import STEPS

_RUNS: Final = """
select r.run_id, r.status,
       (select count(*) from history.steps s where s.run_id = r.run_id) as steps,
       (select count(*) from history.steps s where s.run_id = r.run_id and s.status = 'succeeded') as succeeded
  from history.runs r"""


async def faults(rig: Rig, expected: Iterable[str], logged: Logged) -> list[str]:
    """A sentence for each thing that is not as it should be; `logged` is the whole run log, `expected` all runs."""
    wanted = set(expected)
    found = []
    rows = await rig.postgres.fetch(_RUNS)
    if {row["run_id"] for row in rows} != wanted or len(rows) != len(wanted):
        found.append(f"the history has {len(rows):,} runs, and {len(wanted):,} were started")
    if bad := sum((row["status"], row["steps"], row["succeeded"]) != ("completed", STEPS, STEPS) for row in rows):
        found.append(f"{bad:,} runs are not completed with {STEPS} succeeded steps")
    if set(logged.completed) != wanted:
        found.append(f"the run log has {len(logged.completed):,} completed runs, and {len(wanted):,} were started")
    if logged.repeated:
        found.append(f"the run log has {logged.repeated:,} repeated completions")
    if letters := await rig.postgres.fetchval("select count(*) from history.dead_letters"):
        found.append(f"there are {letters:,} dead letters")
    if rig.receiver_port is not None:
        found += await _calls(rig.receiver_port, STEPS * len(wanted))
    return found


async def _calls(port: int, wanted: int) -> list[str]:
    async with (
        asyncio.timeout(10),
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/_count") as answer,
    ):
        count = await answer.json()
    if count == {"calls": wanted, "repeated": 0}:
        return []
    return [
        f"the receiver counted {count['calls']:,} calls, {count['repeated']:,} of them repeated; {wanted:,} are right"
    ]
