"""The stand-ins' control surface: what they counted, and how to make them misbehave."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.modules.ledger import Fault, Ledger
from sandbox.modules.mail import MailSink
from sandbox.modules.service import Module, ProblemError, Route, body_of
from sandbox.modules.world import World

_FIELDS: dict[str, type | tuple[type, ...]] = {
    "module": str,
    "path": str,
    "status": int,
    "times": int,
    "delay": (int, float),
    "after": bool,
    "headers": dict,
}


class Control(Module):
    """GET /_stats and /_mail; POST /_fail (a `Fault` as JSON, seconds as `delay`), /_forget {"module"} and /_reset."""

    name = "control"
    bearer = False

    def __init__(self, world: World, ledger: Ledger, token: str = "", *, mail: MailSink) -> None:
        super().__init__(world, ledger, token)
        self._mail = mail

    def routes(self) -> list[Route]:
        return [
            ("GET", "/_stats", self._stats),
            ("GET", "/_mail", self._messages),
            ("POST", "/_fail", self._fail),
            ("POST", "/_forget", self._forget),
            ("POST", "/_reset", self._reset),
        ]

    async def _stats(self, _request: web.Request) -> tuple[int, Any]:
        return 200, self.ledger.summary()

    async def _messages(self, _request: web.Request) -> tuple[int, Any]:
        return 200, {"mail": [{"to": one.to, "subject": one.subject, "text": one.text} for one in self._mail.messages]}

    async def _fail(self, request: web.Request) -> tuple[int, Any]:
        body = await body_of(request, "module")
        for name, value in body.items():
            if name not in _FIELDS:
                raise ProblemError(422, f"{name} is not known: {', '.join(_FIELDS)}", name)
            if value is not None and not isinstance(value, _FIELDS[name]):
                raise ProblemError(422, f"{name} has the wrong type", name)
        self.ledger.faults.append(Fault(**body))
        return 200, {"rules": len(self.ledger.faults)}

    async def _forget(self, request: web.Request) -> tuple[int, Any]:
        self.ledger.forgetful.add(str((await body_of(request, "module"))["module"]))
        return 200, {"forgetful": sorted(self.ledger.forgetful)}

    async def _reset(self, _request: web.Request) -> tuple[int, Any]:
        self.ledger.reset()
        return 200, {}
