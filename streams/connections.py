"""A worker's connections to Kafka, opened while the rest of the program is still being loaded."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final, NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from runtime.fetch_planning import use_fetch_planning
from runtime.fetch_sessions import use_fetch_sessions
from runtime.fetch_waits import use_quiet_waits
from runtime.kafka import LARGEST_RECORD, client_options, new_producer, new_reader, started
from runtime.kafka_connection import reason_of
from runtime.logging import logger
from schemas.names import RUNS, TIMERS, WORKER_GROUP
from streams import topics

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer

    from runtime.settings import Settings
_PREFETCH_SECONDS: Final = 0.005
"""How long aiokafka holds back a broker's next fetch for records that nobody has polled yet. Its 100 ms would stop all
partitions for one that is full or not polled now; none at all would leave every partition that has just brought
something out of the next fetch, which may wait for long."""


class Connections(NamedTuple):
    """Connected clients, and how many partitions the topics have."""

    partitions: int
    producer: AIOKafkaProducer
    log: AIOKafkaConsumer
    states: AIOKafkaConsumer
    """One that reads the run log, and one that reads back what the partitions hold."""
    group: AIOKafkaConsumer
    """The one that is given partitions."""


async def connect(settings: Settings, commands: tuple[str, ...] = ()) -> Connections:
    """Connect, and create the topics that are missing (`commands` are more of them); waits for a Kafka that is away.

    What is connected is closed again where this is cancelled.
    """
    clients = (new_producer(settings), new_reader(settings), new_reader(settings), _group_consumer(settings))
    names = ("ledger", "read-back", "worker")
    try:
        partitions, *_ = await asyncio.gather(
            _topics(settings, commands, clients[0]),
            *(started(client, name) for client, name in zip(clients[1:], names, strict=True)),
        )
    except BaseException:
        await asyncio.gather(*(client.stop() for client in clients), return_exceptions=True)
        raise
    _producer, log, states, group = clients
    group._fetcher._prefetch_backoff = _PREFETCH_SECONDS  # noqa: SLF001 - aiokafka has no option for it
    use_fetch_planning(group)
    await asyncio.gather(
        _reach(log, RUNS, partitions), _reach(states, TIMERS, partitions), _reach(group, RUNS, partitions)
    )
    return Connections(partitions, *clients)


async def _reach(client: AIOKafkaConsumer, topic: str, partitions: int) -> None:
    """Open the connections that a client will need: to each broker that leads one of these partitions."""
    with contextlib.suppress(KafkaError, OSError):
        await client.end_offsets([TopicPartition(topic, number) for number in range(partitions)])


def _group_consumer(settings: Settings) -> AIOKafkaConsumer:
    session_ms = int(settings.session_timeout * 1000)
    client = AIOKafkaConsumer(
        **client_options(settings),
        group_id=WORKER_GROUP,
        group_instance_id=settings.instance,
        client_id=settings.instance or "onestack-worker",
        partition_assignment_strategy=[RangePartitionAssignor],
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=settings.fetch_max_wait_ms,
        max_partition_fetch_bytes=2 * LARGEST_RECORD,
        session_timeout_ms=session_ms,
        heartbeat_interval_ms=session_ms // 6,
        rebalance_timeout_ms=max(session_ms, 10_000),
        max_poll_interval_ms=24 * 3600 * 1000,
        retry_backoff_ms=50,
        metadata_max_age_ms=60_000,
    )
    use_fetch_sessions(client)
    use_quiet_waits(client)
    return client


async def _topics(settings: Settings, commands: tuple[str, ...], producer: AIOKafkaProducer) -> int:
    await started(producer, "publisher")
    log, said = logger("worker"), False
    # Mostly all are there, which a connection that is open already tells.
    with contextlib.suppress(KafkaError, OSError):
        cluster = await producer.client.fetch_all_metadata()
        if (count := topics.complete(cluster, settings, commands)) is not None:
            return count
    while True:
        try:
            created, partitions = await topics.create(settings, commands)
        except (OSError, KafkaError) as error:
            if not said:
                log.warning(topics.waiting_for(error), broker=settings.broker, error=reason_of(error))
            said = True
            await asyncio.sleep(0.5)
        else:
            if created:
                log.info("topics created", count=len(created), partitions=partitions)
            return partitions
