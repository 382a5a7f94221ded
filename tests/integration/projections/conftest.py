"""A Postgres for all tests here, and a migrated database for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest

from projections.migrations import migrate
from runtime.postgres import Connection, connect
from sandbox.postgres import Postgres

_NUMBERS = count()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    folder: Path = tmp_path_factory.mktemp("history")
    postgres = Postgres(folder, settings={"fsync": "off"}).start()
    yield postgres
    postgres.stop()


@pytest.fixture
async def empty_url(server: Postgres) -> str:
    """A database without anything in it."""
    name = f"history_{next(_NUMBERS)}"
    connection = await connect(server.url)
    await connection.execute(f"create database {name}")
    await connection.close()
    return server.url.replace("/postgres?", f"/{name}?")


@pytest.fixture
async def url(empty_url: str) -> str:
    """A database with the history's tables."""
    await migrate(empty_url)
    return empty_url


@pytest.fixture
async def connection(url: str) -> AsyncIterator[Connection]:
    one = await connect(url)
    yield one
    await one.close()
