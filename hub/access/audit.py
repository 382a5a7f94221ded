"""The audit log: who did what to what, written before it is done, with how it ended filled in after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import orjson

from engine.redaction import Redaction
from hub.access.caller import Caller
from hub.database import Database
from hub.problems import Problem
from runtime.logging import logger
from runtime.postgres import Connection
from runtime.settings import Settings

log = logger("audit")

_BEGIN: Final = """
insert into hub_data.audit (org_id, person, kind, role, key_id, action, target, details)
values ($1, $2, $3, $4, $5, $6, $7, $8::jsonb) returning id"""
_END: Final = """
update hub_data.audit set outcome = $2, problem = $3, details = $4::jsonb, finished_at = clock_timestamp()
 where id = $1 and outcome = 'begun'"""
_LONGEST: Final = 16_384


async def note(
    connection: Connection, org: str, operator: str, action: str, target: str, details: Mapping[str, Any]
) -> None:
    """Write what an operator does at the command line, in the transaction that does it."""
    text = orjson.dumps(dict(details)).decode()
    id = await connection.fetchval(_BEGIN, org, operator, "operator", None, None, action, target, text)
    await connection.execute(_END, id, "done", None, text)


class Record:
    """One line of the audit log while its effect is under way."""

    def __init__(self, id: int, details: dict[str, Any]) -> None:
        self.id = id
        self.details = details


class Audit:
    """Writes the audit log."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._redaction = Redaction(settings.redact)

    @asynccontextmanager
    async def around(
        self, caller: Caller, action: str, target: str, details: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Record]:
        """Write who does what, then let it be done. Raises Problem 503, and nothing is done, where that fails."""
        found = dict(details or {})
        async with self._database.bound(caller.org, write=True) as connection:
            id = await connection.fetchval(
                _BEGIN,
                caller.org, caller.person, caller.kind, caller.role, caller.key_id, action, target, self._told(found),
            )  # fmt: skip
        record = Record(id, found)
        try:
            yield record
        except BaseException as error:
            refused = isinstance(error, Problem) and error.status < 500
            await self._end(caller, record, "refused" if refused else "failed", _reason(error))
            raise
        await self._end(caller, record, "done", None)

    async def _end(self, caller: Caller, record: Record, outcome: str, problem: str | None) -> None:
        """Fill in how it ended. The effect stands whether or not that works: then the log says that it had begun."""

        async def write() -> None:
            async with self._database.bound(caller.org, write=True) as connection:
                await connection.execute(_END, record.id, outcome, problem, self._told(record.details))

        try:
            # Also where the caller hangs up: who reads the log wants to know.
            await asyncio.shield(asyncio.ensure_future(write()))
        except (Problem, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            log.warning("an outcome is not in the audit log", audit_id=record.id, outcome=outcome, error=repr(error))

    def _told(self, details: Mapping[str, Any]) -> str:
        text = orjson.dumps(self._redaction.value(dict(details)), default=str).decode().replace("\\u0000", "")
        return text if len(text) <= _LONGEST else orjson.dumps({"left_out": f"{len(text):,} characters"}).decode()


def _reason(error: BaseException) -> str:
    if isinstance(error, Problem):
        return error.detail[:1000]
    return "the caller hung up" if isinstance(error, asyncio.CancelledError) else type(error).__name__
