"""From a record's bytes to stretches of entries."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.errors import Poison
from projections.letters import MOST, shown
from projections.records import stretches, visible


def entry(entry_id: str, **more: Any) -> dict[str, Any]:
    return {"id": entry_id, "type": "run.completed", "time": "2026-11-23T08:00:00Z", "data": {}, **more}


def test_consecutive_entries_are_one_stretch_with_the_text_as_it_came() -> None:
    value = b'[ {"id":"r:3","type":"x","time":"2026-11-23T08:00:00Z","data":{}} ]'
    (one,) = stretches(value)
    assert (one.run_id, one.seq, one.text) == ("r", 3, value.decode())


def test_entries_that_do_not_follow_on_are_cut_into_stretches() -> None:
    found = stretches(orjson.dumps([entry("r:0"), entry("r:1"), entry("r:5"), entry("q:6")]))
    assert [(one.run_id, one.seq, len(one.entries)) for one in found] == [("r", 0, 2), ("r", 5, 1), ("q", 6, 1)]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, ""),
        (b"", ""),
        (b"not json", ""),
        (b"\xff\xfe", ""),
        (b"{}", ""),
        (b"[]", ""),
        (b"[7]", "[0]"),
        (b"[NaN]", ""),
        (b"[" * 100_000, ""),
        (orjson.dumps([entry("r")]), "[0].id"),
        (orjson.dumps([entry("r:x")]), "[0].id"),
        (orjson.dumps([entry("r:-1")]), "[0].id"),
        (orjson.dumps([entry("r:99999999999")]), "[0].id"),
        (orjson.dumps([entry("r:0"), entry("r:1", time="yesterday")]), "[1].time"),
        (orjson.dumps([entry("r:0", time="2026-13-45T08:00:00Z")]), "[0].time"),
        (orjson.dumps([entry("r:0", time="2026-11-23T08:00:00")]), "[0].time"),
        (orjson.dumps([entry("r:0", data=[])]), "[0].data"),
        (orjson.dumps([entry("r:0", type=None)]), "[0].type"),
    ],
)
def test_what_is_not_an_array_of_entries_is_poison_that_names_the_field(value: bytes | None, field: str) -> None:
    with pytest.raises(Poison) as caught:
        stretches(value)
    assert caught.value.field == field


def test_nul_and_lone_surrogates_stay_as_visible_text() -> None:
    value = rb'[{"id":"r:0","type":"x","time":"2026-11-23T08:00:00Z","data":{"a\u0000":"b\u0000\ud800 \ud83d\ude00"}}]'
    (one,) = stretches(value)
    assert one.entries[0]["data"] == {"a\\u0000": "b\\u0000\\ud800 \U0001f600"}
    assert "\\\\u0000" in one.text


@given(st.text(alphabet=st.characters(codec=None)))
def test_visible_text_can_be_encoded_and_holds_no_nul(text: str) -> None:
    assert b"\0" not in visible(text).encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec=None)), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_any_json_in_an_entry_is_kept_as_json_that_can_be_stored(value: Any) -> None:
    (one,) = stretches(json.dumps([entry("r:0", data={"value": value})]).encode())
    assert "\\u0000" not in one.text.replace("\\\\", "")
    orjson.loads(one.text)


@given(st.binary(max_size=64))
def test_a_refused_value_is_always_shown_as_text(raw: bytes) -> None:
    text = shown(raw)
    assert text is not None
    assert "\0" not in text


def test_a_long_value_is_cut_also_within_a_character() -> None:
    assert shown(b"a" + "é".encode() * MOST) == "a" + "é" * ((MOST - 1) // 2)
