"""Make the history anew from the log: into tables of its own, beside which the projector writes on and people read.

Theory of operation:
- *Fill.* The log is folded by the projector's own code into the schema `history_rebuild`, with its offsets in the same
  transactions: killed at any moment, it goes on where it was. It reads no further than the projector has come.
- *Compare.* For a moment the projector waits, the rest is folded, and a snapshot is taken in which both are as far as
  the other. In that, while all goes on, checksums are compared, and where they differ, rows.
- *Exchange.* The rest of the log is folded, and the tables change places in one transaction (projections/swap.py).
Only one rebuild is at work in a database, and nothing that is too old is removed meanwhile.
"""

# ruff: noqa: S608 - schema and table names are our own constants
from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import asyncpg
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from projections import retention
from projections.compare import Compared, compare
from projections.definitions import Definitions, FoldFactory
from projections.errors import Differs, Interrupted, RebuildBusy
from projections.events import Redact
from projections.filling import Filling
from projections.logs import start_anew
from projections.migrations import migrate
from projections.shadow import OLD, SHADOW, drop, is_ours, make_shadow
from projections.store import LIVE
from projections.swap import Carrying, clean_up, exchange, lock_offsets, note_kept, old_logs
from runtime.clock import Clock
from runtime.kafka import new_reader, started, topic_partitions
from runtime.logging import logger
from runtime.postgres import Connection, connect, trouble
from runtime.settings import Settings
from schemas.names import DEAD_LETTERS, DEFINITIONS, EVENT_TOPICS, RUNS

log = logger("rebuild")

LOCK: Final = 0x6F73_7765_0002
_CLOSE: Final = 5_000
"""Records behind the projector with which it is made to wait: a fraction of a second of work."""
_ROUNDS: Final = 50


class Options(NamedTuple):
    """What a rebuild is to do beyond the usual."""

    verify_only: bool = False
    """Compare, exchange nothing, and leave nothing behind."""
    accept: bool = False
    """Exchange although the history differs from the log."""
    keep_old: bool = False
    """Keep the tables whose place was taken, in the schema `history_replaced`."""


class Rebuilt(NamedTuple):
    """What a rebuild read and made."""

    records: int
    runs: int
    dead_letters: int
    workflows: int
    compared: Compared | None


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def rebuild(
    settings: Settings, folds: FoldFactory, redact: Redact, options: Options = Options(),  # noqa: B008 - immutable
    say: Callable[[str], None] = _print,
) -> Rebuilt:  # fmt: skip
    """Project the log from its beginning, compare the history with it, and put what was made in its place.

    What the log has no longer is kept. Raises RebuildBusy while another rebuild is at work, and Differs, having
    exchanged nothing, where the history is not what the log says and `options` do not accept that. What it has made
    until then is kept for the next time.
    """
    try:
        return await _alone(settings, folds, redact, options, say)
    except asyncpg.DiskFullError as error:
        # The live history needs the room more than what can be made again.
        await _drop_shadow(settings)
        message = f"{trouble(error)}. A rebuild needs room for the history twice; what it had made was removed again."
        raise Interrupted(message) from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, KafkaError, OSError) as error:
        message = f"{trouble(error)}. Nothing was exchanged; run it again, and it goes on where it was."
        raise Interrupted(message) from None


async def _drop_shadow(settings: Settings) -> None:
    connection = await connect(settings.postgres_url)
    try:
        await drop(connection, SHADOW)
    finally:
        await connection.close(timeout=5)


async def _alone(
    settings: Settings, folds: FoldFactory, redact: Redact, options: Options, say: Callable[[str], None]
) -> Rebuilt:
    await migrate(settings.postgres_url)
    async with _connections(settings) as (ours, theirs):
        for lock, other in ((LOCK, "rebuild"), (retention.LOCK, "process removes what is old from")):
            if not await ours.fetchval("select pg_try_advisory_lock($1)", lock):
                message = f"another {other} of this database is at work"
                raise RebuildBusy(message.replace("from of", "from"))
        consumer = await started(new_reader(settings), "rebuild")
        try:
            work = _Rebuild(settings, folds, redact, options, say, ours, theirs, consumer)
            return await work.run()
        finally:
            await consumer.stop()


@asynccontextmanager
async def _connections(settings: Settings) -> AsyncIterator[tuple[Connection, Connection]]:
    """One that fills, and one that holds locks and a snapshot meanwhile."""
    ours = await connect(settings.postgres_url, durable=False)
    try:
        theirs = await connect(settings.postgres_url)
        try:
            # It makes the projector wait: not for ever, whatever becomes of Kafka or of this machine meanwhile.
            await theirs.execute("set idle_in_transaction_session_timeout = '60s'")
            yield ours, theirs
        finally:
            await theirs.close(timeout=5)
    finally:
        await ours.close(timeout=5)


class _Rebuild:
    def __init__(
        self, settings: Settings, folds: FoldFactory, redact: Redact, options: Options, say: Callable[[str], None],
        ours: Connection, theirs: Connection, consumer: Any,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._folds = folds
        self._redact = redact
        self._options = options
        self._say = say
        self._ours = ours
        self._theirs = theirs
        self._consumer = consumer
        self._clock = Clock(settings.clock_file)
        self._compared = False
        self._filling: Filling
        self._definitions: list[TopicPartition] = []

    async def run(self) -> Rebuilt:
        if await self._ours.fetchval("select to_regnamespace($1) is not null", OLD) and not self._options.verify_only:
            self._say("Dropping the tables that an earlier rebuild replaced.")
            await drop(self._ours, OLD)
        await self._prepare()
        compared = None if self._compared else await self._compare()
        if self._options.verify_only:
            done = await self._counted(compared)
            await clean_up(self._ours)
            return done
        await self._ours.execute(f"update {SHADOW}.state set compared = true")
        await self._filling.fill(self._say, capped=False)
        carrying = Carrying(self._theirs)
        await carrying.carry()
        await self._filling.fill(self._say, capped=False)
        done = await self._counted(compared)
        await exchange(self._theirs, self._catch_up, carrying, keep_old=self._options.keep_old)
        workflows = await self._ours.fetchval("select count(*) from history.workflows")
        self._say(
            f"Rebuilt from {done.records} records: {done.runs} runs, {done.dead_letters} dead letters, "
            f"{workflows} workflows in force."
        )
        return done._replace(workflows=workflows)

    async def _prepare(self) -> None:
        """Begin, or go on with what was begun; then come close to where the projector is."""
        names = (RUNS, DEAD_LETTERS, DEFINITIONS, *EVENT_TOPICS.values())
        found = await topic_partitions(self._settings, names)
        self._definitions = found.pop(DEFINITIONS, [])
        partitions = [one for of_topic in found.values() for one in of_topic]
        self._consumer.assign(partitions)
        await start_anew(self._ours, self._consumer, partitions)
        again = await is_ours(self._ours)
        if again:
            self._filling = await self._new_filling(partitions)
            self._compared = not self._options.verify_only and bool(
                await self._ours.fetchval(f"select compared from {SHADOW}.state")
            )
            again = await self._filling.can_go_on(ahead=self._compared)
            if again:
                self._say("Going on with the rebuild that was begun before.")
        if not again:
            self._compared = False
            await make_shadow(self._ours)
            self._filling = await self._new_filling(partitions)
        if self._clock.virtual:
            self._say("The clock is set forward (ONESTACK_CLOCK_FILE): events are left as they are.")
        await self._filling.fill(self._say, capped=True, rounds=_ROUNDS, close=_CLOSE)

    async def _new_filling(self, partitions: list[TopicPartition]) -> Filling:
        if self._clock.virtual:
            partitions = [one for one in partitions if one.topic in {RUNS, DEAD_LETTERS}]
        filling = Filling(self._ours, self._consumer, partitions, self._redact, self._settings)
        await filling.open()
        return filling

    async def _compare(self) -> Compared | None:
        """Say how history and log compare. Raises Differs where they do not, and that is not accepted."""
        await self._filling.forget_old(retention.keep_of(self._settings), self._clock.now())
        async with self._theirs.transaction():
            await lock_offsets(self._theirs)
            await self._filling.fill(lambda _text: None, capped=True)
            live = await self._ours.fetchval(f"select next from {LIVE}.offsets where topic = $1", DEFINITIONS)
            position = await self._define(Definitions(self._ours, self._folds, SHADOW))
            await note_kept(self._ours)
            # Its own transaction of one moment, while the projector still waits.
            await self._ours.execute("begin isolation level repeatable read read only")
            await self._ours.fetchval(f"select count(*) from {SHADOW}.state")
        topics: list[str] = []
        try:
            if not await self._ours.fetchval(f"select exists (select from {LIVE}.offsets where next > 0)"):
                self._say("The history is empty: there is nothing to compare.")
                return None
            topics = await old_logs(self._ours)
            compared = await compare(self._ours, events=not self._clock.virtual, definitions=live == position)
        finally:
            await self._ours.execute("rollback")
        await self._ours.execute(f"update {SHADOW}.state set old_logs = $1", topics)
        self._tell(compared)
        if compared.differences and not (self._options.accept or self._options.verify_only):
            message = (
                "The history differs from the log, so nothing was exchanged. Where that is what you want to mend, run "
                "it again with --accept: what was rebuilt is kept for that."
            )
            raise Differs(message)
        return compared

    def _tell(self, compared: Compared) -> None:
        for name, by_log in compared.log.items():
            ours = compared.history[name]
            verdict = "equal" if ours == by_log else f"the log says {by_log.checksum} ({by_log.rows:,} rows)"
            self._say(f"  {name:<18} {ours.rows:>12,} rows  {ours.checksum}  {verdict}")
        if compared.kept:
            self._say(f"{compared.kept:,} runs are kept that the log no longer has from their beginning.")
        for one in compared.differences:
            self._say(f"Differs: {one}.")
        if not compared.differences:
            self._say("The history is what the log says.")

    async def _define(self, definitions: Definitions) -> int:
        """Read the definitions whole; the offset after them."""
        position = 0
        async for records, position in self._filling.whole(self._definitions):
            if not definitions.reading:
                definitions.begin(position)
            await definitions.take(records, position)
        return position

    async def _catch_up(self, connection: Connection) -> None:
        """Within the exchange: fold what the projector wrote since, and bring its definitions up to date."""
        await self._filling.fill(lambda _text: None, capped=True)
        await self._define(Definitions(connection, self._folds))

    async def _counted(self, compared: Compared | None) -> Rebuilt:
        runs = await self._ours.fetchval(f"select count(*) from {SHADOW}.run_keys where org_id is not null")
        letters = await self._ours.fetchval(f"select count(*) from {SHADOW}.dead_letters")
        workflows = await self._ours.fetchval(f"select count(*) from {SHADOW}.workflows")
        return Rebuilt(await self._filling.folded(), runs, letters, workflows, compared)
