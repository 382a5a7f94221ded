"""What a worker logs at its most talkative: no secret, no payload, and the ids by which a line is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from runtime.kafka import partition_of
from schemas.names import CONTROL, DEFINITIONS, command_topic
from tests.integration.streams.cluster import PARTITIONS, RMM, Cluster, definition, event
from tests.integration.streams.otlp import Receiver

pytestmark = pytest.mark.timeout(240)
TOKEN, SIGNING, HEADER = "module-token-5f1c", "c2lnbmluZy1zZWNyZXQtOWQ0ZQ==", "header-secret-71aa"
CHAT, MAIL, QUERY, PASSWORD = "chat-path-b83d", "mail-password-c6e2", "query-secret-42fe", "url-password-8a0b"
PAYLOADS = ("PAYLOADNAME", "PAYLOADBODY", "PAYLOADFIELD", "PAYLOADREASON", "PAYLOADANSWER")
SECRETS = (TOKEN, SIGNING, HEADER, CHAT, MAIL, QUERY, PASSWORD)


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    found = Cluster(tmp_path_factory.mktemp("logs"))
    try:
        found.broker.start()
        yield found
    finally:
        found.close()


def steps(port: int) -> list[dict[str, Any]]:
    """Actions that fail, each with secrets that it may be tempted to tell."""
    hook = {"headers": {"authorization": "Bearer secret:HEADER"}, "secret": "secret:SIGNING", "body": "PAYLOADBODY"}
    return [
        {"id": "note", "action": "create_note", "with": {"body": "PAYLOADBODY refused", "company_id": "c-1"}},
        {"id": "away", "action": "webhook", "with": {**hook, "url": f"https://u:{PASSWORD}@127.0.0.1:9/?q={QUERY}"}},
        {"id": "there", "action": "webhook", "with": {**hook, "url": f"http://127.0.0.1:{port}/h?q={QUERY}"}},
        {"id": "odd", "action": "webhook", "with": {**hook, "url": "{{device.odd}}"}},
        {"id": "lost", "action": "webhook", "with": {**hook, "url": "https://x.example", "secret": "secret:NONE"}},
        {"id": "chat", "action": "send_notification",
         "with": {"channel": "slack", "to": "secret:CHAT", "body": "PAYLOADBODY"}},
        {"id": "mail", "action": "send_notification",
         "with": {"channel": "email", "to": "PAYLOADNAME@acme.example", "body": "PAYLOADBODY"}},
        {"id": "nobody", "action": "send_notification", "with": {"channel": "email", "to": "PAYLOADBODY", "body": "x"}},
        {"id": "ticket", "action": "create_ticket", "with": {"title": "PAYLOADBODY"}},
    ]  # fmt: skip


async def put(cluster: Cluster, topic: str, key: bytes, value: bytes) -> None:
    partition = 0 if topic == DEFINITIONS else partition_of(key, PARTITIONS)
    await cluster.send(topic, (key, value, partition))


async def drive(cluster: Cluster) -> str:
    """A run all of whose actions fail, and records of each topic that can't be read; the run's id."""
    await cluster.define("logs", steps=steps(cluster.hub.server_port), retry={"max_retries": 0})
    key = b"logs/device/d-1"
    one = event("logs", "d-1", "PAYLOADNAME", "ev-1")
    one["data"]["device"] |= {"note": "PAYLOADBODY", "odd": f"ftp://x/{QUERY}"}
    await put(cluster, RMM, key, orjson.dumps(one))
    await put(cluster, RMM, key, orjson.dumps({**one, "id": "ev-2", "type": "PAYLOADFIELD"}))
    await put(cluster, RMM, key, b'{"PAYLOADBODY": ')
    await put(cluster, CONTROL, key, orjson.dumps({"action": "PAYLOADREASON"}))
    command = {"format": 1, "action": "create_note", "state": {"run": "PAYLOADBODY"}}
    await put(cluster, command_topic("create_note"), key, orjson.dumps(command))
    await put(cluster, command_topic("delay"), key, b"PAYLOADBODY")
    body = {**definition("logs", 2), "id": "bad", "trigger": {"type": "PAYLOADFIELD"}}
    await put(cluster, DEFINITIONS, b"logs/bad", orjson.dumps(body))

    async def ended() -> bool:
        runs = await cluster.runs("logs")
        return any(run.kinds[-1] == "run.failed" for run in runs.values()) and len(await cluster.letters()) >= 6

    await cluster.until(ended, "the end of the run, and the dead letters")
    return next(iter(await cluster.runs("logs")))


async def test_nothing_that_a_worker_logs_has_a_secret_or_a_payload(cluster: Cluster) -> None:
    cluster.hub.refusal = b'{"error": "PAYLOADANSWER PAYLOADBODY"}'
    receiver = Receiver()
    try:
        await cluster.start(
            "w", **receiver.environment, ONESTACK_LOG_LEVEL="DEBUG", ONESTACK_LOG_FORMAT="json",
            ONESTACK_INSTANCE="worker-7", ONESTACK_MODULE_TOKEN=TOKEN, ONESTACK_WEBHOOK_ALLOW="127.0.0.0/8",
            ONESTACK_SECRET_SIGNING=f"whsec_{SIGNING}", ONESTACK_SECRET_HEADER=HEADER,
            ONESTACK_SECRET_CHAT=f"https://127.0.0.1:9/services/{CHAT}",
            ONESTACK_SMTP_URL=f"smtp://robot:{MAIL}@127.0.0.1:9",
            ONESTACK_PSA_URL="http://127.0.0.1:9",
        )  # fmt: skip
        try:
            run = await drive(cluster)
        finally:
            print(await cluster.letters(), [run.kinds for run in (await cluster.runs("logs")).values()])
        await cluster.stop("w")
    finally:
        receiver.close()
    log = (cluster.folder / "w.log").read_text()
    for text in (*SECRETS, *PAYLOADS):
        assert text not in log
        assert text.encode() not in receiver.raw
    lines = [json.loads(line) for line in log.splitlines()]
    for line in lines:
        assert {"event", "level", "logger", "timestamp", "version"} <= set(line)
        assert (line["process"], line["instance"]) == ("worker", "worker-7")
        assert not {"run", "org", "workflow", "command", "wait", "entity"} & set(line), "another word for an id"
    failed = [line for line in lines if line["event"] == "a call failed"]
    assert {line["command_id"] for line in failed} == {f"{run}:0:{step['id']}" for step in steps(0)}
    assert all((one["run_id"], one["workflow_id"], one["org_id"]) == (run, "wf", "logs") for one in failed)
    assert all(one["trace_id"] == run and len(one["span_id"]) == 16 for one in failed)
    refused = [line for line in lines if line["event"] == "refused"]
    assert len(refused) >= 6
    assert all({"topic", "partition", "offset", "field"} <= set(line) for line in refused)
