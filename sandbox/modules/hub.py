"""The Hub stand-in: push messages, fields and tags of entities, notes on companies.

A change of a ticket is told by the PSA, whose record it is.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from aiohttp import web

from sandbox.modules.ledger import Ledger
from sandbox.modules.service import Module, ProblemError, Route, body_of, causation
from sandbox.modules.world import World


class Hub(Module):
    """POST of push messages, notes and tags, PATCH of entities, GET of all of them."""

    name = "hub"

    def __init__(self, world: World, ledger: Ledger, token: str = "") -> None:
        super().__init__(world, ledger, token)
        self._numbers = count(1)
        self.pushes: list[dict[str, Any]] = []
        self.notes: list[dict[str, Any]] = []

    def routes(self) -> list[Route]:
        return [
            ("POST", "/v1/push", self._push),
            ("GET", "/v1/push", self._pushes),
            ("PATCH", "/v1/entities/{type}/{id}", self._set),
            ("GET", "/v1/entities/{type}/{id}", self._entity),
            ("POST", "/v1/entities/{type}/{id}/tags", self._tag),
            ("POST", "/v1/companies/{id}/notes", self._note),
            ("GET", "/v1/companies/{id}/notes", self._notes),
        ]

    async def _push(self, request: web.Request) -> tuple[int, Any]:
        message = {**await body_of(request, "to", "body"), "id": f"push-{next(self._numbers)}"}
        self.pushes.append(message)
        return 202, {"id": message["id"], "status": "sent"}

    async def _set(self, request: web.Request) -> tuple[int, Any]:
        body = await body_of(request, "field")
        if "value" not in body:
            raise ProblemError(422, "value is required", "value")
        return 200, dict(await self._change(request, str(body["field"]), body["value"]))

    async def _tag(self, request: web.Request) -> tuple[int, Any]:
        body = await body_of(request, "tag")
        entity = self.world.get(request.match_info["type"], request.match_info["id"])
        tags = entity.get("tags") if isinstance(entity.get("tags"), list) else []
        more = [*(tags or []), *([body["tag"]] if body["tag"] not in (tags or []) else [])]
        entity = await self._change(request, "tags", more)
        return 200, {"id": entity["id"], "tags": entity["tags"]}

    async def _change(self, request: web.Request, field: str, value: Any) -> dict[str, Any]:
        kind, id = request.match_info["type"], request.match_info["id"]
        if kind == "ticket":
            return await self.world.change_ticket(id, {field: value}, causation(request))
        return self.world.put(kind, None, {"id": id, field: value})

    async def _note(self, request: web.Request) -> tuple[int, Any]:
        body = await body_of(request, "body")
        note = {**body, "id": f"note-{next(self._numbers)}", "company_id": request.match_info["id"]}
        self.notes.append(note)
        return 201, note

    async def _pushes(self, _request: web.Request) -> tuple[int, Any]:
        return 200, {"push": self.pushes}

    async def _entity(self, request: web.Request) -> tuple[int, Any]:
        entity = self.world.find(request.match_info["type"], request.match_info["id"])
        if entity is None:
            raise ProblemError(404, "there is no such entity")
        return 200, entity

    async def _notes(self, request: web.Request) -> tuple[int, Any]:
        return 200, {"notes": [note for note in self.notes if note["company_id"] == request.match_info["id"]]}
