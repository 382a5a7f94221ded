"""Traces as a receiver gets them: each hop of a run under the right parent, and none where they are not asked for."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from runtime.kafka import partition_of
from sandbox.process import end, spawn, tail
from schemas.names import CONTROL, traceparent
from tests.integration.streams.cluster import PARTITIONS, RMM, Cluster, event
from tests.integration.streams.otlp import Received, Receiver, outline

pytestmark = pytest.mark.timeout(240)
TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
SECRET = "T0SECRETPATH"
RUN = [
    "CONSUMER process onestack.events.rmm",
    "  PRODUCER send onestack.workflow.runs",
    "  PRODUCER send onestack.workflow.commands.create-note",
    "    CONSUMER process onestack.workflow.commands.create-note",
    "      CLIENT POST",
    "      PRODUCER send onestack.workflow.runs",
    "      PRODUCER send onestack.workflow.commands.delay",
    "        CONSUMER process onestack.workflow.commands.delay",
    "        CONSUMER process onestack.workflow.timers",
    "          PRODUCER send onestack.workflow.runs",
    "          PRODUCER send onestack.workflow.commands.webhook",
    "            CONSUMER process onestack.workflow.commands.webhook",
    "              CLIENT POST",
    "              PRODUCER send onestack.workflow.runs",
    "              PRODUCER send onestack.workflow.commands.update-field",
    "                CONSUMER process onestack.workflow.commands.update-field",
    "                  CLIENT PATCH",
    "                  PRODUCER send onestack.workflow.runs",
]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.close()


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Cluster]:
    """A broker, and a worker that exports to the receiver."""
    found = Cluster(tmp_path_factory.mktemp("traces"))
    try:
        found.broker.start()
        allow = {"ONESTACK_WEBHOOK_ALLOW": "127.0.0.0/8"}
        asyncio.run(found.start("a", **receiver.environment, **allow, ONESTACK_INSTANCE="worker-a"))
        yield found
    finally:
        found.close()


def steps(cluster: Cluster) -> list[dict[str, Any]]:
    hook = f"http://127.0.0.1:{cluster.hub.server_port}/services/{SECRET}?token={SECRET}"
    note = {"body": "{{device.name}} for the eyes of the PSA", "company_id": "c-1"}
    return [
        {"id": "note", "action": "create_note", "with": note},
        {"id": "wait", "action": "delay", "with": {"for": "300ms"}},
        {"id": "hook", "action": "webhook", "with": {"url": hook, "body": {"body": "{{device.name}}"}}},
        {"id": "field", "action": "update_field", "with": {"field": "body", "value": "{{device.name}}"}},
    ]


async def emit(cluster: Cluster, org: str, device: str, **attributes: str) -> dict[str, Any]:
    one = event(org, device, f"payload-{device}", f"ev-{device}") | attributes
    key = f"{org}/{one['subject']}".encode()
    await cluster.send(RMM, (key, orjson.dumps(one), partition_of(key, PARTITIONS)))
    return one


async def exported(cluster: Cluster, receiver: Receiver, trace: str, count: int) -> list[Received]:
    async def there() -> bool:
        return len(receiver.of(trace)) >= count

    try:
        await cluster.until(there, f"{count} spans of {trace}")
    finally:
        print("\n".join(f"{one.name} {one.id} < {one.parent}" for one in receiver.of(trace)))
    return receiver.of(trace)


async def test_every_hop_of_a_run_is_there_under_the_right_parent(
    traced: Cluster, receiver: Receiver, url: str
) -> None:
    log = traced.folder / "projector.log"
    env = traced.environment(**receiver.environment, ONESTACK_POSTGRES_URL=url)
    projector = spawn([sys.executable, "-m", "cli.main", "projector"], log, env=env)
    try:
        where: dict[str, Any] = {
            "conditions": {"all": [{"field": "device.name", "op": "starts_with", "value": "payload"}]}
        }
        await traced.define("whole", steps=steps(traced), **where)
        await emit(traced, "whole", "d-1", traceparent=f"00-{TRACE}-{CALLER}-01", tracestate="vendor=1")
        runs = await traced.finished("whole", 1)
        (run,) = runs
        spans = await exported(traced, receiver, TRACE, len(RUN))
        assert outline(spans, CALLER) == RUN
        assert len(spans) == len(RUN), "a hop is there twice"
        assert {span.service for span in spans} == {"onestack-worker"}
        assert not any(span.failed or span.links for span in spans)
        check_ids(spans, run)
        check_calls(spans, traced)
        await check_projection(traced, receiver, spans)
    finally:
        assert end(projector, signal.SIGTERM, 30) == 0, tail(log)
    for secret in (SECRET, "payload-d-1", "for the eyes", "Srv"):
        assert secret.encode() not in receiver.raw


def check_ids(spans: list[Received], run: str) -> None:
    for span in spans:
        if span.kind == "CLIENT":
            continue
        assert span.attributes["messaging.system"] == "kafka"
        operation, topic = span.name.split()
        assert span.attributes["messaging.operation.name"] == operation
        assert span.attributes["messaging.operation.type"] == operation
        assert span.attributes["messaging.destination.name"] == topic
        assert span.attributes["messaging.destination.partition.id"] in {"0", "1"}
        assert span.attributes["onestack.run.id"] == run
        assert span.attributes["onestack.workflow.id"] == "wf"
        assert span.attributes["onestack.org.id"] == "whole"
        if ".commands." in topic and operation == "process":
            path = {"create-note": "note", "delay": "wait", "webhook": "hook", "update-field": "field"}
            step = path[topic.rpartition(".")[2]]
            assert span.attributes["onestack.step.path"] == step
            assert span.attributes["onestack.command.id"] == f"{run}:0:{step}"
            assert span.attributes["onestack.attempt"] == 1
    assert isinstance(spans[0].attributes["messaging.kafka.offset"], int)
    assert spans[0].attributes["messaging.consumer.group.name"] == "onestack-worker"


def check_calls(spans: list[Received], cluster: Cluster) -> None:
    note, hook, field = (span for span in spans if span.kind == "CLIENT")
    port = cluster.hub.server_port
    for call in (note, hook, field):
        assert (call.attributes["server.address"], call.attributes["server.port"]) == ("127.0.0.1", port)
        assert call.attributes["http.response.status_code"] == 201
    assert [call.attributes["http.request.method"] for call in (note, hook, field)] == ["POST", "POST", "PATCH"]
    assert note.attributes["url.full"] == f"http://127.0.0.1:{port}/v1/companies/c-1/notes"
    assert "url.full" not in hook.attributes
    # What a module gets names the span of the call; a webhook's target, which is a stranger, gets nothing.
    got = {call.key.rpartition(":")[2]: call.traceparent for call in cluster.hub.calls}
    assert got == {
        "note": f"00-{TRACE}-{note.id}-01",
        "hook": "",
        "field": f"00-{TRACE}-{field.id}-01",
    }


async def check_projection(cluster: Cluster, receiver: Receiver, spans: list[Received]) -> None:
    sent = {(span.trace, span.id) for span in spans if span.name == "send onestack.workflow.runs"}

    def batches() -> list[Received]:
        return [span for span in receiver.spans if span.service == "onestack-projector"]

    async def linked() -> bool:
        return sent <= {link for batch in batches() for link in batch.links}

    await cluster.until(linked, "the projection of what was sent")
    links = [link for batch in batches() for link in batch.links]
    assert sorted(links) == sorted(sent)
    for batch in batches():
        assert (batch.kind, batch.name, batch.parent) == ("CONSUMER", "process onestack.workflow.runs", "")
        assert batch.trace != TRACE
        assert batch.attributes["messaging.batch.message_count"] >= len(batch.links) >= 1
        assert batch.attributes["messaging.consumer.group.name"] == "onestack-projector"


async def test_a_run_without_a_caller_is_a_trace_of_its_own(traced: Cluster, receiver: Receiver) -> None:
    await traced.define("alone", steps=[steps(traced)[0]])
    await emit(traced, "alone", "d-1")
    (run,) = await traced.finished("alone", 1)
    spans = await exported(traced, receiver, run, 6)
    assert outline(spans, "") == RUN[:6]


async def test_a_caller_that_is_not_sampled_is_followed_by_nothing(traced: Cluster, receiver: Receiver) -> None:
    await traced.define("quiet", steps=steps(traced))
    silent, heard = "1" * 32, "2" * 32
    await emit(traced, "quiet", "d-1", traceparent=f"00-{silent}-{CALLER}-00")
    await traced.finished("quiet", 1)
    await emit(traced, "quiet", "d-2", traceparent=f"00-{heard}-{CALLER}-01")
    await exported(traced, receiver, heard, len(RUN))
    assert receiver.of(silent) == []
    carried = [call.traceparent for call in traced.hub.calls if call.traceparent.startswith(f"00-{silent}")]
    assert len(carried) == 2
    assert all(one.endswith("-00") for one in carried)


async def test_a_failed_attempt_and_the_next_are_beside_each_other(traced: Cluster, receiver: Receiver) -> None:
    note = {"id": "note", "action": "create_note", "with": {"body": "flaky", "company_id": "c-1"}}
    await traced.define("flaky", steps=[note], retry={"initial_interval": "50ms"})
    trace = "3" * 32
    await emit(traced, "flaky", "d-1", traceparent=f"00-{trace}-{CALLER}-01")
    await traced.finished("flaky", 1)
    spans = await exported(traced, receiver, trace, 22)
    calls = [span for span in spans if span.kind == "CLIENT"]
    assert [call.attributes["http.response.status_code"] for call in calls] == [503, 503, 201]
    assert [call.attributes.get("error.type") for call in calls] == ["503", "503", None]
    assert [call.failed for call in calls] == [True, True, False]
    by_id = {span.id: span for span in spans}
    attempts = [by_id[call.parent] for call in calls]
    assert [one.attributes["onestack.attempt"] for one in attempts] == [1, 2, 3]
    assert [one.attributes.get("error.type") for one in attempts] == ["http", "http", None]
    got = [call.traceparent for call in traced.hub.calls if call.body == "flaky"]
    assert got == [f"00-{trace}-{call.id}-01" for call in calls]


async def test_a_signal_that_ends_a_wait_is_linked(traced: Cluster, receiver: Receiver) -> None:
    wait = {"id": "wait", "action": "delay", "with": {"for": "10m"}}
    await traced.define("ends", steps=[wait], cancel_on=[{"type": "device.online"}])
    trace, other = "4" * 32, "5" * 32
    await emit(traced, "ends", "d-1", traceparent=f"00-{trace}-{CALLER}-01")
    await exported(traced, receiver, trace, 4)
    online = {"type": "device.online", "id": "ev-online", "traceparent": f"00-{other}-{CALLER}-01"}
    await emit(traced, "ends", "d-1", **online)
    spans = await exported(traced, receiver, trace, 6)
    (woken,) = [span for span in spans if span.name == "process onestack.workflow.timers"]
    assert woken.links == [(other, CALLER)]
    assert woken.attributes["onestack.signal"] == "cancel"
    assert receiver.of(other) == []


async def test_a_restarted_run_goes_on_in_the_trace_of_what_restarted_it(traced: Cluster, receiver: Receiver) -> None:
    wait = {"id": "wait", "action": "delay", "with": {"for": "10m"}}
    await traced.define("anew", steps=[wait], restart_on=[{"type": "device.online"}])
    trace, other = "9" * 32, "a" * 32
    await emit(traced, "anew", "d-1", traceparent=f"00-{trace}-{CALLER}-01")
    await exported(traced, receiver, trace, 4)
    online = {"type": "device.online", "id": "ev-online", "traceparent": f"00-{other}-{CALLER}-01"}
    await emit(traced, "anew", "d-1", **online)
    spans = await exported(traced, receiver, other, 4)
    assert outline(spans, CALLER) == [
        "CONSUMER process onestack.workflow.signals",
        "  PRODUCER send onestack.workflow.runs",
        "  PRODUCER send onestack.workflow.commands.delay",
        "    CONSUMER process onestack.workflow.commands.delay",
    ]
    (woken,) = [span for span in await exported(traced, receiver, trace, 5) if span.name.endswith("timers")]
    assert (spans[0].links, woken.links) == ([(trace, woken.id)], [(other, CALLER)])


async def test_a_rerun_is_linked_to_the_run_that_it_repeats_and_to_who_asked(
    traced: Cluster, receiver: Receiver
) -> None:
    await traced.define("again", steps=[steps(traced)[0]])
    one = await emit(traced, "again", "d-1")
    (run,) = await traced.finished("again", 1)
    first = (await exported(traced, receiver, run, 6))[0]
    request = {
        "id": "r-1", "action": "rerun", "org": "again", "entity_key": "again/device/d-1", "run_id": run,
        "by": {"person": "ann"}, "event": one, "workflow": "wf",
    }  # fmt: skip
    key = b"again/device/d-1"
    asked = ("traceparent", f"00-{'6' * 32}-{CALLER}-01".encode())
    await traced.send(CONTROL, (key, orjson.dumps(request), partition_of(key, PARTITIONS)), headers=[asked])
    runs = await traced.finished("again", 2)
    (repeat,) = set(runs) - {run}
    spans = await exported(traced, receiver, repeat, 6)
    assert spans[0].name == "process onestack.workflow.control"
    assert spans[0].links == [(first.trace, first.id), ("6" * 32, CALLER)]


async def test_a_guards_hop_is_part_of_the_trace(traced: Cluster, receiver: Receiver) -> None:
    throttle = {"key": "{{device.id}}", "limit": 1, "per": "PT30M"}
    await traced.define("guarded", steps=[steps(traced)[0]], throttle=throttle)
    trace = "7" * 32
    await emit(traced, "guarded", "d-1", traceparent=f"00-{trace}-{CALLER}-01")
    await traced.finished("guarded", 1)
    spans = await exported(traced, receiver, trace, 10)
    assert outline(spans, CALLER) == [
        "CONSUMER process onestack.events.rmm",
        "  PRODUCER send onestack.workflow.guard",
        "    CONSUMER process onestack.workflow.guard",
        "      PRODUCER send onestack.workflow.control",
        "        CONSUMER process onestack.workflow.control",
        *(f"        {line}" for line in RUN[1:6]),
    ]


async def test_a_collector_that_is_away_is_said_once_and_holds_up_nothing(traced: Cluster) -> None:
    await traced.define("deaf", steps=steps(traced))
    nowhere = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_BSP_SCHEDULE_DELAY": "20"}
    # Its exporter gives up a batch after this, and then the log says so.
    await traced.stop("a")
    await traced.start("deaf", **nowhere, OTEL_EXPORTER_OTLP_TIMEOUT="1", ONESTACK_WEBHOOK_ALLOW="127.0.0.0/8")
    for number in range(3):
        await emit(traced, "deaf", f"d-{number}")
    await traced.finished("deaf", 3)
    log = traced.folder / "deaf.log"

    async def said() -> bool:
        return "spans can't be exported" in log.read_text()

    await traced.until(said, "that the log says so")
    await traced.stop("deaf")
    assert log.read_text().count("spans can't be exported") == 1
    assert "Traceback" not in log.read_text()


async def test_without_the_variables_nothing_of_it_is_loaded_and_the_callers_trace_goes_on(
    traced: Cluster, receiver: Receiver
) -> None:
    for name in list(traced.workers):
        await traced.stop(name)
    seen = len(receiver.spans)
    await traced.start("plain", PYTHONPROFILEIMPORTTIME="1", ONESTACK_WEBHOOK_ALLOW="127.0.0.0/8")
    await traced.define("plain", steps=steps(traced))
    given = f"00-{'8' * 32}-{CALLER}-01"
    await emit(traced, "plain", "d-1", traceparent=given)
    (run,) = await traced.finished("plain", 1)
    note = next(call for call in traced.hub.calls if call.key == f"{run}:0:note")
    assert note.traceparent == traceparent(run, note.key, given)
    assert "8" * 32 in note.traceparent
    log = (traced.folder / "plain.log").read_text()
    assert "aiokafka" in log, "the imports are not in the log"
    assert "opentelemetry" not in log
    assert len(receiver.spans) == seen
