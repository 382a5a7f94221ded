"""Broker, topics, and who works on them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaError,
    NotCoordinatorForGroupError,
    TopicAuthorizationFailedError,
)
from aiokafka.structs import TopicPartition

from cli.doctor.finding import Finding, fault, ok, warning
from projections.event_projector import EVENT_GROUP
from projections.projector import GROUP as PROJECTOR_GROUP
from runtime.kafka import client_options, new_reader
from runtime.settings import Settings
from schemas.names import DEFINITIONS
from streams.app import GROUP as WORKER_GROUP
from streams.topics import topics

T = TypeVar("T")
_COMMANDS: Final = {
    WORKER_GROUP: "onestack worker",
    PROJECTOR_GROUP: "onestack projector",
    EVENT_GROUP: "onestack projector",
}
_MANY: Final = 10_000
"""Records that wait from which on a lag is worth a word, though somebody works on it."""
_DENIED: Final = (ClusterAuthorizationFailedError, GroupAuthorizationFailedError, TopicAuthorizationFailedError)


@contextlib.asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(**client_options(settings), request_timeout_ms=8_000)
    try:
        await client.start()
        yield client
    finally:
        with contextlib.suppress(KafkaError, OSError):
            await client.close()


def _away(check: str, settings: Settings, error: BaseException) -> Finding:
    how: str = settings.kafka_security_protocol
    if how.startswith("SASL"):
        how += f" with {settings.kafka_sasl_mechanism}"
    if isinstance(error, _DENIED):
        detail = f"Kafka does not allow it: {type(error).__name__}."
        return fault(check, detail, "Give this user the ACLs of docs/how-to/run-against-your-kafka.md.")
    return fault(
        check,
        f"Kafka at {settings.broker} does not answer, spoken to by {how}: {type(error).__name__}.",
        "See to it that it runs, and that ONESTACK_BROKER and the ONESTACK_KAFKA_* variables fit its listeners.",
    )


async def broker(settings: Settings) -> Sequence[Finding]:
    """Whether Kafka answers, as it is to be spoken to, and how many brokers it has."""
    check = "broker"
    try:
        async with _admin(settings) as admin:
            cluster = await admin.describe_cluster()
    except (KafkaError, OSError, ValueError, AssertionError) as error:
        return [_away(check, settings, error)]
    brokers = cluster["brokers"]
    how = settings.kafka_security_protocol
    found = [ok(check, f"Kafka answers at {settings.broker} by {how}, with {len(brokers)} broker(s).")]
    if len(brokers) < 3:
        todo = "Run three brokers with replication 3 and min.insync.replicas 2 where nothing may be lost with a disk."
        found.append(warning(check, f"{len(brokers)} broker(s): whatever one disk loses is lost.", todo))
    if how == "PLAINTEXT":
        todo = "Set ONESTACK_KAFKA_SECURITY_PROTOCOL=SASL_SSL: docs/how-to/run-against-your-kafka.md."
        found.append(warning(check, "Nothing on the way to Kafka is encrypted, and anyone may say anything.", todo))
    return found


async def topics_(settings: Settings) -> Sequence[Finding]:
    """Whether the topics are there, alike in their partitions, replicated, and configured as they have to be."""
    check = "topics"
    wanted = {one.name: one for one in topics()}
    try:
        async with _admin(settings) as admin:
            described = {one["topic"]: one for one in await admin.describe_topics() if one["topic"] in wanted}
            configs = await _configs(admin, list(described))
    except (KafkaError, OSError, ValueError, AssertionError) as error:
        return [_away(check, settings, error)]
    found: list[Finding] = []
    if missing := sorted(set(wanted) - set(described)):
        detail = (
            f"{len(missing)} of {len(wanted)} topics are missing: {', '.join(missing[:4])}{' …' * (len(missing) > 4)}."
        )
        found.append(fault(check, detail, "Run 'onestack topics create', or start a worker."))
    found += _partitions(described)
    found += _copies(described)
    for name in sorted(configs):
        for key, value in wanted[name].config.items():
            is_ = configs[name].get(key)
            if is_ is not None and is_ != value:
                found.append(_differs(check, name, key, is_, value))
    return found or [ok(check, f"All {len(wanted)} topics are there, alike and whole.")]


def _differs(check: str, name: str, key: str, is_: str, value: str) -> Finding:
    todo = f"kafka-configs.sh --alter --entity-type topics --entity-name {name} --add-config {key}={value}"
    if key in {"cleanup.policy", "message.timestamp.type"}:
        return fault(check, f"{name} has {key}={is_}; the engine rests on {value}.", todo)
    return warning(check, f"{name} has {key}={is_}, where the engine would set {value}.", todo)


async def _configs(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    return {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for answer in answers
        for resource in answer.resources
    }


def _partitions(described: dict[str, Any]) -> list[Finding]:
    counts = {name: len(one["partitions"]) for name, one in described.items()}
    usual = Counter(count for name, count in counts.items() if name != DEFINITIONS).most_common()
    found = []
    if len(usual) > 1:
        odd = [
            f"{name} ({counts[name]})" for name in sorted(counts) if counts[name] != usual[0][0] and name != DEFINITIONS
        ]
        detail = f"Topics have different numbers of partitions: most have {usual[0][0]}, but {', '.join(odd[:4])}."
        todo = (
            "All need the same number, for what is about one entity has to meet on one worker: add partitions to these."
        )
        found.append(fault("topics", detail, todo))
    if counts.get(DEFINITIONS, 1) != 1:
        detail = f"{DEFINITIONS} has {counts[DEFINITIONS]} partitions; one is needed, for definitions have one order."
        found.append(fault("topics", detail, "Make it anew with one partition, and publish the definitions again."))
    return found


def _copies(described: dict[str, Any]) -> list[Finding]:
    leaderless, short = [], []
    for name, one in described.items():
        for part in one["partitions"]:
            if part["leader"] < 0:
                leaderless.append(f"{name}/{part['partition']}")
            elif len(part["isr"]) < len(part["replicas"]):
                short.append(f"{name}/{part['partition']}")
    found = []
    if leaderless:
        detail = f"{len(leaderless)} partitions have no leader, and stand still: {', '.join(leaderless[:3])}."
        found.append(fault("topics", detail, "Start the brokers that are missing."))
    if short:
        detail = f"{len(short)} partitions have fewer copies than they should, such as {', '.join(short[:3])}."
        found.append(warning("topics", detail, "See which broker is away or behind: kafka-topics.sh --describe."))
    return found


async def groups(settings: Settings) -> Sequence[Finding]:
    """Who is at work, and how much waits for them."""
    reader = new_reader(settings, request_timeout_ms=8_000)
    answers = False
    try:
        await reader.start()
        async with _admin(settings) as admin:
            answers = True
            members = await _members(admin, list(_COMMANDS))
            found = [_at_work(group, command, members.get(group, [])) for group, command in _COMMANDS.items()]
            return [*found, *await _lag(admin, reader, len(members.get(WORKER_GROUP, [])))]
    except (KafkaError, OSError, ValueError, AssertionError) as error:
        if not answers or isinstance(error, _DENIED):
            return [_away("workers", settings, error)]
        detail = f"Kafka answers, but not who is at work ({type(error).__name__}): the embedded broker does not tell."
        return [warning("workers", detail, "Ask the processes themselves: onestack doctor --at http://host:9464.")]
    finally:
        await reader.stop()


async def _members(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, list[str]]:
    """The client ids in each group. One question a group: aiokafka misreads an answer about several."""
    found: dict[str, list[str]] = {}
    for name in names:
        for answer in await _patiently(lambda name=name: admin.describe_consumer_groups([name])):  # type: ignore[misc]
            for group in answer.groups:
                found[group[1]] = [str(member[1]) for member in group[5]]
    return found


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer, also where Kafka makes its table of groups only now, as a new cluster does at the first question."""
    for _ in range(10):
        try:
            return await ask()
        except (GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError, GroupLoadInProgressError):
            await asyncio.sleep(0.5)
    return await ask()


def _at_work(group: str, command: str, members: list[str]) -> Finding:
    check = "workers" if group == WORKER_GROUP else "projector"
    if not members:
        detail = f"Nobody is in the group {group}: what comes waits."
        return fault(check, detail, f"Start one: '{command}'. If one runs, see its /readyz and its log.")
    names = ", ".join(sorted(members)[:5]) + (" …" if len(members) > 5 else "")
    return ok(check, f"{len(members)} member(s) in the group {group}: {names}.")


async def _lag(admin: AIOKafkaAdminClient, reader: Any, members: int) -> list[Finding]:
    offsets = await _patiently(lambda: admin.list_consumer_group_offsets(WORKER_GROUP))
    ends = await reader.end_offsets(list(offsets)) if offsets else {}
    lag = Counter[str]()
    for at, one in offsets.items():
        lag[at.topic] += max(0, ends.get(TopicPartition(*at), 0) - one.offset)
    total = lag.total()
    most = ", ".join(f"{topic} {count:,}" for topic, count in lag.most_common(3) if count)
    if total < _MANY:
        return [ok("lag", f"{total:,} records wait for the workers{f' ({most})' if most else ''}.")]
    todo = "If it does not fall, see /readyz of the workers for what they wait for, and start more of them."
    if members:
        return [warning("lag", f"{total:,} records wait for the workers: {most}.", todo)]
    return [fault("lag", f"{total:,} records wait, and no worker is at work: {most}.", "Start a worker.")]
