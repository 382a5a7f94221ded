"""A worker at work: order, overlap, offsets with gaps, forwarding, repeats, definitions. Worker `a` runs throughout."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from runtime.kafka import partition_of
from schemas.names import DEFINITIONS, command_topic
from tests.integration.streams.cluster import PARTITIONS, RMM, Cluster, definition, event

pytestmark = pytest.mark.timeout(240)
NOTES = command_topic("create_note")
COMPLETED = ["run.started", "step.started", "step.succeeded", "run.completed"]


async def settled(cluster: Cluster, topic: str) -> None:
    """Wait until all of a topic is committed."""

    async def all_committed() -> bool:
        return await cluster.committed(topic) == await cluster.ends(topic)

    await cluster.until(all_committed, f"the commit of all of {topic}")


async def test_an_entitys_runs_start_in_the_order_of_its_events(cluster: Cluster) -> None:
    await cluster.define("order")
    names = [f"n{number}" for number in range(60)]
    await cluster.emit("order", *names, prefix="one-device")
    runs = await cluster.finished("order", 60)
    assert [run.name for run in runs.values()] == names
    assert all(run.kinds == COMPLETED for run in runs.values())
    await settled(cluster, RMM)
    await settled(cluster, NOTES)


async def test_a_slow_action_delays_no_other_run_and_holds_back_only_the_commit(cluster: Cluster) -> None:
    await cluster.define("slow")
    cluster.hub.let_go.clear()
    # All of one device, so that the held call has the others behind it on its partition.
    await cluster.emit("slow", "held", *(f"n{number}" for number in range(40)), prefix="one-device")
    runs = await cluster.finished("slow", 40)
    (held,) = [run for run in runs.values() if run.name == "held"]
    assert held.kinds == ["run.started", "step.started"]
    partition = partition_of(b"slow/device/one-device", PARTITIONS)
    commands = [record for record in await cluster.records(NOTES) if record.partition == partition]
    (gap,) = [record.offset for record in commands if b'"name":"held"' in record.value]
    await asyncio.sleep(0.5)  # five commits
    assert (await cluster.committed(NOTES))[partition] <= gap
    cluster.hub.let_go.set()
    runs = await cluster.finished("slow", 41)
    assert len(runs) == 41
    await settled(cluster, NOTES)


async def test_an_event_on_a_wrong_partition_is_forwarded_to_its_own(cluster: Cluster) -> None:
    await cluster.define("forward")
    key = b"forward/device/d-x"
    home = partition_of(key, PARTITIONS)
    attributes = event("forward", "d-x", "x", "ev-1")
    data = orjson.dumps(attributes.pop("data"))
    headers = [(f"ce_{name}", str(value).encode()) for name, value in attributes.items()]
    await cluster.send(RMM, (None, data, 1 - home), headers=headers)
    runs = await cluster.finished("forward", 1)
    assert len(runs) == 1
    copies = [record for record in await cluster.records(RMM) if record.value == data]
    assert {(record.partition, record.key) for record in copies} == {(1 - home, None), (home, key)}
    assert [list(record.headers) for record in copies] == [headers, headers]


async def test_a_repeated_event_starts_nothing_also_after_a_restart(cluster: Cluster) -> None:
    await cluster.define("repeat")
    await cluster.emit("repeat", "a", "b", "a", "b")
    await cluster.emit("repeat", "a", "b")
    assert len(await cluster.finished("repeat", 4)) == 4
    await cluster.stop("a")
    await cluster.start("a")
    await cluster.emit("repeat", "a", "b", "mark")
    runs = await cluster.finished("repeat", 5)
    # The events' ids are made of name and place: a-0, b-1, a-2 and b-3 are four, however often they come.
    assert sorted(run.name for run in runs.values()) == ["a", "a", "b", "b", "mark"]
    mine = [call for call in cluster.hub.calls if call.key.split(":")[0] in runs]
    assert len(mine) == 5


async def letters_of(cluster: Cluster, key: str) -> list[dict[str, Any]]:
    return [letter for letter in await cluster.letters() if letter["key"] == key]


async def test_a_refused_definition_is_a_dead_letter_and_what_is_in_force_is_published_again(cluster: Cluster) -> None:
    await cluster.define("guard", 3)
    in_force = orjson.dumps(definition("guard", 3))
    invalid = orjson.dumps(definition("guard", 4, steps=[]))
    stale = orjson.dumps(definition("guard", 2))
    key = b"guard/wf"
    await cluster.send(DEFINITIONS, (key, invalid, 0), (key, stale, 0), (b"guard/never", b"{}", 0))

    async def restored() -> bool:
        records = await cluster.records(DEFINITIONS)
        return (
            [record.value for record in records if record.key == key][-2:] == [in_force, in_force]
            and [record.value for record in records if record.key == b"guard/never"] == [b"{}", None]
        )  # fmt: skip

    await cluster.until(restored, "the definition in force once more")
    assert [letter["field"] for letter in await letters_of(cluster, "guard/wf")] == ["steps", "version"]
    assert len(await letters_of(cluster, "guard/never")) == 1
    await cluster.emit("guard", "after")
    (run,) = (await cluster.finished("guard", 1)).values()
    assert run.entries[0]["data"]["workflow"]["version"] == 3


async def test_an_equal_definition_changes_nothing(cluster: Cluster) -> None:
    await cluster.define("equal")
    body = definition("equal")
    reordered = orjson.dumps(dict(reversed(body.items())))
    await cluster.send(DEFINITIONS, (b"equal/wf", reordered, 0))
    await cluster.emit("equal", "x")
    await cluster.finished("equal", 1)
    values = [record.value for record in await cluster.records(DEFINITIONS) if record.key == b"equal/wf"]
    assert values == [orjson.dumps(body), reordered]
    assert await letters_of(cluster, "equal/wf") == []


async def test_a_tombstone_deletes_and_any_version_may_come_after_it(cluster: Cluster) -> None:
    await cluster.define("gone", 7)
    await cluster.emit("gone", "before")
    await cluster.finished("gone", 1)
    await cluster.send(DEFINITIONS, (b"gone/wf", None, 0))
    await asyncio.sleep(1)
    await cluster.emit("gone", "meanwhile")
    await settled(cluster, RMM)
    await cluster.define("gone", 1)
    await cluster.emit("gone", "after")
    runs = await cluster.finished("gone", 2)
    assert sorted(run.name for run in runs.values()) == ["after", "before"]


async def test_two_workers_both_see_a_change(cluster: Cluster) -> None:
    await cluster.start("b")
    await cluster.define("both", 1)
    names = [f"n{number}" for number in range(20)]
    await cluster.emit("both", *names)
    first = await cluster.finished("both", 20)
    await cluster.define("both", 2)
    await cluster.emit("both", *(f"m{number}" for number in range(20)))
    runs = await cluster.finished("both", 40)
    await cluster.stop("b")
    versions = {run: one.entries[0]["data"]["workflow"]["version"] for run, one in runs.items()}
    assert {versions[run] for run in first} == {1}
    assert {version for run, version in versions.items() if run not in first} == {2}
    assert len(runs) == 40
