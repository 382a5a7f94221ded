"""Check the health of workflows, one organisation after the other, and keep what was found."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import orjson

from projections.health.facts import Facts, Finding
from projections.health.fights import fights, rivals
from projections.health.gather import events_of, facts_of, organisations, writes
from projections.health.judge import judge
from projections.retention import Keep
from runtime.postgres import Connection

LOCK: Final = 0x6F73_7765_0006
"""The advisory lock under which all organisations are checked, by one process at a time."""
_KEEPING: Final = 0x6F73_7765_0007
"""The one under which findings are replaced, for a moment."""
_OLD: Final = """
    delete from history_data.workflow_findings where org_id = $1 returning workflow_id, finding, about, first_seen"""
_NEW: Final = """
    insert into history_data.workflow_findings
           (org_id, workflow_id, finding, about, severity, sentence, details, run_ids, first_seen, last_seen)
    values ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8, $9, $10)"""


async def check_all(connection: Connection, now: datetime, keep: Keep, *, pause: float = 0.0) -> int:
    """Check every organisation, `pause` seconds between two; how many findings there are.

    `keep` says how far back things are known: a sentence speaks of no more days than that.

    Nothing is done while another process is at it: it returns -1 then.
    """
    if not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK):
        return -1
    found = 0
    try:
        for org in await organisations(connection):
            found += len(await check(connection, org, now, keep))
            await asyncio.sleep(pause)
    finally:
        await connection.execute("select pg_advisory_unlock($1)", LOCK)
    return found


async def check(connection: Connection, org: str, now: datetime, keep: Keep) -> list[Finding]:
    """Check one organisation, and keep its findings in the place of those before."""
    facts = await facts_of(connection, org, now, keep)
    found = await _judged(connection, org, facts, now, keep)
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", _KEEPING)
        since = {tuple(row.values())[:3]: row["first_seen"] for row in await connection.fetch(_OLD, org)}
        rows = {(one.workflow_id, one.finding, one.about): one for one in found}
        await connection.executemany(
            _NEW,
            [
                (
                    org, *key, one.severity, one.sentence, orjson.dumps(one.details).decode(), list(one.run_ids),
                    min(one.first_seen, since.get(key, one.first_seen)), now,
                )
                for key, one in rows.items()
            ],
        )  # fmt: skip
        await connection.execute(
            "insert into history_data.health_checks values ($1, $2) "
            "on conflict (org_id) do update set checked_at = excluded.checked_at",
            org,
            now,
        )
    return found


async def _judged(connection: Connection, org: str, facts: Sequence[Facts], now: datetime, keep: Keep) -> list[Finding]:
    seen = await events_of(connection, org, facts, now, keep)
    found = [finding for one in facts for finding in judge(one, seen.get(one.trigger or ""), now)]
    fields = rivals({one.workflow_id: one.definition for one in facts})
    if fields:
        found += fights(await writes(connection, org, fields, now))
    return found
