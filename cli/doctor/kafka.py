"""Broker, topics, and who works on them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
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
from streams.app import GROUP as WORKER_GROUP
from streams.topic_check import compare
from streams.topic_rules import Finding as Difference
from streams.topic_rules import Found

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
    """Whether the topics are there, whole, and as `onestack topics check` wants them."""
    check = "topics"
    try:
        compared = await compare(settings)
    except (KafkaError, OSError, ValueError, AssertionError) as error:
        return [_away(check, settings, error)]
    found = [*_differences(compared.findings), *_copies(compared.there)]
    return found or [ok(check, "All topics are there, alike and whole.")]


def _differences(findings: Sequence[Difference]) -> Iterator[Finding]:
    """What differs, each difference once for all topics that have it."""
    # What a broker does not tell is no finding: `topics check` lists it.
    alike: dict[tuple[str, ...], list[Difference]] = {}
    for one in findings:
        if one.severity != "unknown":
            alike.setdefault((one.severity, one.setting, one.wanted, one.actual, one.reason), []).append(one)
    for group in alike.values():
        one = group[0]
        names = ", ".join(other.topic for other in group[:4]) + " …" * (len(group) > 4)
        if one.setting == "topic":
            count = f"{len(group)} topic{'s' * (len(group) > 1)}"
            detail = f"{count} {'missing' if one.severity == 'danger' else 'that nobody knows'}, {names}"
        else:
            detail = f"{names}: {one.setting} is {one.actual}, where {one.wanted} is wanted"
        make = fault if one.severity == "danger" else warning
        todo = one.mend if len(group) == 1 else f"For each of them: {one.mend}. 'onestack topics check' lists all."
        yield make("topics", f"{detail}: {one.reason}.", todo)


def _copies(there: Mapping[str, Found]) -> Iterator[Finding]:
    parts = [(f"{name}/{part.number}", part) for name, one in there.items() for part in one.partitions]
    if leaderless := [name for name, part in parts if not part.led]:
        detail = f"{len(leaderless)} partitions have no leader, and stand still: {', '.join(leaderless[:3])}."
        yield fault("topics", detail, "Start the brokers that are missing.")
    if short := [name for name, part in parts if part.led and part.behind]:
        detail = f"{len(short)} partitions have fewer copies than they should, such as {', '.join(short[:3])}."
        yield warning("topics", detail, "See which broker is away or behind: kafka-topics.sh --describe.")


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
