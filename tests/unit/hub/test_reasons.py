"""Why an event started no run, in a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.services.reasons import skipped_reason


def leaf(field: str, op: str, value: Any, actual: Any, *, result: bool = False, **more: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value, "actual": actual, "result": result, **more}


LOW = [leaf("alert.severity", "equals", value, "low") for value in ("critical", "high")]


@pytest.mark.parametrize(
    ("conditions", "reason"),
    [
        ({"any": LOW, "result": False}, "not met: severity is critical or high (it was low)"),
        (leaf("device.criticality", "greater_than", 3, 1), "not met: device criticality is greater than 3 (it was 1)"),
        (
            {"all": [LOW[0], leaf("device.criticality", "greater_than", 3, 1)], "result": False},
            "not met: severity is critical (it was low); not met: device criticality is greater than 3 (it was 1)",
        ),
        (
            {"all": [leaf("alert.title", "contains", "x", "abc", result=True), LOW[0]], "result": False},
            "not met: severity is critical (it was low)",
        ),
        (
            {"not": leaf("device.name", "contains", "TEST", "TEST-1", result=True), "result": False},
            "not met: device name does not contain TEST (it was TEST-1)",
        ),
        (leaf("alert.severity", "equals", "high", None, missing=True), "not met: severity is high (it was missing)"),
        (leaf("alert.owner", "exists", True, None, missing=True), "owner does not exist"),
        (leaf("ticket.status", "changed", None, "New"), "ticket status has not changed"),
        (
            leaf("device.criticality", "greater_than", 3, "much", note="not a number"),
            "not met: device criticality is greater than 3 (it was much, not a number)",
        ),
        ({"any": [leaf(f"a{n}.b", "equals", n, 0) for n in range(1, 6)], "result": False}, None),
        (None, "its conditions were false"),
        ({"result": True}, "its conditions were false"),
    ],
)
def test_the_comparisons_that_were_false_are_told_with_what_there_was(conditions: Any, reason: str | None) -> None:
    told = skipped_reason(conditions, "alert.triggered")
    if reason is None:
        assert told.endswith("; and 2 more")
    else:
        assert told == reason


_VALUE = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
_LEAF = st.fixed_dictionaries(
    {"field": st.text(max_size=8), "op": st.sampled_from(["equals", "exists", "in", "changed", "?"]),
     "value": _VALUE, "actual": _VALUE, "result": st.booleans()},
    optional={"missing": st.booleans(), "note": st.text(max_size=5)},
)  # fmt: skip
_TRACE = st.recursive(
    _LEAF,
    lambda inner: (
        st.fixed_dictionaries({"all": st.lists(inner, max_size=3), "result": st.booleans()})
        | st.fixed_dictionaries({"any": st.lists(inner, max_size=3), "result": st.booleans()})
        | st.fixed_dictionaries({"not": inner, "result": st.booleans()})
    ),
    max_leaves=6,
)


@given(_TRACE, st.sampled_from(["alert.triggered", "unknown", None]))
def test_every_trace_has_a_sentence(conditions: Any, trigger: str | None) -> None:
    assert skipped_reason(conditions, trigger)
