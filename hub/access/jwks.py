"""The keys of those who sign tokens: a JWKS (RFC 7517) in a file or behind a URL, kept fresh.

A file is read again when it changes. A URL is fetched again after five minutes, and at once where a token names a key
that is not known, but at most every ten seconds; while it is away the last good set stays in force.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import aiohttp
import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from hub.access.local import is_loopback
from hub.errors import NotConfigured
from runtime.logging import logger
from runtime.settings import Settings

log = logger("hub")

_LOOK: Final = 1.0
_REFETCH: Final = 10.0
_STALE: Final = 300.0
_TIMEOUT: Final = 5.0
_LARGEST: Final = 1024 * 1024
_SMALLEST_RSA: Final = 2048


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public key, and the one algorithm that it is used with."""

    key: RSAPublicKey | Ed25519PublicKey
    algorithm: str


class KeySet(Protocol):
    """Keys by their ids. `generation` counts how often they changed."""

    generation: int

    async def fresh(self) -> None:
        """See to it that a change of the keys is noticed soon."""

    async def get(self, kid: str | None) -> SigningKey | None:
        """The key of this id, or without an id the only key that there is."""


class _Keys:
    def __init__(self) -> None:
        self.generation = 0
        self._keys: dict[str | None, SigningKey] = {}

    def _put(self, document: bytes) -> None:
        keys = read(document)
        if keys != self._keys:
            self._keys = keys
            self.generation += 1

    def _find(self, kid: str | None) -> SigningKey | None:
        if kid is not None:
            return self._keys.get(kid)
        return next(iter(self._keys.values())) if len(self._keys) == 1 else None


class FileKeys(_Keys):
    """Keys in a file. Raises NotConfigured where it can't be read at the start."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file
        self._seen: tuple[int, int] | None = None
        self._looked = 0.0
        try:
            self._look()
        except (OSError, ValueError) as error:
            message = f"ONESTACK_JWKS: {error}"
            raise NotConfigured(message) from None

    async def fresh(self) -> None:
        """Read the file again where it has changed, looking once a second."""
        now = time.monotonic()
        if now - self._looked < _LOOK:
            return
        self._looked = now
        try:
            self._look()
        except (OSError, ValueError) as error:
            log.warning("the keys' file can't be read; the keys of before stay in force", error=str(error))

    async def get(self, kid: str | None) -> SigningKey | None:
        """The key of this id."""
        return self._find(kid)

    def _look(self) -> None:
        status = self._file.stat()
        seen = status.st_mtime_ns, status.st_size
        if seen != self._seen:
            self._put(self._file.read_bytes())
            self._seen = seen


class UrlKeys(_Keys):
    """Keys behind a URL."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._tried = -_STALE
        self._fetching: asyncio.Task[None] | None = None

    async def fresh(self) -> None:
        """Fetch the keys anew behind the request where they are five minutes old."""
        if time.monotonic() - self._tried > _STALE:
            self._begin()

    async def get(self, kid: str | None) -> SigningKey | None:
        """The key of this id; keys that are not known yet are fetched, at most every ten seconds."""
        found = self._find(kid)
        if found is None:
            if self._fetching is None and time.monotonic() - self._tried > _REFETCH:
                self._begin()
            if self._fetching is not None:
                await asyncio.shield(self._fetching)
                found = self._find(kid)
        return found

    def _begin(self) -> None:
        if self._fetching is None:
            self._tried = time.monotonic()
            self._fetching = asyncio.create_task(self._fetch(), name="hub-jwks")

    async def _fetch(self) -> None:
        try:
            timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(self._url, allow_redirects=False, headers={"accept": "application/json"}) as answer,
            ):
                answer.raise_for_status()
                self._put(await answer.content.read(_LARGEST))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            log.warning(
                "the keys can't be fetched; the keys of before stay in force",
                host=urlsplit(self._url).hostname,
                error=repr(error),
            )
        finally:
            self._fetching = None


def keys_of(settings: Settings) -> KeySet | None:
    """The keys that the settings name. Raises NotConfigured where they name none that can be used."""
    where = settings.jwks
    if where is None:
        return None
    if where.startswith(("https://", "http://")):
        if where.startswith("http://") and not is_loopback(urlsplit(where).hostname or ""):
            message = f"ONESTACK_JWKS: {where} has to be https, for whoever changes the answer can sign in as anyone."
            raise NotConfigured(message)
        return UrlKeys(where)
    return FileKeys(Path(where.removeprefix("file://")))


def read(document: bytes) -> dict[str | None, SigningKey]:
    """The keys of a JWKS that can be used here, by id. Raises ValueError where it is none, or has none of use."""
    parsed = orjson.loads(document)
    given = parsed.get("keys") if isinstance(parsed, dict) else None
    if not isinstance(given, list):
        message = "it is no JWKS: an object with a list `keys`"
        raise ValueError(message)  # noqa: TRY004 - as a file that is no JSON
    found: dict[str | None, SigningKey] = {}
    for one in given:
        try:
            key = _key(one)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
            log.warning("a key of the JWKS is left out", kid=str(_kid(one))[:100], reason=str(error))
            continue
        found[_kid(one)] = key
    if not found:
        message = "it has no key that can be used: RSA of 2048 bits or more, or Ed25519"
        raise ValueError(message)
    return found


def _kid(given: object) -> str | None:
    kid = given.get("kid") if isinstance(given, Mapping) else None
    return kid if isinstance(kid, str) else None


def _key(given: Any) -> SigningKey:
    """The key with the algorithm that its type allows: what a token says of itself is not asked."""
    if not isinstance(given, dict):
        message = "it is no object"
        raise TypeError(message)
    if given.get("use", "sig") != "sig":
        message = "it is not for signatures"
        raise ValueError(message)
    kind = given.get("kty")
    algorithm = {"RSA": "RS256", "OKP": "EdDSA"}.get(str(kind))
    if algorithm is None or given.get("alg", algorithm) not in (algorithm, "Ed25519"):
        message = f"kty {kind!r} with alg {given.get('alg')!r} is not supported"
        raise ValueError(message)
    public = {name: given[name] for name in ("kty", "n", "e", "crv", "x") if name in given}
    key: Any = jwt.PyJWK(public, algorithm).key
    if isinstance(key, RSAPublicKey) and key.key_size < _SMALLEST_RSA:
        message = f"an RSA key of {key.key_size} bits is too short"
        raise ValueError(message)
    if not isinstance(key, RSAPublicKey | Ed25519PublicKey):
        message = "only Ed25519 is supported of this type"
        raise TypeError(message)
    return SigningKey(key, algorithm)
