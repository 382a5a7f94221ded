from collections import Counter
from dataclasses import replace

from sandbox.demo.evidence import Evidence
from sandbox.demo.verdict import Case, same, same_ends
from sandbox.modules import StandIns
from sandbox.modules.publisher import Publisher, Sent

EVENT = Publisher("nowhere:1").event("device.online", "harbor", {"device": {"id": "d", "criticality": 1}}, id="e-1")
RUN = ("harbor", "device-back-online", "/rmm", "e-1")


def evidence() -> Evidence:
    return Evidence(
        runs={RUN: "completed"},
        entries={("r", 0, "run.started"), ("r", 1, "step.started")},
        performed={"r:0:health": "update_field"},
        dead_letters=Counter({("onestack.events.rmm", 0, 7): 1}),
    )


def case() -> Case:
    modules = StandIns()
    modules.ledger.performed["hub", "r:0:health"] = 1
    bad = [Sent("onestack.events.rmm", 0, 7, b"{")]
    return Case([EVENT], bad, modules, evidence(), evidence(), set(), Counter())


def broken(case: Case) -> list[str]:
    return [check.name for check in case.checks() if not check.holds]


def test_three_witnesses_who_agree_pass() -> None:
    assert broken(case()) == []


def test_a_call_that_was_performed_twice_is_found() -> None:
    doubled = case()
    doubled.modules.ledger.performed["hub", "r:0:health"] = 2
    assert broken(doubled) == ["calls that each module performed"]


def test_a_call_under_another_key_is_found() -> None:
    strange = case()
    strange.modules.ledger.performed.clear()
    strange.modules.ledger.performed["hub", "r:0:other"] = 1
    assert broken(strange) == ["actions by Idempotency-Key"]


def test_a_run_that_the_history_lacks_is_found() -> None:
    lost = case()
    lost.history.runs.clear()
    assert broken(lost) == ["runs that the events should start", "runs and how they ended"]


def test_a_run_that_no_event_should_start_is_found() -> None:
    assert broken(replace(case(), events=[])) == [
        "runs that the events should start",
        "calls that each module performed",
    ]


def test_an_entry_that_the_history_lacks_is_found() -> None:
    lost = case()
    lost.history.entries.pop()
    assert broken(lost) == ["run-log entries"]


def test_a_step_that_succeeded_only_in_the_log_is_found() -> None:
    lost = case()
    lost.history.performed.clear()
    assert broken(lost) == ["actions by Idempotency-Key", "actions that succeeded"]


def test_bad_input_that_left_no_dead_letter_is_found() -> None:
    lost = case()
    lost.log.dead_letters.clear()
    lost.history.dead_letters.clear()
    assert broken(lost) == ["bad records as dead letters"]


def test_a_difference_is_told_with_examples() -> None:
    check = same("things", "the one", [("a", 1), ("b", 2), ("c", 3), ("d", 4)], "the other", [("z", 0)])
    assert check.faults == (
        "4 in the one and not in the other: a 1, b 2, c 3 and 1 more",
        "1 in the other and not in the one: z 0",
    )


def test_runs_that_have_not_ended_are_in_the_history_alone() -> None:
    log, kept = evidence(), evidence()
    kept.runs["harbor", "device-offline-alert", "/rmm", "e-2"] = "waiting"
    assert same_ends(log, kept).holds
    log.runs["harbor", "device-offline-alert", "/rmm", "e-2"] = "cancelled"
    assert not same_ends(log, kept).holds
