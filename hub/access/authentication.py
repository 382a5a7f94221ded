"""From a request to its caller: a bearer token, an API key, or the session cookie."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from fastapi import Request

from hub.access.caller import Caller
from hub.access.development import Development
from hub.access.keys import PREFIX, Keys
from hub.access.local import is_local
from hub.access.tokens import Tokens
from hub.problems import Problem

COOKIE: Final = "onestack_session"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITE: Final = frozenset({"same-origin", "none"})


class Access:
    """Everything that proves who somebody is."""

    def __init__(self, tokens: Tokens, keys: Keys, development: Development | None) -> None:
        self.tokens = tokens
        self.keys = keys
        self.development = development

    async def caller(self, request: Request) -> Caller:
        """Whoever makes the request, looked up once. Raises Problem: 401, or 403 where another site is behind it."""
        found: Caller | None = request.scope.get("onestack.caller")
        if found is None:
            found = request.scope["onestack.caller"] = await self._find(request)
        return found

    async def _find(self, request: Request) -> Caller:
        given = request.headers.get("authorization")
        if given is not None:
            scheme, _, credential = given.partition(" ")
            if scheme.lower() != "bearer" or not credential.strip():
                raise unknown("The header Authorization should be 'Bearer' and a token or an API key.")
            return await self.prove(request, credential.strip())
        cookie = request.cookies.get(COOKIE)
        if not cookie:
            raise unknown("Sign in, or send a token or an API key in the header Authorization.")
        check_site(request)
        return await self.prove(request, cookie)

    async def prove(self, request: Request, credential: str) -> Caller:
        """Whoever this token or key belongs to. Raises Problem 401."""
        if credential.startswith(PREFIX):
            return await self.keys.caller(credential)
        if self.development is not None and credential.startswith(self.development.prefix):
            if not is_local(request):
                raise unknown("The development sign-in is for this machine alone.")
            return self.development.caller(credential)
        return await self.tokens.caller(credential)


def unknown(detail: str) -> Problem:
    """Nobody has proven who calls."""
    return Problem(401, detail, headers={"www-authenticate": 'Bearer realm="onestack"'})


def check_site(request: Request) -> None:
    """Refuse what another web site made a browser send along with the cookie. Raises Problem 403."""
    if request.method in _SAFE:
        return
    if request.headers.get("x-onestack") != "1":
        raise Problem(403, "With the session cookie, a request that changes something needs the header X-Onestack: 1.")
    check_origin(request)


def check_origin(request: Request) -> None:
    """Refuse a request that a page of another site makes. Raises Problem 403."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in _OWN_SITE:
        raise Problem(403, "This request comes from another web site.")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
        raise Problem(403, "This request comes from another web site.")
