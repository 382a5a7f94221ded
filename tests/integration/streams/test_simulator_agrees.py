"""The pure simulator and the real agents tell the same story, for random workflows, answers and signals.

Each workflow lives in an organisation of its own, with one event. A real worker runs them, its actions answering as
the event says; waits are passed over by setting its clock forward, but not before the signals that are planned for a
wait were sent. Then the simulator plays the same, and the two logs are compared but for times.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from engine.rules import RULES
from engine.simulation.trial import Trial
from engine.workflow import compile_workflow
from runtime.kafka import partition_of
from sandbox.broker import Tansu
from sandbox.clock import VARIABLE, VirtualTime
from sandbox.process import end, spawn, tail
from schemas.definitions import parse_definition
from schemas.events import Event, from_envelope
from schemas.names import DEFINITIONS, EVENT_TOPICS, RUNS
from tests.integration.streams.scripted import Script
from tests.unit.engine import strategies

pytestmark = pytest.mark.timeout(600)

COUNT: Final = 200
PARTITIONS: Final = 2
PATIENCE: Final = 300.0
LONG: Final = 60.0
"""Seconds of a wait that does not end by itself while the test looks."""
STEP: Final = timedelta(days=2)
"""More than any wait of these workflows: a delay of a quarter, or Retry-After, which is a day at most."""
SIGNALS: Final = ("Closed", "Open")
"""A ticket's status: the first cancels, the other restarts."""


class Life(NamedTuple):
    """A definition, what its actions answer by step and attempt, and which signals come in which long wait."""

    definition: dict[str, Any]
    script: dict[str, list[dict[str, Any]]]
    signals: dict[int, str]


def _timeless(steps: list[dict[str, Any]]) -> None:
    """Delays whose length does not depend on the moment at which they begin: that is another in a real life."""
    for step in steps:
        given_ = step.get("with", {})
        if step.get("action") == "delay" and ("calendar" in given_ or given_.get("until") not in {None, "2025-01-01"}):
            step["with"] = {"for": "PT15M"}
        for arm in ("then", "else"):
            _timeless(step.get(arm, []))


ERRORS: Final = st.sampled_from(
    [
        {"kind": "http", "message": "HTTP 503", "status": 503, "body": "away"},
        {"kind": "timeout", "message": "no answer in 30 s"},
        {"kind": "http", "message": "HTTP 422", "status": 422, "body": '{"api_key": "k-17", "why": "no"}'},
    ]
)
FAILURES: Final = st.fixed_dictionaries(
    {
        "error": ERRORS,
        "retryable": st.sampled_from([True, True, False]),
        "retry_after": st.sampled_from([None, 0.0, 1e9]),
    }
)
ANSWERS: Final = st.lists(strategies.VALUES.map(lambda value: {"output": value}) | FAILURES, min_size=1, max_size=4)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    definition = draw(strategies.definitions())
    _timeless(definition["steps"])
    if draw(st.booleans()):
        definition["steps"].insert(0, {"id": "first", "action": "delay", "with": {"for": "PT15M"}})
    paths = [step.path for step in compile_workflow(parse_definition(definition)).steps]
    script = {path: draw(ANSWERS) for path in paths if draw(st.booleans())}
    signals = {wait: draw(st.sampled_from((None, *SIGNALS))) for wait in range(1, 5)}
    return Life(definition, script, {wait: one for wait, one in signals.items() if one is not None})


def many(count: int, number: int) -> list[Life]:
    """So many random lives."""
    found: list[Life] = []

    @seed(number)
    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(lives())
    def collect(life: Life) -> None:
        found.append(life)

    collect()
    return found[:count]


def _event(org: str, script: dict[str, Any], **attributes: Any) -> Event:
    """The event, or a signal, of one life; its actions find their answers in whichever began the run last."""
    envelope = json.loads(json.dumps(strategies.ENVELOPE)) | {"orgid": org, "id": f"ev-{org}"}
    status = attributes.pop("status", "Open")
    envelope["subject"] = f"ticket/{org}"
    envelope["data"]["ticket"] |= {"id": org, "status": status}
    envelope["data"]["script"] = script
    return from_envelope(envelope | attributes)


def _signal(org: str, life: Life, wait: int) -> Event:
    return _event(
        org, life.script, id=f"sig-{org}-{wait}", type="ticket.updated", status=life.signals[wait],
        time=datetime.now().astimezone().isoformat(),
    )  # fmt: skip


def _is_long(entry: dict[str, Any]) -> bool:
    if entry["type"] != "run.waiting":
        return False
    until, at = (datetime.fromisoformat(text) for text in (entry["data"]["until"], entry["time"]))
    return (until - at).total_seconds() > LONG


class Real:
    """A broker, a worker with scripted actions, and what its run log holds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Tansu(folder / "broker")
        self.time = VirtualTime(folder / "clock")
        self.log = folder / "worker.log"
        self.worker: Any = None
        self.runs: defaultdict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
        self._read: dict[TopicPartition, int] = {}

    def start(self) -> None:
        self.broker.start()
        env = {
            **{key: value for key, value in os.environ.items() if not key.startswith("ONESTACK_")},
            VARIABLE: str(self.time.file),
            "ONESTACK_BROKER": self.broker.bootstrap,
            "ONESTACK_PARTITIONS": str(PARTITIONS),
            "ONESTACK_FETCH_MAX_WAIT_MS": "10",
            "ONESTACK_METRICS_PORT": "0",
        }
        root = Path(__file__).parents[3]
        self.worker = spawn([sys.executable, "-m", "tests.integration.streams.scripted"], self.log, env=env, cwd=root)
        deadline = time.monotonic() + 60
        while not self.log.exists() or b"the worker works" not in self.log.read_bytes():
            assert self.worker.poll() is None, tail(self.log)
            assert time.monotonic() < deadline, tail(self.log)
            time.sleep(0.1)

    def stop(self) -> None:
        if self.worker is not None:
            end(self.worker)
        self.broker.stop()

    async def send(self, *records: tuple[str, bytes, bytes]) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.broker.bootstrap)
        await producer.start()
        try:
            for topic, key, value in records:
                place = 0 if topic == DEFINITIONS else partition_of(key, PARTITIONS)
                await producer.send_and_wait(topic, value, key, partition=place)
        finally:
            await producer.stop()

    async def look(self, consumer: AIOKafkaConsumer) -> None:
        """Take in what the run log has got."""
        for _ in range(20):
            found = await consumer.getmany(timeout_ms=150)
            for record in (one for some in found.values() for one in some):
                for entry in orjson.loads(record.value):
                    self.runs[entry["orgid"]].setdefault(int(entry["id"].rpartition(":")[2]), entry)
            if not found:
                return

    def entries(self, org: str) -> list[dict[str, Any]]:
        return [self.runs[org][seq] for seq in sorted(self.runs[org])]


FINAL: Final = frozenset({"run.completed", "run.failed", "run.cancelled", "run.skipped", "run.suppressed"})


async def live(real: Real, population: dict[str, Life]) -> None:
    """Let all of them live to their end."""
    await real.send(
        *(
            (DEFINITIONS, f"{org}/wf".encode(), orjson.dumps({**life.definition, "org": org}))
            for org, life in population.items()
        )
    )
    await asyncio.sleep(2)  # what is published is in force within a second
    events = [_event(org, life.script) for org, life in population.items()]
    await real.send(*((EVENT_TOPICS["psa"], one.entity_key.encode(), orjson.dumps(one.envelope)) for one in events))
    consumer = AIOKafkaConsumer(bootstrap_servers=real.broker.bootstrap, fetch_max_wait_ms=10)
    await consumer.start()
    try:
        partitions = [TopicPartition(RUNS, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        await _pass(real, consumer, population)
    finally:
        await consumer.stop()


async def _pass(real: Real, consumer: AIOKafkaConsumer, population: dict[str, Life]) -> None:
    sent: set[str] = set()
    deadline = time.monotonic() + PATIENCE
    while True:
        await real.look(consumer)
        open_ = {org: real.entries(org) for org in population}
        open_ = {org: entries for org, entries in open_.items() if not entries or entries[-1]["type"] not in FINAL}
        if not open_:
            return
        assert real.worker.poll() is None, tail(real.log)
        assert time.monotonic() < deadline, f"{len(open_)} runs do not end: {[*open_.items()][:1]}\n{tail(real.log)}"
        signals, restless = [], False
        for org, entries in open_.items():
            waits = sum(map(_is_long, entries))
            signal = population[org].signals.get(waits)
            if not entries or not _is_long(entries[-1]):
                restless = True
            elif signal is not None:
                # Sent once: until the run has moved on, the clock stands still.
                restless = True
                event = _signal(org, population[org], waits)
                if event.id not in sent:
                    sent.add(event.id)
                    signals.append((EVENT_TOPICS["psa"], event.entity_key.encode(), orjson.dumps(event.envelope)))
        if signals:
            await real.send(*signals)
        elif not restless:
            real.time.forward(STEP)
            await asyncio.sleep(0.3)


def simulated(org: str, life: Life, began: str) -> list[dict[str, Any]]:
    """The entries of the same life as the simulator plays it."""
    workflow = compile_workflow(parse_definition({**life.definition, "org": org}))
    script = Script()
    trial = Trial(
        workflow, _event(org, life.script), datetime.fromisoformat(began), outcomes=script.answer, rules=RULES
    )
    while (due := trial.due) is not None:
        entries: list[Any] = trial.entries
        waits = sum(map(_is_long, entries))
        if _is_long(entries[-1]) and waits in life.signals:
            trial.signal(_signal(org, life, waits), trial.at)
        else:
            trial.advance(due)
    return [dict(entry) for entry in trial.entries]


_OF_TIME: Final = ("until", "next_try", "time")


def story(entries: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    """The entries without times: whether there is one counts, not which."""
    return [(entry["type"], _without_times(entry["data"])) for entry in entries]


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: (one is not None) if name in _OF_TIME else _without_times(one) for name, one in value.items()}
    return [_without_times(one) for one in value] if isinstance(value, list) else value


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    found = Real(tmp_path)
    try:
        found.start()
        yield found
    finally:
        found.stop()


async def test_simulator_and_agents_tell_the_same_story(real: Real) -> None:
    number = int(os.environ.get("ONESTACK_CHAOS_SEED", "0")) or random.randrange(1, 1_000_000)
    population = {f"o{index}": life for index, life in enumerate(many(COUNT, number))}
    assert len(population) == COUNT
    await live(real, population)
    seen: defaultdict[str, int] = defaultdict(int)
    for org, life in population.items():
        lived = real.entries(org)
        played = simulated(org, life, lived[0]["time"])
        assert story(lived) == story(played), f"ONESTACK_CHAOS_SEED={number}: {org}: {life}"
        for entry in lived:
            seen[entry["type"]] += 1
    # What was compared is worth comparing: every kind of entry that such workflows can have, and many.
    wanted = {"run.started", "run.waiting", "run.cancelled", "run.restarted", "run.completed", "run.failed"}
    wanted |= {"step.started", "step.succeeded", "step.failed", "step.condition", "step.skipped"}
    assert {kind: count for kind in sorted(wanted) if (count := seen[kind]) < 5} == {}, f"ONESTACK_CHAOS_SEED={number}"
