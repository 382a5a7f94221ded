"""What the fourteen operators mean, one table for each."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.paths import MISSING
from engine.values import COMPARISONS, Operand, changed, exists, number_in, same, seconds_in, time_in

SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=20)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


def ask(op: str, actual: Any, wanted: Any, *, case_sensitive: bool = False) -> bool:
    return COMPARISONS[op](Operand(actual), Operand(wanted), case_sensitive)[0]


def note(op: str, actual: Any, wanted: Any) -> str | None:
    return COMPARISONS[op](Operand(actual), Operand(wanted), False)[1]


@pytest.mark.parametrize(
    ("actual", "wanted"),
    [
        ("critical", "CRITICAL"),
        ("Straße", "STRASSE"),
        (5, 5.0),
        (5, "5"),
        ("5.0", 5),
        (" 5 ", 5),
        (True, True),
        (True, "TRUE"),
        ("false", False),
        (None, None),
        ("2026-11-23T08:00:00Z", "2026-11-23T09:00:00+01:00"),
        ("2026-11-23", "2026-11-23T00:00:00Z"),
        ("PT15M", "15m"),
        ("900s", "15m"),
        ("P1D", "24h"),
        ([1, "a"], [1, "a"]),
        ({"a": [1]}, {"a": [1]}),
        ("", ""),
    ],
)
def test_these_are_equal(actual: Any, wanted: Any) -> None:
    assert ask("equals", actual, wanted)
    assert not ask("not_equals", actual, wanted)


@pytest.mark.parametrize(
    ("actual", "wanted"),
    [
        ("critical", "high"),
        ("007", "7"),
        ("1.0", "1"),
        (True, 1),
        (0, False),
        (None, ""),
        (None, "null"),
        (5, "five"),
        ("PT15M", "15"),
        ("2026-11-23T08:00:00Z", "2026-11-23T08:00:01Z"),
        ([1], [True]),
        ([1], 1),
        ({"a": 1}, {"a": 1, "b": None}),
        ("a", ["a"]),
    ],
)
def test_these_are_not_equal(actual: Any, wanted: Any) -> None:
    assert not ask("equals", actual, wanted)
    assert ask("not_equals", actual, wanted)


def test_case_matters_where_it_is_asked_to() -> None:
    assert not ask("equals", "Critical", "critical", case_sensitive=True)
    assert ask("equals", "Critical", "Critical", case_sensitive=True)
    assert not ask("contains", "Disk Full", "disk", case_sensitive=True)
    assert not ask("in", "P1", ["p1"], case_sensitive=True)
    assert not ask("starts_with", "SRV-01", "srv", case_sensitive=True)


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [
        (3, 4),
        (3, 3.5),
        ("3", 10),
        (9, "10"),
        ("9", "10"),
        (-1, 0),
        ("2026-11-23T08:00:00Z", "2026-11-23T08:00:00.5Z"),
        ("2026-11-23T10:00:00+02:00", "2026-11-23T09:00:00Z"),
        ("2026-11-23", "2026-11-24"),
        ("90s", "2m"),
        ("PT90S", "2m"),
        ("250ms", "1s"),
        ("2m", "PT1H"),
        ("apple", "Banana"),
        ("P1", "P3"),
    ],
)
def test_order_is_that_of_what_the_values_are(smaller: Any, larger: Any) -> None:
    assert ask("less_than", smaller, larger)
    assert ask("less_or_equal", smaller, larger)
    assert ask("greater_than", larger, smaller)
    assert ask("greater_or_equal", larger, smaller)
    assert not ask("greater_than", smaller, larger)
    assert not ask("less_or_equal", larger, smaller)


@pytest.mark.parametrize("op", ["greater_or_equal", "less_or_equal"])
@pytest.mark.parametrize(("one", "other"), [(3, "3.0"), ("15m", "PT900S"), ("a", "A")])
def test_or_equal_holds_for_what_is_the_same(op: str, one: Any, other: Any) -> None:
    assert ask(op, one, other)


@pytest.mark.parametrize("op", ["greater_than", "greater_or_equal", "less_than", "less_or_equal"])
@pytest.mark.parametrize(
    ("actual", "wanted"),
    [(3, "many"), (None, 3), (True, 3), ([1], 3), ({}, 3), (3, [1]), ("15m", 900), (3, "2026-11-23"), (3, None)],
)
def test_what_has_no_order_is_false_with_a_note(op: str, actual: Any, wanted: Any) -> None:
    assert not ask(op, actual, wanted)
    assert "not comparable" in (note(op, actual, wanted) or "")


@pytest.mark.parametrize(
    ("actual", "wanted"),
    [
        ("Disk full on C:", "DISK"),
        ("error 500", 500),
        (["vip", "Gold"], "gold"),
        ([1, 2], "2"),
        ([[1], 2], [1]),
        ("anything", ""),
    ],
)
def test_text_and_lists_contain(actual: Any, wanted: Any) -> None:
    assert ask("contains", actual, wanted)
    assert not ask("not_contains", actual, wanted)


@pytest.mark.parametrize(("actual", "wanted"), [("disk", "memory"), (["a"], "b"), ([], "x"), (["abc"], "b")])
def test_what_is_not_inside_is_not_contained(actual: Any, wanted: Any) -> None:
    assert not ask("contains", actual, wanted)
    assert ask("not_contains", actual, wanted)


@pytest.mark.parametrize(("actual", "wanted"), [(5, 5), (None, "a"), ({"a": 1}, "a"), ("a", ["a"]), (True, "t")])
def test_what_contains_nothing_is_false_both_ways_with_a_note(actual: Any, wanted: Any) -> None:
    for op in ("contains", "not_contains"):
        assert not ask(op, actual, wanted)
        assert note(op, actual, wanted)


def test_in_looks_for_an_equal_element() -> None:
    assert ask("in", "HIGH", ["critical", "high"])
    assert ask("in", 3, ["1", "3"])
    assert not ask("in", "low", ["critical", "high"])
    assert ask("not_in", "low", ["critical", "high"])
    assert not ask("not_in", "high", ["critical", "high"])
    assert not ask("in", "a", [])
    assert ask("not_in", "a", [])


@pytest.mark.parametrize("op", ["in", "not_in"])
def test_in_without_a_list_is_false_with_a_note(op: str) -> None:
    assert not ask(op, "a", "abc")
    assert note(op, "a", "abc") == "'in' needs a list, not text"


def test_text_starts_and_ends() -> None:
    assert ask("starts_with", "SRV-01", "srv")
    assert ask("ends_with", "SRV-01", "01")
    assert ask("starts_with", 4711, "47")
    assert not ask("starts_with", "SRV-01", "01")
    assert not ask("ends_with", ["a"], "a")
    assert note("ends_with", ["a"], "a") == "list and text are not comparable"


@pytest.mark.parametrize(("actual", "there"), [("x", True), (0, True), (False, True), ("", True), (None, False)])
def test_null_does_not_exist_but_all_other_values_do(actual: Any, there: bool) -> None:
    assert exists(actual, None) is there
    assert exists(actual, True) is there
    assert exists(actual, False) is not there


def test_a_missing_field_does_not_exist() -> None:
    assert not exists(MISSING, None)
    assert exists(MISSING, False)


CHANGES: list[tuple[str, dict[str, Any], tuple[str | int, ...], bool]] = [
    ("told under the entity", {"ticket": {"status": "open"}}, ("ticket", "status"), True),
    ("told directly", {"status": "open"}, ("ticket", "status"), True),
    ("told with the same value", {"status": "closed"}, ("ticket", "status"), False),
    ("told in another case", {"status": "Closed"}, ("ticket", "status"), True),
    ("another field is told", {"priority": "P1"}, ("ticket", "status"), False),
    ("another field is told under the entity", {"ticket": {"priority": "P1"}}, ("ticket", "status"), False),
    ("was null before", {"status": None}, ("ticket", "status"), True),
    ("was and is nothing", {"nothing": None}, ("ticket", "nothing"), False),
    ("gone since", {"gone": "x"}, ("ticket", "gone"), True),
    ("part of a told object", {"sla": {"due": "a"}}, ("ticket", "sla", "due"), True),
    ("an untouched part of a told object", {"sla": {"due": "b"}}, ("ticket", "sla", "due"), False),
    ("the object was null", {"sla": None}, ("ticket", "sla", "due"), True),
    ("the object was null, under the entity", {"ticket": {"sla": None}}, ("ticket", "sla", "due"), True),
    ("the object lacked it", {"sla": {"name": "Gold"}}, ("ticket", "sla", "due"), True),
    ("the whole object", {"sla": {"due": "a"}}, ("ticket", "sla"), True),
    ("the full path wins", {"ticket": {"status": "closed"}, "status": "open"}, ("ticket", "status"), False),
    ("the entity at all", {"status": "open"}, ("ticket",), True),
    ("the entity, but nothing of it", {"status": "closed"}, ("ticket",), False),
    ("another entity is not told directly", {"status": "old"}, ("device", "status"), False),
    ("another entity under its name", {"device": {"status": "old"}}, ("device", "status"), True),
    ("an element of a list", {"tags": ["a", "b"]}, ("ticket", "tags", 1), True),
    ("an untouched element", {"tags": ["x", "b"]}, ("ticket", "tags", 0), False),
    ("nothing is told", {}, ("ticket", "status"), False),
]


@pytest.mark.parametrize(("previous", "path", "result"), [case[1:] for case in CHANGES], ids=[c[0] for c in CHANGES])
def test_changed(previous: dict[str, Any], path: tuple[str | int, ...], result: bool) -> None:
    from engine.paths import walk

    ticket = {"status": "closed", "priority": "P2", "sla": {"due": "b"}, "tags": ["x"], "nothing": None}
    data = {"ticket": ticket, "device": {"status": "up"}, "previous": previous}
    assert changed(walk(data, path), data, path, "ticket")[0] is result


@pytest.mark.parametrize("previous", [None, "x", 3, []])
def test_nothing_changed_without_a_previous(previous: Any) -> None:
    assert not changed("x", {"ticket": {"status": "x"}, "previous": previous}, ("ticket", "status"), "ticket")[0]


@pytest.mark.parametrize("text", ["", "abc", "1 2", "1e", "0x10", "NaN", "inf", "1_000", "٣", "9" * 65, "--1"])
def test_these_are_no_numbers(text: str) -> None:
    assert number_in(text) is None


@pytest.mark.parametrize(
    "text", ["", "20261123", "2026-13-01", "2026-11-23T25:00:00Z", "2026-W01-1", "08:00", "x" * 99]
)
def test_these_are_no_times(text: str) -> None:
    assert time_in(text) is None


@pytest.mark.parametrize("text", ["", "P", "PT", "5", "P1", "5 apples", "Pete", "1" * 70 + "s", "P1Y"])
def test_these_are_no_durations(text: str) -> None:
    assert seconds_in(text) is None


@given(st.sampled_from(sorted(COMPARISONS)), JSON, JSON, st.booleans())
def test_no_comparison_ever_raises(op: str, actual: Any, wanted: Any, case_sensitive: bool) -> None:
    result, why = COMPARISONS[op](Operand(actual), Operand(wanted), case_sensitive)
    assert result in {True, False}
    assert why is None or not result or op == "not_equals"


@given(JSON, JSON)
def test_not_equals_is_the_opposite_of_equals(one: Any, other: Any) -> None:
    assert ask("equals", one, other) is not ask("not_equals", one, other)


@given(JSON, JSON)
def test_equality_has_no_direction(one: Any, other: Any) -> None:
    assert ask("equals", one, other) is ask("equals", other, one)


@given(JSON)
def test_every_value_equals_itself(value: Any) -> None:
    assert ask("equals", value, value)
    assert same(value, value)


@given(SCALARS, SCALARS)
def test_where_there_is_an_order_exactly_one_of_three_holds(one: Any, other: Any) -> None:
    if note("less_than", one, other) is None:
        greater_or_equal = ask("greater_or_equal", one, other)
        assert ask("less_than", one, other) is not greater_or_equal
        assert ask("less_or_equal", one, other) is not ask("greater_than", one, other)
        assert ask("less_than", one, other) is ask("greater_than", other, one)


@given(JSON, st.lists(JSON, max_size=4))
def test_in_is_contains_the_other_way_round(value: Any, values: list[Any]) -> None:
    assert ask("in", value, values) is ask("contains", values, value)
