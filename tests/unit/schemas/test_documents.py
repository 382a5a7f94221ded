from __future__ import annotations

import json
import math
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from schemas import documents
from schemas.documents import load_yaml
from schemas.errors import Refused


@pytest.fixture(params=["libyaml", "pure"], autouse=True)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "pure":
        monkeypatch.setattr(documents, "_LOADER", yaml.SafeLoader)


def refusal(text: str | bytes, **more: int) -> str:
    with pytest.raises(Refused) as caught:
        load_yaml(text, **more)
    return caught.value.reason


def test_every_document_of_a_text_is_read_and_empty_ones_are_left_out() -> None:
    assert load_yaml("id: a\n---\n# nothing\n---\nid: b\n") == [{"id": "a"}, {"id": "b"}]


def test_times_yes_and_on_stay_what_was_written() -> None:
    text = "on: yes\noff: no\nat: 2026-11-23\ntime: 2026-11-23T08:00:00Z\nclock: 12:30\nzip: 01234\nyear: 1_000\n"
    assert load_yaml(text) == [
        {
            "on": "yes",
            "off": "no",
            "at": "2026-11-23",
            "time": "2026-11-23T08:00:00Z",
            "clock": "12:30",
            "zip": "01234",
            "year": "1_000",
        }
    ]


def test_numbers_booleans_and_null_are_those_of_json() -> None:
    text = "a: 3\nb: -2.5\nc: 1e3\nd: true\ne: null\nf:\ng: '3'\nh: !!str 3\ni: 0\nj: .5\n"
    assert load_yaml(text) == [
        {"a": 3, "b": -2.5, "c": 1000.0, "d": True, "e": None, "f": None, "g": "3", "h": "3", "i": 0, "j": 0.5}
    ]


def test_keys_are_text() -> None:
    assert load_yaml("1: a\ntrue: b\n2026-01-01: c\n~: d\n") == [{"1": "a", "true": "b", "2026-01-01": "c", "~": "d"}]


def test_json_is_read_with_tabs_and_surrogate_pairs() -> None:
    assert load_yaml('{\n\t"name": "\\ud83d\\ude00 \\/",\n\t"n": [1, 2.5, null]\n}') == [
        {"name": "😀 /", "n": [1, 2.5, None]}
    ]


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert load_yaml(b"\xef\xbb\xbfid: a") == [{"id": "a"}]


def test_an_alias_repeats_its_anchor() -> None:
    assert load_yaml("a: &x [1, 2]\nb: *x\n") == [{"a": [1, 2], "b": [1, 2]}]


def test_a_billion_laughs_are_refused_with_the_line() -> None:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    assert "more than 100,000 values" in refusal("\n".join(lines))
    assert refusal("\n".join(lines)).startswith("line 6: ")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("id: a\nid: b\n", "line 2: the key 'id' stands twice"),
        ('{"id": 1,\n "id": 2}', "line 2: the key 'id' stands twice"),
        ("- a\n- b\n", "line 1: a document is a mapping of fields, not a list"),
        ("just words", "line 1: a document is a mapping of fields, not a single value"),
        ("id: a\n---\n[1]", "line 3: a document is a mapping"),
        ("id: [a\nname: b", "not YAML"),
        ("id: a\n\tname: b", "line 2: not YAML"),
        ("a: !!python/object/apply:os.system [ls]", "line 1: the tag"),
        ("a: !!binary aGk=", "line 1: the tag"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "line 3: merge keys"),
        ("a: &x [*x]", "line 1: the alias *x names no finished value"),
        ("? [a, b]\n: c\n", "line 1: a key is a single word"),
        ("n: 1e999", "line 1: the number 1e999 is too large"),
        ('{"n": 99999999999999999999}', "line 1: the number 99999999999999999999 is too large"),
        ('a: "x\\0y"', "NUL"),
        ('{"a": "x\\u0000y"}', "NUL"),
        ("", "there is no document in it"),
        ("# only a comment\n---\n", "there is no document in it"),
        (b"id: ok\nname: \xff\n", "line 2: not UTF-8"),
        ("a: \x00", "not YAML"),
    ],
)
def test_what_a_definition_cannot_be_is_refused_with_the_place(text: str | bytes, reason: str) -> None:
    assert reason in refusal(text)


@pytest.mark.parametrize("text", ['{"a": "\\ud800"}', 'a: "\\ud800"', "a: \ud800"])
def test_half_a_surrogate_pair_is_refused(text: str) -> None:
    assert refusal(text)


@pytest.mark.parametrize("opening", ["[", '{"a":', "- ", "{a: "])
def test_deep_nesting_is_refused_before_it_costs_anything(opening: str) -> None:
    assert "nested deeper than 64 levels" in refusal("a: 1\n---\n" + opening * 50_000)


def test_deep_json_is_refused() -> None:
    assert "nested deeper" in refusal('{"a":' * 5_000 + "1" + "}" * 5_000)


def test_a_text_over_the_limit_is_refused_with_both_sizes() -> None:
    assert refusal("a: " + "x" * 100, limit=50) == "the text has 103 bytes; at most 50 are read"


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text("abc.{}", max_size=5), inside, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text("abcxyz", max_size=6), _JSON, max_size=5))
def test_any_json_object_is_read_as_itself(body: dict[str, Any]) -> None:
    assert load_yaml(json.dumps(body)) == [body]


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = load_yaml(text)
    except Refused as refused:
        assert refused.reason  # noqa: PT017 - both outcomes are good, a crash is not
    else:
        assert all(isinstance(one, dict) for one in found)
        assert all(math.isfinite(v) for one in found for v in one.values() if isinstance(v, float))
