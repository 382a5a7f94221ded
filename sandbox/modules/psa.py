"""The PSA stand-in: tickets, and the events that their creation and changes cause."""

from __future__ import annotations

from itertools import count
from typing import Any

from aiohttp import web

from sandbox.modules.ledger import Ledger
from sandbox.modules.service import Module, ProblemError, Route, body_of, causation
from sandbox.modules.world import World


class Psa(Module):
    """POST, PATCH and GET of tickets."""

    name = "psa"

    def __init__(self, world: World, ledger: Ledger, token: str = "") -> None:
        super().__init__(world, ledger, token)
        self._numbers = count(10_001)

    def routes(self) -> list[Route]:
        return [
            ("POST", "/v1/tickets", self._create),
            ("GET", "/v1/tickets", self._list),
            ("GET", "/v1/tickets/{id}", self._get),
            ("PATCH", "/v1/tickets/{id}", self._update),
        ]

    async def _create(self, request: web.Request) -> tuple[int, Any]:
        body = await body_of(request, "title")
        company = body.get("company_id") or None
        org = await self.world.owner("company", company)
        ticket = {"status": "New", **body, "id": f"T-{next(self._numbers)}", "created_at": self.world.now()}
        ticket.setdefault("source", "api")
        ticket = dict(self.world.put("ticket", org, ticket))
        await self.world.happened("ticket.created", org, self.world.ticket_data(ticket), causation(request))
        return 201, ticket

    async def _update(self, request: web.Request) -> tuple[int, Any]:
        changes = await body_of(request)
        id = request.match_info["id"]
        if not changes:
            raise ProblemError(422, "at least one field to change is required")
        return 200, dict(await self.world.change_ticket(id, changes, causation(request)))

    async def _get(self, request: web.Request) -> tuple[int, Any]:
        ticket = self.world.find("ticket", request.match_info["id"])
        if ticket is None:
            raise ProblemError(404, "there is no such ticket")
        return 200, ticket

    async def _list(self, request: web.Request) -> tuple[int, Any]:
        company = request.query.get("company_id")
        tickets = [t for t in self.world.all("ticket") if company is None or t.get("company_id") == company]
        return 200, {"tickets": tickets}
