"""Real servers for the actions to call: an HTTP receiver that records, and an SMTP server that keeps what it gets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

import pytest
from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, Envelope

from actions.catalogue import build_actions, open_services
from runtime.settings import Settings
from schemas.outcomes import Call, Failed, Outcome, Succeeded

RUN = "0123456789abcdef0123456789abcdef"
EVENT = {"specversion": "1.0", "id": "ev-1", "type": "device.offline", "data": {"device": {"id": "d-17"}}}
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Seen:
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(found) < 2, f"{name} was sent {len(found)} times"
        return found[0] if found else None


@dataclass
class Receiver:
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | web.Response | None = None
    held: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def hold(self, _request: web.Request) -> web.StreamResponse:
        """An answer that does not come while the test lasts."""
        self.held.set()
        await self.released.wait()
        return web.Response()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = [(key, value) for key, value in request.headers.items()]
        self.seen.append(Seen(request.method, request.raw_path, headers, await request.read()))
        if self.answer is None:
            return web.json_response({"id": "T-1"})
        if isinstance(self.answer, web.Response):
            return web.Response(
                status=self.answer.status,
                body=self.answer.body,
                headers=self.answer.headers,
            )
        return await self.answer(request)


@asynccontextmanager
async def running(host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    receiver.url = f"http://{host}:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        receiver.released.set()
        await runner.cleanup()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with running() as one:
        yield one


Perform = Callable[..., Awaitable[Outcome]]


@pytest.fixture
async def acting() -> AsyncIterator[Callable[..., Awaitable[Perform]]]:
    """Opens the services with settings given by name, and gives `perform(action, **parameters)`."""
    async with AsyncExitStack() as stack:

        async def opened(*, environ: dict[str, str] | None = None, resolver: Any = None, **given: Any) -> Perform:
            services = await stack.enter_async_context(
                open_services(Settings(**given), environ=environ or {}, resolver=resolver)
            )
            actions = build_actions(services)

            async def perform(action: str, /, **parameters: Any) -> Outcome:
                return await actions[action].perform(call(action, parameters))

            return perform

        yield opened


def call(action: str, parameters: dict[str, Any]) -> Call:
    return Call(
        command_id=f"{RUN}:0:which.then.ticket",
        run_id=RUN,
        org="acme",
        workflow_id="wf-a",
        step="which.then.ticket",
        action=action,
        input=parameters,
        event=EVENT,
        traceparent=TRACEPARENT,
        causation=f"{RUN};wf-0,wf-a",
        entity_type="device",
        entity_id="d-17",
    )


def output(outcome: Outcome) -> Any:
    assert isinstance(outcome, Succeeded), outcome
    return outcome.output


def failed(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed), outcome
    return outcome


@dataclass
class MailServer:
    url: str = ""
    port: int = 0
    connections: int = 0
    envelopes: list[Envelope] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    data_answer: str = "250 kept"
    logins: list[tuple[str, str]] = field(default_factory=list)
    open: set[Any] = field(default_factory=set)

    def messages(self) -> list[EmailMessage]:
        parser = BytesParser(policy=default)
        return [parser.parsebytes(one.original_content or b"") for one in self.envelopes]

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.data_answer.startswith("250"):
            self.envelopes.append(envelope)
        return self.data_answer

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == b"pass:word/1", handled=False)


@pytest.fixture
async def mail_server() -> AsyncIterator[MailServer]:
    kept = MailServer()

    def protocol() -> SMTP:
        kept.connections += 1
        one = SMTP(kept, authenticator=kept.authenticate, auth_require_tls=False, hostname="mx.example")
        kept.open.add(one)
        return one

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    kept.port = server.sockets[0].getsockname()[1]
    kept.url = f"smtp://127.0.0.1:{kept.port}"
    yield kept
    server.close()
    for one in kept.open:
        if one.transport is not None:
            one.transport.close()
    await asyncio.sleep(0)
