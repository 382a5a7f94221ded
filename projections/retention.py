"""Remove what is too old, in small transactions that never keep the projector waiting.

- A run is kept for so long after it finished, by its outcome; one that runs or waits is kept for ever.
- The tables of a week (of a day, for events) are dropped once nothing is left in them. A projector that needs them
  again, for a run that began back then, makes them again.
- Events are removed by the whole day, counted from the day's end: most of them by dropping the day's table. Only
  where organisations differ in how long theirs are kept are rows deleted.
- Dropping a table needs a lock that readers hold while they read. It is waited for shortly, and else had next time.
"""

# ruff: noqa: S608 - table names are our own constants and what the database says its tables are called
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import asyncpg

from projections.errors import RetentionBusy
from projections.periods import DAYS, RUN_TABLES, WEEKS, Periods
from projections.store import LIVE
from runtime.postgres import Connection
from runtime.settings import Settings

LOCK: Final = 0x6F73_7765_0004
"""The advisory lock under which rows are removed, by one process at a time."""
REMOVED: Final = "history_runs_removed"
"""The channel that says that finished runs were removed: projectors remember some of them."""
_MOST_RUNS: Final = 500
_MOST_ROWS: Final = 2_000
"""Runs, and rows of other tables, of one transaction: some ten milliseconds of Postgres."""
_LOCK_TIMEOUT: Final = "set local lock_timeout = '200ms'"


class Keep(NamedTuple):
    """How long things are kept: runs by what became of them, dead letters as failed runs, events by organisation."""

    skipped: timedelta
    completed: timedelta
    failed: timedelta
    events: timedelta
    events_by_org: Mapping[str, timedelta]

    def outcomes(self) -> tuple[tuple[tuple[str, ...], timedelta], ...]:
        """The final states of runs, and for how long they are kept."""
        return (
            (("skipped", "suppressed"), self.skipped),
            (("completed", "cancelled"), self.completed),
            (("failed",), self.failed),
        )


def keep_of(settings: Settings) -> Keep:
    """What the settings say."""
    return Keep(
        settings.keep_skipped,
        settings.keep_completed,
        settings.keep_failed,
        settings.keep_events,
        settings.keep_events_by_org,
    )


@dataclass
class Removed:
    """What was removed: how many runs by status, dead letters and events, and the tables that were dropped."""

    runs: dict[str, int] = field(default_factory=dict)
    dead_letters: int = 0
    events: int = 0
    tables: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.runs or self.dead_letters or self.events or self.tables)


async def remove_old(
    connection: Connection, keep: Keep, now: datetime, *, dry_run: bool = False, pause: float = 0.0
) -> Removed:
    """Remove what is older than `keep` says at `now`, with a pause of so many seconds between transactions.

    With `dry_run` nothing is removed, and what is returned is what would be. Raises RetentionBusy while another
    process is at it.
    """
    work = _Removal(connection, keep, now, dry_run=dry_run, pause=pause)
    async with _alone(connection):
        for table in await _partitions(connection, "runs"):
            await work.week(table.removeprefix("runs_"))
        await work.dead_letters()
        for table in await _partitions(connection, "events"):
            await work.day(table.removeprefix("events_"))
        if work.removed.runs and not dry_run:
            await connection.execute(f"notify {REMOVED}")
    return work.removed


@asynccontextmanager
async def _alone(connection: Connection) -> AsyncIterator[None]:
    if not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK):
        message = "another process removes what is old from this database right now"
        raise RetentionBusy(message)
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("select pg_advisory_unlock($1)", LOCK)


async def _partitions(connection: Connection, parent: str) -> list[str]:
    rows = await connection.fetch(
        """select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
            where i.inhparent = $1::text::regclass order by c.relname""",
        f"{LIVE}.{parent}",
    )
    return [row["relname"] for row in rows]


class _Removal:
    def __init__(self, connection: Connection, keep: Keep, now: datetime, *, dry_run: bool, pause: float) -> None:
        self.removed = Removed()
        self._connection = connection
        self._keep = keep
        self._now = now
        self._dry_run = dry_run
        self._pause = pause

    def _is_over(self, periods: Periods, name: str, since: timedelta) -> bool:
        """Whether the period was over so long ago."""
        over = periods.over(periods.named(name))
        return over is not None and over <= self._now - since

    def _has_begun(self, periods: Periods, name: str, since: timedelta) -> bool:
        """Whether the period began so long ago."""
        number = periods.named(name)
        begin = periods.begin(number)
        return number < periods.count and (begin is None or begin < self._now - since)

    async def week(self, name: str) -> None:
        """The runs that began in this week."""
        for statuses, kept in self._keep.outcomes():
            if self._has_begun(WEEKS, name, kept):
                await self._runs(name, statuses, self._now - kept)
        if name != "past" and self._is_over(WEEKS, name, self._keep.skipped):
            await self._drop_week(name)

    async def _runs(self, name: str, statuses: Sequence[str], before: datetime) -> None:
        old = "status = any($1::text[]) and started_at < $2 and finished_at < $2"
        if self._dry_run:
            counted = await self._connection.fetch(
                f"select status, count(*) as runs from {LIVE}.runs_{name} where {old} group by status", statuses, before
            )
            for row in counted:
                self._count(row["status"], row["runs"])
            return
        since: datetime | None = None
        while True:
            async with self._connection.transaction():
                # Locked, and passed over where the projector has it: it may be resumed right now.
                found = await self._connection.fetch(
                    f"""select run_id, status, started_at from {LIVE}.runs_{name}
                         where {old} and ($3::timestamptz is null or started_at >= $3)
                         order by started_at limit {_MOST_RUNS} for update skip locked""",
                    statuses,
                    before,
                    since,
                )
                ids = [row["run_id"] for row in found]
                for table in (*(f"{one}_{name}" for one in RUN_TABLES), "run_keys"):
                    await self._connection.execute(f"delete from {LIVE}.{table} where run_id = any($1::text[])", ids)
            for row in found:
                self._count(row["status"], 1)
            if len(found) < _MOST_RUNS:
                return
            since = found[-1]["started_at"]
            await asyncio.sleep(self._pause)

    def _count(self, status: str, runs: int) -> None:
        self.removed.runs[status] = self.removed.runs.get(status, 0) + runs

    async def _stays(self, name: str) -> bool:
        """Whether anything of this week is not to be removed."""
        outcomes = self._keep.outcomes()
        old = " or ".join(
            f"status in ({', '.join(map(repr, statuses))}) and finished_at < ${number}"
            for number, (statuses, _) in enumerate(outcomes, 1)
        )
        stays = f"select exists (select from {LIVE}.runs_{name} where not coalesce({old}, false))"
        if not self._is_over(WEEKS, name, self._keep.failed):
            # Records alone are of runs whose beginning was never seen: they have no outcome, and stay as long as any.
            stays += f""" or exists (select from {LIVE}.records_{name} c
                                      where not exists (select from {LIVE}.runs_{name} r where r.run_id = c.run_id))"""
        return bool(await self._connection.fetchval(stays, *(self._now - kept for _, kept in outcomes)))

    async def _drop_week(self, name: str) -> None:
        if self._dry_run:
            if not await self._stays(name):
                self.removed.tables += [f"{one}_{name}" for one in RUN_TABLES]
            return
        tables = [f"{LIVE}.{one}_{name}" for one in RUN_TABLES]
        try:
            async with self._connection.transaction():
                await self._connection.execute(_LOCK_TIMEOUT)
                await self._connection.execute(f"lock table {', '.join(tables)} in access exclusive mode")
                if await self._stays(name):
                    return
                await self._connection.execute(
                    f"delete from {LIVE}.run_keys where run_id in (select run_id from {LIVE}.records_{name})"
                )
                await self._connection.execute(
                    f"select {LIVE}.drop_partitions($1)", [f"{one}_{name}" for one in RUN_TABLES]
                )
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            return
        self.removed.tables += [f"{one}_{name}" for one in RUN_TABLES]
        await asyncio.sleep(self._pause)

    async def dead_letters(self) -> None:
        """Those that are older than failed runs may be."""
        before = self._now - self._keep.failed
        if self._dry_run:
            self.removed.dead_letters = await self._connection.fetchval(
                f"select count(*) from {LIVE}.dead_letters where at < $1", before
            )
            return
        self.removed.dead_letters = await self._delete(
            f"""delete from {LIVE}.dead_letters where id in
                (select id from {LIVE}.dead_letters where at < $1 order by at limit {_MOST_ROWS})""",
            before,
        )

    async def _delete(self, statement: str, *values: object) -> int:
        removed = 0
        while True:
            done = int((await self._connection.execute(statement, *values)).rpartition(" ")[2])
            removed += done
            if done < _MOST_ROWS:
                return removed
            await asyncio.sleep(self._pause)

    async def day(self, name: str) -> None:
        """The events of this day."""
        keep, table = self._keep, f"{LIVE}.events_{name}"
        longest = max((keep.events, *keep.events_by_org.values()))
        if name != "past" and self._is_over(DAYS, name, longest):
            events = await self._connection.fetchval(f"select count(*) from {table}")
            await self._drop_day(name, events)
            return
        groups = [("org_id <> all($1::text[])", list(keep.events_by_org), keep.events)]
        groups += [("org_id = any($1::text[])", [org], kept) for org, kept in keep.events_by_org.items()]
        for whose, orgs, kept in groups:
            if name == "past" or self._is_over(DAYS, name, kept):
                await self._events(table, f"{whose} and received_at < $2", orgs, self._now - kept)
        shortest = min(kept for *_, kept in groups)
        if not self._dry_run and name != "past" and self._is_over(DAYS, name, shortest):
            await self._drop_day(name, 0)

    async def _events(self, table: str, old: str, orgs: list[str], before: datetime) -> None:
        if self._dry_run:
            counted = await self._connection.fetchval(f"select count(*) from {table} where {old}", orgs, before)
            self.removed.events += counted
            return
        self.removed.events += await self._delete(
            f"delete from {table} where ctid = any(array(select ctid from {table} where {old} limit {_MOST_ROWS}))",
            orgs,
            before,
        )

    async def _drop_day(self, name: str, events: int) -> None:
        """Drop the day's table, with so many events in it."""
        table = f"{LIVE}.events_{name}"
        if not self._dry_run:
            try:
                async with self._connection.transaction():
                    await self._connection.execute(_LOCK_TIMEOUT)
                    await self._connection.execute(f"lock table {table} in access exclusive mode")
                    if not events and await self._connection.fetchval(f"select exists (select from {table})"):
                        return
                    await self._connection.execute(f"select {LIVE}.drop_partitions($1)", [f"events_{name}"])
            except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
                return
        self.removed.events += events
        self.removed.tables.append(f"events_{name}")
        await asyncio.sleep(self._pause)
