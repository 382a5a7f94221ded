"""What a runbook has somebody type at night has to work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runtime.postgres import Connection

FOLDER = Path(__file__).parents[3] / "docs" / "runbooks"
QUERIES = [
    pytest.param(query, id=f"{file.stem}-{number}")
    for file in sorted(FOLDER.glob("*.md"))
    for number, query in enumerate(re.findall(r"```sql\n(.*?)```", file.read_text(), re.DOTALL), 1)
]


@pytest.mark.parametrize("query", QUERIES)
async def test_a_query_of_a_runbook_is_answered(connection: Connection, query: str) -> None:
    await connection.fetch(query.replace("<action>", "create_ticket"))


def test_there_are_such_queries() -> None:
    assert len(QUERIES) >= 8
