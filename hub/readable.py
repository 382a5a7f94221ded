"""Waiting until a write can be read: the projector stores how far it has come in the rows' own transaction."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection
from typing import Final

import asyncpg

from hub.database import Database
from hub.problems import Problem
from hub.sending import Place

PATIENCE: Final = 10.0
_LOOKS: Final = ((0.5, 0.008), (2.0, 0.03), (PATIENCE, 0.1))
"""Seconds after the last newcomer until which it looks so often: most projections take a few hundredths."""
_NEXT: Final = "select topic, partition, next from history_data.offsets where topic = any($1::text[])"

At = tuple[str, int]


class Horizon:
    """How far the history has come, looked at only while somebody waits, and once for all who do."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[At, dict[asyncio.Future[None], int]] = defaultdict(dict)
        self._task: asyncio.Task[None] | None = None
        self._since = 0.0

    async def reached(self, place: Place, patience: float = PATIENCE) -> bool:
        """Whether the history has what came of this record, which is waited for so many seconds."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        at = (place.topic, place.partition)
        self._waiting[at][done] = place.offset
        self._since = loop.time()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look(), name="hub-horizon")
        try:
            async with asyncio.timeout(patience):
                await done
        except TimeoutError:
            return False
        finally:
            self._waiting[at].pop(done, None)
            if not self._waiting[at]:
                self._waiting.pop(at, None)
        return True

    async def positions(self, topics: Collection[str]) -> dict[At, int]:
        """Up to which offset the history has each partition now. Raises as Postgres does."""
        async with self._database.unbound() as connection:
            rows = await connection.fetch(_NEXT, list(topics))
        return {(topic, partition): following for topic, partition, following in rows}

    async def stop(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            try:
                positions = await self.positions({topic for topic, _ in self._waiting})
            except (Problem, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                positions = {}  # whoever waits is told that it is not readable yet
            for at, following in positions.items():
                for done, offset in self._waiting.get(at, {}).items():
                    if following > offset and not done.done():
                        done.set_result(None)
            passed = loop.time() - self._since
            await asyncio.sleep(next((pause for until, pause in _LOOKS if passed < until), 0.25))
