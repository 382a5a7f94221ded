"""Query parameters: what is read of them, and what is refused with which reason."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.asking import Asked, Choice, Choices, Moment, Number, Text
from schemas.errors import Refused

ASKED = Asked(
    Text("text", "Some text.", 10),
    Choice("kind", "One of two.", ("a", "b")),
    Choices("status", "Some of three.", ("x", "y", "z")),
    Number("limit", "How many.", 1, 200, 50),
    Moment("since", "Since when."),
)


def fault(**query: str) -> tuple[str, str]:
    with pytest.raises(Refused) as refused:
        ASKED.read(query)
    return refused.value.field, refused.value.reason


def test_what_is_given_is_read_and_what_is_not_is_none() -> None:
    assert ASKED.read({}) == dict.fromkeys(("text", "kind", "status", "limit", "since"))
    read = ASKED.read(
        {"text": "Disk", "kind": "b", "status": "z,x,z", "limit": "200", "since": "2026-11-23T09:00:00+01:00"}
    )
    assert read == {
        "text": "Disk", "kind": "b", "status": ("x", "z"), "limit": 200,
        "since": dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC),
    }  # fmt: skip


def test_an_empty_text_is_none_and_a_plus_that_came_as_a_space_is_understood() -> None:
    assert ASKED.read({"text": ""})["text"] is None
    assert ASKED.read({"since": "2026-11-23T09:00:00 01:00"})["since"] == dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("text", "x" * 11, "has 11 characters; 10 are read"),
        ("text", "a\0b", "has characters that no text of ours can have"),
        ("text", "\ud800", "has characters that no text of ours can have"),
        ("kind", "c", "is 'c', and should be one of a, b"),
        ("kind", "", "is '', and should be one of a, b"),
        ("status", "x,w", "'w' is not known; they are x, y, z"),
        ("limit", "0", "should be from 1 to 200, not 0"),
        ("limit", "-5", "should be from 1 to 200, not -5"),
        ("limit", "9" * 40, f"should be a whole number, not {'9' * 40!r}"),
        ("limit", "1.5", "should be a whole number, not '1.5'"),
        ("limit", "\u0661", "should be a whole number, not '\u0661'"),
        ("since", "yesterday", "'yesterday' is not a time such as 2026-11-23T08:00:00Z"),
        ("since", "2026-11-23T08:00:00", "has no offset from UTC: write 2026-11-23T08:00:00Z"),
        (
            "since",
            "0001-01-01T00:00:00+14:00",
            "'0001-01-01T00:00:00+14:00' is not a time such as 2026-11-23T08:00:00Z",
        ),
    ],
)
def test_what_can_not_be_meant_is_refused_with_its_reason(name: str, value: str, reason: str) -> None:
    assert fault(**{name: value}) == (name, reason)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(Refused) as refused:
        ASKED.read({"kind": "c", "limit": "x"})
    assert [one.field for one in refused.value.faults] == ["kind", "limit"]


@given(st.dictionaries(st.sampled_from(["text", "kind", "status", "limit", "since"]), st.text(max_size=50)))
def test_whatever_is_given_is_read_or_refused(query: dict[str, str]) -> None:
    try:
        read: dict[str, Any] = ASKED.read(query)
    except Refused:
        return
    assert read["limit"] is None or 1 <= read["limit"] <= 200
    assert read["since"] is None or read["since"].tzinfo is not None
