"""Connections to Postgres as every process makes them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import asyncpg
from pydantic import SecretStr

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

AWAY: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.InternalClientError,
    asyncpg.DiskFullError,
    asyncpg.OutOfMemoryError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""What a call raises while the server is away, restarting, full, or a standby: worth waiting for, not a fault of the
statement."""

_TROUBLE: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (asyncpg.DiskFullError, "the disk of the database is full: give it room"),
    (asyncpg.OutOfMemoryError, "the database server has no memory left"),
    (asyncpg.ReadOnlySQLTransactionError, "the database can only be read: ONESTACK_POSTGRES_URL leads to a standby"),
    (asyncpg.TooManyConnectionsError, "the database has no connection left: raise max_connections, or close others"),
    (asyncpg.QueryCanceledError, "the database cancelled a statement: look at its statement_timeout"),
    (asyncpg.DeadlockDetectedError, "the database undid a transaction that waited in a circle with another"),
    (asyncpg.SerializationError, "the database undid a transaction that was at odds with another"),
    (asyncpg.LockNotAvailableError, "the database has something locked that is needed"),
    (
        ssl.SSLCertVerificationError,
        "the database's certificate is not trusted: look at sslrootcert and the host name in ONESTACK_POSTGRES_URL",
    ),
    (
        ssl.SSLError,
        "the connection to the database can't be encrypted: look at the ssl… parts of ONESTACK_POSTGRES_URL",
    ),
)


def trouble(error: BaseException) -> str:
    """What keeps the database from its work, for the person who has to do something about it."""
    told = str(error).strip() or type(error).__name__
    for kind, said in _TROUBLE:
        if isinstance(error, kind):
            return f"{said} ({told.splitlines()[0]})"
    return told


def is_away(error: BaseException) -> bool:
    """Whether this error says that the server can't be reached for now."""
    if isinstance(error, asyncpg.InterfaceError):
        # asyncpg says so of a connection that broke under it; its data errors are InterfaceErrors too.
        return not isinstance(error, asyncpg.DataError) and not isinstance(error, ValueError)
    return isinstance(error, AWAY)


def _plain(url: str | SecretStr) -> str:
    return url.get_secret_value() if isinstance(url, SecretStr) else url


async def connect(url: str | SecretStr, *, durable: bool = True, timeout: float = 10.0) -> Connection:  # noqa: ASYNC109 - asyncpg's own
    """One connection; also by unix socket, as `postgresql://user:@/db?host=/dir`.

    With `durable=False` a commit does not wait for the disk: right where what a crash of the server loses is
    made again from Kafka. Raises what `is_away` knows when the server can't be reached within `timeout` seconds.
    """
    settings = {"application_name": "onestack", "jit": "off"}
    if not durable:
        settings["synchronous_commit"] = "off"
    return await asyncpg.connect(_plain(url), timeout=timeout, server_settings=settings)


async def create_pool(url: str | SecretStr, *, smallest: int = 0, largest: int = 4) -> Pool:
    """A pool of connections, opened as they are needed."""
    return await asyncpg.create_pool(
        _plain(url), min_size=smallest, max_size=largest, server_settings={"application_name": "onestack", "jit": "off"}
    )


async def patiently(
    work: Callable[[], Awaitable[Any]],
    *,
    patience: float | None,
    on_wait: Callable[[BaseException], None],
    longest: float = 5.0,
) -> Any:
    """What `work` returns, tried again while Postgres is away, with waits from 0.1 s up to `longest` seconds.

    `on_wait` hears of the first failure alone. After `patience` seconds (None: never) the last failure is raised.
    """
    loop = asyncio.get_running_loop()
    began, pause, waited = loop.time(), 0.1, False
    while True:
        try:
            return await work()
        except Exception as error:
            if not is_away(error) or (patience is not None and loop.time() - began + pause > patience):
                raise
            if not waited:
                on_wait(error)
            waited = True
        await asyncio.sleep(pause)
        pause = min(pause * 2, longest)
