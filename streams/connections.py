"""A worker's connections to Kafka, opened while the rest of the program is still being loaded."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError

from runtime.fetch_planning import use_fetch_planning
from runtime.fetch_sessions import use_fetch_sessions
from runtime.fetch_waits import use_quiet_waits
from runtime.kafka import LARGEST_RECORD, client_options, new_producer, new_reader, started
from runtime.kafka_connection import reason_of
from runtime.kafka_reach import begin_like, reach, use_parallel_connections
from runtime.logging import logger
from schemas.names import COMMAND_TOPICS, CONTROL, DEFINITIONS, EVENT_TOPICS, GUARD, WORKER_GROUP
from streams import topics
from streams.joining import Joining

if TYPE_CHECKING:
    from aiokafka.client import AIOKafkaClient

    from runtime.settings import Settings
_PREFETCH_SECONDS: Final = 0.005
"""How long aiokafka holds back a broker's next fetch for records that nobody has polled yet. Its 100 ms would stop all
partitions for one that is full or not polled now; none at all would leave every partition that has just brought
something out of the next fetch, which may wait for long."""


_READERS: Final = ("ledger", "read-back", "definitions")


class Connections(NamedTuple):
    """Connected clients, and how many partitions the topics have."""

    partitions: int
    joining: Joining
    """The membership of the group, which is begun."""
    reaching: asyncio.Future[Any]
    """Done when connections are open to all brokers, which nobody waits for: one of them may hang."""
    group: AIOKafkaConsumer
    """The one that is given partitions."""
    producer: AIOKafkaProducer
    log: AIOKafkaConsumer
    states: AIOKafkaConsumer
    definitions: AIOKafkaConsumer
    """One that reads the run log, one that reads back what the partitions hold, and one for the definitions."""


async def connect(settings: Settings, commands: tuple[str, ...] = ()) -> Connections:
    """Connect, join the group, and create the topics that are missing (`commands` are more of them).

    Waits for a Kafka that is away. What is connected is closed again where this is cancelled.
    """
    group, joining = _group_consumer(settings), Joining()
    producer, readers = new_producer(settings), tuple(new_reader(settings) for _ in _READERS)
    others = (producer, *readers)
    known = _client_of(group)
    for one in (group, *others):
        use_parallel_connections(_client_of(one))
    try:
        # What takes longest comes first: to be known to the group's coordinator.
        await started(group, "worker")
        group._fetcher._prefetch_backoff = _PREFETCH_SECONDS  # noqa: SLF001 - aiokafka has no option for it
        use_fetch_planning(group)
        partitions = await _topics(settings, commands, known)
        group.subscribe(read_by(commands), listener=joining)
        for one, name in zip(others, ("publisher", *_READERS), strict=True):
            begin_like(_client_of(one), known)
            await started(one, name)
    except BaseException:
        joining.give_up()
        await asyncio.gather(*(client.stop() for client in (group, *others)), return_exceptions=True)
        raise
    reaching = asyncio.gather(*(reach(_client_of(one)) for one in (group, *others)))
    return Connections(partitions, joining, reaching, group, producer, *readers)


def read_by(commands: tuple[str, ...] = ()) -> list[str]:
    """The topics of which a worker is given partitions; `commands` are more of them."""
    return [DEFINITIONS, *EVENT_TOPICS.values(), CONTROL, GUARD, *COMMAND_TOPICS.values(), *commands]


def _client_of(one: AIOKafkaProducer | AIOKafkaConsumer) -> AIOKafkaClient:
    client: AIOKafkaClient = one.client if isinstance(one, AIOKafkaProducer) else one._client  # noqa: SLF001 - no public way
    return client


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


async def _topics(settings: Settings, commands: tuple[str, ...], client: AIOKafkaClient) -> int:
    log, said = logger("worker"), False
    # Mostly all are there, which a connection that is open already tells.
    with contextlib.suppress(KafkaError, OSError):
        cluster = await client.fetch_all_metadata()
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
