"""The Hub's application on a database of its own, and somebody who asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from hub.access.development import Development
from hub.app import create_app
from hub.database import Database
from hub.parts import Parts
from runtime.settings import load
from tests.integration.hub.live import Hub, Live

SECRET = "s" * 43
"""Of the development sign-in."""

Client = Callable[..., httpx.AsyncClient]


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """As the Hub has it."""
    found = Database(load(postgres_url=url))
    yield found
    await found.close()


@pytest.fixture
def settings(url: str, unused_tcp_port: int) -> dict[str, Any]:
    """A Postgres, and a Kafka that is away."""
    return {
        "postgres_url": url,
        "broker": f"127.0.0.1:{unused_tcp_port}",
        "development_sign_in": SECRET,
        "fetch_max_wait_ms": 10,
    }


@pytest.fixture
async def app(settings: dict[str, Any]) -> AsyncIterator[FastAPI]:
    """The application; its parts are not started, which Postgres does not need."""
    found = create_app(Parts(load(**settings)))
    yield found
    await found.state.parts.reads.stop()
    await found.state.parts.postgres.close()


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[Client]:
    """`client(org, role)`: somebody of an organisation, on this machine."""
    opened: list[httpx.AsyncClient] = []

    def new(org: str = "acme", role: str = "Owner", person: str = "Ada") -> httpx.AsyncClient:
        credential = Development(SECRET).sign(org, role, person)
        found = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, client=("127.0.0.1", 1)),
            base_url="http://127.0.0.1:8080/api/v1",
            headers={"authorization": f"Bearer {credential}"},
        )
        opened.append(found)
        return found

    yield new
    for one in opened:
        await one.aclose()


@pytest.fixture(scope="package")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A broker, a Postgres and a projector that work."""
    found = Live(tmp_path_factory.mktemp("live"))
    try:
        found.start()
        yield found
    finally:
        found.stop()


@pytest.fixture
async def hub(live: Live) -> AsyncIterator[Hub]:
    """The Hub on them."""
    async with live.hub() as found:
        yield found
