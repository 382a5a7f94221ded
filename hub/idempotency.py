"""Idempotency-Key: a write that is sent again is done once, and answered the same.

The first request under a key takes it in Postgres; its answer is kept there for 24 hours. The same request again gets
that answer with `Idempotent-Replayed: true`; another request under the key is refused (422); one that comes while the
first is at work has to wait (409). An answer that says nothing about the request (401, 403, 429, any 5xx) is not kept.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final, NamedTuple

import asyncpg
import orjson
from fastapi import Request
from fastapi.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.access.caller import Caller
from hub.database import Database
from hub.problems import MEDIA_TYPE, Problem
from hub.routing import API
from runtime.logging import logger

log = logger("hub")

HEADER: Final = "idempotency-key"
REPLAYED: Final = "idempotent-replayed"
SHOWN_ONCE: Final = "onestack.shown_once"
"""A route sets this in the scope where its answer has a secret: a repeat is told this sentence instead."""
_METHODS: Final = frozenset({"POST", "PUT", "DELETE"})
_LEFT_OUT: Final = f"{API}/session"
_LONGEST: Final = 200
_NOT_KEPT: Final = frozenset({401, 403, 408, 413, 425, 429})
_LARGEST: Final = 1024 * 1024
"""Bytes of an answer that is kept; of a larger one (a long backtest) a repeat is done anew."""
_KEPT_HEADERS: Final = frozenset(
    {"content-type", "etag", "location", "onestack-pending", "content-disposition", "cache-control"}
)

_TAKE: Final = """
insert into hub_data.idempotency as i (org_id, caller, key, request) values ($1, $2, $3, $4)
on conflict (org_id, caller, key) do update
   set request = excluded.request, begun_at = now(), status = null, headers = null, body = null
 where i.begun_at < now() - interval '24 hours'
    or (i.status is null and i.begun_at < now() - interval '2 minutes' and i.request = excluded.request)
returning key"""
_THERE: Final = """
select request, status, headers, body from hub_data.idempotency where org_id = $1 and caller = $2 and key = $3"""
_KEEP: Final = """
update hub_data.idempotency set status = $4, headers = $5::jsonb, body = $6
 where org_id = $1 and caller = $2 and key = $3"""
_RELEASE: Final = "delete from hub_data.idempotency where org_id = $1 and caller = $2 and key = $3"


class _Place(NamedTuple):
    org: str
    caller: str
    key: str


class Idempotency:
    """Stands before the routes; `state` is the application's, with `access` and `parts`."""

    def __init__(self, app: ASGIApp, state: Any) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer as before."""
        key = _key(scope)
        if key is None or not _leads_somewhere(scope):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            caller: Caller = await self._state.access.caller(request)
        except Problem:
            await self._app(scope, receive, send)  # which says the same
            return
        if not 0 < len(key) <= _LONGEST or not key.isprintable():
            detail = f"The header Idempotency-Key has 1 to {_LONGEST} printable characters."
            await Problem(400, detail).response(scope["path"])(scope, receive, send)
            return
        body = await _read(receive)
        place = _Place(caller.org, f"{caller.kind}:{caller.key_id or caller.person}", key)
        taken = await self._take(place, _fingerprint(scope, body), scope["path"])
        if taken is not None:
            await taken(scope, receive, send)
            return
        await self._run(place, scope, body, receive, send)

    async def _take(self, place: _Place, request: bytes, path: str) -> Response | None:
        """None where the request is to be done now, else its answer. Raises Problem 409 or 422."""
        async with self._database.bound(place.org, write=True) as connection:
            if await connection.fetchval(_TAKE, *place, request) is not None:
                return None
            there = await connection.fetchrow(_THERE, *place)
        if there is None:
            raise _under_way()
        if there["request"] != request:
            detail = "This Idempotency-Key was used for another request; take a new one."
            return Problem(422, detail, title="Key used before").response(path)
        if there["status"] is None:
            raise _under_way()
        headers = {**orjson.loads(there["headers"]), REPLAYED: "true"}
        return Response(there["body"], there["status"], headers)

    async def _run(self, place: _Place, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        answer = _Answer(send)
        try:
            await self._app(scope, _again(body, receive), answer.pass_on)
        except BaseException:
            await self._write(_RELEASE, place)
            raise
        if not answer.whole or answer.status >= 500 or answer.status in _NOT_KEPT or len(answer.body) > _LARGEST:
            await self._write(_RELEASE, place)
            return
        status, kept = answer.status, bytes(answer.body)
        headers = {name: value for name, value in answer.headers.items() if name in _KEPT_HEADERS}
        if SHOWN_ONCE in scope:
            status, headers = 409, {"content-type": MEDIA_TYPE}
            kept = orjson.dumps(Problem(409, scope[SHOWN_ONCE]).document(scope["path"]))
        await self._write(_KEEP, place, status, orjson.dumps(headers).decode(), kept)
        await answer.finish()

    async def _write(self, statement: str, place: _Place, *more: Any) -> None:
        try:
            async with self._database.bound(place.org, write=True) as connection:
                await connection.execute(statement, *place, *more)
        except (Problem, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            log.warning("an answer could not be kept for a repeat", error=repr(error))

    @property
    def _database(self) -> Database:
        found: Database = self._state.parts.postgres
        return found


class _Answer:
    """Lets an answer through, and remembers it; its end is held back until it is kept."""

    def __init__(self, send: Send) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.whole = False
        self._send = send
        self._last: Message | None = None

    async def pass_on(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in message["headers"]
            }
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")
            if not message.get("more_body", False):
                self.whole = True
                self._last = message
                if self.status < 500 and self.status not in _NOT_KEPT and len(self.body) <= _LARGEST:
                    return
        await self._send(message)

    async def finish(self) -> None:
        """Send the end."""
        if self._last is not None:
            await self._send(self._last)


def _key(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["method"] not in _METHODS:
        return None
    path: str = scope["path"]
    if not path.startswith(f"{API}/") or path == _LEFT_OUT or path.startswith(f"{_LEFT_OUT}/"):
        return None
    for name, value in scope["headers"]:
        if name == b"idempotency-key":
            return str(value.decode("latin-1")).strip().strip('"')
    return None


def _leads_somewhere(scope: Scope) -> bool:
    """Whether there is a route: all else is answered the same without anything being kept."""
    return any(route.matches(scope)[0] is Match.FULL for route in scope["app"].router.routes)


def _fingerprint(scope: Scope, body: bytes) -> bytes:
    digest = sha256()
    for part in (scope["method"].encode(), scope["path"].encode(), scope["query_string"], body):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


async def _read(receive: Receive) -> bytes:
    found, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        found += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(found)


def _again(body: bytes, receive: Receive) -> Receive:
    given = False

    async def once() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once


def _under_way() -> Problem:
    detail = "The first request with this Idempotency-Key is still at work; ask again in a moment."
    return Problem(409, detail, title="Still at work", headers={"retry-after": "1"})
