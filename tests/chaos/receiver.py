"""A stand-in for the modules inside the test's own process: it counts each call by its Idempotency-Key."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

HONOURS, IGNORES = "psa", "hub"
"""The module that answers a repeated key as before, and the one that performs every call anew."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it arrived; `at` is the monotonic clock, `moment` the one that run-log entries are stamped by.

    `by` is the bearer token that it carried: who called, where each worker of a test has its own.
    """

    module: str
    path: str
    key: str
    body: Any
    at: float
    moment: float
    by: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer instead of success; without a status the connection is closed and nothing answered."""

    status: int | None
    headers: dict[str, str] = field(default_factory=dict)


Behaviour = Callable[[Call], Awaitable[Reply | None]]


async def at_once(_call: Call) -> None:
    """Behave well: answer without a wait."""


class Receiver:
    """An HTTP server for all modules; `behave` is awaited before each answer, and may say which."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.performed: Counter[str] = Counter()
        self.under_way = 0
        self.behave: Behaviour = at_once
        self._answers: dict[str, str] = {}
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{module}/{tail:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def url(self, module: str) -> str:
        return f"http://127.0.0.1:{self._port}/{module}"

    def moments(self) -> dict[str, list[float]]:
        """When each key arrived: the first time and, where it was repeated, the others."""
        found: dict[str, list[float]] = defaultdict(list)
        for call in self.calls:
            found[call.key].append(call.at)
        return found

    def repeated(self) -> dict[str, list[float]]:
        """The keys that arrived more than once."""
        return {key: times for key, times in self.moments().items() if len(times) > 1}

    def about(self, text: str) -> list[Call]:
        """The calls with this text anywhere in their body."""
        return [call for call in self.calls if text in json.dumps(call.body)]

    async def _take(self, request: web.Request) -> web.Response:
        key = request.headers.get("Idempotency-Key", "").strip('"')
        module = request.match_info["module"]
        moment, at = time.time(), time.monotonic()
        by = request.headers.get("Authorization", "").removeprefix("Bearer ")
        call = Call(module, request.path, key, json.loads(await request.read() or b"null"), at, moment, by)
        self.calls.append(call)
        self.under_way += 1
        try:
            reply = await self.behave(call)
        finally:
            self.under_way -= 1
        if reply is not None:
            if reply.status is None and request.transport is not None:
                request.transport.close()
            return web.Response(status=reply.status or 500, headers=reply.headers, text="not now")
        kept = self._answers.get(key) if module == HONOURS else None
        if kept is None:
            self.performed[key] += 1
            kept = json.dumps({"id": f"{module}-{len(self.calls)}"})
            self._answers.setdefault(key, kept)
        return web.Response(text=kept, content_type="application/json")
