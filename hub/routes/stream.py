"""What happens right now, as server-sent events."""

from __future__ import annotations

import asyncio
import datetime as dt
from contextlib import suppress
from typing import Annotated, Any, Final

from fastapi import Request
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from hub.access import READ, Caller, needs
from hub.channels import Listener
from hub.direct import direct
from hub.middleware import STREAMS
from hub.parts import Parts
from hub.problems import Problem
from hub.routing import api_router, problems

router = api_router("insight")

_PING_SECONDS: Final = 15.0
_SEND_SECONDS: Final = 20.0
"""For which a reader may take nothing at all before it is given up."""
_LONGEST_ID: Final = 100
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}
_EXAMPLE: Final = """\
retry: 1000
event: hello
id: 6f1c2a90-41
data: {"org":"acme"}

event: run
id: 6f1c2a90-42
data: {"run_id":"9f…","workflow_id":"wake","status":"failed","entity_key":"acme/device/d-1","type":"run.failed"}

event: workflow
id: 6f1c2a90-43
data: {"id":"wake","version":4,"state":"enabled"}

event: dead-letter
id: 6f1c2a90-44
data: {"at":"2026-11-26T12:00:00Z","topic":"onestack.events.rmm"}

event: ping
data: {}
"""
_TOLD: Final = {
    "description": "Events without end: `hello` at once; `run`, `workflow` (without a version: deleted) and "
    "`dead-letter`, each when it can be read; `ping` after 15 s of silence; `missed` where something was not told, "
    "so that you ask anew for what you show. `slow` says that you are disconnected, for you read too slowly.",
    "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
}
_LAST: Final = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The `id` of the last event that was read: what came after it follows, or else `missed`.",
    "schema": {"type": "string", "maxLength": _LONGEST_ID},
}


class Events(Response):
    """The answer that goes on until the caller leaves, may not look on any more, or the process ends."""

    media_type = "text/event-stream"

    def __init__(self, request: Request, caller: Caller) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._request = request
        self._caller = caller
        self._parts: Parts = request.app.state.parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        scope["onestack.streams"] = True
        last_id = self._request.headers.get("last-event-id", "")[:_LONGEST_ID]
        with self._parts.live.listening(self._caller.org, last_id) as listener, STREAMS.track_inprogress():
            watching = [asyncio.ensure_future(one) for one in (_gone(receive), self._parts.stopping.wait())]
            for one in watching:
                one.add_done_callback(lambda _: listener.close())
            over = self._at_the_end(listener)
            try:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                with suppress(OSError, TimeoutError):  # it left, or does not read
                    await self._tell(listener, send)
            finally:
                for one in watching:
                    one.cancel()
                if over is not None:
                    over.cancel()

    def _at_the_end(self, listener: Listener) -> asyncio.TimerHandle | None:
        """Close the stream when the caller's token expires."""
        expires = self._caller.expires_at
        if expires is None:
            return None
        left = (expires - dt.datetime.now(dt.UTC)).total_seconds()
        # A loop's timer can't be set for years.
        return asyncio.get_running_loop().call_later(min(max(0.0, left), 86_400.0), listener.close)

    async def _tell(self, listener: Listener, send: Send) -> None:
        loop = asyncio.get_running_loop()
        checked = loop.time()
        while (chunk := await listener.next(_PING_SECONDS)) is not None:
            await _sent(send, chunk, more=True)
            if loop.time() - checked >= _PING_SECONDS:
                if not await self._still_may():
                    break
                checked = loop.time()
        await _sent(send, b"", more=False)

    async def _still_may(self) -> bool:
        """Whether the caller is let in as before: a key may have been revoked."""
        self._request.scope.pop("onestack.caller", None)
        try:
            return READ in (await self._request.app.state.access.caller(self._request)).permissions
        except Problem as problem:
            return problem.status >= 500


async def _sent(send: Send, chunk: bytes, *, more: bool) -> None:
    async with asyncio.timeout(_SEND_SECONDS):
        await send({"type": "http.response.body", "body": chunk, "more_body": more})


async def _gone(receive: Receive) -> None:
    """Return when the caller has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {200: _TOLD}


@direct(
    router,
    "/stream",
    response_class=Response,
    responses=_RESPONSES | problems(429),
    openapi_extra={"parameters": [_LAST]},
)
async def stream(request: Request, caller: Annotated[Caller, needs(READ)]) -> Response:
    """What happens in the organisation right now, as server-sent events; of a run its latest state.

    It ends when the token expires, and when the Hub is stopped: connect again then.
    """
    return Events(request, caller)
