"""The topics of a cluster compared with those that the product needs, and their settings mended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from runtime.kafka import admin
from streams.topic_rules import NAMESPACE, OFFSETS, Finding, Found, Partition, check
from streams.topics import copies, left, topics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aiokafka.admin import AIOKafkaAdminClient

    from runtime.settings import Settings

_OWN: Final = 1
"""DYNAMIC_TOPIC_CONFIG of Kafka's DescribeConfigs: the value was set on the topic itself."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison gave: the brokers' numbers, the copies that topics are to have, the topics and the findings."""

    brokers: tuple[int, ...]
    replication: int
    there: dict[str, Found]
    findings: list[Finding]

    @property
    def endangered(self) -> bool:
        """Whether a difference endangers what the product guarantees."""
        return any(one.severity == "danger" for one in self.findings)


async def compare(settings: Settings, commands: Iterable[str] = ()) -> Compared:
    """Compare the cluster's topics with those of this version. Raises KafkaError or OSError where Kafka is away."""
    client = await admin(settings)
    try:
        return await _compare(client, settings, commands)
    finally:
        await client.close()


async def apply(settings: Settings, *, warnings: bool = False, only_say: bool = False) -> list[Finding]:
    """Set what endangers a guarantee, and with `warnings` what merely differs; what was set, or would be.

    Partitions and copies are never changed, and no other setting of a topic is. Raises KafkaError where the broker
    refuses.
    """
    client = await admin(settings)
    try:
        compared = await _compare(client, settings, ())
        grave = ("danger", "warning") if warnings else ("danger",)
        mended = [one for one in compared.findings if one.apply is not None and one.severity in grave]
        if mended and not only_say:
            await _alter(client, mended)
        return mended
    finally:
        await client.close()


async def _compare(client: AIOKafkaAdminClient, settings: Settings, commands: Iterable[str]) -> Compared:
    brokers = tuple(sorted(one["node_id"] for one in (await client.describe_cluster())["brokers"]))
    replication = copies(settings, len(brokers))
    there = await _there(client)
    findings = check(topics(commands), there, settings.partitions, replication)
    return Compared(brokers, replication, there, findings)


async def _there(client: AIOKafkaAdminClient) -> dict[str, Found]:
    found: dict[str, Found] = {}
    for one in await client.describe_topics():
        name = one["topic"]
        if (name.startswith(NAMESPACE) or name == OFFSETS) and one["partitions"]:
            parts = sorted(one["partitions"], key=lambda part: part["partition"])
            found[name] = Found(name, tuple(map(_partition, parts)))
    return await _configured(client, found)


def _partition(told: dict[str, Any]) -> Partition:
    replicas = tuple(told["replicas"])
    return Partition(told["partition"], replicas, told["leader"] >= 0, len(replicas) - len(told["isr"]))


async def _configured(client: AIOKafkaAdminClient, found: dict[str, Found]) -> dict[str, Found]:
    """The same with their settings, or with the reason why they are not told."""
    asked = [name for name in found if name != OFFSETS]
    if not asked:
        return found
    try:
        told = await _describe(client, asked)
    except KafkaError as error:
        # Not every broker that speaks Kafka's protocol can tell; to compare the rest is still worth it.
        return {name: replace(one, untold=_reason(error)) for name, one in found.items()}
    for name in asked:
        code, entries = told.get(name, (-1, ()))
        if code:
            found[name] = replace(found[name], untold=_reason(for_code(code)()))
        elif not entries:
            found[name] = replace(found[name], untold="it told none")
        else:
            config = {entry[0]: entry[1] for entry in entries if entry[1] is not None}
            own = frozenset(entry[0] for entry in entries if entry[3] == _OWN)
            found[name] = replace(found[name], config=config, own=own)
    return found


def _reason(error: BaseException) -> str:
    return str(error).strip() or type(error).__name__


async def _describe(client: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, tuple[int, Any]]:
    responses = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    return {
        name: (code, [_entry(response, entry) for entry in entries])
        for response in responses
        for code, _message, _kind, name, entries in response.resources
    }


def _entry(response: Any, entry: Sequence[Any]) -> tuple[str, str | None, bool, int]:
    """(name, value, read-only, source); the oldest form of the answer has `is default` in the source's place."""
    name, value, read_only, source = entry[:4]
    if response.API_VERSION == 0:
        source = 0 if source else _OWN
    return name, value, read_only, int(source)


async def _alter(client: AIOKafkaAdminClient, findings: Sequence[Finding]) -> None:
    wanted: dict[str, dict[str, str]] = {}
    for one in findings:
        if one.apply is not None:
            wanted.setdefault(one.topic, {})[one.setting] = one.apply
    # aiokafka knows only the request that replaces all of a topic's own settings, so those that are there go with it;
    # they are read just before, for somebody else may have changed them since they were compared.
    told = await _describe(client, list(wanted))
    resources = []
    for name, change in wanted.items():
        code, entries = told.get(name, (-1, ()))
        if code:
            raise KafkaError(f"the settings of {name} can't be read: {_reason(for_code(code)())}")
        own = {entry[0]: entry[1] for entry in entries if entry[3] == _OWN and entry[1] is not None}
        resources.append(ConfigResource(ConfigResourceType.TOPIC, name, {**own, **change}))
    await _set(client, resources)
    await _told(client, wanted)


async def _set(client: AIOKafkaAdminClient, resources: Sequence[ConfigResource]) -> None:
    """Ask for it again where the broker says that it may go better next time. To set the same twice does no harm."""

    async def refused() -> list[str]:
        found = [
            (for_code(code), f"the settings of {name} could not be changed: {message or _reason(for_code(code)())}")
            for response in await client.alter_configs(resources)
            for code, message, _kind, name in response.resources
            if code
        ]
        for error, told in found:
            if not error.retriable:
                raise KafkaError(told)
        return [told for _error, told in found]

    if reasons := await left(refused):
        raise KafkaError(reasons[0])


async def _told(client: AIOKafkaAdminClient, wanted: Mapping[str, Mapping[str, str]]) -> None:
    """Wait until the broker tells what was set."""

    async def untold() -> list[str]:
        told = await _describe(client, list(wanted))
        values = {name: {entry[0]: entry[1] for entry in entries} for name, (_code, entries) in told.items()}
        return [name for name, change in wanted.items() if not change.items() <= values.get(name, {}).items()]

    if names := await left(untold):
        raise KafkaError(f"set, but the broker still does not tell so after 10 s: {', '.join(names)}")
