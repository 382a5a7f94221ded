"""The events of the past: those of the history, and behind them those that only the topics have yet.

Nobody sends anything here. Who reads brings a connection, and opens readers outside any group.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from projections import queries
from runtime.kafka import scan, topic_partitions
from runtime.postgres import Connection
from runtime.settings import Settings
from schemas.errors import Refused
from schemas.events import Event, decode, from_envelope
from schemas.names import EVENT_TOPICS

_SORTED: Final = 20_000
"""Events of the topics that are put in the order of their time at once; memory holds no more of them."""
Past = tuple[Event, dt.datetime]
"""An event, and when it was received."""
Opened = Callable[[], AbstractAsyncContextManager[Any]]
"""Opens a reader of the topics, started, for as long as the context lasts."""
Ranges = dict[Any, tuple[int, int]]


async def of_history(
    connection: Connection, org: str, types: Iterable[str], since: dt.datetime, until: dt.datetime
) -> AsyncIterator[Past]:
    """The organisation's events of these types in the history, in the order of their time."""
    async for row in queries.events_between(connection, org, sorted(types), since, until):
        try:
            yield from_envelope(row["event"]), row["received_at"]
        except Refused:
            # What was redacted need not be of its field's type any more.
            continue


async def unread(settings: Settings, opened: Opened, connection: Connection, since: dt.datetime) -> Ranges:
    """Which offsets of the event topics the history does not have yet, since about then.

    Raises KafkaError or OSError where Kafka does not answer, and what `opened` raises.
    """
    read = await queries.read_up_to(connection, list(EVENT_TOPICS.values()))
    found = await topic_partitions(settings, EVENT_TOPICS.values())
    partitions = [one for some in found.values() for one in some]
    if not partitions:
        return {}
    async with opened() as reader:
        ends = await reader.end_offsets(partitions)
        begins = await reader.beginning_offsets(partitions)
        new = [at for at in partitions if (at.topic, at.partition) not in read]
        moment = int(since.timestamp() * 1000)
        times = await reader.offsets_for_times(dict.fromkeys(new, moment)) if new else {}
    first = {at: (times[at].offset if times.get(at) is not None else begins[at]) for at in new}
    return {
        at: (max(begins[at], read.get((at.topic, at.partition), first.get(at, begins[at]))), ends[at])
        for at in partitions
    }


async def of_topics(
    opened: Opened,
    ranges: Ranges,
    org: str,
    types: Iterable[str],
    since: dt.datetime,
    until: dt.datetime,
    *,
    largest: int,
) -> AsyncIterator[Past]:
    """The organisation's events of these types in these ranges, about in the order of their time.

    `largest` is how many bytes an event may have. Raises what `opened` raises.
    """
    if not any(first < end for first, end in ranges.values()):
        return
    wanted = frozenset(types)
    found: list[Past] = []
    async with opened() as reader:
        async for _at, records in scan(reader, ranges):
            for record in records:
                event = _event(record, largest)
                if event is None or event.org != org or event.type not in wanted:
                    continue
                received = dt.datetime.fromtimestamp(record.timestamp / 1000, dt.UTC)
                if since <= _time(event, received) < until:
                    found.append((event, received))
            if len(found) >= _SORTED:
                for one in _in_order(found):
                    yield one
                found = []
    for one in _in_order(found):
        yield one


def _event(record: Any, largest: int) -> Event | None:
    try:
        return decode(record.value, record.headers or (), largest)
    except Refused:
        return None


def _time(event: Event, received: dt.datetime) -> dt.datetime:
    return received if event.time is None else dt.datetime.fromisoformat(event.time)


def _in_order(found: list[Past]) -> list[Past]:
    return sorted(found, key=lambda one: _time(*one))
