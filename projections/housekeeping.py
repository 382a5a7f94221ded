"""What the projector does once an hour.

It removes what is too old, makes the tables of the weeks and days to come, and checks the health of workflows.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from projections.errors import RetentionBusy
from projections.follower import POSTGRES_FAILED, told
from projections.health.check import check_all
from projections.migrations import make_partitions
from projections.retention import Removed, keep_of, remove_old
from runtime.clock import Clock
from runtime.logging import logger
from runtime.postgres import Connection, connect
from runtime.settings import Settings

FIRST_AFTER: Final = 60.0
"""Seconds from the start to the first time: a projector that comes back has more urgent things to do."""
EVERY: Final = 3600.0
_PAUSE: Final = 0.05
"""Seconds between two transactions, so that what is removed at once takes about a third of one Postgres process."""

log = logger("housekeeping")
T = TypeVar("T")


class Housekeeping:
    """The hourly work, on a connection of its own that is there for as long as that takes."""

    def __init__(self, settings: Settings, *, first_after: float = FIRST_AFTER, every: float = EVERY) -> None:
        self._settings = settings
        self._clock = Clock(settings.clock_file)
        self._first_after = first_after
        self._every = every

    async def run(self, stop: asyncio.Event) -> None:
        """Do it again and again until `stop` is set."""
        wait = self._first_after
        while not await _within(stop, wait):
            work = asyncio.create_task(self._once(), name="housekeeping")
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not work.done():
                work.cancel()
                await asyncio.wait({work}, timeout=1.0)
            wait = self._every

    async def _once(self) -> None:
        try:
            removed = await self._with_connection(self._remove)
        except RetentionBusy:
            return
        except POSTGRES_FAILED as error:
            log.warning("what is old could not be removed; trying again in an hour", error=told(error))
            return
        except Exception:
            # The projection goes on, whatever is wrong here.
            log.exception("what is old could not be removed; trying again in an hour")
            return
        if removed:
            log.info(
                "removed what is old",
                runs=sum(removed.runs.values()), dead_letters=removed.dead_letters, events=removed.events,
                tables=len(removed.tables),
            )  # fmt: skip
        await self._check_health()

    async def _remove(self, connection: Connection) -> Removed:
        now = self._clock.now()
        await make_partitions(connection, now)
        return await remove_old(connection, keep_of(self._settings), now, pause=_PAUSE)

    async def _check_health(self) -> None:
        try:
            await self._with_connection(
                lambda one: check_all(one, self._clock.now(), keep_of(self._settings), pause=_PAUSE)
            )
        except POSTGRES_FAILED as error:
            log.warning("the health of workflows could not be checked; trying again in an hour", error=told(error))
        except Exception:
            # The projection goes on, whatever is wrong here.
            log.exception("the health of workflows could not be checked; trying again in an hour")

    async def _with_connection(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        connection = await connect(self._settings.postgres_url, durable=False)
        try:
            return await work(connection)
        finally:
            with contextlib.suppress(*POSTGRES_FAILED):
                await connection.close(timeout=1.0)


async def _within(stop: asyncio.Event, seconds: float) -> bool:
    """Whether `stop` is set within that time."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True
