"""Postgres as the Hub uses it: each transaction is bound to one organisation, and Postgres itself sees to that.

A bound connection has the role `onestack_hub`, which sees the rows of the organisation in the setting `onestack.org`
and no others (row-level security, `projections/sql/0005_hub.sql`). A query that forgets its `where` finds what is the
caller's, never what is another's. Whatever has to be asked before an organisation is known, or of none, is asked on an
unbound connection; who may do that is counted by a test.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from hub.problems import away
from runtime.logging import logger
from runtime.postgres import Connection, Pool, is_away
from runtime.settings import Settings
from schemas.names import is_id

log = logger("hub")

ROLE: Final = "onestack_hub"
_CONNECTIONS: Final = 16
_CONNECT_SECONDS: Final = 5.0
_WAIT_SECONDS: Final = 8.0
"""For a free connection: behind that many others the Hub is too busy to be worth waiting for."""
_STATEMENT_MS: Final = 15_000


async def _keep(_connection: Connection) -> None:
    """Nothing is left of a bound transaction: what it set ended with it, and asyncpg has rolled back what was open."""


class Database:
    """A pool that connects as it is needed, so that the Hub starts while Postgres is away."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.postgres_url
        self._pool: Pool | None = None
        self._making = asyncio.Lock()

    async def close(self) -> None:
        """Close all connections; those at work get a second."""
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                await asyncio.wait_for(pool.close(), 1.0)
            except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                pool.terminate()

    @asynccontextmanager
    async def bound(self, org: str, *, write: bool = False) -> AsyncIterator[Connection]:
        """A transaction that sees one organisation; it can only read unless it is to write. Raises Problem 503."""
        if not is_id(org):
            message = f"{org!r} is no organisation"
            raise ValueError(message)
        # One round trip for all of it; an id has no quote in it.
        begin = f"begin {'' if write else 'read only'}; set local role {ROLE}; set local onestack.org = '{org}'"
        async with self._acquired() as connection:
            await connection.execute(begin)
            try:
                yield connection
            except BaseException:
                if not connection.is_closed():
                    await connection.execute("rollback")
                raise
            await connection.execute("commit")

    @asynccontextmanager
    async def unbound(self) -> AsyncIterator[Connection]:
        """A connection that sees everything: for what belongs to no organisation, and for finding out whose it is."""
        async with self._acquired() as connection:
            yield connection

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator[Connection]:
        try:
            pool = self._pool or await self._make()
            connection: Any = await pool.acquire(timeout=_WAIT_SECONDS)
        except Exception as error:
            if is_away(error):
                raise away("Postgres") from error
            raise
        try:
            yield connection
        finally:
            await pool.release(connection)

    async def _make(self) -> Pool:
        async with self._making:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._url.get_secret_value(),
                    min_size=0,
                    max_size=_CONNECTIONS,
                    timeout=_CONNECT_SECONDS,
                    reset=_keep,
                    server_settings={
                        "application_name": "onestack-hub",
                        "jit": "off",
                        "statement_timeout": str(_STATEMENT_MS),
                    },
                )
            return self._pool
