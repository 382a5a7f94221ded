"""The contracts from outside, on a real Kafka: what any producer, any SQL client and any operator may rely on."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import pytest
import pytest_asyncio

from schemas.names import EVENT_TOPICS
from tests.chaos.bus import ALERTS, STRUCTURED, alert, crc_partition, key_of, subject_on
from tests.chaos.receiver import Call, at_once
from tests.chaos.stack import Stack, eventually, step, workflow

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="module")]

WORKERS: Final = ("worker0", "worker1")
TICKET: Final = [step("ticket", "create_ticket", title="{{alert.title}}")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_stack() -> AsyncIterator[Stack]:
    one = Stack()
    try:
        await one.start(*WORKERS, "projector")
        yield one
    finally:
        await one.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def stack(module_stack: Stack) -> AsyncIterator[Stack]:
    """The stack with all its processes at work, and modules that answer at once."""
    module_stack.receiver.behave = at_once
    missing = [name for name in (*WORKERS, "projector") if name not in module_stack.processes]
    for name in missing:
        module_stack.up(name)
    if missing:
        await module_stack.working()
    module_stack.receiver.calls.clear()
    yield module_stack
    assert set(module_stack.alive().values()) == {None}, f"a process ended by itself: {module_stack.alive()}"


async def in_force(stack: Stack, *definitions: dict[str, Any]) -> None:
    """Publish, and wait until workers have it: by the contract within a second."""
    await stack.bus.define(*definitions)
    await asyncio.sleep(1)


def everywhere(stack: Stack, org: str, prefix: str, **data: Any) -> list[dict[str, Any]]:
    """An event on each partition, and so for each worker."""
    subjects = [subject_on(number, org, prefix, stack.partitions) for number in range(stack.partitions)]
    return [alert(org, subject, subject, **data) for subject in subjects]


def calls_by_title(stack: Stack) -> Counter[str]:
    return Counter(call.body["title"] for call in stack.receiver.calls if call.module == "psa")


def held_back(until: asyncio.Event, text: str = "") -> Callable[[Call], Awaitable[None]]:
    """A module that answers calls with this text in their body only when it is told to."""

    async def behave(call: Call) -> None:
        if text in json.dumps(call.body):
            await until.wait()

    return behave


async def under_way(stack: Stack, count: int) -> None:
    async def now() -> int:
        return stack.receiver.under_way

    await eventually(now, lambda seen: seen >= count, 30, f"calls under way, {count} of them")


async def test_structured_and_binary_events_come_to_the_same(stack: Stack) -> None:
    await in_force(stack, workflow("modes", "modes", TICKET))
    whole = alert("modes", "same", "structured")
    headless, binary = {**whole, "id": "headless"}, {**whole, "id": "binary"}
    await stack.bus.emit(whole)
    await stack.bus.send(ALERTS, key_of(whole), json.dumps(headless).encode())
    attributes = {name: value for name, value in binary.items() if name not in {"data", "datacontenttype"}}
    headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    await stack.bus.send(
        ALERTS, key_of(whole), json.dumps(binary["data"]).encode(), [*headers, ("content-type", b"application/json")]
    )
    await stack.completed("modes", 3)
    rows = await stack.rows("select trigger_event::text as event from history.runs where org_id = 'modes'")
    kept = {event["id"]: event for event in (json.loads(row["event"]) for row in rows)}
    assert kept == {"structured": whole, "headless": headless, "binary": binary}


async def test_events_that_came_to_another_partition_are_forwarded_and_processed_once(stack: Stack) -> None:
    await in_force(stack, workflow("forward", "forward", TICKET))
    events = [alert("forward", f"f-{number}", f"f-{number}") for number in range(40)]
    for number, event in enumerate(events):
        partition = crc_partition(key_of(event), stack.partitions)
        # librdkafka's partitioner for every second one, a producer that sends no key for the others.
        given = (key_of(event), partition) if number % 2 else (None, number % stack.partitions)
        await stack.bus.send(ALERTS, given[0], json.dumps(event).encode(), STRUCTURED, given[1])
    await stack.completed("forward", len(events))
    assert calls_by_title(stack) == dict.fromkeys((event["id"] for event in events), 1)
    again = await stack.rows("select count(*) from history.dead_letters where key like 'forward/%'")
    assert again[0]["count"] == 0


async def test_a_repeated_event_is_recognised_after_the_workers_were_restarted(stack: Stack) -> None:
    await in_force(stack, workflow("repeat", "repeat", TICKET))
    events = everywhere(stack, "repeat", "r")
    await stack.bus.emit_all([*events, *events])
    await stack.completed("repeat", len(events))
    assert [stack.end(name) for name in WORKERS] == [0, 0]
    for name in WORKERS:
        stack.up(name)
    await stack.bus.emit_all(events)
    # What comes after them on their partitions is done after them.
    later = [{**event, "id": f"{event['id']}-later"} for event in events]
    await stack.bus.emit_all(later)
    await stack.completed("repeat", 2 * len(events))
    assert sum(calls_by_title(stack).values()) == 2 * len(events)


async def test_a_changed_definition_is_in_force_on_every_worker_a_second_later(stack: Stack) -> None:
    first = workflow("change", "change", [step("ticket", "create_ticket", title="one")])
    second = workflow("change", "change", [step("ticket", "create_ticket", title="two")], version=2)
    for version, definition in ((1, first), (2, second)):
        await in_force(stack, definition)
        events = everywhere(stack, "change", f"v{version}")
        await stack.bus.emit_all(events)
        await stack.completed("change", version * len(events))
        rows = await stack.rows(
            "select workflow_version from history.runs where org_id = 'change' and starts_with(entity_key, $1)",
            f"change/alert/v{version}",
        )
        assert [row["workflow_version"] for row in rows] == [version] * len(events)
    assert calls_by_title(stack) == {"one": stack.partitions, "two": stack.partitions}


async def test_a_deleted_or_disabled_definition_starts_nothing_a_second_later(stack: Stack) -> None:
    await in_force(stack, workflow("gone", "gone", TICKET), workflow("off", "gone", TICKET))
    await stack.bus.emit_all(everywhere(stack, "gone", "before"))
    await stack.completed("gone", 2 * stack.partitions)
    await stack.bus.send("onestack.workflow.definitions", b"gone/gone", None)
    await in_force(stack, workflow("off", "gone", TICKET, version=2, state="disabled"), workflow("on", "gone", TICKET))
    await stack.bus.emit_all(everywhere(stack, "gone", "after"))
    await stack.completed("gone", 3 * stack.partitions)


async def test_a_new_worker_has_every_definition_before_its_first_event(stack: Stack) -> None:
    assert [stack.end(name) for name in WORKERS] == [0, 0]
    orgs = [f"many-{number}" for number in range(300)]
    await asyncio.gather(*(stack.bus.define(workflow("only", org, TICKET)) for org in orgs))
    await stack.bus.emit_all([alert(org, "first", f"first of {org}") for org in orgs])
    for name in WORKERS:
        stack.up(name)
    query = "select org_id, status from history.runs where org_id like 'many-%'"
    rows = await eventually(lambda: stack.rows(query), lambda seen: len(seen) >= 300, 60, "runs of 300 organisations")
    await eventually(
        lambda: stack.rows(query), lambda seen: {row["status"] for row in seen} == {"completed"}, 60, "their statuses"
    )
    assert sorted(row["org_id"] for row in rows) == sorted(orgs)
    assert calls_by_title(stack) == {f"first of {org}": 1 for org in orgs}


async def test_one_organisations_hanging_target_does_not_hold_up_anothers_runs(stack: Stack) -> None:
    await in_force(stack, workflow("slow", "slow", TICKET), workflow("quick", "quick", TICKET))
    answer = asyncio.Event()
    stack.receiver.behave = held_back(answer, "slow-")
    await stack.bus.emit_all([alert("slow", f"s-{number}", f"slow-{number}") for number in range(300)])
    await under_way(stack, 20)
    await stack.bus.emit_all(everywhere(stack, "quick", "q"))
    # The slow target answers nobody yet, so these can't have waited for it.
    await stack.completed("quick", stack.partitions, seconds=20)
    assert (await stack.statuses("slow")).get("completed", 0) == 0
    answer.set()
    await stack.completed("slow", 300)
    assert calls_by_title(stack) == {
        **{f"slow-{number}": 1 for number in range(300)},
        **{event["id"]: 1 for event in everywhere(stack, "quick", "q")},
    }


async def test_a_worker_that_joins_under_load_repeats_no_call(stack: Stack) -> None:
    await in_force(stack, workflow("join", "join", TICKET))

    async def behave(_call: Call) -> None:
        await asyncio.sleep(1)

    stack.receiver.behave = behave
    events = [alert("join", f"j-{number}", f"j-{number}") for number in range(400)]
    await stack.bus.emit_all(events[:200])
    await under_way(stack, 20)
    stack.up("worker2")
    for event in events[200:]:
        await stack.bus.emit(event)
        await asyncio.sleep(0.02)
    await stack.completed("join", len(events))
    assert stack.end("worker2") == 0
    assert stack.receiver.repeated() == {}


async def test_sigterm_with_calls_in_flight_ends_in_time_and_neither_loses_nor_repeats(stack: Stack) -> None:
    await in_force(stack, workflow("term", "term", [*TICKET, step("tag", "add_tag", tag="{{steps.ticket.id}}")]))

    async def behave(_call: Call) -> None:
        await asyncio.sleep(1.5)

    stack.receiver.behave = behave
    events = [alert("term", f"t-{number}", f"t-{number}") for number in range(120)]
    await stack.bus.emit_all(events)
    await under_way(stack, 20)
    # The second is asked while it has the first one's partitions still to come.
    codes = await asyncio.gather(*(asyncio.to_thread(stack.end, name, 10) for name in WORKERS))
    assert codes == [0, 0]
    stack.receiver.behave = at_once
    for name in WORKERS:
        stack.up(name)
    await stack.completed("term", len(events))
    assert stack.receiver.repeated() == {}
    assert len(stack.receiver.calls) == 2 * len(events)


async def test_kafka_away_for_20_seconds_everything_waits_and_goes_on(stack: Stack) -> None:
    await in_force(stack, workflow("outage", "outage", TICKET))
    before, during, after = ([alert("outage", f"{when}-{n}", f"{when}-{n}") for n in range(60)] for when in "bda")
    answer = asyncio.Event()
    stack.receiver.behave = held_back(answer)
    await stack.bus.emit_all(before)
    await under_way(stack, 20)
    processes = dict(stack.processes)
    await asyncio.to_thread(stack.kafka.stop)
    answer.set()
    sending = asyncio.create_task(stack.bus.emit_all(during))
    await asyncio.sleep(20)
    assert set(stack.alive().values()) == {None}
    await asyncio.to_thread(stack.kafka.start)
    await sending
    await stack.bus.emit_all(after)
    await stack.completed("outage", len(before + during + after), seconds=90)
    assert stack.processes == processes
    assert calls_by_title(stack) == {event["id"]: 1 for event in before + during + after}


async def test_postgres_away_for_10_seconds_runs_go_on_and_the_history_follows(stack: Stack) -> None:
    await in_force(stack, workflow("blind", "blind", TICKET))
    await stack.bus.emit_all([alert("blind", f"b-{number}", f"b-{number}") for number in range(40)])
    await stack.completed("blind", 40)
    await asyncio.to_thread(stack.postgres.stop)
    await stack.bus.emit_all([alert("blind", f"b-{number}", f"b-{number}") for number in range(40, 80)])

    async def performed() -> int:
        return sum(calls_by_title(stack).values())

    # Actions do not wait for the history.
    await eventually(performed, lambda count: count >= 80, 30, "calls while Postgres is away")
    await asyncio.sleep(10)
    assert set(stack.alive().values()) == {None}
    await asyncio.to_thread(stack.postgres.start)
    await stack.completed("blind", 80)
    assert await performed() == 80


async def test_every_command_that_reads_kafka_finds_the_partitions_of_a_real_one(stack: Stack) -> None:
    await in_force(stack, workflow("read", "read", TICKET))
    await stack.bus.emit_all(everywhere(stack, "read", "x"))
    await stack.completed("read", stack.partitions)
    told = await stack.onestack("tail", "--from-start", "--org", "read", "--limit", str(4 * stack.partitions), "--json")
    kinds = Counter(json.loads(line)["type"] for line in told.splitlines())
    assert kinds == dict.fromkeys(("run.started", "step.started", "step.succeeded", "run.completed"), stack.partitions)
    topics = json.loads(await stack.onestack("topics", "list", "--json"))
    assert {one["partitions"] for one in topics if one["topic"] in EVENT_TOPICS.values()} == {stack.partitions}
