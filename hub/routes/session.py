"""Signing in, and who one is."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated, Any

from fastapi import Request
from fastapi.responses import Response

from hub.access import ROLES, Caller, anyone, needs
from hub.access.authentication import COOKIE, Access, check_origin
from hub.access.local import is_local, is_loopback
from hub.documents.session import DevelopmentSignIn, Session, SignIn, SignInOptions
from hub.problems import Problem
from hub.routing import answers, api_router, json, problems
from hub.services.organisations import known_organisations

router = api_router("session")

_LONGEST_COOKIE = 3800  # bytes; browsers keep 4,096 with name and attributes


@router.get("/session", responses=answers(Session))
async def who(request: Request, caller: Annotated[Caller, needs(None)]) -> Response:
    """Who calls, and what they may do."""
    return json(_session(request, caller), headers={"cache-control": "no-store"})


@router.post("/session", dependencies=[anyone()], responses=answers(Session) | problems(401, 403))
async def sign_in(request: Request, body: SignIn) -> Response:
    """Sign in with a token or an API key: the answer sets the session cookie."""
    check_origin(request)
    access: Access = request.app.state.access
    caller = await access.prove(request, body.token)
    return _signed_in(request, caller, body.token)


@router.post("/session/development", dependencies=[anyone()], responses=answers(Session) | problems(403, 404))
async def sign_in_for_development(request: Request, body: DevelopmentSignIn) -> Response:
    """Sign in as anyone, where the Hub runs on a developer's machine (`onestack up`) and is called from there."""
    check_origin(request)
    access: Access = request.app.state.access
    if access.development is None or not is_local(request):
        raise Problem(404, "The development sign-in is not on here.")
    credential = access.development.sign(body.org, body.role, body.person or f"{body.role} (development)")
    return _signed_in(request, access.development.caller(credential), credential)


@router.delete("/session", dependencies=[anyone()], status_code=204, response_class=Response, responses=problems(403))
async def sign_out(request: Request) -> Response:
    """Forget the session cookie."""
    check_origin(request)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path="/", secure=_secure(request), httponly=True, samesite="strict")
    return response


@router.get("/session/options", dependencies=[anyone()], responses=answers(SignInOptions))
async def options(request: Request) -> Response:
    """How one can sign in here."""
    access: Access = request.app.state.access
    development = access.development is not None and is_local(request)
    found: dict[str, Any] = {
        "development": development,
        "orgs": await known_organisations(request.app.state.parts) if development else [],
        "roles": list(ROLES),
        "sign_in_url": request.app.state.parts.settings.sign_in_url,
    }
    return json(found, headers={"cache-control": "no-store"})


def _session(request: Request, caller: Caller) -> dict[str, Any]:
    return {
        "org": caller.org,
        "person": caller.person,
        "role": caller.role,
        "kind": caller.kind,
        "permissions": sorted(caller.permissions),
        "expires_at": caller.expires_at,
        "now": request.app.state.parts.clock.now(),
    }


def _signed_in(request: Request, caller: Caller, credential: str) -> Response:
    if len(credential) > _LONGEST_COOKIE:
        raise Problem(422, "The token is too long for a cookie; send it in the header Authorization.")
    response = json(_session(request, caller), headers={"cache-control": "no-store"})
    response.set_cookie(
        COOKIE,
        credential,
        max_age=_seconds_left(caller.expires_at),
        path="/",
        secure=_secure(request),
        httponly=True,
        samesite="strict",
    )
    return response


def _seconds_left(expires: datetime | None) -> int | None:
    return None if expires is None else max(0, int(expires.timestamp() - time.time()))


def _secure(request: Request) -> bool:
    """A browser sends the cookie over https alone, but where a developer has no https."""
    return not is_loopback(request.url.hostname or "")
