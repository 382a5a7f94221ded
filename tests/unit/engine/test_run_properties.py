"""Random workflows live random lives: outcomes, signals, restarts, resumes, crashes, redeliveries.

Whatever happens, the run log tells it so that folding it, from any point, gives the state that was lived.
"""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.redaction import redact_event
from engine.run import (
    Rules,
    RunState,
    call_of,
    decide,
    evolve,
    interrupt,
    next_command,
    resume,
    signal_for,
    start,
    state_from_json,
    state_to_json,
    waits_until,
)
from engine.workflow import Action, Pinned, Workflow, compile_workflow
from schemas.definitions import parse_definition
from schemas.entries import DATA, Entry, EntryDict, split_id
from schemas.events import Event
from schemas.outcomes import Failed, Fired, Outcome, Succeeded
from tests.unit.engine.strategies import HIDDEN, NOW, OUTCOMES, calendars, definitions, event

RULES = Rules(calendar=calendars)
RECORD = 2_000_000
FINAL = {"run.completed", "run.failed", "run.cancelled", "run.skipped", "run.suppressed"}
BUSY = Failed({"kind": "http", "message": "busy", "status": 503}, retryable=True)
BY = {"person": "pia", "reason": "the PSA is back"}
MOVES = st.lists(
    st.tuples(
        st.sampled_from(["outcome"] * 7 + ["busy"] * 4 + ["signal", "cancel", "restart", "late"]),
        OUTCOMES,
        st.sampled_from(["lives on", "lives on", "crash", "wire", "redelivery"]),
    ),
    min_size=3,
    max_size=20,
)


class Life:
    """A run as its workers see it: `log` is what they wrote, `states` what they had after each entry."""

    def __init__(self, body: dict[str, Any], first: Event, early: Event | None) -> None:
        self.body, self.now = body, NOW
        self.workflow: Workflow = compile_workflow(parse_definition(body))
        self.pinned = Pinned()
        self.event, self.events = first.envelope, 100
        self.log: list[EntryDict] = []
        self.states: list[RunState] = []
        signal = signal_for(self.workflow, first.envelope, early) if early else None
        self.newer = signal.event if signal else None
        self.take(start(self.workflow, first, self.now, RULES, signal=signal))

    @property
    def state(self) -> RunState:
        return self.states[-1]

    def take(self, entries: list[EntryDict]) -> None:
        """Write a decision down, and fold it as a worker does: it knows the event as it came."""
        raw = orjson.dumps(entries)
        assert len(raw) < RECORD
        assert HIDDEN.encode() not in raw
        for entry in orjson.loads(raw):
            if entry["type"] == "run.restarted":
                assert self.newer is not None
                self.event = self.newer
            state = evolve(self.states[-1] if self.states else None, entry, self.body)
            if state.event == redact_event(self.event):
                state = state.copy()
                state.event = self.event
            assert not self.states or evolve(state, entry, self.body) is state
            self.log.append(entry)
            self.states.append(state)

    def moved(self, entries: list[EntryDict], outcome: str) -> None:
        """`entries` were decided: they were decided rightly by whoever might have done it as well."""
        assert entries
        self.take(entries)
        if outcome == "crash":
            self.states[-1] = self.replayed(0)
        elif outcome == "redelivery":
            self.states[-1] = self.replayed(len(self.log) // 2)
        elif outcome == "wire" and not self.state.finished:
            command = orjson.dumps(next_command(self.state))
            assert len(command) < RECORD
            self.states[-1] = state_from_json(orjson.loads(command)["state"])

    def replayed(self, start: int) -> RunState:
        """The whole log folded into nothing, or into the state that stood after some of its entries."""
        state = self.states[start - 1] if start else None
        for entry in self.log:
            state = evolve(state, entry, self.body)
        assert state is not None
        assert redact_event(state.event) == redact_event(self.event)
        state = state.copy()
        state.event = self.event
        return state

    def outcome(self, outcome: Outcome, seen: Event | None) -> list[EntryDict]:
        state = self.state
        until = waits_until(state)
        assert (until is not None) == (state.status == "waiting")
        if until is not None:
            assert self.now < until
            self.now = until
        else:
            self.now += timedelta(milliseconds=40)
            assert call_of(state, self.workflow, RULES).input == call_of(state, None, RULES).input
        came = Fired() if until else outcome
        signal = signal_for(self.workflow, state.event, seen) if seen else None
        before = orjson.dumps(state_to_json(state))
        entries = decide(self.workflow, state, came, self.now, RULES, signal)
        there = state_from_json(orjson.loads(before))
        pinned = self.pinned.get(there.digest, there.workflow)
        assert decide(pinned, there, came, self.now, RULES, signal) == entries
        assert orjson.dumps(state_to_json(state)) == before, "a decision changed the state"
        self.newer = signal.event if signal else None
        return entries

    def signalled(self, kind: str) -> Event:
        self.events += 1
        return event(self.events, status="Closed" if kind == "cancel" else "Open", kind="ticket.updated")

    def interrupted(self, kind: str) -> list[EntryDict]:
        self.now += timedelta(milliseconds=10)
        signal = signal_for(self.workflow, self.state.event, self.signalled(kind))
        assert signal is not None
        assert signal.kind == kind
        entries = interrupt(self.workflow, self.state, signal, self.now, RULES)
        self.newer = signal.event
        return entries

    def resumed(self) -> list[EntryDict]:
        self.now += timedelta(minutes=1)
        return resume(self.workflow, self.state, self.now, RULES, by=BY)


def live(body: dict[str, Any], early: Event | None, moves: list[Any]) -> Life:
    life = Life(body, event(), early)
    for kind, outcome, after in moves:
        if life.state.finished:
            if life.state.status not in {"failed", "cancelled"}:
                break
            entries = life.resumed()
        elif kind in {"outcome", "busy"}:
            entries = life.outcome(outcome if kind == "outcome" else BUSY, None)
        elif kind == "signal":
            entries = life.outcome(outcome, life.signalled("cancel" if len(life.log) % 2 else "restart"))
        elif kind == "late":
            assert decide(life.workflow, life.state, Succeeded(1) if waits_until(life.state) else Fired(), NOW) == []
            continue
        else:
            entries = life.interrupted(kind)
        life.moved(entries, after)
    while not life.state.finished:
        life.moved(life.outcome(Succeeded({"id": "T-1"}), None), "lives on")
    return life


def generations(log: list[EntryDict]) -> list[list[EntryDict]]:
    found: list[list[EntryDict]] = []
    for entry in log:
        number = entry["data"]["generation"]
        if number == len(found):
            found.append([])
        assert number == len(found) - 1
        found[-1].append(entry)
    return found


def as_the_schemas_say(log: list[EntryDict]) -> None:
    for entry in log:
        Entry.model_validate(entry)
        DATA[entry["type"]].model_validate(entry["data"])


def ids_never_collide(log: list[EntryDict]) -> None:
    assert [split_id(entry["id"])[1] for entry in log] == list(range(len(log)))
    assert len({split_id(entry["id"])[0] for entry in log}) == 1
    started = [entry["data"] for entry in log if entry["type"] == "step.started"]
    command_of = {(data["generation"], data["step"]): data["command"] for data in started}
    assert all(command_of[data["generation"], data["step"]] == data["command"] for data in started)
    assert len(set(command_of.values())) == len(command_of)


def positions_increase(log: list[EntryDict]) -> None:
    begun = [entry["data"] for entry in log if entry["type"] in {"step.started", "step.condition", "step.skipped"}]
    firsts = [data for data in begun if data.get("attempt", 1) == 1]
    assert [data["position"] for data in firsts] == list(range(len(firsts)))
    for one, other in pairwise(begun):
        if other.get("attempt", 1) > 1:
            assert (one["position"], one["step"], one["attempt"] + 1) == (
                other["position"], other["step"], other["attempt"],
            )  # fmt: skip
            assert {**one, "attempt": 0} == {**other, "attempt": 0}


def one_final_state_each(log: list[EntryDict]) -> None:
    made = generations(log)
    for number, entries in enumerate(made):
        ends = [index for index, entry in enumerate(entries) if entry["type"] in FINAL]
        following = made[number + 1][0]["type"] if number + 1 < len(made) else None
        assert following in {None, "run.restarted", "run.resumed"}
        assert ends == ([] if following == "run.restarted" else [len(entries) - 1])
        failed = any(entry["type"] == "step.failed" and not entry["data"]["next_try"] for entry in entries)
        if entries[-1]["type"] in {"run.completed", "run.failed"}:
            assert (entries[-1]["type"] == "run.failed") == failed


def nothing_after_a_stop(workflow: Workflow, log: list[EntryDict]) -> None:
    for entries in generations(log):
        for entry, after in pairwise(entries):
            data = entry["data"]
            if entry["type"] == "step.failed" and data["next_try"] is None:
                step = workflow.node(data["step"])
                assert isinstance(step, Action)
                assert not step.stops or after["type"] in {"run.failed", "run.cancelled"}
            if entry["type"] == "step.failed" and data["next_try"] is not None:
                assert after["type"] == "run.waiting"
                assert after["data"]["until"] == data["next_try"]


def attempts_as_the_policy_says(workflow: Workflow, log: list[EntryDict]) -> None:
    for entries in generations(log):
        attempts: dict[str, int] = {}
        for entry in entries:
            data = entry["data"]
            if entry["type"] == "step.started":
                attempts[data["step"]] = attempts.get(data["step"], 0) + 1
                assert data["attempt"] == attempts[data["step"]]
            if entry["type"] == "step.failed" and data["next_try"] is not None:
                step = workflow.node(data["step"])
                assert isinstance(step, Action)
                waited = datetime.fromisoformat(data["next_try"]) - datetime.fromisoformat(entry["time"])
                backoff = min(step.retry.initial * step.retry.multiplier ** (data["attempt"] - 1), step.retry.cap)
                assert waited.total_seconds() >= 0.8 * backoff - 1e-6
                assert waited.total_seconds() in {3.0, 86_400.0} or waited.total_seconds() <= 1.2 * backoff + 1e-6
        for path, count in attempts.items():
            step = workflow.node(path)
            assert isinstance(step, Action)
            assert count <= 1 + step.retry.max_retries


def what_succeeded_is_not_performed_again(log: list[EntryDict]) -> None:
    done: set[str] = set()
    for entry in log:
        if entry["type"] == "run.restarted":
            done.clear()
        elif entry["type"] in {"step.succeeded", "step.skipped"}:
            assert entry["data"]["step"] not in done
            done.add(entry["data"]["step"])
        elif entry["type"] == "step.started":
            assert entry["data"]["step"] not in done


def every_step_that_began_ended(log: list[EntryDict]) -> None:
    for entries in generations(log):
        open_step: str | None = None
        for entry in entries:
            data = entry["data"]
            if entry["type"] == "step.started":
                assert open_step is None or data["attempt"] > 1
                open_step = data["step"]
            elif entry["type"] in {"step.succeeded", "step.failed"}:
                assert data["step"] == open_step
                open_step = data["step"] if data.get("next_try") else None
            elif entry["type"] == "run.cancelled":
                assert data["step"] == open_step
            elif entry["type"] in FINAL:
                assert open_step is None


def shadow_performs_nothing(workflow: Workflow, log: list[EntryDict]) -> None:
    kinds = {entry["data"]["action"] for entry in log if entry["type"] == "step.succeeded"}
    if workflow.shadow:
        assert kinds <= {"delay"}
        assert log[0]["data"]["shadow"] is True
    else:
        assert not any(entry["type"] == "step.skipped" for entry in log)
        assert "shadow" not in log[0]["data"]


def folding_from_any_point_gives_the_same(life: Life) -> None:
    assert life.replayed(0) == life.state
    for seq in range(1, len(life.log) + 1):
        assert life.states[seq - 1].seq == seq
        assert life.replayed(seq) == life.state


EARLY = st.sampled_from([None, None, None, "Closed", "Open"])


@settings(deadline=None, max_examples=150)
@given(definitions(), EARLY, MOVES)
def test_whatever_happens_the_log_tells_it(body: dict[str, Any], early: str | None, moves: list[Any]) -> None:
    before = event(2, status=early, kind="ticket.updated") if early else None
    life = live(copy.deepcopy(body), before, moves)
    assert life.body == body
    assert next_command(life.state) is None
    assert decide(life.workflow, life.state, Succeeded(None), NOW) == []
    as_the_schemas_say(life.log)
    ids_never_collide(life.log)
    positions_increase(life.log)
    one_final_state_each(life.log)
    nothing_after_a_stop(life.workflow, life.log)
    attempts_as_the_policy_says(life.workflow, life.log)
    what_succeeded_is_not_performed_again(life.log)
    every_step_that_began_ended(life.log)
    shadow_performs_nothing(life.workflow, life.log)
    folding_from_any_point_gives_the_same(life)


@settings(deadline=None, max_examples=50)
@given(definitions())
def test_a_definition_is_pinned_by_its_body_alone(body: dict[str, Any]) -> None:
    workflow = compile_workflow(parse_definition(body))
    assert workflow.body == body
    assert compile_workflow(parse_definition(orjson.dumps(workflow.body))).digest == workflow.digest


@settings(deadline=None, max_examples=50)
@given(definitions())
def test_the_program_is_a_way_forward_through_all_the_steps(body: dict[str, Any]) -> None:
    workflow = compile_workflow(parse_definition(body))
    seen = set()
    for index, step in enumerate(workflow.steps):
        assert workflow.node(step.path) is step
        for way in ("next", "then", "else_"):
            goal = getattr(step, way, -1)
            assert goal == -1 or goal > index
            seen.add(goal)
    assert set(range(1, len(workflow.steps))) <= seen
