"""The fold of a run's entries into its rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.errors import Poison
from projections.fold import RunFold, fold

RUN = "f" * 32
EVENT = {"type": "alert.triggered", "id": "ev-1"}
BEGUN = {
    "generation": 0,
    "workflow": {"id": "alert-to-ticket", "name": "Alert to Ticket", "version": 3},
    "event": EVENT,
    "conditions": None,
    "causation_chain": ["first", "alert-to-ticket"],
}


def entry(seq: int, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"{RUN}:{seq}",
        "type": kind,
        "orgid": "acme",
        "subject": "alert/a-1",
        "time": f"2026-11-23T08:00:{seq:02}.250000Z",
        "data": data,
    }


def step(position: int, **more: Any) -> dict[str, Any]:
    return {"generation": 0, "step": f"s{position}", "position": position, "action": "create_ticket", **more}


def folded(*entries: tuple[str, dict[str, Any]]) -> RunFold:
    run = RunFold(RUN)
    run.apply([entry(seq, kind, data) for seq, (kind, data) in enumerate(entries)], 0)
    return run


def test_a_started_run_is_running_and_knows_its_workflow_and_entity() -> None:
    row = folded(("run.started", BEGUN)).row()
    assert row[1:8] == (
        "acme",
        "alert-to-ticket",
        "Alert to Ticket",
        3,
        "running",
        "alert.triggered",
        "acme/alert/a-1",
    )
    assert row[11] == ["first", "alert-to-ticket"]


def test_a_run_knows_what_people_call_its_entity_and_which_run_caused_it() -> None:
    event = {**EVENT, "subject": "alert/a-1", "causationid": "f0" * 16, "data": {"alert": {"title": "Disk full"}}}
    run = folded(("run.started", {**BEGUN, "event": event, "rerun_of": "e1" * 16}))
    assert (run.entity_name, run.caused_by, run.rerun_of, run.guard) == ("Disk full", "f0" * 16, "e1" * 16, None)
    assert run.row()[13:] == ("Disk full", "f0" * 16, "e1" * 16, None)


def test_a_cause_that_is_no_run_is_left_out() -> None:
    for cause in ("", "two words", "x" * 101, 7, None):
        assert folded(("run.started", {**BEGUN, "event": {**EVENT, "causationid": cause}})).caused_by is None


def test_a_suppressed_run_knows_its_guard() -> None:
    run = folded(("run.suppressed", {**BEGUN, "guard": "throttle", "reason": "throttle: 1 run in PT30M"}))
    assert (run.guard, run.error) == ("throttle", "throttle: 1 run in PT30M")


def test_a_skipped_run_ends_when_it_began() -> None:
    run = folded(("run.skipped", BEGUN))
    assert (run.status, run.finished_at) == ("skipped", run.started_at)


def test_a_suppressed_run_says_why() -> None:
    run = folded(("run.suppressed", {**BEGUN, "reason": "loop"}))
    assert (run.status, run.error, run.finished_at) == ("suppressed", "loop", run.started_at)


def test_a_failed_run_has_the_text_of_its_error() -> None:
    run = folded(("run.started", BEGUN), ("run.failed", {"error": "step mail failed: 500"}))
    assert (run.status, run.error) == ("failed", "step mail failed: 500")


def test_a_step_that_was_tried_again_counts_its_calls_and_loses_its_error() -> None:
    run = folded(
        ("run.started", BEGUN),
        ("step.started", step(0, attempt=1, input={})),
        ("step.failed", step(0, attempt=1, error={"kind": "http"}, next_try="2026-11-23T08:00:09Z")),
        ("step.started", step(0, attempt=2, input={})),
        ("step.succeeded", step(0, attempt=2, output={})),
    )
    one = run.steps[0]
    assert (one.status, one.attempts, one.input_seq, one.output_seq, one.error_seq) == ("succeeded", 2, 3, 4, None)
    assert one.started_at.second == 1


def test_a_step_between_two_attempts_waits() -> None:
    failed = step(0, attempt=1, error={}, next_try="2026-11-23T08:00:09Z")
    run = folded(("run.started", BEGUN), ("step.started", step(0, attempt=1)), ("step.failed", failed))
    assert (run.steps[0].status, run.steps[0].finished_at) == ("waiting", None)


def test_a_gate_begins_and_ends_at_once_without_a_call() -> None:
    gate = {"step": "matters", "position": 0, "action": "condition", "result": True, "conditions": {}}
    one = folded(("run.started", BEGUN), ("step.condition", gate)).steps[0]
    assert (one.action, one.status, one.attempts) == ("condition", "succeeded", 0)
    assert (one.input_seq, one.output_seq, one.started_at) == (1, 1, one.finished_at)


def test_a_cancelled_run_cancels_the_step_that_it_stands_in() -> None:
    run = folded(("run.started", BEGUN), ("step.started", step(0)), ("run.cancelled", {"by": "alert.resolved"}))
    assert (run.status, run.steps[0].status) == ("cancelled", "cancelled")
    assert run.steps[0].finished_at == run.finished_at is not None


def test_a_waiting_run_waits_in_its_step_and_goes_on() -> None:
    begun = (("run.started", BEGUN), ("step.started", step(0)), ("run.waiting", {"until": "2026-11-24T08:00:00Z"}))
    waiting, resumed = folded(*begun), folded(*begun, ("run.resumed", {}))
    assert (waiting.status, waiting.steps[0].status) == ("waiting", "waiting")
    assert (resumed.status, resumed.steps[0].status) == ("running", "running")


WAIT = {"until": "2026-11-24T08:00:00Z", "step": "s0", "position": 0, "reason": "delay"}


@pytest.mark.parametrize(
    ("kind", "data", "status"),
    [
        ("step.started", step(0, attempt=2), "running"),
        ("step.succeeded", step(0, attempt=1, output={"until": "2026-11-24T08:00:00Z"}), "succeeded"),
        ("step.failed", step(0, attempt=1, error={}, next_try=None), "failed"),
        ("step.condition", {**step(1), "action": "condition", "result": True}, "running"),
        ("step.skipped", step(1, reason="shadow"), "running"),
    ],
)
def test_whatever_comes_after_a_wait_ends_it(kind: str, data: dict[str, Any], status: str) -> None:
    run = folded(("run.started", BEGUN), ("step.started", step(0)), ("run.waiting", WAIT), (kind, data))
    assert (run.status, run.steps[0].status) == ("running", status)


@pytest.mark.parametrize(("kind", "status"), [("run.cancelled", "cancelled"), ("run.restarted", "running")])
def test_a_wait_that_a_signal_ends_leaves_its_step_cancelled(kind: str, status: str) -> None:
    data = {"generation": 1, "by": {"event": {"id": "ev-2"}}, "step": "s0", "event": EVENT}
    run = folded(("run.started", BEGUN), ("step.started", step(0)), ("run.waiting", WAIT), (kind, data))
    assert (run.status, run.steps[0].status) == (status, "cancelled")


def test_a_run_that_is_resumed_under_another_version_says_which() -> None:
    workflow = {"id": "alert-to-ticket", "name": "Alert to Ticket 2", "version": 5}
    run = folded(
        ("run.started", BEGUN),
        ("run.failed", {"error": "x"}),
        ("run.resumed", {"generation": 1, "by": {"person": "kim"}, "from": "s0", "workflow": workflow}),
    )
    assert run.row()[2:6] == ("alert-to-ticket", "Alert to Ticket 2", 5, "running")


def test_a_run_is_kept_where_it_began_whatever_begins_anew_in_it() -> None:
    run = folded(
        ("run.started", BEGUN), ("run.restarted", {"generation": 1, "event": EVENT}), ("run.completed", {})
    )  # fmt: skip
    assert run.first_at == run.started_at == datetime(2026, 11, 23, 8, 0, 0, 250_000, tzinfo=UTC)


def test_a_resumed_run_leaves_its_final_state() -> None:
    run = folded(("run.started", BEGUN), ("run.failed", {"error": "x"}), ("run.resumed", {"generation": 1}))
    assert (run.status, run.error, run.finished_at) == ("running", None, None)


def test_a_restarted_run_has_the_new_event_and_goes_on_counting_its_steps() -> None:
    run = folded(
        ("run.started", BEGUN),
        ("step.started", step(0)),
        ("run.restarted", {"generation": 1, "event": {"type": "ticket.updated"}}),
        ("step.started", step(1)),
    )
    assert (run.event_seq, run.trigger_type, run.status) == (2, "ticket.updated", "running")
    assert [one.status for one in run.steps.values()] == ["cancelled", "running"]


def test_a_step_skipped_in_shadow_has_its_input_and_no_call() -> None:
    one = folded(("run.started", BEGUN), ("step.skipped", step(0, input={"title": "x"}))).steps[0]
    assert (one.status, one.attempts, one.input_seq) == ("skipped", 0, 1)


def test_an_entry_type_that_is_not_known_changes_no_row() -> None:
    run = folded(("run.started", BEGUN), ("run.admired", {"by": "all"}))
    assert (run.status, run.next) == ("running", 2)


def test_a_run_without_its_first_entry_has_no_row_yet() -> None:
    run = fold(RUN, {1: entry(1, "step.started", step(0))})
    assert (run.began, run.gapped) == (False, True)


@pytest.mark.parametrize(
    ("kind", "data", "field"),
    [
        ("run.started", {"generation": 0}, "workflow"),
        ("run.started", {**BEGUN, "event": {"type": 7}}, "data.event.type"),
        ("run.started", {**BEGUN, "workflow": {"id": "a", "version": "3"}}, "data.workflow.version"),
        ("step.started", {"position": "0", "step": "a", "action": "b"}, "data"),
        ("step.started", step(0, attempt=2**40), "data.attempt"),
        ("run.failed", {}, "error"),
        ("run.resumed", {"workflow": {"version": "5"}}, "data.workflow.version"),
    ],
)
def test_an_entry_that_lacks_what_its_type_has_is_poison_that_names_the_field(
    kind: str, data: dict[str, Any], field: str
) -> None:
    with pytest.raises(Poison) as caught:
        folded((kind, data))
    assert caught.value.field == field


KINDS = st.sampled_from(
    [
        ("step.started", step(0, attempt=1)),
        ("step.failed", step(0, attempt=1, error={}, next_try="x")),
        ("step.started", step(0, attempt=2)),
        ("step.succeeded", step(0, attempt=2, output=1)),
        ("step.condition", {**step(1), "action": "condition", "result": True}),
        ("run.waiting", {}),
        ("run.resumed", {}),
        ("run.restarted", {"event": EVENT}),
        ("run.completed", {}),
        ("run.failed", {"error": "x"}),
        ("run.cancelled", {}),
    ]
)


@given(st.lists(KINDS, max_size=20), st.data())
def test_any_cut_of_the_entries_folds_to_the_same_rows(kinds: list[Any], data: st.DataObject) -> None:
    entries = [entry(seq, kind, body) for seq, (kind, body) in enumerate([("run.started", BEGUN), *kinds])]
    at_once = fold(RUN, dict(enumerate(entries)))
    cut = data.draw(st.integers(0, len(entries)))
    in_parts = RunFold(RUN)
    in_parts.apply(entries[:cut], 0)
    in_parts.apply(entries[cut:], in_parts.next)
    assert in_parts.row() == at_once.row()
    steps = [[one.row(RUN, 7) for one in run.steps.values()] for run in (in_parts, at_once)]
    assert steps[0] == steps[1]
    assert (in_parts.first_at, in_parts.week) == (at_once.first_at, at_once.week)
