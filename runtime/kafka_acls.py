"""Who may do what on Kafka: the least that each of our processes needs, as ACLs of Kafka.

The numbers of Kafka's protocol (resource types, operations, pattern types) are those of KIP-133 and KIP-290.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.admin import CreateAclsRequest

from runtime.kafka import admin
from schemas.names import (
    ADMISSIONS,
    COMMANDS,
    CONTROL,
    DEAD_LETTERS,
    DEFINITIONS,
    EVENT_TOPICS,
    GUARD,
    MODULES,
    PROJECTOR_GROUP,
    RUNS,
    SIGNALS,
    TIMERS,
    WORKER_GROUP,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runtime.settings import Settings

Resource = Literal["topic", "group", "cluster"]
Operation = Literal["read", "write", "create", "alter", "describe", "describe-configs", "alter-configs"]

_RESOURCES: Final[dict[Resource, int]] = {"topic": 2, "group": 3, "cluster": 4}
_OPERATIONS: Final[dict[Operation, int]] = {
    "read": 3,
    "write": 4,
    "create": 5,
    "alter": 7,
    "describe": 8,
    "describe-configs": 10,
    "alter-configs": 11,
}
_LITERAL, _PREFIXED, _ALLOW = 3, 4, 3
_CLUSTER: Final = "kafka-cluster"
"""The one name that Kafka has for the cluster as a resource."""
_OURS: Final = "onestack."


@dataclass(frozen=True, slots=True)
class Acl:
    """One thing that a principal may do; `name` is a prefix where it is one."""

    principal: str
    operation: Operation
    resource: Resource
    name: str
    prefixed: bool = False

    @property
    def arguments(self) -> str:
        """What Kafka's own tool is given for it: `kafka-acls.sh --bootstrap-server … --add <arguments>`."""
        what = "--cluster" if self.resource == "cluster" else f"--{self.resource} '{self.name}'"
        pattern = " --resource-pattern-type prefixed" if self.prefixed else ""
        operation = {"describe-configs": "DescribeConfigs", "alter-configs": "AlterConfigs"}.get(
            self.operation, self.operation.title()
        )
        return f"--allow-principal '{self.principal}' --operation {operation} {what}{pattern}"


def acls(names: dict[str, str] | None = None) -> list[Acl]:
    """All of the product's ACLs. `names` are principals by role where they are not `User:onestack-<role>`."""
    found = [*_worker("worker"), *_projector("projector"), *_hub("hub"), *_scaler("scaler"), *_admin("admin")]
    for module in MODULES:
        found += [Acl(f"module-{module}", "write", "topic", EVENT_TOPICS[module])]
    given = names or {}
    return [
        Acl(
            given.get(one.principal, f"User:onestack-{one.principal}"),
            one.operation,
            one.resource,
            one.name,
            one.prefixed,
        )
        for one in found
    ]


def _worker(role: str) -> list[Acl]:
    logs = (DEFINITIONS, CONTROL, RUNS, SIGNALS, TIMERS, GUARD, ADMISSIONS)
    return [
        *(Acl(role, "read", "topic", name) for name in (*EVENT_TOPICS.values(), *logs)),
        Acl(role, "read", "topic", COMMANDS, prefixed=True),
        *(Acl(role, "write", "topic", name) for name in (*logs, DEAD_LETTERS)),
        # An event that a module's client put on another partition than its key's is forwarded there.
        *(Acl(role, "write", "topic", name) for name in EVENT_TOPICS.values()),
        Acl(role, "write", "topic", COMMANDS, prefixed=True),
        Acl(role, "read", "group", WORKER_GROUP),
        # To see that no topic is missing; to make one is the administrator's.
        Acl(role, "describe", "topic", DEAD_LETTERS),
    ]


def _projector(role: str) -> list[Acl]:
    return [
        *(Acl(role, "read", "topic", name) for name in (*EVENT_TOPICS.values(), RUNS, DEAD_LETTERS, DEFINITIONS)),
        Acl(role, "describe", "topic", _OURS, prefixed=True),
        Acl(role, "read", "group", PROJECTOR_GROUP, prefixed=True),
    ]


def _hub(role: str) -> list[Acl]:
    return [
        *(Acl(role, "read", "topic", name) for name in (*EVENT_TOPICS.values(), RUNS, DEAD_LETTERS, DEFINITIONS)),
        *(Acl(role, "write", "topic", name) for name in (*EVENT_TOPICS.values(), DEFINITIONS, CONTROL)),
        # How far each group is behind.
        Acl(role, "describe", "topic", _OURS, prefixed=True),
        Acl(role, "describe", "group", WORKER_GROUP),
        Acl(role, "describe", "group", PROJECTOR_GROUP, prefixed=True),
    ]


def _scaler(role: str) -> list[Acl]:
    """KEDA, which sees how far the workers are behind, and no record."""
    return [Acl(role, "describe", "topic", _OURS, prefixed=True), Acl(role, "describe", "group", WORKER_GROUP)]


def _admin(role: str) -> list[Acl]:
    on_topics: tuple[Operation, ...] = (
        "read",
        "write",
        "create",
        "alter",
        "describe",
        "describe-configs",
        "alter-configs",
    )
    on_cluster: tuple[Operation, ...] = ("create", "alter", "describe", "describe-configs")
    return [
        *(Acl(role, one, "topic", _OURS, prefixed=True) for one in on_topics),
        Acl(role, "describe", "group", "onestack-", prefixed=True),
        *(Acl(role, one, "cluster", _CLUSTER) for one in on_cluster),
    ]


async def apply(settings: Settings, wanted: Iterable[Acl]) -> int:
    """Add these ACLs to the cluster, those that are there already too; their number.

    Raises KafkaError with the broker's reason where one is refused.
    """
    client = await admin(settings)
    count = 0
    try:
        for one in wanted:
            request = CreateAclsRequest(
                _RESOURCES[one.resource],
                one.name,
                _PREFIXED if one.prefixed else _LITERAL,
                one.principal,
                "*",
                _OPERATIONS[one.operation],
                _ALLOW,
            )
            answer = await client._send_to_controller(request)  # noqa: SLF001 - aiokafka has no public way to it
            for code, reason in answer.creation_responses:
                if code:
                    told = reason or for_code(code).__name__
                    raise KafkaError(f"the ACL of {one.principal} on {one.resource} {one.name} is refused: {told}")
            count += 1
    finally:
        await client.close()
    return count
