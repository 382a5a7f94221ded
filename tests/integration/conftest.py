"""A Postgres for all tests here, and a database for each test that wants one."""

from __future__ import annotations

import asyncio
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
    folder: Path = tmp_path_factory.mktemp("postgres")
    postgres = Postgres(folder, settings={"fsync": "off"}).start()
    yield postgres
    postgres.stop()


@pytest.fixture(scope="session")
def template(server: Postgres) -> str:
    """The name of a database with all tables: a copy of it is made in a fifth of the time that migrating takes."""
    name = asyncio.run(_create(server, "template0"))
    asyncio.run(migrate(_url(server, name)))
    return name


@pytest.fixture
async def empty_url(server: Postgres) -> str:
    """A database without anything in it."""
    return _url(server, await _create(server, "template0"))


@pytest.fixture
async def url(server: Postgres, template: str) -> str:
    """A database with all tables."""
    return _url(server, await _create(server, template))


@pytest.fixture
async def connection(url: str) -> AsyncIterator[Connection]:
    """The owner's, who sees everything."""
    one = await connect(url)
    yield one
    await one.close()


async def _create(server: Postgres, template: str) -> str:
    """The name of a new database, a copy of that one."""
    name = f"test_{next(_NUMBERS)}"
    connection = await connect(server.url)
    await connection.execute(f"create database {name} template {template}")
    await connection.close()
    return name


def _url(server: Postgres, name: str) -> str:
    return server.url.replace("/postgres?", f"/{name}?")
