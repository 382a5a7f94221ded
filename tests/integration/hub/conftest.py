"""A Postgres for all tests here, and a migrated database for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest

from hub.database import Database
from projections.migrations import migrate
from runtime.postgres import Connection, connect
from runtime.settings import load
from sandbox.postgres import Postgres

_NUMBERS = count()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    folder: Path = tmp_path_factory.mktemp("hub")
    postgres = Postgres(folder, settings={"fsync": "off"}).start()
    yield postgres
    postgres.stop()


@pytest.fixture
async def url(server: Postgres) -> str:
    """A database with all tables."""
    name = f"hub_{next(_NUMBERS)}"
    connection = await connect(server.url)
    await connection.execute(f"create database {name}")
    await connection.close()
    found = server.url.replace("/postgres?", f"/{name}?")
    await migrate(found)
    return found


@pytest.fixture
async def connection(url: str) -> AsyncIterator[Connection]:
    """The owner's, who sees everything."""
    one = await connect(url)
    yield one
    await one.close()


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """As the Hub has it."""
    found = Database(load(postgres_url=url))
    yield found
    await found.close()
