"""Random definitions with random outcomes: replaying the log gives the same state as living through it.

One strategy for each kind of step: a new kind joins by adding one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.run import RunState, decide, evolve, next_command, start, state_from_json, state_to_json
from engine.workflow import Pinned, compile_workflow
from schemas.definitions import parse_definition
from schemas.entries import DATA, Entry, EntryDict, split_id
from schemas.events import from_envelope
from schemas.outcomes import Failed, Outcome, Succeeded

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
RECORD = 2_000_000
ENVELOPE = {
    "specversion": "1.0",
    "id": "ev-1",
    "source": "/psa",
    "type": "ticket.created",
    "subject": "ticket/t-1",
    "orgid": "acme",
    "data": {"ticket": {"id": "t-1", "title": "Printer", "priority": "P2"}, "company": {"id": "c-1"}},
}

TEXTS = st.sampled_from(
    [
        "plain",
        "{{ticket.title}}",
        "{{nope}}",
        "{{steps.s0.id}}",
        "{{steps.s1}}",
        "{{ticket.title | upcase}}!",
        "{{run.id}}",
        "{{1 | divided_by: 0}}",
        "{{run.started}} {{workflow.version}} {{steps.s2.id | default: 'none'}}",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "n"]), inner, max_size=2),
    max_leaves=6,
)


def with_(**parameters: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(parameters)


ACTIONS = st.one_of(
    st.tuples(st.just("create_ticket"), with_(title=TEXTS, board=TEXTS)),
    st.tuples(st.just("update_ticket"), with_(fields=st.fixed_dictionaries({"status": TEXTS, "n": st.integers(0, 3)}))),
    st.tuples(st.just("add_tag"), with_(tag=TEXTS)),
    st.tuples(st.just("send_notification"), with_(channel=st.just("push"), to=TEXTS, body=TEXTS)),
    st.tuples(st.just("webhook"), with_(url=st.just("https://x.example"))),
)
ON_ERROR = st.sampled_from([None, "continue", "stop"])
ACTION_STEPS = st.tuples(ACTIONS, ON_ERROR).map(
    lambda made: {
        "action": made[0][0],
        "with": made[0][1],
        **({"on_error": made[1]} if made[1] else {}),
    }
)
GATES: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"condition": {"field": "ticket.id", "op": "exists"}},
        {"condition": {"field": "ticket.priority", "op": "equals", "value": "P1"}},
        {"condition": {"field": "steps.s0.id", "op": "exists"}},
        {"condition": {"not": {"field": "steps.s1.n", "op": "greater_than", "value": "{{steps.s0.n}}"}}},
    ]
)
STEPS = st.lists(ACTION_STEPS | ACTION_STEPS | GATES, min_size=0, max_size=6).flatmap(
    lambda steps: ACTION_STEPS.map(lambda last: [*steps, last])
)
OUTCOMES: st.SearchStrategy[Outcome] = st.one_of(
    VALUES.map(Succeeded),
    st.just(Succeeded({"id": "x" * 70_000})),
    st.just(Succeeded("y" * 60_000)),
    st.sampled_from(["no answer", "x" * 5000]).map(lambda text: Failed({"kind": "timeout", "message": text})),
)
CONDITIONS = st.none() | st.none() | GATES.map(lambda gate: gate["condition"])


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    steps = [{"id": f"s{index}", **step} for index, step in enumerate(draw(STEPS))]
    body: dict[str, Any] = {
        "id": "wf",
        "org": "acme",
        "version": 1,
        "name": "W",
        "state": "enabled",
        "trigger": {"type": "ticket.created"},
        "steps": steps,
    }
    if (conditions := draw(CONDITIONS)) is not None:
        body["conditions"] = conditions
    if (on_error := draw(ON_ERROR)) is not None:
        body["on_error"] = on_error
    return body


def replay(log: list[EntryDict], body: dict[str, Any]) -> RunState:
    state: RunState | None = None
    for entry in log:
        state = evolve(state, entry, body)
    assert state is not None
    return state


def over_the_wire(entries: list[EntryDict]) -> list[EntryDict]:
    raw = orjson.dumps(entries)
    assert len(raw) < RECORD
    read: list[EntryDict] = orjson.loads(raw)
    assert read == entries
    return read


def numbered_without_gaps(log: list[EntryDict]) -> None:
    assert [split_id(entry["id"])[1] for entry in log] == list(range(len(log)))
    begun = [entry["data"] for entry in log if entry["type"] in {"step.started", "step.condition"}]
    assert [data["position"] for data in begun] == list(range(len(begun)))
    assert len({data["step"] for data in begun}) == len(begun)


def as_the_schemas_say(log: list[EntryDict]) -> None:
    for entry in log:
        Entry.model_validate(entry)
        DATA[entry["type"]].model_validate(entry["data"])


def ended_once_and_rightly(log: list[EntryDict], body: dict[str, Any]) -> None:
    ends = [entry["type"] for entry in log if entry["type"] in {"run.completed", "run.failed", "run.skipped"}]
    assert len(ends) == 1
    assert log[-1]["type"] == ends[0]
    failed = [entry["data"] for entry in log if entry["type"] == "step.failed"]
    assert (ends[0] == "run.failed") == bool(failed)
    how = {step["id"]: step.get("on_error") or body.get("on_error") or "continue" for step in body["steps"]}
    stopped = [
        index
        for index, entry in enumerate(log)
        if entry["type"] == "step.failed" and how[entry["data"]["step"]] == "stop"
    ]
    assert stopped in ([], [len(log) - 2])


def every_step_that_began_ended(log: list[EntryDict]) -> None:
    began = [entry["data"]["step"] for entry in log if entry["type"] == "step.started"]
    ended = [entry["data"]["step"] for entry in log if entry["type"] in {"step.succeeded", "step.failed"}]
    assert began == ended


@settings(deadline=None, max_examples=150)
@given(definitions(), st.lists(OUTCOMES, min_size=8, max_size=8))
def test_replaying_the_log_gives_the_same_state_as_living_through_it(
    body: dict[str, Any], outcomes: list[Outcome]
) -> None:
    workflow = compile_workflow(parse_definition(body))
    pinned = Pinned()
    log = over_the_wire(start(workflow, from_envelope(ENVELOPE), NOW))
    state = replay(log, body)
    for hop, outcome in enumerate(outcomes):
        assert replay(log, body) == state
        command = next_command(state)
        assert (command is None) == state.finished
        if command is None:
            break
        raw = orjson.dumps(command)
        assert len(raw) < RECORD
        arrived = orjson.loads(raw)
        assert arrived == command == next_command(replay(log, body))
        there = state_from_json(arrived["state"])
        assert there == state
        assert state_to_json(there) == state_to_json(state)
        at = NOW + timedelta(seconds=hop)
        entries = decide(pinned.get(there.digest, there.workflow), there, outcome, at)
        assert entries == decide(workflow, state, outcome, at)
        entries = over_the_wire(entries)
        log += entries
        for entry in entries:
            state = evolve(state, entry)
            assert evolve(state, entry) == state
    assert state.finished
    assert replay(log, body) == state
    assert decide(workflow, state, Succeeded(None), NOW) == []
    numbered_without_gaps(log)
    as_the_schemas_say(log)
    ended_once_and_rightly(log, body)
    if len(log) > 1:
        every_step_that_began_ended(log)


@settings(deadline=None, max_examples=50)
@given(definitions())
def test_a_definition_is_pinned_by_its_body_alone(body: dict[str, Any]) -> None:
    workflow = compile_workflow(parse_definition(body))
    assert workflow.body == body
    assert compile_workflow(parse_definition(orjson.dumps(workflow.body))).digest == workflow.digest
