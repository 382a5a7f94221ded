"""The events of the past that only the topics have yet, for a command: without Kafka there are none, and a warning."""

from __future__ import annotations

import datetime as dt
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from cli.clients import kafka
from cli.errors import Failure, kafka_away
from cli.output import complain
from hub.services import past
from hub.services.past import of_history

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.services.past import Opened, Past, Ranges
    from runtime.postgres import Connection
    from runtime.settings import Settings

__all__ = ["of_history", "of_topics"]


async def of_topics(
    settings: Settings, connection: Connection, org: str, types: frozenset[str], since: dt.datetime, until: dt.datetime
) -> AsyncIterator[Past]:
    """Such events that the history does not have yet; a warning, and none, where Kafka is away."""
    from runtime.kafka import new_reader

    def opened() -> AbstractAsyncContextManager[Any]:
        return kafka(settings, new_reader(settings))

    try:
        ranges = await _unread(settings, opened, connection, since)
    except Failure as failure:
        complain(f"warning: only the history is read: {failure}")
        return
    async for one in past.of_topics(opened, ranges, org, types, since, until, largest=settings.max_event_bytes):
        yield one


async def _unread(settings: Settings, opened: Opened, connection: Connection, since: dt.datetime) -> Ranges:
    from aiokafka.errors import KafkaError

    try:
        return await past.unread(settings, opened, connection, since)
    except (KafkaError, OSError) as error:
        raise kafka_away(settings, error) from None
