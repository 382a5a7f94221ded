"""API keys for programs: `tos_<id>_<secret>`. Postgres has only the hash of each."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections import OrderedDict
from datetime import UTC, datetime
from hashlib import sha256
from string import ascii_letters, digits
from typing import Any, Final, NamedTuple

import asyncpg

from hub.access.caller import Caller
from hub.database import Database
from hub.problems import Problem
from runtime.logging import logger
from runtime.postgres import Connection

log = logger("hub")

PREFIX: Final = "tos_"
_LETTERS: Final = ascii_letters + digits
_ID_LENGTH, _SECRET_LENGTH = 12, 43  # 71 and 256 bits
_SECONDS: Final = 1.0
"""For which a key that was looked up is taken as good. One that is revoked here is refused at once, elsewhere then."""
_REMEMBERED: Final = 1_000
_USED: Final = 60.0

COLUMNS: Final = "id, name, role, permissions, created_by, created_at, expires_at, last_used_at, revoked_at, revoked_by"
_FIND: Final = """
select id, org_id, name, hash, role, permissions, expires_at from hub_data.api_keys
 where id = $1 and revoked_at is null and (expires_at is null or expires_at > now())"""
_TOUCH: Final = """
update hub_data.api_keys set last_used_at = now()
 where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')"""
_ADD: Final = f"""
insert into hub_data.api_keys (id, org_id, name, hash, role, permissions, created_by, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8) returning {COLUMNS}"""  # noqa: S608 - our own columns
_REVOKE: Final = f"""
update hub_data.api_keys set revoked_at = coalesce(revoked_at, now()), revoked_by = coalesce(revoked_by, $2)
 where id = $1 returning {COLUMNS}"""  # noqa: S608 - our own columns


class Wanted(NamedTuple):
    """A key that is to be made."""

    name: str
    role: str | None
    permissions: frozenset[str]
    created_by: str
    expires_at: datetime | None


class NewKey(NamedTuple):
    """A key as it is shown, once, and what is kept of it."""

    key: str
    row: asyncpg.Record


class _Known(NamedTuple):
    caller: Caller
    hash: bytes
    until: float


class Keys:
    """Looks up keys."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._touched: OrderedDict[str, float] = OrderedDict()
        self._touching: set[asyncio.Task[None]] = set()

    async def caller(self, credential: str) -> Caller:
        """Whoever the key belongs to. Raises Problem 401, or 503 where Postgres is away."""
        id, _, secret = credential.removeprefix(PREFIX).partition("_")
        if len(id) != _ID_LENGTH or len(secret) != _SECRET_LENGTH or not credential.isascii():
            raise _refused()
        known = self._known.get(id)
        if known is None or known.until <= time.monotonic():
            known = await self._look_up(id)
        if not hmac.compare_digest(known.hash, hash_of(credential)):
            raise _refused()
        expires = known.caller.expires_at
        if expires is not None and expires <= datetime.now(UTC):
            raise _refused()
        self._touch(id)
        return known.caller

    def forget(self, id: str) -> None:
        """Refuse this key from now on unless Postgres has it as good."""
        self._known.pop(id, None)

    async def _look_up(self, id: str) -> _Known:
        async with self._database.unbound() as connection:
            row = await connection.fetchrow(_FIND, id)
        self._known.pop(id, None)
        if row is None:
            raise _refused()
        caller = Caller(
            row["org_id"],
            f"{row['name']} (key {id})",
            "key",
            row["role"],
            frozenset(row["permissions"]),
            row["expires_at"],
            id,
        )
        found = self._known[id] = _Known(caller, row["hash"], time.monotonic() + _SECONDS)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return found

    def _touch(self, id: str) -> None:
        """Note that the key was used, once a minute, behind the request."""
        now = time.monotonic()
        if now - self._touched.get(id, -_USED) < _USED:
            return
        self._touched[id] = now
        self._touched.move_to_end(id)
        while len(self._touched) > _REMEMBERED:
            self._touched.popitem(last=False)
        task = asyncio.create_task(self._write_use(id), name="hub-key-used")
        self._touching.add(task)
        task.add_done_callback(self._touching.discard)

    async def _write_use(self, id: str) -> None:
        try:
            async with self._database.unbound() as connection:
                await connection.execute(_TOUCH, id)
        except (Problem, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            log.debug("a key's use was not noted", key_id=id, error=repr(error))


async def add(connection: Connection, org: str, wanted: Wanted) -> NewKey:
    """Make a key, on a connection that may write for the organisation. Only now can it be read."""
    id, secret = (_random(length) for length in (_ID_LENGTH, _SECRET_LENGTH))
    key = f"{PREFIX}{id}_{secret}"
    row: Any = await connection.fetchrow(
        _ADD, id, org, wanted.name, hash_of(key), wanted.role, sorted(wanted.permissions), wanted.created_by,
        wanted.expires_at,
    )  # fmt: skip
    return NewKey(key, row)


async def revoke(connection: Connection, id: str, revoked_by: str) -> asyncpg.Record | None:
    """Take the key out of force; None where there is none of this id that the connection sees."""
    return await connection.fetchrow(_REVOKE, id, revoked_by)


def hash_of(key: str) -> bytes:
    """What is kept of a key. It has 256 random bits, so that a slow hash would protect nothing."""
    return sha256(key.encode()).digest()


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _refused() -> Problem:
    detail = "The API key is not known, was revoked, or has expired."
    return Problem(401, detail, headers={"www-authenticate": 'Bearer error="invalid_token"'})
