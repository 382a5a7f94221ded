"""The On-Call stand-in: escalations and who was called."""

from __future__ import annotations

from itertools import count
from typing import Any

from aiohttp import web

from sandbox.modules.ledger import Ledger
from sandbox.modules.service import Module, ProblemError, Route, body_of
from sandbox.modules.world import World

_ROTA = ("Imke Brandt", "Tomasz Nowak", "Priya Raman", "Diego Salas")


class OnCall(Module):
    """POST and GET of escalations."""

    name = "oncall"

    def __init__(self, world: World, ledger: Ledger, token: str = "") -> None:
        super().__init__(world, ledger, token)
        self._numbers = count(1)
        self.escalations: dict[str, dict[str, Any]] = {}

    def routes(self) -> list[Route]:
        return [
            ("POST", "/v1/escalations", self._escalate),
            ("GET", "/v1/escalations", self._list),
            ("GET", "/v1/escalations/{id}", self._get),
        ]

    async def _escalate(self, request: web.Request) -> tuple[int, Any]:
        body = await body_of(request, "team")
        number = next(self._numbers)
        called = _ROTA[number % len(_ROTA)]
        escalation = {**body, "id": f"esc-{number}", "status": "called", "on_call": {"name": called}}
        self.escalations[escalation["id"]] = escalation
        return 201, escalation

    async def _list(self, _request: web.Request) -> tuple[int, Any]:
        return 200, {"escalations": list(self.escalations.values())}

    async def _get(self, request: web.Request) -> tuple[int, Any]:
        escalation = self.escalations.get(request.match_info["id"])
        if escalation is None:
            raise ProblemError(404, "there is no such escalation")
        return 200, escalation
