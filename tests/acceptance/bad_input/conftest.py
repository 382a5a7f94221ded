"""One engine for all kinds of bad input, which has to stay in service through all of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.bad_input.running import House


@pytest.fixture(scope="package")
def house() -> Iterator[House]:
    # Not in pytest's own folder: for root, Postgres runs as another user, to whom each start of a pytest closes that.
    with (
        tempfile.TemporaryDirectory(prefix="onestack-bad-", ignore_cleanup_errors=True) as folder,
        House(Path(folder)) as found,
    ):
        yield found
