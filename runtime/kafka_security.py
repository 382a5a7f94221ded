"""How a client of Kafka secures its connections: TLS, and who it says it is by SASL."""

from __future__ import annotations

import asyncio
import ssl
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaConnectionError

from schemas.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.settings import Settings

_TOKEN_SECONDS: Final = 10.0
"""How long the token endpoint may take: a broker waits no longer for a client to say who it is."""
_USED_OF_LIFETIME: Final = 0.8
"""The part of a token's life after which the next one is fetched."""


def security_options(settings: Settings) -> dict[str, Any]:
    """What aiokafka's clients are given beside the brokers' addresses; empty where Kafka is not secured.

    Raises Refused that names the variable where a certificate or key can't be read.
    """
    protocol = settings.kafka_security_protocol
    if protocol == "PLAINTEXT":
        return {}
    options: dict[str, Any] = {"security_protocol": protocol}
    if protocol.endswith("SSL"):
        files = (settings.kafka_ca_file, settings.kafka_cert_file, settings.kafka_key_file)
        options["ssl_context"] = _context(*files)
    if protocol.startswith("SASL"):
        options |= _sasl(settings)
    return options


@lru_cache(maxsize=8)
def _context(ca_file: Path | None, cert_file: Path | None, key_file: Path | None) -> ssl.SSLContext:
    """Verifies the broker's certificate and its name; with a certificate of our own where there is one."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise Refused.one("ONESTACK_KAFKA_CA_FILE", f"{ca_file} can't be read as certificates: {error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if cert_file is not None:
        try:
            context.load_cert_chain(cert_file, key_file, password=lambda: "")
        except (OSError, ssl.SSLError) as error:
            raise Refused.one("ONESTACK_KAFKA_CERT_FILE", f"{cert_file} and its key can't be read: {error}") from None
    return context


def _sasl(settings: Settings) -> dict[str, Any]:
    mechanism = settings.kafka_sasl_mechanism
    if mechanism == "OAUTHBEARER":
        return {"sasl_mechanism": mechanism, "sasl_oauth_token_provider": _provider(settings)}
    password = settings.kafka_password.get_secret_value() if settings.kafka_password else ""
    return {
        "sasl_mechanism": mechanism,
        "sasl_plain_username": settings.kafka_username,
        "sasl_plain_password": password,
    }


_providers: dict[tuple[str, str, str, str | None], ClientCredentials] = {}


def _provider(settings: Settings) -> ClientCredentials:
    """One for all clients of a process, so that they share a token."""
    secret = settings.kafka_oauth_client_secret
    key = (
        settings.kafka_oauth_token_url or "",
        settings.kafka_oauth_client_id or "",
        secret.get_secret_value() if secret else "",
        settings.kafka_oauth_scope,
    )
    if key not in _providers:
        _providers[key] = ClientCredentials(*key)
    return _providers[key]


class ClientCredentials(AbstractTokenProvider):  # type: ignore[misc]  # its base has no types
    """Access tokens by OAuth 2.0's client credentials grant (RFC 6749, section 4.4), each used for most of its life.

    `token()` raises KafkaConnectionError where the endpoint gives none: a client waits for that as for a broker.
    """

    def __init__(self, url: str, client_id: str, secret: str, scope: str | None = None) -> None:
        self._url, self._scope = url, scope
        self._credentials = (client_id, secret)
        self._token, self._until = "", 0.0
        self._fetching: asyncio.Task[str] | None = None

    async def token(self) -> str:
        """A token that has not expired."""
        if time.monotonic() < self._until:
            return self._token
        if self._fetching is None or self._fetching.done():
            # One fetch for all who wait, that goes on where one of them gives up.
            self._fetching = asyncio.create_task(self._fetch())
        return await asyncio.shield(self._fetching)

    async def _fetch(self) -> str:
        import aiohttp  # noqa: PLC0415 - few processes need it for this

        form = {"grant_type": "client_credentials"} | ({"scope": self._scope} if self._scope else {})
        timeout = aiohttp.ClientTimeout(total=_TOKEN_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, auth=aiohttp.BasicAuth(*self._credentials)) as session,
                session.post(self._url, data=form) as answer,
            ):
                answered = await answer.json(content_type=None) if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise KafkaConnectionError(f"no access token from {self._url}: {type(error).__name__}") from None
        if not isinstance(answered, dict) or not isinstance(answered.get("access_token"), str):
            # What the endpoint says may repeat what it was sent, the client's secret among it.
            raise KafkaConnectionError(f"no access token from {self._url}: HTTP {answer.status}")
        lifetime = answered.get("expires_in")
        seconds = float(lifetime) if isinstance(lifetime, int | float | str) and str(lifetime).isdigit() else 300.0
        self._token, self._until = answered["access_token"], time.monotonic() + seconds * _USED_OF_LIFETIME
        return self._token
