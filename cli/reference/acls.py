"""docs/reference/acls.md, from the ACLs themselves."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from cli.reference.text import code, page, table
from runtime.kafka_acls import acls

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runtime.kafka_acls import Acl

_INTRO = """
The least that each process needs on Kafka. `onestack topics acls` prints these, `--commands` as arguments of
`kafka-acls.sh`, `--json` for programs; `--apply` adds them. Whatever is not here, a cluster with an authorizer refuses
(and with `allow.everyone.if.no.acl.found=false`, which is its default). A name that ends with `*` is a prefix.
[Secure Kafka](../how-to/secure-kafka.md) tells how to use them.
"""


def acls_page() -> str:
    """What each principal may do, by principal."""
    parts: list[str] = []
    for principal, found in groupby(acls(), attrgetter("principal")):
        parts += [f"## {principal}", table(("on", "name", "may"), _rows(found))]
    return page("Kafka ACLs", _INTRO, *parts)


def _rows(found: Iterable[Acl]) -> list[tuple[str, str, str]]:
    operations: dict[tuple[str, str], list[str]] = {}
    for one in found:
        operations.setdefault((one.resource, one.name + ("*" if one.prefixed else "")), []).append(one.operation)
    return [(resource, code(name), ", ".join(may)) for (resource, name), may in operations.items()]
