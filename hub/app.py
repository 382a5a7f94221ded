"""The application: every module of `hub.routes`, what is around them, and the web app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from hub import routes
from hub.access.authentication import Access
from hub.access.development import development_of
from hub.access.jwks import keys_of
from hub.access.keys import Keys
from hub.access.tokens import Tokens
from hub.direct import DirectRoute
from hub.idempotency import Idempotency
from hub.looking import Look
from hub.middleware import Guard, Measure
from hub.openapi import describe
from hub.parts import Parts
from hub.problems import Problem
from hub.webapp import WebApp
from schemas.errors import Fault, Refused, faults_of


def create_app(parts: Parts) -> FastAPI:
    """The Hub on these parts, which it starts and stops. Raises NotConfigured where the settings forbid it."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with parts:
            yield
            await app.state.look.stop()

    app = FastAPI(
        title="One Stack Hub", openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan,
        redirect_slashes=False,
    )  # fmt: skip
    settings = parts.settings
    app.state.parts = parts
    app.state.look = Look(parts)
    app.state.access = Access(Tokens(settings, keys_of(settings)), Keys(parts.postgres), development_of(settings))
    for router in routers():
        # Not include_router: a router inside another is asked for each request again what its routes are.
        app.router.routes.extend(router.routes)
    # Those that are asked most stand first: a path is held against one route after the other.
    app.router.routes.sort(key=lambda route: not isinstance(route, DirectRoute))
    app.router.default = Elsewhere(WebApp())
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]  # FastAPI's own way to say it
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    # The last that is added is the outermost.
    app.add_middleware(Idempotency, state=app.state)
    app.add_middleware(Guard)
    app.add_middleware(Measure)
    return app


def routers() -> list[APIRouter]:
    """The `router` of every module in `hub.routes`."""
    names = sorted(found.name for found in iter_modules(routes.__path__))
    return [import_module(f"{routes.__name__}.{name}").router for name in names]


class Elsewhere:
    """Where no route leads: the web app for a browser's GET, and for all else the problem that there is nothing."""

    def __init__(self, web: WebApp) -> None:
        self._web = web

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http":
            return
        if scope["path"].startswith("/api/") or scope["method"] not in ("GET", "HEAD"):
            raise Problem(404, "There is no such address.")
        scope["onestack.route"] = "web"
        await self._web(scope, receive, send)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - what it is registered for
    return error.response(request.url.path)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 - what it is registered for
    return Problem.refused(error).response(request.url.path)


async def _invalid(request: Request, error: Exception) -> Response:
    """FastAPI's own findings about a request, in the words in which everything else is refused."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    found = [dict(one) for one in error.errors()]
    if any(one["type"] == "json_invalid" for one in found):
        return Problem(400, "The body is no JSON.").response(request.url.path)
    for one in found:
        location: tuple[Any, ...] = tuple(one["loc"])
        one["loc"] = location[1:]
    faults = [fault if fault.field else Fault("", f"the body {fault.reason}") for fault in faults_of(found)]
    return Problem.refused(Refused(faults)).response(request.url.path)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if error.status_code == 405:
        headers["allow"] = ", ".join(sorted(_methods(request)))
        return Problem(405, f"Here one can {headers['allow']}.", headers=headers).response(request.url.path)
    detail = "There is no such address." if error.status_code == 404 else str(error.detail)
    return Problem(error.status_code, detail, headers=headers).response(request.url.path)


def _methods(request: Request) -> set[str]:
    """What can be done at this path, over all routes that it fits."""
    found: set[str] = set()
    for route in request.app.router.routes:
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            found |= set(route.methods or ())
    return found
