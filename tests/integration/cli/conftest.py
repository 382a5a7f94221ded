"""One house for all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.cli.house import House


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A broker, a Postgres, a projector, a worker, and modules that can be broken."""
    found = House(tmp_path_factory.mktemp("house"))
    try:
        found.start()
        yield found
    finally:
        found.stop()
