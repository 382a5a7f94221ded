"""One engine for all kinds of bad input, which has to stay in service through all of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.bad_input.running import House


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house")) as found:
        yield found
