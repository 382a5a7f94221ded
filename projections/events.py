"""`history.events`: module events as they came, each record once, for what is asked of them after Kafka forgot them.

A row is the raw text and the few columns by which events are looked up; all else is read out of the text where it is
asked for. What the workers refuse is no row: they make it a dead letter. A producer's repeat, and an event that was
forwarded to its home partition, are further records and so further rows; who asks for events gets each once.

Rows are written into the table of the day on which Kafka took the record. A clock that is ahead of ours does not
decide about that: what is here was taken by now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import asyncpg
import orjson

from projections.letters import stamp
from projections.periods import DAYS
from projections.records import ArrivedEvent, storable
from projections.store import REFUSED, Move, Partition, Store
from runtime.logging import logger
from schemas.errors import Refused
from schemas.events import decode

log = logger("events")

Redact = Callable[[dict[str, Any]], dict[str, Any]]
"""The event as it may be kept: the very same object where it has nothing to hide."""

_NOTHING: Final = timedelta()
_TURN: Final = 100
"""Events that are read before whoever keeps the runs has a turn: about 2 ms."""

EVENT_COLUMNS: Final = (
    "event_id", "org_id", "type", "time", "received_at", "topic", "partition", "offset", "event",
    "subject",
)  # fmt: skip


class EventRow(NamedTuple):
    """One row of `history_data.events`."""

    event_id: str
    org_id: str
    type: str
    time: datetime
    received_at: datetime
    topic: str
    partition: int
    offset: int
    event: str
    subject: str


def event_row(
    record: ArrivedEvent, redact: Redact, limit: int, now: datetime, ahead: timedelta = _NOTHING
) -> EventRow | None:
    """The row of a record; None where the workers refuse it. `limit` is in bytes of the record's value.

    `now` is our time, `ahead` by how much it is set forward against that of Kafka.
    """
    value = record.value
    try:
        event = decode(value, record.headers, limit)
    except Refused:
        return None
    assert value is not None  # noqa: S101 - or it had been refused
    envelope = redact(event.envelope)
    if record.headers or envelope is not event.envelope:
        value = orjson.dumps(envelope)
    _, text = storable(envelope, value)
    received = stamp(record.timestamp)
    if ahead:
        received += ahead
    received = min(received, now)
    return EventRow(
        event.id, event.org, event.type, _time(event.time, received), received, record.topic, record.partition,
        record.offset, text, event.subject,
    )  # fmt: skip


def _time(text: str | None, otherwise: datetime) -> datetime:
    if text is None:
        return otherwise
    found = datetime.fromisoformat(text)
    # What a calendar's first or last hours are in UTC is no time at all.
    return found if 1 < found.year < 9999 else otherwise


class EventLog:
    """Writes events and their offsets. `positions` has the next offset of each partition that it holds."""

    def __init__(self, store: Store, redact: Redact, limit: int) -> None:
        self.store = store
        self.positions: dict[Partition, int] = {}
        self.refused = 0
        self._redact = redact
        self._limit = limit
        self._days: set[int] = set()

    async def add(self, records: Sequence[ArrivedEvent], now: datetime, ahead: timedelta = _NOTHING) -> None:
        """Write these records' rows and offsets, in one transaction; those below the position are passed over.

        A partition's records come in the order of their offsets. Raises PositionLost when another projector moved the
        offsets, and what Postgres raises while it is away.
        """
        positions = self.positions
        fresh = [one for one in records if one.offset >= positions[Partition(one.topic, one.partition)]]
        if not fresh:
            return
        try:
            await self._write(fresh, now, ahead)
        except REFUSED as error:
            if len(fresh) == 1:
                self.refused += 1
                log.warning(
                    "an event can't be kept in the history",
                    topic=fresh[0].topic, partition=fresh[0].partition, offset=fresh[0].offset,
                    error=type(error).__name__,
                )  # fmt: skip
                await self._write(fresh, now, ahead, keep=False)
                return
            middle = len(fresh) // 2
            await self.add(fresh[:middle], now, ahead)
            await self.add(fresh[middle:], now, ahead)

    async def _write(
        self, records: Sequence[ArrivedEvent], now: datetime, ahead: timedelta, *, keep: bool = True
    ) -> None:
        by_day: dict[int, list[EventRow]] = {}
        last: dict[Partition, int] = {}
        for number, record in enumerate(records, 1):
            if number % _TURN == 0:
                await asyncio.sleep(0)
            last[Partition(record.topic, record.partition)] = record.offset
            row = event_row(record, self._redact, self._limit, now, ahead) if keep else None
            if row is not None:
                by_day.setdefault(DAYS.of(row.received_at), []).append(row)
        moves = [Move(*at, self.positions[at], offset + 1) for at, offset in sorted(last.items())]
        await self._make_days(by_day)
        try:
            await self._commit(by_day, moves)
        except asyncpg.UndefinedTableError:
            # Retention dropped a day that was thought to be over.
            self._days.clear()
            await self._make_days(by_day)
            await self._commit(by_day, moves)
        for move in moves:
            self.positions[Partition(move.topic, move.partition)] = move.next

    async def _make_days(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            if number not in self._days:
                await self.store.make_day(number)
                self._days.add(number)

    async def _commit(self, by_day: dict[int, list[EventRow]], moves: Sequence[Move]) -> None:
        connection = self.store.connection
        async with connection.transaction():
            await self.store.move_offsets(moves)
            for number, rows in by_day.items():
                await connection.copy_records_to_table(
                    f"events_{DAYS.name(number)}", schema_name=self.store.schema, columns=EVENT_COLUMNS, records=rows
                )
