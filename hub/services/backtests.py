"""Backtests as requests ask for them: bounded in time and memory, and at most two at once."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final

from aiokafka.errors import KafkaError

from engine.backtest import Backtest
from hub.problems import Problem
from hub.services import past
from hub.services.backtesting import feed, version_in_force
from hub.services.rules import calendars_from, rules_of
from hub.services.simulating import inside, to_try
from projections import queries
from runtime.kafka import new_reader
from runtime.logging import logger
from schemas.errors import Refused

if TYPE_CHECKING:
    from engine.workflow import Workflow
    from hub.documents.simulation import BacktestRequest
    from hub.parts import Parts
    from runtime.postgres import Connection

log = logger("hub")

AT_ONCE: Final = 2
"""Backtests in one process: each takes a processor, and a connection, for as long as it lasts."""
_PATIENCE: Final = 60.0
"""Seconds in which all events have to be seen."""
_MOST_OPEN: Final = 2_000
"""Runs that wait at one time and hold their events; a fifth of what the command line keeps."""
_RETRY: Final = "5"
_COUNTS: Final = ("runs", "skipped", "loop", "throttled", "storm", "completed", "failed", "cancelled")
_NONE: Final = dict.fromkeys(_COUNTS, 0)

_running = 0


@contextmanager
def _slot() -> Iterator[None]:
    global _running  # noqa: PLW0603 - it is counted for the process
    if _running >= AT_ONCE:
        detail = f"{AT_ONCE} backtests are at work; try again in a few seconds."
        raise Problem(429, detail, headers={"retry-after": _RETRY})
    _running += 1
    try:
        yield
    finally:
        _running -= 1


async def run(parts: Parts, org: str, asked: BacktestRequest) -> dict[str, Any]:
    """The report. Raises Refused, and Problem: 404, 429, or 422 where there are too many events."""
    with _slot():
        end = parts.clock.now() + dt.timedelta(days=1)  # a producer's clock may be ahead of ours
        begin = parts.clock.now() - dt.timedelta(days=asked.days)
        deadline = time.monotonic() + _PATIENCE
        async with parts.database(org) as connection:
            draft = await to_try(connection, org, asked.definition, asked.workflow_id)
            in_force = None
            if asked.definition is not None:
                in_force = await version_in_force(connection, org, draft.id)
            test = await _test(parts, connection, draft, in_force)
            try:
                await feed(test, past.of_history(connection, org, test.types, begin, end), deadline)
                await feed(test, _of_topics(parts, connection, test, (begin, end)), deadline)
            except TimeoutError:
                reason = f"have more events than are tried in {_PATIENCE:g} s: ask for fewer days"
                raise Refused.one("days", reason) from None
        return _told(await asyncio.to_thread(test.report))


async def _test(parts: Parts, connection: Connection, draft: Workflow, in_force: Workflow | None) -> Backtest:
    rows = await queries.list_calendars(connection, draft.org)

    def make() -> Backtest:
        rules = rules_of(parts.settings, calendars_from(draft.org, rows))
        limit = parts.settings.storm_limit
        return Backtest(draft, in_force, rules=rules, storm_limit=limit, most_open=_MOST_OPEN)

    try:
        return await asyncio.to_thread(make)
    except Refused as refused:
        raise inside("definition", refused) from None


async def _of_topics(
    parts: Parts, connection: Connection, test: Backtest, between: tuple[dt.datetime, dt.datetime]
) -> AsyncIterator[past.Past]:
    """Events that the history does not have yet; none while Kafka is away, for nearly all are in the history."""
    settings = parts.settings

    @asynccontextmanager
    async def opened() -> AsyncIterator[Any]:
        reader = new_reader(settings)
        try:
            async with asyncio.timeout(5):
                await reader.start()
            yield reader
        finally:
            await reader.stop()

    try:
        async with asyncio.timeout(15):
            ranges = await past.unread(settings, opened, connection, between[0])
        events = past.of_topics(
            opened, ranges, test.draft.org, test.types, *between, largest=settings.max_event_bytes
        )  # fmt: skip
        async for one in events:
            yield one
    except (KafkaError, OSError) as error:
        # TimeoutError is an OSError: whoever is away is away.
        log.warning("a backtest saw the history alone, for Kafka is away", error=repr(error))


def _told(report: dict[str, Any]) -> dict[str, Any]:
    """The report with both sides: nothing in force would have done nothing."""
    totals, days = report["totals"], report["days"]
    nothing = {**_NONE, "actions": [], "cut_short": 0}
    return {
        "workflow": report["workflow"],
        "events": report["events"],
        "first_event": report["first_event"],
        "last_event": report["last_event"],
        "totals": {"draft": totals["draft"], "in_force": totals.get("in_force", nothing)},
        "days": [{"in_force": _NONE, **day} for day in days],
        "samples": report["samples"],
        "differences": report["differences"],
    }
