"""Reads that many ask for at once: one round trip each, and one query for all who ask the same before it begins.

A statement binds itself to its organisation: it sets `onestack.org` for its own transaction and reads behind that, as
the role that row-level security holds (see `bound`). A statement that forgot to would find nothing at all, for the
setting is empty before and after.

Whoever asks what is already asked, and not yet begun, shares that query. One that has begun is never joined: what the
caller wrote and had acknowledged before it asked would be missing in it.

The connections have settings of their own. A plan is made once and kept (`force_generic_plan`): tables by the week make
planning dearer than reading. It must not depend on what a parameter happens to be, so scans that grow with the tables
are not to be had where an index gives the order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

import asyncpg

from hub.database import ROLE
from hub.problems import Problem, away
from runtime.logging import logger
from runtime.postgres import is_away
from runtime.settings import Settings

log = logger("hub")

CONNECTIONS: Final = 4
"""More would only take turns on the processors that Postgres has."""
_CONNECT_SECONDS: Final = 5.0
_MOST_WAITING: Final = 2_000
SESSION: Final = {
    "application_name": "onestack-hub-reads",
    "role": ROLE,
    "timezone": "UTC",
    "statement_timeout": "15000",
    "default_transaction_read_only": "on",
    "plan_cache_mode": "force_generic_plan",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "enable_seqscan": "off",
    "enable_sort": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "random_page_cost": "0.01",
    "seq_page_cost": "0.01",
}
"""Settings of a connection; what is off is still done where there is no other way.

That pages cost next to nothing makes the plan with the fewest rows win: else all runs by time, which lie as they were
written, seem cheaper to read through than those of an organisation.
"""

Rows = list[Any]
T = TypeVar("T")
_Key = tuple[Any, ...]


def bound(query: str) -> str:
    """The statement that reads `query` as the organisation in its first parameter.

    `query` is a select that names the organisation `o.org`. The setting is made before its first row is looked for: the
    fence (`offset 0`) keeps it behind the `lateral` even where it does not name the organisation at all.
    """
    return (
        "with o as materialized (select set_config('onestack.org', $1::text, true) as org) "  # noqa: S608 - our own text
        f"select r.* from o cross join lateral (select q.* from ({query}) q where o.org is not null offset 0) r"
    )


class _Job:
    """A query that is asked for, what is made of its rows, and who waits for that."""

    __slots__ = ("args", "done", "make", "statement")

    def __init__(self, statement: str, args: tuple[Any, ...], make: Callable[[Rows], Any]) -> None:
        self.statement, self.args, self.make = statement, args, make
        self.done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


class Reads:
    """A few connections that take what is asked for in its order; they are made as they are needed."""

    def __init__(self, settings: Settings, connections: int = CONNECTIONS) -> None:
        self._url = settings.postgres_url.get_secret_value()
        self._idle = [_Reader(self._url) for _ in range(connections)]
        self._asked: dict[_Key, _Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.joined = 0
        """How often a query was shared."""

    async def start(self) -> None:
        """Nothing yet: the first who asks makes the connection."""

    async def stop(self) -> None:
        """Close the connections; what is asked for ends unanswered."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(one.close() for one in self._idle), return_exceptions=True)

    async def rows(self, statement: str, org: str, *args: Any) -> Rows:
        """The rows of a statement made by `bound`; they are shared, so nobody may change them."""
        found: Rows = await self.made(_as_they_are, statement, org, *args)
        return found

    async def made(self, make: Callable[[Rows], T], statement: str, org: str, *args: Any) -> T:
        """What `make` makes of the rows: once for all who share the query, so it is to be one function each time.

        Raises Problem 503 while Postgres is away, or where too many wait.
        """
        key = (make, statement, org, *args)
        job = self._asked.get(key)
        if job is None:
            if len(self._asked) >= _MOST_WAITING:
                raise away("Postgres", "Too many ask at once; try again in a moment.")
            job = self._asked[key] = _Job(statement, (org, *args), make)
            if self._idle:
                task = asyncio.create_task(self._work(self._idle.pop()), name="hub-reads")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        else:
            self.joined += 1
        # Shielded: one who hangs up must not take the answer from those who share it.
        found: T = await asyncio.shield(job.done)
        return found

    async def _work(self, reader: _Reader) -> None:
        try:
            while self._asked:
                job = self._asked.pop(next(iter(self._asked)))
                try:
                    await reader.perform(job)
                except asyncio.CancelledError:
                    job.done.cancel()
                    raise
                except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
                    job.done.set_exception(error)
                    job.done.exception()
        finally:
            self._idle.append(reader)


class _Reader:
    """One connection, made when it is needed and made again when it broke."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Any = None

    async def perform(self, job: _Job) -> None:
        again = self._connection is not None
        try:
            rows = await self._fetch(job)
        except Exception as error:
            if not is_away(error):
                raise
            await self.close()
            if not again:
                raise away("Postgres") from error
            # It may have been closed while nobody asked.
            try:
                rows = await self._fetch(job)
            except Exception as second:
                if is_away(second):
                    await self.close()
                    raise away("Postgres") from second
                raise
        job.done.set_result(job.make(rows))

    async def _fetch(self, job: _Job) -> Rows:
        if self._connection is None or self._connection.is_closed():
            self._connection = await _connect(self._url)
        found: Rows = await self._connection.fetch(job.statement, *job.args)
        return found

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


async def _connect(url: str) -> Any:
    try:
        return await asyncpg.connect(url, timeout=_CONNECT_SECONDS, server_settings=SESSION, statement_cache_size=500)
    except (asyncpg.InvalidParameterValueError, asyncpg.InsufficientPrivilegeError) as error:
        log.warning("the role of the Hub can't be taken", error=str(error))
        raise Problem(503, "Postgres does not keep organisations apart yet: /readyz says what to do.") from error


def _as_they_are(rows: Rows) -> Rows:
    return rows
