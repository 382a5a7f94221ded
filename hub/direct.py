"""Routes that are asked most, without FastAPI's search for a function's parameters: it took longer than the rest.

Such a function takes the request and the caller. What else it reads is described by `hub.asking`, and its answer is
ready to go out. The rule is that of the route's dependency, as everywhere, so that the test of rules sees it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from hub.access import Caller
from hub.routing import JsonRoute, rule_of

Answer = Callable[[Request, Caller], Awaitable[Response]]
Function = TypeVar("Function", bound=Answer)


class DirectRoute(JsonRoute):
    """A route whose function is called with the request and the caller, and nothing else."""

    def __init__(self, path: str, endpoint: Answer, **more: Any) -> None:
        super().__init__(path, endpoint, **more)
        rule = rule_of(self)
        if rule is None:
            message = f"{path} has no rule"
            raise TypeError(message)

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope, receive)
            caller = await rule(request)
            response = await endpoint(request, caller)  # type: ignore[arg-type]  # a public route is none of these
            await response(scope, receive, send)

        self.app = answer


def direct(router: APIRouter, path: str, **more: Any) -> Callable[[Function], Function]:
    """A decorator: the function answers GET on this path; `more` is as of FastAPI's own."""

    def add(function: Function) -> Function:
        router.add_api_route(path, function, methods=["GET"], route_class_override=DirectRoute, **more)
        return function

    return add
