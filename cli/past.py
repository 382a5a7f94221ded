"""The events of the past: those of the history, and behind them those that only the topics have yet."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from cli.clients import kafka
from cli.errors import Failure
from cli.output import complain
from projections import queries
from schemas.errors import Refused
from schemas.events import Event, decode, from_envelope
from schemas.names import EVENT_TOPICS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from runtime.postgres import Connection
    from runtime.settings import Settings

_SORTED: Final = 20_000
"""Events of the topics that are put in the order of their time at once; memory holds no more of them."""
Past = tuple[Event, dt.datetime]
"""An event, and when it was received."""


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


async def of_topics(
    settings: Settings, connection: Connection, org: str, types: frozenset[str], since: dt.datetime, until: dt.datetime
) -> AsyncIterator[Past]:
    """Such events that the history does not have yet; a warning, and none, where Kafka is away."""
    try:
        ranges = await _ranges(settings, await queries.read_up_to(connection, list(EVENT_TOPICS.values())), since)
    except Failure as failure:
        complain(f"warning: only the history is read: {failure}")
        return
    found: list[Past] = []
    async for records in _scanned(settings, ranges):
        for record in records:
            event = _event(record, settings.max_event_bytes)
            if event is None or event.org != org or event.type not in types:
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


async def _ranges(
    settings: Settings, read: dict[tuple[str, int], int], since: dt.datetime
) -> dict[Any, tuple[int, int]]:
    from runtime.kafka import new_reader, topic_partitions

    partitions = [one for some in (await _topics(settings, topic_partitions)).values() for one in some]
    if not partitions:
        return {}
    async with kafka(settings, new_reader(settings)) as reader:
        ends = await reader.end_offsets(partitions)
        begins = await reader.beginning_offsets(partitions)
        unread = [at for at in partitions if (at.topic, at.partition) not in read]
        moment = int(since.timestamp() * 1000)
        times = await reader.offsets_for_times(dict.fromkeys(unread, moment)) if unread else {}
    first = {at: (times[at].offset if times.get(at) is not None else begins[at]) for at in unread}
    return {
        at: (max(begins[at], read.get((at.topic, at.partition), first.get(at, begins[at]))), ends[at])
        for at in partitions
    }


async def _topics(settings: Settings, topic_partitions: Any) -> dict[str, list[Any]]:
    from aiokafka.errors import KafkaError

    from cli.errors import kafka_away

    try:
        found: dict[str, list[Any]] = await topic_partitions(settings, EVENT_TOPICS.values())
    except (KafkaError, OSError) as error:
        raise kafka_away(settings, error) from None
    return found


async def _scanned(settings: Settings, ranges: dict[Any, tuple[int, int]]) -> AsyncIterator[Any]:
    from runtime.kafka import new_reader, scan

    if not any(first < end for first, end in ranges.values()):
        return
    async with kafka(settings, new_reader(settings)) as reader:
        async for _at, records in scan(reader, ranges):
            yield records


def _event(record: Any, limit: int) -> Event | None:
    try:
        return decode(record.value, record.headers or (), limit)
    except Refused:
        return None


def _time(event: Event, received: dt.datetime) -> dt.datetime:
    return received if event.time is None else dt.datetime.fromisoformat(event.time)


def _in_order(found: list[Past]) -> list[Past]:
    return sorted(found, key=lambda one: _time(*one))
