"""The topics as DESIGN.md §3 has them, created where they are missing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiokafka.admin import NewTopic
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)

from runtime.kafka import LARGEST_RECORD, admin
from runtime.logging import logger
from schemas.errors import Refused
from schemas.names import (
    ADMISSIONS,
    COMMAND_TOPICS,
    CONTROL,
    DEAD_LETTERS,
    DEFINITIONS,
    EVENT_TOPICS,
    GUARD,
    RUNS,
    SIGNALS,
    TIMERS,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.cluster import ClusterMetadata

    from runtime.settings import Settings

_LOOKS: Final = 200
_PAUSE: Final = 0.05
"""Seconds between two looks at the broker."""
_DAY: Final = 24 * 3600 * 1000
_COMPACTION_LAG: Final = 24 * 3600 * 1000
"""A refused definition must not make compaction drop the one in force before it was published again."""
MIN_INSYNC: Final = "min.insync.replicas"


AWAY: Final = "Kafka does not answer; waiting for it"
_NOT_ALLOWED: Final = (TopicAuthorizationFailedError, ClusterAuthorizationFailedError)


class TopicsMissingError(KafkaError):  # type: ignore[misc]  # its base has no types
    """Topics are missing, and the user that we are for Kafka may not make them."""

    def __str__(self) -> str:
        return str(self.args[0])


def waiting_for(error: BaseException) -> str:
    """What a process waits for that `create` could not help, as a line of its log."""
    return "topics are missing; waiting for them" if isinstance(error, TopicsMissingError) else AWAY


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic to be: its name, whether it has one partition only, and its configuration."""

    name: str
    single: bool
    config: dict[str, str]


def _deleted(name: str, days: int) -> Topic:
    config = {
        "cleanup.policy": "delete",
        "retention.ms": str(days * _DAY),
        "max.message.bytes": str(LARGEST_RECORD),
        # The broker's clock, so that the ledger's look back in time rests on one clock, not on each producer's.
        "message.timestamp.type": "LogAppendTime",
    }
    return Topic(name, single=False, config=config)


def topics(commands: Iterable[str] = ()) -> list[Topic]:
    """Every topic of the product; `commands` are further command topics, such as a benchmark's."""
    compacted = {
        "cleanup.policy": "compact",
        "max.message.bytes": str(LARGEST_RECORD),
        "min.compaction.lag.ms": str(_COMPACTION_LAG),
        "message.timestamp.type": "LogAppendTime",
    }
    timers = {
        "cleanup.policy": "compact",
        "max.message.bytes": str(LARGEST_RECORD),
        "message.timestamp.type": "LogAppendTime",
        # A restart reads all of it: what has fired is to be gone soon, not when a segment of a week is full.
        "segment.ms": str(3600 * 1000),
        "min.cleanable.dirty.ratio": "0.2",
    }
    return [
        *(_deleted(name, 7) for name in EVENT_TOPICS.values()),
        Topic(DEFINITIONS, single=True, config=compacted),
        *(_deleted(name, 7) for name in (*COMMAND_TOPICS.values(), *commands)),
        _deleted(RUNS, 365),
        _deleted(CONTROL, 7),
        _deleted(SIGNALS, 2),
        _deleted(GUARD, 7),
        _deleted(ADMISSIONS, 35),
        Topic(TIMERS, single=False, config=timers),
        _deleted(DEAD_LETTERS, 90),
    ]


def min_insync(replication: int) -> int:
    """How many copies must have a record before it is acknowledged (acks=all waits for them).

    Two of three: one broker may be away, and what was acknowledged is still on two disks. With fewer than three copies,
    two would stop all writes as soon as one broker is away.
    """
    return 2 if replication >= 3 else 1


def copies(settings: Settings, brokers: int) -> int:
    """How many copies a topic is to have: as set, or three, or as many as there are brokers."""
    return settings.replication or min(3, max(1, brokers))


async def create(settings: Settings, commands: Iterable[str] = ()) -> tuple[list[str], int]:
    """Create the topics that are missing; (their names, the number of partitions that all have).

    Raises Refused where topics that are there already don't have one number of partitions.
    """
    client = await admin(settings)
    try:
        wanted = topics(commands)
        there = await _partitions(client, [topic.name for topic in wanted])
        count = _common_count(wanted, there, settings.partitions)
        missing = [topic for topic in wanted if topic.name not in there]
        if not missing:
            return [], count
        await _create(client, missing, count, copies(settings, await _brokers(client)))
        await _settled(client, wanted, count)
        return [topic.name for topic in missing], count
    finally:
        await client.close()


def complete(cluster: ClusterMetadata, settings: Settings, commands: Iterable[str] = ()) -> int | None:
    """The number of partitions that all topics have, by what a cluster tells of itself; None where one is missing.

    Raises Refused where they don't have one number.
    """
    wanted = topics(commands)
    there = {topic.name: len(cluster.partitions_for_topic(topic.name) or ()) for topic in wanted}
    return _common_count(wanted, there, settings.partitions) if all(there.values()) else None


async def _partitions(client: AIOKafkaAdminClient, names: list[str]) -> dict[str, int]:
    # All in one question: one about topics by their names may have them made.
    described = await client.describe_topics()
    return {one["topic"]: len(one["partitions"]) for one in described if one["topic"] in names and one["partitions"]}


async def _brokers(client: AIOKafkaAdminClient) -> int:
    return len((await client.describe_cluster())["brokers"])


def _common_count(wanted: list[Topic], there: dict[str, int], setting: int) -> int:
    counts = {there[topic.name] for topic in wanted if not topic.single and topic.name in there}
    if len(counts) > 1:
        listing = ", ".join(f"{name} has {count}" for name, count in sorted(there.items()))
        raise Refused.one("ONESTACK_PARTITIONS", f"the topics must have one number of partitions, but {listing}")
    if there.get(DEFINITIONS, 1) != 1:
        raise Refused.one(DEFINITIONS, f"must have one partition, but has {there[DEFINITIONS]}")
    if counts and (count := counts.pop()) != setting:
        logger("topics").warning("the topics are there with another number of partitions", have=count, setting=setting)
        return count
    return setting


async def _create(client: AIOKafkaAdminClient, missing: list[Topic], count: int, replication: int) -> None:
    insync = {MIN_INSYNC: str(min_insync(replication))}
    for with_config in (True, False):
        if not missing:
            return
        response = await client.create_topics(
            [
                NewTopic(
                    topic.name,
                    1 if topic.single else count,
                    replication,
                    topic_configs={**topic.config, **insync} if with_config else {},
                )
                for topic in missing
            ],
            timeout_ms=20_000,
        )
        failed: list[Topic] = []
        for name, code, *_message in response.topic_errors:
            error = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                if error in _NOT_ALLOWED:
                    raise TopicsMissingError(
                        f"{name} and what else is missing may not be made by this user: let an administrator run "
                        "'onestack topics create'"
                    )
                if not with_config:
                    raise KafkaError(f"topic {name} could not be created: {error.__name__}")
                failed.append(next(topic for topic in missing if topic.name == name))
        # A broker that does not know one of the settings still gets the topic: a test broker, say.
        missing = failed


async def _settled(client: AIOKafkaAdminClient, wanted: list[Topic], count: int) -> None:
    async def missing() -> list[str]:
        there = await _partitions(client, [topic.name for topic in wanted])
        return [topic.name for topic in wanted if there.get(topic.name) != (1 if topic.single else count)]

    if names := await left(missing):
        raise KafkaError(f"topics are still not there after 10 s: {', '.join(names)}")


async def left(ask: Callable[[], Awaitable[list[str]]]) -> list[str]:
    """Ask what is left, for about ten seconds or until nothing is; what was left at last.

    A broker answers once its controller has a change, and follows its controller a moment later.
    """
    found = await ask()
    for _look in range(_LOOKS):
        if not found:
            break
        await asyncio.sleep(_PAUSE)
        found = await ask()
    return found
