from datetime import UTC, datetime
from typing import Any, cast

import orjson
import pytest

from bench.receiver import Count, Receiver
from bench.workload import NOOPS, STEPS, Noop, definition, events, noops_known, one_for_each_partition
from engine.run import call_of, decide, evolve, start
from engine.workflow import Workflow, compile_workflow
from runtime.kafka import partition_of
from schemas.actions import PARAMETERS
from schemas.definitions import parse_definition
from schemas.errors import Refused
from schemas.events import decode
from schemas.names import run_id
from schemas.outcomes import Succeeded

NOW = datetime(2026, 11, 23, tzinfo=UTC)


async def types_of(workflow: Workflow) -> list[str]:
    """The entries of one run, its actions performed by no-ops."""
    [made] = events("x", 1, 4)
    entries = list(start(workflow, decode(made.value, []), NOW))
    state = None
    for entry in entries:
        state = evolve(state, entry, workflow.body)
    while state is not None and state.status == "running":
        call = call_of(state)
        outcome = await Noop(call.action).perform(call) if call.action in NOOPS else Succeeded({"id": "T-1"})
        new = decide(workflow, state, outcome, NOW)
        for entry in new:
            state = evolve(state, entry)
        entries += new
    return [entry["type"] for entry in entries]


@pytest.mark.parametrize("http", [False, True])
async def test_a_run_is_three_actions_one_after_the_other(http: bool) -> None:
    with noops_known():
        workflow = compile_workflow(parse_definition(definition(http=http)))
        found = await types_of(workflow)
    assert found == ["run.started", *["step.started", "step.succeeded"] * STEPS, "run.completed"]


def test_the_no_op_actions_are_known_only_while_they_are_asked_for() -> None:
    with noops_known():
        body = definition(http=False)
    assert not set(NOOPS) & set(PARAMETERS)
    with pytest.raises(Refused, match="noop_a"):
        parse_definition(body)


def test_an_event_is_accepted_and_its_run_is_known_beforehand() -> None:
    made = events("many", 20, 12)
    for one in made:
        event = decode(one.value, [])
        assert event.entity_key.encode() == one.key
        assert partition_of(one.key, 12) == one.partition
        assert run_id(event.org, "three-steps", event.source, event.id) == one.run
    assert len({one.run for one in made}) == len({one.key for one in made}) == 20


def test_phases_share_no_run() -> None:
    assert not {one.run for one in events("one", 50, 4)} & {one.run for one in events("many", 50, 4)}


def test_every_partition_gets_one_event() -> None:
    assert sorted(one.partition for one in one_for_each_partition("first", 12)) == list(range(12))


class Wire:
    """What a connection writes."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)


def connected(count: Count) -> tuple[Receiver, Wire]:
    receiver, wire = Receiver(count), Wire()
    receiver.connection_made(cast("Any", wire))
    return receiver, wire


def request(path: str, key: str, body: bytes = b"{}") -> bytes:
    return (
        f'POST {path} HTTP/1.1\r\nHost: x\r\nIdempotency-Key: "{key}"\r\nContent-Length: {len(body)}\r\n\r\n'.encode()
        + body
    )


def test_a_receiver_answers_when_a_request_is_whole() -> None:
    count = Count()
    receiver, wire = connected(count)
    whole = request("/v1/tickets", "k1", b'{"title":"Disk full"}')
    for at in range(len(whole) - 1):
        receiver.data_received(whole[at : at + 1])
    assert wire.written == []
    receiver.data_received(whole[-1:])
    [answer] = wire.written
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert f"Content-Length: {len(body)}".encode() in head
    assert orjson.loads(body)["id"] == "T-1"


def test_a_receiver_counts_calls_and_repeated_keys() -> None:
    count = Count()
    receiver, wire = connected(count)
    receiver.data_received(request("/v1/tickets", "k1") + request("/v1/tickets", "k2") + request("/v1/tickets", "k1"))
    receiver.data_received(b"GET /_count HTTP/1.1\r\nHost: x\r\n\r\n")
    assert len(wire.written) == 4
    assert orjson.loads(wire.written[-1].partition(b"\r\n\r\n")[2]) == {"calls": 3, "repeated": 1}
