"""What all stand-in modules have in common: credentials, Idempotency-Key, counting, and misbehaving on demand."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from aiohttp import web

from sandbox.modules.ledger import Answer, Fault, Ledger
from sandbox.modules.world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Route = tuple[str, str, Callable[[web.Request], Awaitable[Any]]]
_LARGEST = 16 * 2**20  # bytes of a body
_CHANGES = frozenset({"POST", "PATCH", "PUT", "DELETE"})


class ProblemError(Exception):
    """A call that a module refuses, with the status and what is wrong."""

    def __init__(self, status: int, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, **({"field": field} if field else {})}}


class Module:
    """One module's HTTP API. A handler returns (status, JSON or text)."""

    name = ""
    bearer = True  # whether calls carry the modules' token

    def __init__(self, world: World, ledger: Ledger, token: str = "") -> None:
        self.world = world
        self.ledger = ledger
        self._token = token

    def routes(self) -> list[Route]:
        """Method, path and handler of every endpoint."""
        raise NotImplementedError

    def application(self) -> web.Application:
        """The module as an aiohttp application."""
        app = web.Application(client_max_size=_LARGEST)
        for method, path, handler in self.routes():
            app.router.add_route(method, path, self._wrap(f"{method} {path}", handler))
        app.router.add_route("*", "/{tail:.*}", self._wrap("other", _not_found))
        return app

    def key_of(self, request: web.Request) -> str:
        """The key by which repeats of a call are known."""
        return request.headers.get("Idempotency-Key", "").strip('"')

    def _wrap(self, endpoint: str, handler: Callable[[web.Request], Awaitable[Any]]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            rule = self.ledger.fault(self.name, request.path)
            if rule is not None and rule.delay:
                await asyncio.sleep(rule.delay)
            answer = None if rule is None or rule.after else _misbehave(rule, request)
            if answer is None:
                answer = await self._answer(request, handler)
                if rule is not None and rule.after:
                    answer = _misbehave(rule, request) or answer
            self.ledger.answers[self.name, endpoint, answer.status] += 1
            headers = rule.headers if rule is not None else None
            return _response(answer, headers)

        return handle

    async def _answer(self, request: web.Request, handler: Callable[[web.Request], Awaitable[Any]]) -> Answer:
        try:
            if self.bearer:
                self._check_token(request)
            if request.method not in _CHANGES:
                return Answer(*await handler(request))
            return await self._once(request, handler)
        except ProblemError as problem:
            return Answer(problem.status, problem.body)

    async def _once(self, request: web.Request, handler: Callable[[web.Request], Awaitable[Any]]) -> Answer:
        key = self.key_of(request)
        self.ledger.delivered[self.name, key] += 1
        earlier = self.ledger.kept(self.name, key)
        if earlier is not None:
            return await asyncio.shield(earlier)
        promise = self.ledger.keep(self.name, key) if key else None
        try:
            answer = Answer(*await handler(request))
        except BaseException:
            if key:
                self.ledger.forget(self.name, key)
            raise
        self.ledger.performed[self.name, key] += 1
        if promise is not None and not promise.done():
            promise.set_result(answer)
        return answer

    def _check_token(self, request: web.Request) -> None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), self._token.encode()):
            raise ProblemError(401, "a valid bearer token is required")


async def body_of(request: web.Request, *required: str) -> dict[str, Any]:
    """The call's JSON object, refused where a required field is missing or empty."""
    try:
        body = orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise ProblemError(400, f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise ProblemError(400, "the body should be a JSON object")
    for name in required:
        if body.get(name) in (None, ""):
            raise ProblemError(422, f"{name} is required", name)
    return body


def causation(request: web.Request) -> Mapping[str, str]:
    """The CloudEvents attributes that say which run caused this call, to copy into the events that come of it."""
    run, _, chain = request.headers.get("X-OneStack-Causation", "").partition(";")
    found = {
        "causationid": run.strip(),
        "causationchain": chain.strip(),
        "traceparent": request.headers.get("traceparent", "").strip(),
    }
    return {name: value for name, value in found.items() if value}


async def _not_found(request: web.Request) -> tuple[int, Any]:
    raise ProblemError(404, f"there is no {request.method} {request.path} here")


def _misbehave(rule: Fault, request: web.Request) -> Answer | None:
    if rule.status is None:
        return None
    if rule.status == 0:
        if request.transport is not None:
            request.transport.abort()
        return Answer(499, {})  # nobody reads it
    return Answer(rule.status, {"error": {"message": f"out of order ({rule.status}), as the sandbox was told to be"}})


def _response(answer: Answer, headers: Mapping[str, str] | None) -> web.Response:
    if isinstance(answer.body, str):
        return web.Response(status=answer.status, text=answer.body, headers=headers)
    raw = orjson.dumps(answer.body)
    return web.Response(status=answer.status, body=raw, content_type="application/json", headers=headers)
