"""The application without Kafka and Postgres: what it says before it needs them, and while they are away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub import sending
from hub.app import create_app
from hub.parts import Parts
from runtime.settings import load
from tests.unit.hub.signing import token, write_jwks

Client = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def hub(tmp_path: Path, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch) -> Client:
    """`async with hub(**settings) as client:` the application with a client of it, by default on this machine."""

    @asynccontextmanager
    async def opened(
        *, peer: str = "127.0.0.1", host: str = "127.0.0.1:8080", parts: Parts | None = None, **settings: Any
    ) -> AsyncIterator[httpx.AsyncClient]:
        away = {
            "broker": f"127.0.0.1:{unused_tcp_port}",
            "postgres_url": f"postgresql://nobody@127.0.0.1:{unused_tcp_port}/nothing",
        }
        if "development_sign_in" not in settings:
            settings.setdefault("jwks", str(write_jwks(tmp_path)))
        monkeypatch.setattr(sending, "PATIENCE", 0.1)
        app = create_app(parts or Parts(load(**away, **settings)))
        # Nobody has published a definition, and that is known.
        app.state.parts.definitions._ready.set()
        transport = httpx.ASGITransport(app, client=(peer, 50_000))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            client.app = app  # type: ignore[attr-defined]  # for tests that look inside
            yield client

    return opened


@pytest.fixture
def bearer() -> Callable[..., dict[str, str]]:
    """Headers with a token whose claims are these."""
    return lambda **claims: {"authorization": f"Bearer {token(**claims)}"}
