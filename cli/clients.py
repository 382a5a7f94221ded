"""Short-lived connections for one command: they give up soon, and say where they knocked."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from cli.errors import Failure, kafka_away, postgres_away
from runtime.settings import Settings, load

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from runtime.postgres import Connection

_PATIENCE: Final = 15.0
"""Seconds to a first connection; a person waits, and a broker that is up answers within one."""


def settings_for_people() -> Settings:
    """The settings; libraries' own log lines are silenced, for the command says what went wrong."""
    for name in ("aiokafka", "asyncio", "kafka"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return load()


@asynccontextmanager
async def kafka(settings: Settings, client: Any) -> AsyncIterator[Any]:
    """A client, started and in the end stopped. Raises Failure where Kafka does not answer within 15 s."""
    from aiokafka.errors import KafkaError

    try:
        async with asyncio.timeout(_PATIENCE):
            await client.start()
    except (KafkaError, OSError, ValueError, AssertionError) as error:
        await _stop(client)
        raise kafka_away(settings, error) from None
    try:
        yield client
    except (KafkaError, TimeoutError) as error:
        raise kafka_away(settings, error) from None
    finally:
        await _stop(client)


async def _stop(client: Any) -> None:
    from aiokafka.errors import KafkaError

    try:
        await (client.close() if hasattr(client, "close") else client.stop())
    except (KafkaError, OSError):
        logging.getLogger("aiokafka").debug("a client did not stop cleanly", exc_info=True)


async def need_topic(settings: Settings, name: str) -> None:
    """Raise Failure where the topic is not there: sending to it would wait, or make one with wrong settings."""
    from aiokafka.admin import AIOKafkaAdminClient

    from runtime.kafka import client_options

    async with kafka(settings, AIOKafkaAdminClient(**client_options(settings))) as admin:
        there = await admin.list_topics()
    if name not in there:
        raise Failure(
            f"Kafka at {settings.broker} has no topic {name}: run 'onestack topics create', or start a worker, first."
        )


@asynccontextmanager
async def postgres(settings: Settings) -> AsyncIterator[Connection]:
    """A connection to the history. Raises Failure where Postgres does not answer or has no history yet."""
    import asyncpg

    from runtime.postgres import connect

    try:
        connection = await connect(settings.postgres_url, timeout=_PATIENCE)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise postgres_away(settings, error) from None
    try:
        yield connection
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        raise Failure(
            "There is no history in this database yet: run 'onestack migrate', or start a projector."
        ) from None
    except (asyncpg.PostgresError, OSError) as error:
        raise postgres_away(settings, error) from None
    finally:
        await connection.close(timeout=5)
