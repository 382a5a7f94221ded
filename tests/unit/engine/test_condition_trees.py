"""Condition trees: their result, and a trace that shows every leaf."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from engine.conditions import compile_condition, count
from engine.paths import Scope
from schemas.conditions import Condition
from schemas.errors import Refused
from schemas.events import Event

TREE: TypeAdapter[Any] = TypeAdapter(Condition)
EventOf = Callable[..., Event]


def ask(tree: dict[str, Any], event: Event, steps: dict[str, Any] | None = None) -> tuple[bool, dict[str, Any]]:
    compiled = compile_condition(TREE.validate_python(tree), "conditions", "device")
    return compiled.evaluate(Scope(event.envelope, {"id": "wf"}, {"id": "r"}, steps or {}))


def leaf(field: str, op: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "field": field,
        "op": op,
        **({} if op in {"exists", "changed"} and value is None else {"value": value}),
        **more,
    }


def test_a_leaf_traces_operator_wanted_actual_and_result(event: EventOf) -> None:
    assert ask(leaf("device.criticality", "greater_than", 3), event()) == (
        True,
        {"field": "device.criticality", "op": "greater_than", "value": 3, "actual": 4, "result": True},
    )


def test_field_and_value_may_be_templates(event: EventOf) -> None:
    result, trace = ask(leaf("{{device.name}}", "equals", "SRV-{{steps.n.id}}"), event(), {"n": {"id": "01"}})
    assert result
    assert trace["field"] == "{{device.name}}"
    assert trace["value"] == "SRV-01"
    assert ask(leaf("device.criticality", "equals", "{{steps.n.level}}"), event(), {"n": {"level": 4}})[0]
    assert ask(leaf("{{device.name | downcase}}", "equals", "srv-01", case_sensitive=True), event())[0]
    assert ask(leaf("device.name", "in", ["x", "{{device.name}}"]), event())[0]
    assert ask(leaf("device.name", "in", "{{steps.names}}"), event(), {"names": ["SRV-01"]})[0]


@pytest.mark.parametrize(
    "op",
    [
        "equals",
        "not_equals",
        "contains",
        "not_contains",
        "greater_than",
        "greater_or_equal",
        "less_than",
        "less_or_equal",
        "starts_with",
        "ends_with",
    ],
)
def test_a_missing_field_makes_each_comparison_false_and_the_trace_says_so(event: EventOf, op: str) -> None:
    assert ask(leaf("device.nope", op, "x"), event()) == (
        False,
        {"field": "device.nope", "op": op, "value": "x", "actual": None, "result": False, "missing": True},
    )


@pytest.mark.parametrize("op", ["in", "not_in"])
def test_a_missing_field_is_neither_in_a_list_nor_not(event: EventOf, op: str) -> None:
    result, trace = ask(leaf("nope.nope", op, ["x"]), event())
    assert not result
    assert trace["missing"]


def test_null_is_there_but_does_not_exist(event: EventOf) -> None:
    with_null = event({"note": None})
    assert ask(leaf("note", "equals", None), with_null) == (
        True,
        {"field": "note", "op": "equals", "value": None, "actual": None, "result": True},
    )
    assert ask(leaf("note", "exists"), with_null)[0] is False
    assert ask(leaf("note", "exists", False), with_null)[0] is True


def test_exists_traces_what_was_asked_and_whether_it_was_missing(event: EventOf) -> None:
    assert ask(leaf("device.name", "exists"), event())[1] == {
        "field": "device.name",
        "op": "exists",
        "value": True,
        "actual": "SRV-01",
        "result": True,
    }
    assert ask(leaf("nope", "exists", False), event())[1] == {
        "field": "nope",
        "op": "exists",
        "value": False,
        "actual": None,
        "result": True,
        "missing": True,
    }


def test_changed_traces_the_previous_value(event: EventOf) -> None:
    updated = event({"previous": {"name": "OLD"}})
    assert ask(leaf("device.name", "changed"), updated) == (
        True,
        {"field": "device.name", "op": "changed", "value": None, "actual": "SRV-01", "result": True, "previous": "OLD"},
    )
    assert ask(leaf("{{device.name}}", "changed"), updated)[0]
    assert not ask(leaf("device.criticality", "changed"), updated)[0]


def test_what_cannot_be_compared_is_false_with_a_note(event: EventOf) -> None:
    result, trace = ask(leaf("device.tags", "greater_than", 3), event())
    assert not result
    assert trace["note"] == "list and number are not comparable"


def test_a_template_that_cannot_be_rendered_is_false_with_a_note(event: EventOf) -> None:
    result, trace = ask(leaf("device.name", "equals", "{{1 | divided_by: 0}}"), event())
    assert not result
    assert trace["note"] == "'divided_by' by zero"
    assert ask(leaf("{{1 | divided_by: 0}}", "exists"), event())[1]["note"]


def test_every_leaf_is_evaluated_and_traced(event: EventOf) -> None:
    yes, no = leaf("device.id", "equals", "d-17"), leaf("device.id", "equals", "other")
    result, trace = ask({"any": [yes, {"all": [no, {"not": no}]}, no]}, event())
    assert result
    assert trace["result"] is True
    first, group, last = trace["any"]
    assert (first["result"], group["result"], last["result"]) == (True, False, False)
    assert group["all"][0]["actual"] == "d-17"
    assert group["all"][1] == {"not": group["all"][0], "result": True}


def test_a_long_actual_value_is_cut_in_the_trace_but_not_in_the_comparison(event: EventOf) -> None:
    long = event({"message": "x" * 100_000 + "needle", "list": ["y" * 100] * 1000})
    result, trace = ask(leaf("message", "ends_with", "needle"), long)
    assert result
    assert trace["actual"] == "x" * 1000 + "…"
    result, trace = ask(leaf("list", "contains", "y" * 100), long)
    assert result
    assert len(trace["actual"]) == 1001


def test_many_leaves_share_the_room_of_one_trace(event: EventOf) -> None:
    long = event({"message": "x" * 100_000})
    _, trace = ask({"all": [leaf("message", "exists")] * 400}, long)
    assert sum(len(one["actual"]) for one in trace["all"]) < 60_000


def test_faults_are_told_with_their_paths(event: EventOf) -> None:
    tree = {
        "all": [leaf("a b", "exists"), {"not": {"any": [leaf("a", "equals", {"x": "{{"})]}}, leaf("'a'", "changed")]
    }
    with pytest.raises(Refused) as caught:
        ask(tree, event())
    assert [fault.field for fault in caught.value.faults] == [
        "conditions.all[0].field",
        "conditions.all[1].not.any[0].value.x",
        "conditions.all[2].field",
    ]


def test_changed_needs_a_plain_path(event: EventOf) -> None:
    with pytest.raises(Refused, match="plain path"):
        ask(leaf("{{device.name | upcase}}", "changed"), event())


def test_conditions_nest_32_deep_and_no_deeper(event: EventOf) -> None:
    tree = leaf("device.id", "exists")
    for _ in range(31):
        tree = {"not": tree}
    assert ask(tree, event())[0] is False
    with pytest.raises(Refused, match="at most 32 deep"):
        ask({"not": tree}, event())


def test_conditions_are_at_most_500(event: EventOf) -> None:
    assert ask({"all": [leaf("device.id", "exists")] * 499}, event())[0]
    with pytest.raises(Refused, match="at most 500"):
        ask({"all": [leaf("device.id", "exists")] * 500}, event())


LEAVES = st.sampled_from([(leaf("device.id", "equals", "d-17"), True), (leaf("device.id", "equals", "x"), False)])


def _grow(inner: st.SearchStrategy[tuple[Any, bool]]) -> st.SearchStrategy[tuple[Any, bool]]:
    groups = st.lists(inner, min_size=1, max_size=4)
    return (
        inner.map(lambda one: ({"not": one[0]}, not one[1]))
        | groups.map(lambda all_: ({"all": [one for one, _ in all_]}, all(truth for _, truth in all_)))
        | groups.map(lambda any_: ({"any": [one for one, _ in any_]}, any(truth for _, truth in any_)))
    )


def leaves_in(trace: dict[str, Any]) -> int:
    inside = [*trace.get("all", ()), *trace.get("any", ()), *([trace["not"]] if "not" in trace else [])]
    return sum(map(leaves_in, inside)) if inside else 1


@given(st.recursive(LEAVES, _grow, max_leaves=20))
def test_any_tree_has_the_truth_of_its_logic_and_a_whole_trace(tree_and_truth: tuple[Any, bool]) -> None:
    tree, truth = tree_and_truth
    envelope = {"orgid": "acme", "subject": "device/d-17", "data": {"device": {"id": "d-17"}}}
    condition = TREE.validate_python(tree)
    compiled = compile_condition(condition, "c", "device")
    result, trace = compiled.evaluate(Scope(envelope, {}, {}, {}))
    assert result is truth
    assert trace["result"] is truth
    assert leaves_in(trace) == str(tree).count("'field'") <= count(condition)
