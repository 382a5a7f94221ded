"""Who asks Postgres without an organisation: few, and each for a reason that stands here."""

from __future__ import annotations

import re
from pathlib import Path

HUB = Path(__file__).parents[3] / "hub"
UNBOUND = {
    "access/keys.py": "a key is looked up before it is known whose it is, and its use is noted",
    "database.py": "it is defined there",
    "lag.py": "offsets are nobody's",
    "parts.py": "tables and roles are looked after, old answers removed",
    "readable.py": "offsets are nobody's",
    "readiness.py": "the tables' level and the guard are nobody's",
    "services/organisations.py": "a developer chooses an organisation to sign in to",
}
CONNECTS = {
    "database.py": "the pool: a connection is bound for each transaction, or unbound",
    "reading.py": "connections with the Hub's role, on which each statement names its organisation",
}


def _files(pattern: str) -> set[str]:
    found = (file for file in HUB.rglob("*.py") if re.search(pattern, file.read_text(encoding="utf-8")))
    return {str(file.relative_to(HUB)) for file in found}


def test_who_asks_without_an_organisation_is_listed_here_with_a_reason() -> None:
    assert _files(r"\bunbound\(") == set(UNBOUND)


def test_who_makes_connections_is_listed_here_with_a_reason() -> None:
    assert _files(r"asyncpg\.connect\(|create_pool\(|\bimport .*\bconnect\b") == set(CONNECTS)
