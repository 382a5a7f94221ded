"""What the Hub is made of, started in the background and patiently: it answers while Kafka or Postgres is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol, Self

import asyncpg

from hub.access.audit import Audit, Record
from hub.access.caller import Caller
from hub.database import Database
from hub.definitions import DefinitionsTail
from hub.expiry import EXPIRE
from hub.lag import Lag
from hub.live import Live
from hub.problems import Problem
from hub.readable import PATIENCE, Horizon
from hub.reading import Reads
from hub.sending import Place, Sender
from hub.services.figures import Figures
from hub.services.insight import Insights
from hub.services.lagging import Lagging
from hub.services.run_details import RunDetails
from hub.services.runs import RunLists
from projections.errors import MigrationError
from projections.migrations import migrate
from runtime.clock import Clock
from runtime.kafka import Headers
from runtime.logging import logger
from runtime.postgres import Connection
from runtime.settings import Settings

log = logger("hub")

_FORGET_SECONDS: Final = 600.0

Prepare = Callable[[], Awaitable[None]]
"""Makes the topics that are missing, patiently; called in the background at the start."""


class Tail(Protocol):
    """Something that works in the background while the Hub runs, such as what follows the run log."""

    async def start(self) -> None:
        """Begin; nothing may be waited for here."""

    async def stop(self) -> None:
        """End within a second."""


class Parts:
    """The Hub's clients. A route finds them as `request.app.state.parts`; use it as an async context manager."""

    def __init__(self, settings: Settings, prepare: Prepare | None = None) -> None:
        self.settings = settings
        self.clock = Clock(settings.clock_file)
        self.stopping = asyncio.Event()
        """Set when the process is told to stop: whoever streams ends then."""
        self.postgres = Database(settings)
        self.sender = Sender(settings)
        self.definitions = DefinitionsTail(settings)
        self.horizon = Horizon(self.postgres)
        self.lag = Lag(self.definitions, self.postgres)
        self.reads = Reads(settings)
        self.figures = Figures(self.reads)
        self.run_lists = RunLists(self.reads)
        self.run_details = RunDetails(self.reads)
        self.insights = Insights(self.reads, self.run_lists, Lagging(settings, self.definitions, self.lag))
        self.live = Live(settings, self.horizon, self.reads)
        self._audit = Audit(self.postgres, settings)
        self._prepare = prepare
        self._work: list[asyncio.Task[None]] = []
        self.tails: list[Tail] = [self.sender, self.definitions, self.live, self.reads]

    async def __aenter__(self) -> Self:
        begin = {"hub-kafka": self._start_kafka(), "hub-postgres": self._start_postgres(), "hub-keep": self._keep()}
        self._work = [asyncio.create_task(work, name=name) for name, work in begin.items()]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stopping.set()
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        await self.horizon.stop()
        await asyncio.gather(*(tail.stop() for tail in self.tails), return_exceptions=True)
        await self.postgres.close()

    async def _start_kafka(self) -> None:
        if self._prepare is not None:
            await self._prepare()
        for tail in self.tails:
            await tail.start()

    async def _start_postgres(self) -> None:
        """Bring the tables to this version, and see to it that organisations are kept apart."""
        try:
            await migrate(self.settings.postgres_url, patience=None)
            async with self.postgres.unbound() as connection:
                reason = await connection.fetchval("select hub_data.guard()")
                if reason is not None:
                    # The role may have been made by hand meanwhile.
                    reason = await connection.fetchval("select hub_data.lock()")
        except (MigrationError, Problem, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
            log.warning("the tables can't be brought to this version; see /readyz", error=str(error))
            return
        if reason is not None:
            log.error("postgres does not keep organisations apart; the hub answers nothing of theirs", reason=reason)

    async def _keep(self) -> None:
        """Every now and then, forget the answers that no repeat can ask for any more."""
        while True:
            await asyncio.sleep(_FORGET_SECONDS)
            try:
                async with self.postgres.unbound() as connection:
                    await connection.execute(EXPIRE)
            except (Problem, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                log.debug("old answers were not removed", error=repr(error))

    def database(self, org: str, *, write: bool = False) -> AbstractAsyncContextManager[Connection]:
        """A transaction that sees this organisation alone; it can only read unless it is to write."""
        return self.postgres.bound(org, write=write)

    async def publish(
        self, topic: str, key: bytes, value: bytes | None, headers: Headers | None = None, partition: int | None = None
    ) -> Place:
        """Send a record to the partition of its key; returns once all in-sync replicas have it.

        Raises Problem: 503 where Kafka does not acknowledge it within 10 s, 413 where it is too large.
        """
        return await self.sender.publish(topic, key, value, headers, partition)

    async def readable(self, place: Place, patience: float = PATIENCE) -> bool:
        """Whether what came of the record can be read from the history, which is waited for so many seconds."""
        return await self.horizon.reached(place, patience)

    def audited(
        self, caller: Caller, action: str, target: str, details: Mapping[str, Any] | None = None
    ) -> AbstractAsyncContextManager[Record]:
        """`async with parts.audited(…) as record:` around an effect: who does what to what.

        The record is written before; how it ended (done, refused, failed) is filled in after. What is added to
        `record.details` meanwhile is kept too.
        """
        return self._audit.around(caller, action, target, details)
