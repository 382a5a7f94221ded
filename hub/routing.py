"""What the modules of `hub.routes` are made with."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from json import JSONDecodeError
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from hub.access.rules import Rule
from hub.documents.problem import ProblemDocument
from hub.problems import MEDIA_TYPE

API: Final = "/api/v1"

_WHY: Final = {
    400: "The body is no JSON",
    401: "Nobody has proven who calls",
    403: "The caller may not do this",
    404: "There is no such thing in the caller's organisation",
    405: "This can't be done here",
    409: "It does not fit how things are",
    410: "It was there, and is gone",
    412: "It was changed meanwhile: If-Match names another version",
    413: "The body is too large",
    415: "The body is of a type that is not read here",
    422: "The request was refused; `faults` says where and why",
    428: "The header If-Match is required",
    429: "Too many at once",
    500: "Something went wrong here; the log has it under the problem's id",
    503: "Kafka or Postgres does not answer",
}
Responses = dict[int | str, dict[str, Any]]


class JsonRequest(Request):
    """A request whose body is JSON as the standard says: no NaN, and text that is Unicode."""

    async def json(self) -> Any:
        """The body."""
        try:
            return orjson.loads(await self.body())
        except orjson.JSONDecodeError as error:
            # FastAPI knows the standard library's error by its type alone.
            raise JSONDecodeError(error.msg, "", 0) from None


class JsonRoute(APIRoute):
    """A route that reads its body so, and not before it is known that the caller may send it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What FastAPI calls."""
        handler = super().get_route_handler()
        if self.body_field is None:
            return handler

        rule = rule_of(self)

        async def handle(request: Request) -> Response:
            if rule is not None:
                await rule(request)
            return await handler(JsonRequest(request.scope, request.receive))

        return handle


def rule_of(route: APIRoute) -> Rule | None:
    """The rule of a route: which permission it needs. A route without one is a mistake, which a test finds."""
    for one in route.dependant.dependencies:
        if isinstance(one.call, Rule):
            return one.call
    return None


def api_router(tag: str) -> APIRouter:
    """A router for `/api/v1`, whose routes stand under this tag in the OpenAPI document."""
    return APIRouter(prefix=API, tags=[tag], route_class=JsonRoute)


def problems(*statuses: int) -> Responses:
    """For `responses=`: the problems that are this route's own.

    What every route can answer (401, 403, 503 … and 400, 413, 422 where it takes something) is added by itself.
    """
    return {
        status: {
            "description": _WHY[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}}},
        }
        for status in statuses
    }


def answers(model: type[BaseModel] | Any, status: int = 200, description: str = "As asked", **more: Any) -> Responses:
    """For `responses=` of a route that answers with bytes of its own: what they are."""
    return {status: {"model": model, "description": description, **more}}


def json(
    body: Any, status: int = 200, headers: Mapping[str, str] | None = None, media_type: str = "application/json"
) -> Response:
    """An answer as JSON; times as RFC 3339 text in UTC."""
    if not isinstance(body, bytes):
        body = orjson.dumps(body, option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC)
    return Response(body, status, dict(headers) if headers else None, media_type)
