"""What people call the entity that an event is about."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.events import title_of


@pytest.mark.parametrize(
    ("subject", "fields", "title"),
    [
        ("device/d-17", {"name": "SRV-01"}, "SRV-01"),
        ("ticket/t-1", {"title": "Printer on fire", "number": 4711}, "Printer on fire"),
        ("ticket/t-1", {"number": 4711}, "4711"),
        ("invoice/i-1", {"number": "2026-118"}, "2026-118"),
        ("contact/c-1", {"title": "CEO", "email": "ada@globex.example"}, "ada@globex.example"),
        ("backup/b-1", {"job": "Nightly"}, "Nightly"),
        ("conflict/x", {"kind": "duplicate"}, "duplicate"),
        ("device/d-17", {"name": ""}, None),
        ("device/d-17", {"name": True}, None),
        ("device/d-17", {"name": {"first": "SRV"}}, None),
    ],
)
def test_an_entity_is_called_by_the_field_that_names_it(subject: str, fields: Any, title: str | None) -> None:
    assert title_of({"subject": subject, "data": {subject.partition("/")[0]: fields}}) == title


@pytest.mark.parametrize("event", [{}, {"subject": 1, "data": {}}, {"subject": "device/d", "data": []},
                                   {"subject": "device/d", "data": {"device": "d"}}])  # fmt: skip
def test_an_event_that_says_nothing_of_its_entity_gives_no_title(event: dict[str, Any]) -> None:
    assert title_of(event) is None


def test_a_long_title_is_cut() -> None:
    event = {"subject": "device/d", "data": {"device": {"name": "x" * 1000}}}
    assert title_of(event) == "x" * 200
