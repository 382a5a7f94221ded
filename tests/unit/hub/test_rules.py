"""Who may do what, for every route there is: a new route without a rule fails here."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from hub.access import PERMISSIONS, ROLES
from hub.app import create_app, routers
from hub.parts import Parts
from hub.routing import JsonRoute, rule_of
from runtime.settings import load
from tests.unit.hub.conftest import Client

Bearer = Callable[..., dict[str, str]]
ROUTES = [route for router in routers() for route in router.routes if isinstance(route, APIRoute)]
IDS = [f"{'|'.join(sorted(route.methods or ()))} {route.path}" for route in ROUTES]
PUBLIC = {
    "DELETE /api/v1/session",
    "GET /api/v1/session/options",
    "GET /healthz",
    "GET /metrics",
    "GET /openapi.json",
    "GET /readyz",
    "POST /api/v1/session",
    "POST /api/v1/session/development",
}


@pytest.mark.parametrize("route", ROUTES, ids=IDS)
def test_a_route_says_who_may_use_it(route: APIRoute) -> None:
    rule = rule_of(route)
    assert rule is not None, "it names neither a permission (needs) nor that it is public (anyone)"
    assert rule.permission is None or rule.permission in PERMISSIONS
    if route.path.startswith("/api/"):
        assert isinstance(route, JsonRoute), "its router should come from hub.routing.api_router"


def test_all_that_is_public_is_meant_to_be() -> None:
    found = {name for name, route in zip(IDS, ROUTES, strict=True) if (rule := rule_of(route)) and rule.public}
    assert found == PUBLIC


def test_the_application_has_no_route_but_those() -> None:
    app: FastAPI = create_app(Parts(load()))
    assert {id(route) for route in app.router.routes} == {id(route) for one in routers() for route in one.routes}


@pytest.mark.parametrize("role", [*ROLES, None])
async def test_every_route_is_open_to_the_roles_that_may_and_to_no_other(
    hub: Client, bearer: Bearer, role: str | None
) -> None:
    """Without Postgres and Kafka whoever is let in gets no further than a fault of the request, or a 503."""
    wrong: dict[str, int] = {}
    async with hub() as client:
        for name, route in zip(IDS, ROUTES, strict=True):
            rule = rule_of(route)
            if rule is None or rule.public or route.path.endswith("/stream"):
                continue
            for method in sorted(route.methods or ()):
                answer = await _ask(client, method, route.path, {} if role is None else bearer(role=role))
                if role is None:
                    right = answer.status_code == 401
                else:
                    may = rule.permission is None or rule.permission in ROLES[role]
                    right = answer.status_code not in (401, 403) if may else answer.status_code == 403
                if not right:
                    wrong[name] = answer.status_code
    assert wrong == {}


async def _ask(client: httpx.AsyncClient, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    # No JSON at all: whether one may is told before what one sends is looked at.
    content = None if method == "GET" else b"{"
    headers = headers | ({} if content is None else {"content-type": "application/json"})
    return await client.request(method, re.sub(r"\{[^}]*\}", "x", path), headers=headers, content=content)
