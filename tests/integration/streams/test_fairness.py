"""One organisation's event behind another's backlog on the same partition."""

from __future__ import annotations

import orjson
import pytest

from runtime.kafka import partition_of
from schemas.names import RUNS
from tests.integration.streams.cluster import PARTITIONS, RMM, Cluster, event

pytestmark = pytest.mark.timeout(240)
MANY = 2_000


def on_first_partition(org: str, count: int) -> list[tuple[bytes, bytes, int]]:
    records: list[tuple[bytes, bytes, int]] = []
    number = 0
    while len(records) < count:
        value = event(org, f"d-{number}", f"n{number}", f"ev-{number}")
        key = f"{org}/{value['subject']}".encode()
        if partition_of(key, PARTITIONS) == 0:
            records.append((key, orjson.dumps(value), 0))
        number += 1
    return records


async def test_it_is_done_long_before_the_backlog_is(cluster: Cluster) -> None:
    await cluster.define("flood")
    await cluster.define("single")
    # The worker starts behind all of it: there is no moment at which the single event would come first.
    await cluster.stop("a")
    await cluster.send(RMM, *on_first_partition("flood", MANY), *on_first_partition("single", 1))
    await cluster.start("a")
    await cluster.finished("flood", MANY)
    ended = [
        entry["orgid"]
        for record in await cluster.records(RUNS)
        for entry in orjson.loads(record.value)
        if entry["type"] == "run.completed" and entry["orgid"] in {"flood", "single"}
    ]
    assert ended.count("flood") == MANY
    assert ended.index("single") < MANY // 2
