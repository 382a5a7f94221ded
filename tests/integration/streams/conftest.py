"""One broker for all tests here; each has an organisation of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.integration.streams.cluster import Cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A broker and one worker, `a`."""
    found = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        found.broker.start()
        asyncio.run(found.start("a"))
        yield found
    finally:
        found.close()
