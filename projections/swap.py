"""Put a rebuild's tables in the live ones' place, in one transaction that is over in a moment.

Theory of operation. The partitioned tables stay: views, grants, row-level security and prepared statements hold on to
them. Only the tables of their weeks and days are exchanged, which moves no row. What the rebuild can't know is put
into its tables before:
- *Kept runs*, which the log does not have, are noted at a moment when the rebuild is as far as the history, and copied
  while everything goes on. They don't change: what goes on has an entry in the log, and is then known in part.
- Those *known in part* are taken from the live tables, in the transaction, where the projector waits.
- Events that the log has no longer are copied; dead letters, versions and definitions are few, and are merged.
The projector waits from the lock on its offsets to the commit. Readers wait for the locks on the tables alone, which
are asked for last, and given up and asked for again rather than keep anyone waiting behind a long query.
"""

# ruff: noqa: S608 - schema and table names are our own constants
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import asyncpg

from projections.periods import RUN_TABLES
from projections.shadow import OLD, SHADOW, Period, drop, periods
from projections.store import LIVE, MOVED
from runtime.logging import logger
from runtime.postgres import Connection

log = logger("rebuild")

_LOCKED: Final = ("records", "runs", "steps", "events")
_LOCK_TIMEOUT_MS: Final = 200
"""For each of four locks: all of it is less than the second after which Postgres looks for who waits in a circle, and
ends one of them, which could be a reader."""
_PAUSE: Final = 0.3
_LONGEST_PAUSE: Final = 10.0
CatchUp = Callable[[Connection], Awaitable[None]]

_LIVE_ALONE: Final = f"""
select p.run_id, l.week from {SHADOW}.run_keys p join {LIVE}.run_keys l using (run_id) where p.org_id is null"""

_MERGE: Final = f"""
delete from {LIVE}.run_keys l using {SHADOW}.run_keys s
 where l.run_id = s.run_id and (l.week, l.org_id) is distinct from (s.week, s.org_id) and s.org_id is not null;
insert into {LIVE}.run_keys as l (run_id, week, org_id)
select s.run_id, s.week, s.org_id from {SHADOW}.run_keys s
 where not exists (select from {LIVE}.run_keys k where k.run_id = s.run_id);
insert into {LIVE}.dead_letters as l select * from {SHADOW}.dead_letters
    on conflict (id) do update set reason = excluded.reason, field = excluded.field, at = least(l.at, excluded.at)
 where (l.reason, l.field) is distinct from (excluded.reason, excluded.field) or excluded.at < l.at;
insert into {LIVE}.offsets as l select * from {SHADOW}.offsets
    on conflict (topic, partition) do update set next = excluded.next;
"""


_NOTE_KEPT: Final = f"""
truncate {SHADOW}.kept;
insert into {SHADOW}.kept select l.run_id from {LIVE}.run_keys l
 where not exists (select from {SHADOW}.run_keys s where s.run_id = l.run_id)"""
_OLD_LOGS: Final = f"""
select distinct e.topic from {LIVE}.events e join {SHADOW}.offsets o using (topic, partition)
 where e."offset" >= o.next"""


async def note_kept(connection: Connection) -> None:
    """Note which runs only the history knows, at a moment when the rebuild is as far as it: later others are new."""
    await connection.execute(_NOTE_KEPT)


async def old_logs(connection: Connection) -> list[str]:
    """The topics of which there are events beyond their log's end, at such a moment: they stem from an earlier log."""
    return [row["topic"] for row in await connection.fetch(_OLD_LOGS)]


class Carrying:
    """Copies what the log has no longer into the rebuild's tables, each period once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.done: set[str] = set()
        """The tables that have it."""

    async def carry(self) -> None:
        """Copy what was not copied yet; safe to repeat, for what is there already is passed over.

        Of events, those that the rebuild is past: what comes behind may be new, and is then still to be read.
        """
        for table in (*RUN_TABLES, "events"):
            there = {one.name for one in await periods(self._connection, LIVE, table)}
            for one in await periods(self._connection, SHADOW, table):
                if one.name in there and one.name not in self.done:
                    await self._connection.execute(_carry(one))
                    self.done.add(one.name)

    async def finish(self) -> None:
        """While the projector waits: copy what is left, events of earlier logs among it."""
        await self.carry()
        topics = await self._connection.fetchval(f"select old_logs from {SHADOW}.state")
        if topics:
            there = {one.name for one in await periods(self._connection, LIVE, "events")}
            for one in await periods(self._connection, SHADOW, "events"):
                if one.name in there:
                    await self._connection.execute(_carry_events(one, ">=") + " and t.topic = any($1::text[])", topics)


def _carry(one: Period) -> str:
    if one.table == "events":
        return _carry_events(one, "<")
    return f"""insert into {SHADOW}.{one.name} select t.* from {LIVE}.{one.name} t join {SHADOW}.kept using (run_id)
               on conflict do nothing"""


def _carry_events(one: Period, side: str) -> str:
    return f"""insert into {SHADOW}.{one.name} select t.* from {LIVE}.{one.name} t
                where exists (select from {SHADOW}.offsets o where o.topic = t.topic and o.partition = t.partition
                                 and t."offset" {side} o.next)
                  and not exists (select from {SHADOW}.{one.name} s where s.topic = t.topic
                                     and s.partition = t.partition and s."offset" = t."offset"
                                     and s.event_id = t.event_id)"""


async def exchange(
    connection: Connection, catch_up: CatchUp | None = None, carrying: Carrying | None = None, *, keep_old: bool = False
) -> None:
    """Exchange the tables, and set the offsets to the rebuild's, in one transaction.

    `catch_up` is called within it, once the projector waits, to fold what it has written meanwhile. Goes on trying for
    as long as somebody reads too long to be waited for. With `keep_old` what was live stays, in `history_replaced`.
    """
    carrying = carrying or Carrying(connection)
    await drop(connection, OLD)
    await carrying.carry()
    pause = _PAUSE
    done = set(carrying.done)
    while True:
        carrying.done = set(done)
        try:
            async with connection.transaction():
                await lock_offsets(connection)
                if catch_up is not None:
                    await catch_up(connection)
                await _exchange(connection, carrying)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            if pause == _PAUSE:
                log.info("somebody reads the history for long; the exchange is tried again")
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        else:
            break
    await clean_up(connection, keep_old=keep_old)


async def clean_up(connection: Connection, *, keep_old: bool = False) -> None:
    """Drop what is left after an exchange."""
    await drop(connection, SHADOW)
    if not keep_old:
        await drop(connection, OLD)


async def lock_offsets(connection: Connection) -> None:
    """Make projectors wait before their next batch; readers notice nothing."""
    await connection.execute(f"lock table {LIVE}.offsets in exclusive mode")


async def _exchange(connection: Connection, carrying: Carrying) -> None:
    await carrying.finish()
    await _take_partly_known(connection)
    await _leave_other_weeks(connection)
    await connection.execute(_MERGE)
    fresh = [one for table in _LOCKED for one in await periods(connection, SHADOW, table)]
    there = {one.name for table in _LOCKED for one in await periods(connection, LIVE, table)}
    # Whoever makes a week's tables at this moment does so before or after.
    await connection.execute("select pg_advisory_xact_lock(122541715030019)")
    await connection.execute(f"set local lock_timeout = {_LOCK_TIMEOUT_MS}")
    for table in _LOCKED:
        await connection.execute(f"lock table {LIVE}.{table} in access exclusive mode")
    await connection.execute(f"create schema {OLD}")
    for one in fresh:
        await connection.execute("; ".join(_place(one, one.name in there)))
    await _grant_again(connection, fresh)
    await connection.execute(f"notify {MOVED}")


def _place(one: Period, there: bool) -> Iterable[str]:
    if there:
        yield f"alter table {LIVE}.{one.table} detach partition {LIVE}.{one.name}"
        yield f"alter table {LIVE}.{one.name} set schema {OLD}"
    yield f"alter table {SHADOW}.{one.name} set schema {LIVE}"
    yield f"alter table {LIVE}.{one.table} attach partition {LIVE}.{one.name} for values {one.bounds}"
    yield f"alter table {LIVE}.{one.name} drop constraint of_period"


async def _grant_again(connection: Connection, fresh: list[Period]) -> None:
    """Who owned and who could use the tables that went, can use those that came."""
    owner = await connection.fetchval(
        f"select relowner::regrole::text from pg_class where oid = '{LIVE}.runs'::regclass"
    )
    if owner != await connection.fetchval("select current_user::regrole::text"):
        for one in fresh:
            await connection.execute(f"alter table {LIVE}.{one.name} owner to {owner}")
    rows = await connection.fetch(
        f"""select format('grant %s on {LIVE}.%I to %s', a.privilege_type, c.relname,
                          case when a.grantee = 0 then 'public' else a.grantee::regrole::text end) as statement
              from pg_class c cross join lateral aclexplode(c.relacl) a
             where c.relnamespace = to_regnamespace('{OLD}') and c.relkind = 'r' and a.grantee <> c.relowner"""
    )
    for row in rows:
        await connection.execute(row["statement"])
    await connection.execute("select hub_data.grant_roles()")


async def _take_partly_known(connection: Connection) -> None:
    """Of runs whose beginning the log has no longer the history's rows count, which have all that the log has."""
    found = await connection.fetch(_LIVE_ALONE)
    if not found:
        return
    ids = [row["run_id"] for row in found]
    weeks = {one.number for one in await periods(connection, SHADOW, "records")}
    for number in sorted(weeks):
        of_week = [row["run_id"] for row in found if row["week"] == number]
        for table in RUN_TABLES:
            one = Period(table, number)
            await connection.execute(f"delete from {SHADOW}.{one.name} where run_id = any($1::text[])", ids)
            if of_week:
                await connection.execute(
                    f"insert into {SHADOW}.{one.name} select * from {LIVE}.{table} "
                    f"where run_id = any($1::text[]) and {one.condition}",
                    of_week,
                )


async def _leave_other_weeks(connection: Connection) -> None:
    """Runs that the history had in another week than that in which they belong are removed from there."""
    rows = await connection.fetch(
        f"""select l.run_id, l.week from {LIVE}.run_keys l join {SHADOW}.run_keys s using (run_id)
             where l.week <> s.week and s.org_id is not null"""
    )
    exchanged = {one.number for one in await periods(connection, SHADOW, "records")}
    there = {one.number for one in await periods(connection, LIVE, "records")}
    for number in {row["week"] for row in rows} & (there - exchanged):
        ids = [row["run_id"] for row in rows if row["week"] == number]
        for table in RUN_TABLES:
            await connection.execute(
                f"delete from {LIVE}.{Period(table, number).name} where run_id = any($1::text[])", ids
            )
