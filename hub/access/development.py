"""Signing in as anyone on a developer's machine. `onestack up` alone turns it on, with a secret made for that start.

It can't be left on by accident: the Hub refuses to start with the secret unless it listens on a loopback address and
has no keys of a real issuer, and it answers such sign-ins only to this machine (`local.is_local`).
"""

from __future__ import annotations

import hmac
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from hub.access.caller import Caller
from hub.access.local import is_loopback
from hub.access.roles import allowed
from hub.errors import NotConfigured
from hub.problems import Problem
from runtime.settings import Settings

_SECONDS: Final = 12 * 3600
_SHORTEST: Final = 32
_REMEMBERED: Final = 1000


class Development:
    """Makes and reads the credentials of development sign-ins: claims with a keyed hash, for this process' secret."""

    prefix: Final = "dev_"

    def __init__(self, secret: str) -> None:
        if len(secret) < _SHORTEST:
            message = f"ONESTACK_DEVELOPMENT_SIGN_IN has less than {_SHORTEST} characters; `onestack up` makes one."
            raise NotConfigured(message)
        self._secret = secret.encode()
        self._known: dict[str, tuple[Caller, float]] = {}

    def sign(self, org: str, role: str, person: str) -> str:
        """A credential for twelve hours."""
        claims = {"org": org, "role": role, "person": person, "exp": int(time.time()) + _SECONDS}
        body = urlsafe_b64encode(orjson.dumps(claims)).decode().rstrip("=")
        return f"{self.prefix}{body}.{self._sign(body)}"

    def caller(self, credential: str) -> Caller:
        """Whoever signed in so. Raises Problem 401."""
        known = self._known.get(credential)
        if known is not None and known[1] > time.time():
            return known[0]
        caller, expires = self._read(credential)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[credential] = caller, expires
        return caller

    def _read(self, credential: str) -> tuple[Caller, float]:
        body, _, signature = credential.removeprefix(self.prefix).partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(body).encode()):
            raise Problem(401, "This development sign-in is of another start of the Hub; sign in again.")
        claims: dict[str, Any] = orjson.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        if claims["exp"] <= time.time():
            raise Problem(401, "This development sign-in is over; sign in again.")
        role = claims["role"]
        expires = datetime.fromtimestamp(claims["exp"], UTC)
        caller = Caller(claims["org"], claims["person"], "development", role, allowed(role, None), expires)
        return caller, float(claims["exp"])

    def _sign(self, body: str) -> str:
        return hmac.digest(self._secret, body.encode(), "sha256").hex()


def development_of(settings: Settings) -> Development | None:
    """The development sign-in, where it is on. Raises NotConfigured where it must not be."""
    secret = settings.development_sign_in
    if secret is None:
        return None
    if not is_loopback(settings.hub_host):
        message = (
            f"ONESTACK_DEVELOPMENT_SIGN_IN is set, and ONESTACK_HUB_HOST is {settings.hub_host}: anyone who reaches "
            "that address could sign in as anyone. Unset it, or listen on 127.0.0.1."
        )
        raise NotConfigured(message)
    if settings.jwks is not None:
        message = (
            "ONESTACK_DEVELOPMENT_SIGN_IN and ONESTACK_JWKS are both set: with keys of a real issuer nobody may sign "
            "in without them. Unset one of the two."
        )
        raise NotConfigured(message)
    return Development(secret.get_secret_value())
