"""Kafka with TLS, SASL and ACLs: each process gets in as its own user, and may do only what it has to."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
    for_code,
)

from runtime.kafka import partition_of
from sandbox.process import free_port
from schemas.names import COMMAND_TOPICS, CONTROL, DEFINITIONS, EVENT_TOPICS, RUNS
from tests.chaos.bus import ALERTS, STRUCTURED, alert, key_of
from tests.chaos.certificates import Authority
from tests.chaos.cluster_stack import ClusterStack
from tests.chaos.stack import ONESTACK, eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="module")]

CLIENT, SECRET = "workflow-engine", "an-oauth-secret"


class Tokens:
    """An OAuth 2.0 token endpoint: the client credentials grant of RFC 6749, section 4.4."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self.asked: list[dict[str, str]] = []
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/token", self._give)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/token"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _give(self, request: web.Request) -> web.Response:
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        form = {name: str(value) for name, value in (await request.post()).items()}
        if kind != "Basic" or base64.b64decode(text).decode() != f"{CLIENT}:{SECRET}":
            return web.json_response({"error": "invalid_client"}, status=401)
        self.asked.append(form)
        return web.json_response({"access_token": self._authority.token("onestack-worker"), "expires_in": 600})

    def variables(self) -> dict[str, str]:
        return {
            "ONESTACK_KAFKA_SASL_MECHANISM": "OAUTHBEARER",
            "ONESTACK_KAFKA_OAUTH_TOKEN_URL": self.url,
            "ONESTACK_KAFKA_OAUTH_CLIENT_ID": CLIENT,
            "ONESTACK_KAFKA_OAUTH_CLIENT_SECRET": SECRET,
            "ONESTACK_KAFKA_OAUTH_SCOPE": "kafka",
        }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def secured() -> AsyncIterator[tuple[ClusterStack, Tokens]]:
    """One broker; `worker0` comes in by SCRAM, `worker1` by a token."""
    stack = ClusterStack(partitions=4, brokers=1)
    tokens = Tokens(stack.authority)
    try:
        await tokens.start()
        stack.up_with["worker1"] = tokens.variables()
        stack.up_with["hub"] = {"ONESTACK_HUB_PORT": str(free_port())}
        await stack.start("worker0", "worker1", "projector", "hub")
        yield stack, tokens
    finally:
        await stack.stop()
        await tokens.stop()


async def test_workers_get_in_by_password_and_by_token_and_share_the_work(
    secured: tuple[ClusterStack, Tokens],
) -> None:
    stack, tokens = secured

    async def callers() -> set[str]:
        await stack.working()
        return {call.by for call in stack.receiver.calls}

    # Who comes second gets its partitions a moment later.
    await eventually(callers, lambda seen: seen == {"worker0", "worker1"}, 30, "the workers that made calls")
    assert tokens.asked[0] == {"grant_type": "client_credentials", "scope": "kafka"}
    assert len(tokens.asked) == 1, "all clients of a process share a token"


async def test_the_hub_is_ready_as_its_own_user(secured: tuple[ClusterStack, Tokens]) -> None:
    stack, _ = secured
    url = f"http://127.0.0.1:{stack.up_with['hub']['ONESTACK_HUB_PORT']}/readyz"

    async def asked() -> int:
        try:
            async with aiohttp.ClientSession() as session, session.get(url) as answer:
                return answer.status
        except aiohttp.ClientConnectorError:
            return 0

    await eventually(asked, lambda status: status == 200, 30, "the Hub's /readyz")


MAY_NOT_WRITE: Final = [
    ("onestack-hub", COMMAND_TOPICS["create_ticket"]),
    ("onestack-hub", RUNS),
    ("onestack-projector", RUNS),
    ("onestack-projector", ALERTS),
    ("onestack-module-rmm", EVENT_TOPICS["psa"]),
    ("onestack-module-rmm", DEFINITIONS),
    ("onestack-module-rmm", CONTROL),
]


@pytest.mark.parametrize(("user", "topic"), MAY_NOT_WRITE)
async def test_who_may_not_write_a_topic_does_not(secured: tuple[ClusterStack, Tokens], user: str, topic: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=secured[0].cluster.bootstrap, **secured[0].client(user))
    await producer.start()
    try:
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait(topic, b"{}", b"acme/device/d-1", partition=0)
    finally:
        await producer.stop()


async def test_what_a_module_put_on_another_partition_is_forwarded_by_the_worker(
    secured: tuple[ClusterStack, Tokens],
) -> None:
    stack, _ = secured
    event = alert("probe", "astray", "astray")
    astray = (partition_of(key_of(event), stack.partitions) + 1) % stack.partitions
    producer = AIOKafkaProducer(bootstrap_servers=stack.cluster.bootstrap, **stack.client("onestack-module-rmm"))
    await producer.start()
    try:
        value = json.dumps(event).encode()
        await producer.send_and_wait(ALERTS, value, key_of(event), partition=astray, headers=STRUCTURED)
    finally:
        await producer.stop()
    query = "select run_id from history.runs where status = 'completed' and entity_key = $1"
    await eventually(lambda: stack.rows(query, key_of(event).decode()), bool, 30, "the run of an event that was astray")


async def test_the_projector_reads_no_commands(secured: tuple[ClusterStack, Tokens]) -> None:
    consumer = AIOKafkaConsumer(
        COMMAND_TOPICS["create_ticket"],
        bootstrap_servers=secured[0].cluster.bootstrap,
        **secured[0].client("onestack-projector"),
    )
    await consumer.start()
    try:
        with pytest.raises(TopicAuthorizationFailedError):
            await asyncio.wait_for(consumer.getone(), 15)
    finally:
        await consumer.stop()


async def test_a_module_sees_no_topic_but_its_own(secured: tuple[ClusterStack, Tokens]) -> None:
    admin = AIOKafkaAdminClient(
        bootstrap_servers=secured[0].cluster.bootstrap, **secured[0].client("onestack-module-rmm")
    )
    await admin.start()
    try:
        assert await admin.list_topics() == [ALERTS]
    finally:
        await admin.close()


async def test_nobody_joins_the_workers_group_but_a_worker(secured: tuple[ClusterStack, Tokens]) -> None:
    consumer = AIOKafkaConsumer(
        RUNS,
        bootstrap_servers=secured[0].cluster.bootstrap,
        group_id="onestack-worker",
        **secured[0].client("onestack-projector"),
    )
    try:
        with pytest.raises(GroupAuthorizationFailedError):
            await consumer.start()
    finally:
        await consumer.stop()


async def test_only_the_administrator_makes_topics(secured: tuple[ClusterStack, Tokens]) -> None:
    for user in ("onestack-worker", "onestack-projector", "onestack-hub"):
        admin = AIOKafkaAdminClient(bootstrap_servers=secured[0].cluster.bootstrap, **secured[0].client(user))
        await admin.start()
        try:
            answer = await admin.create_topics([NewTopic("onestack.events.other", 1, 1)])
        finally:
            await admin.close()
        assert {for_code(code) for _name, code, *_ in answer.topic_errors} == {TopicAuthorizationFailedError}


async def test_without_tls_nobody_gets_in(secured: tuple[ClusterStack, Tokens]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=secured[0].cluster.bootstrap, request_timeout_ms=2000)
    with pytest.raises(KafkaConnectionError):
        await producer.start()
    await producer.stop()


WRONG: Final[list[tuple[dict[str, str], str]]] = [
    ({"ONESTACK_KAFKA_PASSWORD": "not-the-password"}, "Authentication failed"),
    ({"ONESTACK_KAFKA_USERNAME": "nobody"}, "Authentication failed"),
    ({"ONESTACK_KAFKA_CA_FILE": ""}, "certificate"),
]


@pytest.mark.parametrize(("variables", "told"), WRONG)
async def test_a_command_that_is_not_let_in_says_why_and_nothing_secret(
    secured: tuple[ClusterStack, Tokens], variables: dict[str, str], told: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        ONESTACK,
        "topics",
        "list",
        env={**secured[0].env, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, complained = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode not in (0, None)
    assert out == b""
    assert told.lower() in complained.decode().lower()
    assert not any(password in complained.decode() for password in secured[0].authority.users.values())
    assert "not-the-password" not in complained.decode()


async def test_a_worker_whose_token_is_refused_waits_and_says_so(secured: tuple[ClusterStack, Tokens]) -> None:
    stack, tokens = secured
    wrong = {**tokens.variables(), "ONESTACK_KAFKA_OAUTH_CLIENT_SECRET": "not-the-secret"}
    stack.up("worker7", **wrong)
    try:

        async def log() -> str:
            return stack.log("worker7").read_text()

        said = await eventually(log, lambda text: "no access token" in text, 30, "the worker's log")
        assert "HTTP 401" in said
        assert "not-the-secret" not in said
        assert stack.processes["worker7"].poll() is None
    finally:
        stack.end("worker7")


async def test_the_acls_as_json_are_those_that_hold(secured: tuple[ClusterStack, Tokens]) -> None:
    listed: list[dict[str, Any]] = json.loads(await secured[0].onestack("topics", "acls", "--json"))
    workers = [one for one in listed if one["principal"] == "User:onestack-worker"]
    assert {one["operation"] for one in workers} == {"read", "write", "describe"}
    assert not any(one["resource"] == "cluster" for one in workers)
    with pytest.raises((KafkaError, AssertionError)):
        await secured[0].onestack(
            "topics", "acls", "--apply", ONESTACK_KAFKA_USERNAME="onestack-hub",
            ONESTACK_KAFKA_PASSWORD=secured[0].authority.users["onestack-hub"],
        )  # fmt: skip


async def test_a_worker_whose_topics_are_missing_says_who_may_make_them(tmp_path: Path) -> None:
    """On a cluster of its own: nobody has made anything there, and the ACLs alone are there."""
    stack = ClusterStack(partitions=2, brokers=1)
    try:
        await asyncio.to_thread(stack.cluster.start)
        await stack.receiver.start()
        await asyncio.to_thread(stack.postgres.start)
        await stack.onestack("topics", "acls", "--apply")
        stack.up("worker0")

        async def log() -> str:
            return stack.log("worker0").read_text()

        said = await eventually(log, lambda text: "topics are missing" in text, 30, "the worker's log")
        assert "onestack topics create" in said
        await stack.onestack("topics", "create")
        await eventually(log, lambda text: "the worker works" in text, 30, "the worker's log")
    finally:
        await stack.stop()
