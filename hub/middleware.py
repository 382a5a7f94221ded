"""What is around every route: counting, limits, and an answer for whatever goes wrong. Plain ASGI, for it is hot."""

from __future__ import annotations

import time
from secrets import token_hex
from typing import Any, Final

import asyncpg
from aiokafka.errors import KafkaError
from prometheus_client import Counter, Gauge, Histogram
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub import spans
from hub.problems import Problem, away
from runtime import tracing
from runtime.logging import logger
from runtime.postgres import is_away
from schemas.errors import Refused

log = logger("hub")

LARGEST_BODY: Final = 4 * 1024 * 1024
"""Bytes of a request's body: a batch of events, or the import of a whole organisation's workflows."""
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

REQUESTS: Final = Counter("onestack_hub_requests", "Answers of the Hub", ["route", "method", "status"])
REQUEST_SECONDS: Final = Histogram(
    "onestack_hub_request_seconds", "From a request to its answer's end", ["route", "method"], buckets=_SECONDS
)
STREAMS: Final = Gauge("onestack_hub_streams", "Live streams that are open")


class Measure:
    """Counts answers by the route's template, never by the path: a path has ids in it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._counters: dict[tuple[str, str, int], Any] = {}
        self._histograms: dict[tuple[str, str], Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count what became of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            if tracing.active is None:
                await self._app(scope, receive, noting)
            else:
                with spans.serving(scope) as span:
                    try:
                        await self._app(scope, receive, noting)
                    finally:
                        spans.served(span, scope, status)
        finally:
            self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or scope.get("onestack.route") or "other"
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        at = (route, method, status)
        counter = self._counters.get(at)
        if counter is None:
            counter = self._counters[at] = REQUESTS.labels(route, method, str(status))
        counter.inc()
        if scope.get("onestack.streams"):
            return  # how long somebody looks on is no time of answering
        histogram = self._histograms.get(at[:2])
        if histogram is None:
            histogram = self._histograms[at[:2]] = REQUEST_SECONDS.labels(route, method)
        histogram.observe(seconds)


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


class Guard:
    """Turns whatever a route raises into a problem, and refuses bodies that are too large."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, _limited(scope, receive), noting)
        except Exception as error:
            problem = problem_of(error)
            if started:
                raise
            await problem.response(scope["path"])(scope, receive, send)


def _limited(scope: Scope, receive: Receive) -> Receive:
    """`receive` that refuses more than the largest body. Raises Problem 413 at once where the length is told."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            if not value.isdigit() or int(value) > LARGEST_BODY:
                raise _too_large()
            return receive
    size = 0

    async def counting() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > LARGEST_BODY:
            # FastAPI lets nothing else through from where it reads a body.
            raise HTTPException(413, _too_large().detail)
        return message

    return counting


def _too_large() -> Problem:
    return Problem(413, f"A request's body has {LARGEST_BODY:,} bytes at most.")


def problem_of(error: Exception) -> Problem:
    """The answer to this error. One that nobody foresaw gets an id, under which the log has all of it."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        return Problem(error.status_code, error.detail, headers=error.headers)
    if isinstance(error, Refused):
        return Problem.refused(error)
    if is_away(error):
        log.warning("postgres is away", error=repr(error))
        full = isinstance(error, asyncpg.DiskFullError | asyncpg.ReadOnlySQLTransactionError)
        return away("Postgres", "Postgres can only be read for now; try again in a while." if full else None)
    if isinstance(error, KafkaError):
        log.warning("kafka is away", error=repr(error))
        return away("Kafka")
    if isinstance(error, asyncpg.QueryCanceledError):
        log.warning("a query took too long", error=str(error))
        return away("Postgres", "This took Postgres longer than 15 s; ask for less, such as a shorter time.")
    if _is_untellable(error):
        log.warning("what a request says can't be stored", error=type(error).__name__)
        return Problem(422, "The request has a text that is no Unicode or has a null in it, or a number out of range.")
    id = token_hex(8)
    log.error("a request failed", problem_id=id, exc_info=error)
    return Problem(500, f"Something went wrong here; the log has it under {id}.", id=id)


def _is_untellable(error: Exception) -> bool:
    """Whether it is about a text or a number that JSON can say and Postgres can't; known ones are refused earlier."""
    if isinstance(error, asyncpg.InterfaceError):
        return isinstance(error.__cause__, OverflowError | UnicodeError)
    return isinstance(error, asyncpg.DataError | UnicodeEncodeError)
