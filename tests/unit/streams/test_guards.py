"""The guard agent on topics in memory: batches, kills between any two writes, rebalances, ticks."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.workflow import Workflow, compile_workflow
from runtime.kafka import partition_of
from schemas.definitions import parse_definition
from schemas.errors import Refused
from schemas.events import Event, from_envelope
from schemas.messages import read_control
from schemas.names import ADMISSIONS, CONTROL, DEAD_LETTERS, GUARD, run_id
from streams import guard_records, guards

PARTITIONS = 2


class Broker:
    """Topics in memory. What was sent is there only when the test lets it be."""

    def __init__(self) -> None:
        self.logs: dict[tuple[str, int], list[Any]] = defaultdict(list)
        self.sent: list[tuple[asyncio.Future[None], str, int, bytes, bytes]] = []
        self.began = self.at = int(time.time() * 1000)
        self.patient = False

    def put(self, topic: str, partition: int, key: Any, value: Any, _headers: Any = None) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent.append((future, topic, partition, key, value))
        if not self.patient:
            self.accept(len(self.sent))
        return future

    def accept(self, count: int, *, told: bool = True) -> None:
        """The first `count` of what is under way are written; whether the sender hears of it or not."""
        for future, topic, partition, key, value in self.sent[:count]:
            self.append(topic, partition, key, value)
            if told and not future.done():
                future.set_result(None)
        del self.sent[:count]

    def append(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        log = self.logs[topic, partition]
        log.append(SimpleNamespace(
            topic=topic, partition=partition, offset=len(log), key=key, value=value, headers=(), timestamp=self.at,
        ))  # fmt: skip

    def all(self, topic: str) -> list[Any]:
        return [record for partition in range(PARTITIONS) for record in self.logs[topic, partition]]

    async def read(self, topic: str, partitions: Any, since: float, take: Callable[[Any], None]) -> None:
        for partition in partitions:
            for record in list(self.logs[topic, partition]):
                if record.timestamp >= since * 1000:
                    take(record)


def parts_on(broker: Broker, storm_limit: int = 0, workflows: tuple[Workflow, ...] = ()) -> Any:
    ready = asyncio.Event()
    ready.set()
    registry = SimpleNamespace(
        snapshot=lambda: {f"{one.org}/{one.id}": b"" for one in workflows},
        get=lambda _org, name: next(one for one in workflows if one.id == name),
    )
    made: Any = SimpleNamespace(
        partitions=PARTITIONS,
        publisher=SimpleNamespace(put=broker.put),
        read_back=SimpleNamespace(read=broker.read),
        readable=lambda _record, newer: newer is None,
        definitions=SimpleNamespace(ready=ready, registry=registry),
        clock=SimpleNamespace(virtual=False, time=lambda: broker.at / 1000),
        settings=SimpleNamespace(storm_limit=storm_limit),
        tasks=set(),
    )

    def spawn(work: Any) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        made.tasks.add(task)
        return task

    made.spawn = spawn
    made.guards = guards.Guards(made)
    return made


def workflow(**fields: Any) -> Workflow:
    body = {
        "id": "wf", "org": "acme", "version": 1, "name": "Alert", "state": "enabled",
        "trigger": {"type": "alert.triggered"},
        "steps": [{"id": "note", "action": "create_note", "with": {"body": "x", "company_id": "c"}}],
        "throttle": {"key": "{{device.id}}", "limit": 1, "per": "PT30M"},
        **fields,
    }  # fmt: skip
    return compile_workflow(parse_definition({name: value for name, value in body.items() if value is not None}))


def event(number: int, device: str | None = "d-17", severity: str = "low", org: str = "acme") -> Event:
    data: dict[str, Any] = {"alert": {"id": f"a-{number}", "severity": severity}}
    if device is not None:
        data["device"] = {"id": device}
    return from_envelope({
        "specversion": "1.0", "id": f"ev-{number}", "source": "/rmm", "type": "alert.triggered",
        "subject": f"alert/a-{number}", "orgid": org, "data": data,
    })  # fmt: skip


def ask(parts: Any, which: Workflow, one: Event) -> str:
    run = run_id(one.org, which.id, one.source, one.id)
    guard_records.request(parts, which, one, run, 1)
    return run


class Worker:
    """One life of the agent on the partition of `acme/wf`."""

    def __init__(self, broker: Broker, parts: Any, committed: int) -> None:
        self.broker, self.parts = broker, parts
        self.committed = self.read = committed
        self.before: asyncio.Task[None] | None = None
        self.acked: dict[int, int] = {}
        self.parts.guards.assign({0, 1})

    def deliver(self, count: int = 1_000) -> None:
        records = self.broker.logs[GUARD, HOME][self.read : self.read + count]
        if not records:
            return
        first, self.read = self.read, self.read + len(records)
        batch = SimpleNamespace(
            value=records, message=SimpleNamespace(partition=HOME), ack=lambda: self.acked.__setitem__(first, self.read)
        )
        batch.ack = self._acker(first, self.read)
        self.before = self.parts.spawn(self.parts.guards.batch(batch, self.before))

    def _acker(self, first: int, after: int) -> Callable[[], None]:
        def ack() -> None:
            self.acked[first] = after
            while self.committed in self.acked:
                self.committed = self.acked.pop(self.committed)

        return ack

    async def end(self) -> None:
        self.parts.guards.close()
        for task in self.parts.tasks:
            task.cancel()
        await asyncio.gather(*self.parts.tasks, return_exceptions=True)


HOME = partition_of(b"acme/wf", PARTITIONS)


async def settled(until: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not until():  # noqa: ASYNC110 - what is waited for is all over the topics
            await asyncio.sleep(0)


def verdicts(broker: Broker) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for record in broker.all(CONTROL):
        control = read_control(record.value)
        assert record.key.decode() == control.entity_key
        assert record.partition == partition_of(record.key, PARTITIONS)
        found[control.run_id or ""].append((control.verdict or "", control.reason or ""))
    return found


async def test_a_batch_is_decided_logged_told_and_then_acked() -> None:
    broker = Broker()
    parts, wf = parts_on(broker), workflow()
    runs = [ask(parts, wf, event(n)) for n in range(3)] + [ask(parts, wf, event(3, "d-18"))]
    worker = Worker(broker, parts, 0)
    broker.patient = True
    worker.deliver()
    await settled(lambda: len(broker.sent) == 2)
    assert {topic for _, topic, *_ in broker.sent} == {ADMISSIONS}
    assert worker.committed == 0
    broker.accept(2)
    await settled(lambda: len(broker.sent) == 4)
    assert {topic for _, topic, *_ in broker.sent} == {CONTROL}
    assert worker.committed == 0
    broker.accept(4)
    await settled(lambda: worker.committed == 4)
    told = {run: [verdict for verdict, _ in each] for run, each in verdicts(broker).items()}
    assert told == {runs[0]: ["admitted"], runs[1]: ["throttle"], runs[2]: ["throttle"], runs[3]: ["admitted"]}
    ((_, reason),) = verdicts(broker)[runs[1]]
    assert reason.startswith(f"throttled: at most 1 run in 30 min for key 'd-17'; run {runs[0]} began at ")
    await worker.end()


async def test_a_key_that_renders_to_nothing_is_shared_by_all_such_events() -> None:
    broker = Broker()
    parts, wf = parts_on(broker), workflow()
    runs = [ask(parts, wf, event(n, None)) for n in range(2)]
    worker = Worker(broker, parts, 0)
    worker.deliver()
    await settled(lambda: worker.committed == 2)
    assert [verdicts(broker)[run][0][0] for run in runs] == ["admitted", "throttle"]
    assert "for all events whose key renders to nothing" in verdicts(broker)[runs[1]][0][1]
    await worker.end()


def test_long_keys_are_told_apart_and_stay_small() -> None:
    wf = workflow(throttle={"key": "{{alert.title}}", "limit": 1, "per": "1m"})
    one, other = event(1), event(1)
    one.envelope["data"]["alert"]["title"], other.envelope["data"]["alert"]["title"] = "x" * 5000, "x" * 5000 + "y"
    keys = {guard_records.throttle_key(wf, given, "r") for given in (one, other)}
    assert len(keys) == 2
    assert max(map(len, keys)) <= 200


async def test_who_needs_a_guard() -> None:
    broker = Broker()
    assert guards.needed(parts_on(broker), workflow())
    assert not guards.needed(parts_on(broker), workflow(throttle=None))
    assert guards.needed(parts_on(broker, storm_limit=60), workflow(throttle=None))


async def test_a_request_that_is_too_large_is_refused() -> None:
    large = event(1)
    large.envelope["data"]["alert"]["message"] = "x" * 3_000_000
    with pytest.raises(Refused, match="bytes"):
        ask(parts_on(Broker()), workflow(), large)


async def test_what_is_no_request_is_a_dead_letter_and_the_rest_goes_on() -> None:
    broker = Broker()
    parts = parts_on(broker)
    for value in (b"{", b"{}", b"[]", b'{"format": 7}', b'{"format": 1, "ahead": 0}', None):
        broker.append(GUARD, HOME, b"acme/wf", value)  # type: ignore[arg-type]  # a null may stand on the topic
    run = ask(parts, workflow(), event(1))
    worker = Worker(broker, parts, 0)
    worker.deliver()
    await settled(lambda: worker.committed == 7)
    assert len(broker.all(DEAD_LETTERS)) == 6
    assert verdicts(broker)[run][0][0] == "admitted"
    await worker.end()


async def test_of_a_longer_period_than_the_registry_knows_the_log_is_read_further_back() -> None:
    broker = Broker()
    wf = workflow(throttle={"key": "{{device.id}}", "limit": 1, "per": "P7D"})
    broker.at = broker.began - 6 * 86_400_000
    parts = parts_on(broker)
    first = ask(parts, wf, event(1))
    worker = Worker(broker, parts, 0)
    worker.deliver()
    await settled(lambda: worker.committed == 1)
    await worker.end()
    broker.at = broker.began
    parts = parts_on(broker)
    second = ask(parts, wf, event(2))
    worker = Worker(broker, parts, 1)
    worker.deliver()
    await settled(lambda: worker.committed == 2)
    assert verdicts(broker)[second][0][0] == "throttle"
    assert first in verdicts(broker)[second][0][1]
    await worker.end()


async def test_a_clock_that_is_set_forward_moves_the_throttles_window() -> None:
    broker = Broker()
    parts, wf = parts_on(broker), workflow()
    first = ask(parts, wf, event(1))
    parts.clock = SimpleNamespace(virtual=True, time=lambda: time.time() + 1_799)
    second = ask(parts, wf, event(2))
    parts.clock = SimpleNamespace(virtual=True, time=lambda: time.time() + 1_801)
    third = ask(parts, wf, event(3))
    worker = Worker(broker, parts, 0)
    worker.deliver()
    await settled(lambda: worker.committed == 3)
    assert [verdicts(broker)[run][0][0] for run in (first, second, third)] == ["admitted", "throttle", "admitted"]
    await worker.end()


async def test_a_storm_ends_with_one_summary_also_where_no_request_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "_LOOK_SECONDS", 0.001)
    broker = Broker()
    parts, wf = parts_on(broker, storm_limit=5), workflow(throttle=None)
    runs = [ask(parts, wf, event(n)) for n in range(20)]
    worker = Worker(broker, parts, 0)
    worker.deliver()
    await settled(lambda: worker.committed == 20)
    # Killed in the storm: whoever has the partition next ends it.
    await worker.end()
    parts = parts_on(broker, storm_limit=5)
    worker = Worker(broker, parts, 20)
    broker.at += 61_000
    await settled(lambda: len(broker.logs[GUARD, HOME]) > 20)
    worker.deliver()
    await settled(lambda: worker.committed > 20)
    found = [read_control(record.value) for record in broker.all(CONTROL)]
    (summary,) = [one for one in found if one.summary is not None]
    assert summary.summary is not None
    assert summary.summary["suppressed"] == 15
    assert summary.summary["entities"] == [{"entity": "device/d-17", "suppressed": 15}]
    assert summary.run_id not in runs
    assert summary.event is not None
    assert summary.event["id"] == "ev-5"
    assert [one.verdict for one in found].count("storm") == 16
    await worker.end()


async def test_after_a_rebalance_nothing_more_is_told_by_the_old_assignment() -> None:
    broker = Broker()
    parts, wf = parts_on(broker), workflow()
    run = ask(parts, wf, event(1))
    worker = Worker(broker, parts, 0)
    broker.patient = True
    worker.deliver()
    await settled(lambda: len(broker.sent) == 1)
    parts.guards.revoke({0, 1})
    parts.guards.assign({0, 1})
    broker.accept(1)
    worker.read = 0
    worker.deliver()
    await settled(lambda: len(broker.sent) == 1)
    broker.accept(1)
    await settled(lambda: worker.committed == 1)
    assert verdicts(broker)[run] == [("admitted", "")]
    await worker.end()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from(["a", "b"]), st.sampled_from(["low", "high", "critical"])),
        st.tuples(st.just("wait"), st.integers(1, 40_000)),
        st.tuples(st.just("deliver"), st.integers(1, 5)),
        st.tuples(st.just("accept"), st.integers(1, 4)),
        st.tuples(st.just("kill"), st.integers(0, 4)),
    ),
    min_size=5,
    max_size=60,
)


@given(STEPS, st.integers(1, 3), st.sampled_from([0, 4]))
@settings(deadline=None, max_examples=150)
def test_killed_anywhere_no_request_is_lost_and_no_window_has_more_than_the_limit(
    steps: list[Any], limit: int, storm_limit: int
) -> None:
    asyncio.run(_live(steps, limit, storm_limit))


async def _live(steps: list[Any], limit: int, storm_limit: int) -> None:
    broker = Broker()
    wf = workflow(throttle={"key": "{{device.id}}", "limit": limit, "per": "PT1M"})
    worker = Worker(broker, parts_on(broker, storm_limit, (wf,)), 0)
    asked: dict[str, tuple[str, str, int]] = {}

    async def quiet() -> None:
        for _ in range(12):
            await asyncio.sleep(0)

    async def perform(step: Any) -> None:
        nonlocal worker
        if step[0] == "ask":
            broker.patient = False
            run = ask(worker.parts, wf, event(len(asked), step[1], step[2]))
            asked[run] = (step[1], step[2], broker.at)
            broker.patient = True
        elif step[0] == "wait":
            broker.at += step[1]
        elif step[0] == "deliver":
            worker.deliver(step[1])
        elif step[0] == "accept":
            broker.accept(step[1])
        else:
            # What the dead worker had sent may still be written, up to some record.
            broker.accept(step[1], told=False)
            broker.sent.clear()
            committed = worker.committed
            await worker.end()
            worker = Worker(broker, parts_on(broker, storm_limit, (wf,)), committed)
        await quiet()

    broker.patient = True
    try:
        for step in steps:
            await perform(step)
        while worker.committed < len(broker.logs[GUARD, HOME]):
            worker.deliver()
            broker.accept(1)
            await quiet()
    finally:
        await worker.end()
    told = verdicts(broker)
    assert set(asked) <= set(told)
    assert all(len({verdict for verdict, _ in each}) == 1 for each in told.values())
    times = [(at, device) for run, (device, _, at) in asked.items() if told[run][0][0] == "admitted"]
    for begin, device in times:
        assert sum(begin <= at < begin + 60_000 and one == device for at, one in times) <= limit
    if storm_limit:
        lows = [asked[run][2] for run in asked if told[run][0][0] == "admitted" and asked[run][1] == "low"]
        assert all(sum(begin <= at < begin + 60_000 for at in lows) <= storm_limit for begin in lows)
    ends = [orjson.loads(record.value) for record in broker.logs[ADMISSIONS, HOME]]
    suppressed = {one["run"] for one in ends if one.get("verdict") == "storm"}
    assert suppressed == {run for run in asked if told[run][0][0] == "storm"}
