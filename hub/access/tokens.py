"""Tokens that an issuer signed: JWTs with RS256 or EdDSA, whichever the key is made for, and nothing else."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import jwt

from hub.access.caller import Caller
from hub.access.jwks import KeySet, SigningKey
from hub.access.roles import PERMISSIONS, ROLES, allowed
from hub.problems import Problem
from runtime.settings import Settings
from schemas.names import is_id

_LEEWAY: Final = 30.0
"""Seconds by which the issuer's clock may be ahead of ours."""
_LONGEST: Final = 8192
_REMEMBERED: Final = 10_000
"""Verified tokens: checking an RSA signature takes as long as answering the request."""
_LONGEST_NAME: Final = 90
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC).timestamp()


class Tokens:
    """Verifies tokens, and remembers those that it has verified until they expire or the keys change."""

    def __init__(self, settings: Settings, keys: KeySet | None) -> None:
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience
        self._keys = keys
        self._known: OrderedDict[str, tuple[Caller, float]] = OrderedDict()
        self._of = -1

    async def caller(self, token: str) -> Caller:
        """Whoever the token was made for. Raises Problem 401."""
        if self._keys is None:
            raise _refused("no keys are set (ONESTACK_JWKS) by which a token could be checked")
        await self._keys.fresh()
        if self._keys.generation != self._of:
            self._known.clear()
            self._of = self._keys.generation
        found = self._known.get(token)
        if found is not None and found[1] > time.time():
            return found[0]
        caller, expires = await self._verify(token)
        self._known[token] = caller, expires
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return caller

    async def _verify(self, token: str) -> tuple[Caller, float]:
        if len(token) > _LONGEST or token.count(".") != 2:
            raise _refused("it is no JWT")
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise _refused("it can't be read") from None
        if "crit" in header:
            raise _refused("it has a header `crit`, none of which is understood")
        key = await self._key(header)
        if header.get("alg") != key.algorithm:
            raise _refused(f"its key signs with {key.algorithm}, and it says otherwise")
        try:
            claims = jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm],
                issuer=self._issuer,
                audience=self._audience,
                leeway=_LEEWAY,
                options={
                    "require": ["exp"],
                    "verify_aud": self._audience is not None,
                    "verify_iss": self._issuer is not None,
                },
            )
        except jwt.PyJWTError as error:
            raise _refused(str(error)[:1].lower() + str(error)[1:]) from None
        return _caller(claims), float(claims["exp"])

    async def _key(self, header: dict[str, Any]) -> SigningKey:
        if self._keys is None:  # pragma: no cover - asked before
            raise _refused("there are no keys")
        kid = header.get("kid")
        if kid is not None and not isinstance(kid, str):
            raise _refused("its kid is no text")
        key = await self._keys.get(kid)
        if key is None:
            raise _refused("it names no key that is known here" if kid else "it has to name its key (kid)")
        return key


def _caller(claims: dict[str, Any]) -> Caller:
    # The leeway is for clocks that are ahead when a token is made, not for tokens that are over.
    if float(claims["exp"]) <= time.time():
        raise _refused("signature has expired")
    org = claims.get("org")
    if not is_id(org):
        raise _refused("its claim `org` is no id of an organisation")
    role = claims.get("role")
    if role is not None and not (isinstance(role, str) and role in ROLES):
        raise _refused("its claim `role` is none of " + ", ".join(ROLES))
    expires = datetime.fromtimestamp(min(float(claims["exp"]), _LATEST), UTC)
    return Caller(str(org), _person(claims), "token", role, allowed(role, _claimed(claims)), expires)


def _claimed(claims: dict[str, Any]) -> Iterable[str] | None:
    given = claims.get("permissions")
    if given is None:
        return None
    if isinstance(given, str):
        given = given.split()
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise _refused("its claim `permissions` is no list of texts")
    return [one for one in given if one in PERMISSIONS]


def _person(claims: dict[str, Any]) -> str:
    """Who it is: the name for people, and the subject, for two people can have one name."""
    name, subject = (_text(claims.get(claim)) for claim in ("name", "sub"))
    if name and subject and name != subject:
        return f"{name} ({subject})"
    found = name or subject
    if not found:
        raise _refused("it names nobody: it has neither `sub` nor `name`")
    return found


def _text(given: object) -> str:
    if not isinstance(given, str):
        return ""
    return " ".join("".join(c if c.isprintable() else " " for c in given).split())[:_LONGEST_NAME]


def _refused(why: str) -> Problem:
    return Problem(401, f"The token is refused: {why}.", headers={"www-authenticate": 'Bearer error="invalid_token"'})
