from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.names import (
    ACTIONS,
    COMMAND_TOPICS,
    EVENT_TOPICS,
    command_id,
    command_topic,
    entity_key,
    is_id,
    run_id,
    traceparent,
)

GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
PARTS = st.text(st.characters(), max_size=20)


def test_a_run_id_never_changes() -> None:
    # What is in the logs of those who run it: another id would start their runs twice after an update.
    assert run_id("acme", "alert-to-ticket", "/rmm", "ev-1") == "f9082a1e2d43179a833e7dead6b1a385"


@given(parts=st.tuples(PARTS, PARTS, PARTS, PARTS), others=st.tuples(PARTS, PARTS, PARTS, PARTS))
def test_run_ids_are_equal_for_equal_parts_alone(
    parts: tuple[str, str, str, str], others: tuple[str, str, str, str]
) -> None:
    assert (run_id(*parts) == run_id(*others)) == (parts == others)
    assert re.fullmatch(r"[0-9a-f]{32}", run_id(*parts))


def test_where_the_parts_meet_matters() -> None:
    assert run_id("a", "bc", "d", "e") != run_id("ab", "c", "d", "e")
    assert run_id("a", "b", "/x", "1") != run_id("a", "b", "/x1", "")


def test_keys_and_command_ids_have_their_documented_form() -> None:
    assert entity_key("acme", "device/d-17") == "acme/device/d-17"
    assert command_id("r", 0, "ticket") == "r:0:ticket"


def test_a_trace_goes_on_where_the_event_has_one() -> None:
    run = run_id("a", "b", "c", "d")
    made = traceparent(run, f"{run}:0:x", GIVEN)
    assert made.startswith(GIVEN[:36])
    assert made.endswith("-00")
    assert made != GIVEN


@pytest.mark.parametrize(
    "given",
    [None, "", "nonsense", GIVEN + "-x", GIVEN.upper(), "00-" + "0" * 32 + GIVEN[35:], GIVEN[:36] + "0" * 16 + "-01"],
)
def test_a_trace_begins_with_the_run_where_the_event_has_none(given: str | None) -> None:
    run = run_id("a", "b", "c", "d")
    assert traceparent(run, f"{run}:0:x", given).startswith(f"00-{run}-")


def test_spans_differ_by_command() -> None:
    assert traceparent("0" * 32, "a", GIVEN) != traceparent("0" * 32, "b", GIVEN)


@pytest.mark.parametrize("text", ["a", "A1", "0", "a.b_c-d", "x" * 100])
def test_ids(text: str) -> None:
    assert is_id(text)


@pytest.mark.parametrize("text", ["", ".a", "-a", "_a", "a b", "a/b", "ä", "x" * 101, "a\n", None, 5, b"a"])
def test_no_ids(text: object) -> None:
    assert not is_id(text)


def test_topics_are_named_as_documented() -> None:
    assert EVENT_TOPICS["rmm"] == "onestack.events.rmm"
    assert command_topic("escalate_on_call") == "onestack.workflow.commands.escalate-on-call"
    assert set(COMMAND_TOPICS) == set(ACTIONS)
