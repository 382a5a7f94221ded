"""All stand-in modules in one process, each on its own port of 127.0.0.1."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from runtime.clock import Clock
from sandbox.errors import SandboxError
from sandbox.modules.control import Control
from sandbox.modules.hub import Hub
from sandbox.modules.ledger import Ledger
from sandbox.modules.listener import Listener
from sandbox.modules.mail import MODULE as MAIL
from sandbox.modules.mail import MailSink
from sandbox.modules.oncall import OnCall
from sandbox.modules.psa import Psa
from sandbox.modules.publisher import Publisher, Sent
from sandbox.modules.rmm import Rmm
from sandbox.modules.service import Module
from sandbox.modules.sinks import Receiver, Slack, Teams
from sandbox.modules.world import World
from sandbox.process import free_port

HOST = "127.0.0.1"
PORTS = {
    "psa": 7101,
    "rmm": 7102,
    "hub": 7103,
    "oncall": 7104,
    "teams": 7105,
    "slack": 7106,
    "webhook": 7107,
    MAIL: 7108,
    "control": 7109,
}
"""The ports that are asked for first."""

TOKEN = "sandbox-module-token"  # noqa: S105 - guards nothing but the sandbox
_HOOK = "sandbox-incoming-hook"
_SIGNING = "whsec_c2FuZGJveC1zaWduaW5nLWtleQ=="
_TRIES = 5
_STOP_PATIENCE = 1.0  # seconds that calls under way may still take


class StandIns:
    """PSA, RMM, Hub, On-Call, Teams, Slack, a webhook receiver, a mail server, and what they published.

    Without a broker they publish nothing. `ports` are by module; a port that is taken is replaced by a free one.
    `clock` tells the time of what they publish.
    """

    def __init__(
        self, bootstrap: str | None = None, ports: Mapping[str, int] | None = None, clock: Clock | None = None
    ) -> None:
        self.ledger = Ledger()
        self.publisher = Publisher(bootstrap, clock) if bootstrap else None
        self.world = World(self.publisher, clock)
        self._listener = Listener(bootstrap, self.world) if bootstrap else None
        self.psa = Psa(self.world, self.ledger, TOKEN)
        self.rmm = Rmm(self.world, self.ledger, TOKEN)
        self.hub = Hub(self.world, self.ledger, TOKEN)
        self.oncall = OnCall(self.world, self.ledger, TOKEN)
        self.teams = Teams(self.world, self.ledger, _HOOK)
        self.slack = Slack(self.world, self.ledger, _HOOK)
        self.receiver = Receiver(self.world, self.ledger, _SIGNING)
        self.mail = MailSink(self.ledger)
        self.ports: dict[str, int] = {}
        self._wanted = dict(ports or {})
        self._runners: list[web.AppRunner] = []

    async def start(self) -> StandIns:
        """Listen on all ports, and connect to the broker."""
        if self.publisher is not None:
            await self.publisher.start()
        if self._listener is not None:
            self._listener.start()
        modules: list[Module] = [self.psa, self.rmm, self.hub, self.oncall, self.teams, self.slack, self.receiver]
        for module in (*modules, Control(self.world, self.ledger, mail=self.mail)):
            runner = web.AppRunner(module.application(), access_log=None, shutdown_timeout=_STOP_PATIENCE)
            await runner.setup()
            self._runners.append(runner)
            await self._listen(module.name, partial(_serve, runner))
        await self._listen(MAIL, partial(self.mail.start, HOST))
        return self

    async def _listen(self, module: str, start: Callable[[int], Awaitable[None]]) -> None:
        """Start a server on the port that is wanted, or on another where that is taken, be it between two lines."""
        for _ in range(_TRIES):
            port = free_port(self._wanted.get(module))
            with contextlib.suppress(OSError):
                await start(port)
                self.ports[module] = port
                return
        raise SandboxError(f"{module}: {_TRIES} ports were taken before it could listen on one")

    async def stop(self) -> None:
        """Listen no more, and disconnect."""
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()
        await self.mail.stop()
        if self._listener is not None:
            await self._listener.stop()
        if self.publisher is not None:
            await self.publisher.stop()

    def url(self, module: str) -> str:
        """A module's base URL."""
        scheme = "smtp" if module == MAIL else "http"
        return f"{scheme}://{HOST}:{self.ports[module]}"

    def environment(self) -> dict[str, str]:
        """The ONESTACK_* variables with which workers reach all of these."""
        return {
            "ONESTACK_PSA_URL": self.url("psa"),
            "ONESTACK_RMM_URL": self.url("rmm"),
            "ONESTACK_HUB_URL": self.url("hub"),
            "ONESTACK_ONCALL_URL": self.url("oncall"),
            "ONESTACK_MODULE_TOKEN": TOKEN,
            "ONESTACK_SMTP_URL": self.url(MAIL),
            "ONESTACK_MAIL_FROM": "workflows@onestack.example",
            "ONESTACK_WEBHOOK_ALLOW": "127.0.0.0/8",
            "ONESTACK_SECRET_TEAMS": f"{self.url('teams')}/webhookb2/{_HOOK}",
            "ONESTACK_SECRET_SLACK": f"{self.url('slack')}/services/T0SANDBOX/B0SANDBOX/{_HOOK}",
            "ONESTACK_SECRET_SIGNING": _SIGNING,
        }

    async def publish(self, event: dict[str, Any]) -> Sent:
        """Publish an event as the module that its source names, which from then on knows the entities in it."""
        if self.publisher is None:
            raise RuntimeError("these stand-ins have no broker")
        self.world.learn(event["orgid"], {name: it for name, it in event["data"].items() if name != "previous"})
        return await self.publisher.publish(event)


async def _serve(runner: web.AppRunner, port: int) -> None:
    await web.TCPSite(runner, HOST, port).start()


def write_environment(file: Path, environment: Mapping[str, str]) -> None:
    """Write variables to a file for `. FILE` in a shell, readable by its owner alone."""
    file.touch(mode=0o600)
    file.write_text("".join(f"export {line}\n" for line in shell_lines(environment)))


def shell_lines(environment: Mapping[str, str]) -> list[str]:
    """NAME='value' for each variable, as a shell takes it."""
    return [f"{name}='" + value.replace("'", "'\\''") + "'" for name, value in environment.items()]
