"""Folding the run log: `evolve(state, entry)` is the only way in which a run's state changes.

No rule is checked here and nothing is chosen: what an entry says has happened. An entry that the state has already is
skipped, so that a redelivered record does no harm; one that leaves a gap is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from engine.errors import FoldError
from engine.state import RunState
from schemas.entries import EntryDict, split_id

if TYPE_CHECKING:
    from collections.abc import Callable


def evolve(state: RunState | None, entry: EntryDict, workflow_body: dict[str, Any] | None = None) -> RunState:
    """The state after this entry. The first entry of a run needs the body of the definition that it is pinned to.

    Raises FoldError where the entry does not follow from the state.
    """
    run, seq = split_id(entry["id"])
    kind = entry["type"]
    if state is None:
        return _begun(run, seq, entry, workflow_body or {})
    if run != state.run:
        raise FoldError(f"entry {entry['id']} is not of run {state.run}")
    if seq < state.seq:
        return state
    if seq > state.seq:
        raise FoldError(f"entry {entry['id']} leaves a gap after {state.seq - 1}")
    applier = APPLIERS.get(kind)
    if applier is None:
        raise FoldError(f"entry {entry['id']} has the type {kind!r}, which this version can't fold")
    after = state.copy()
    after.seq = seq + 1
    applier(after, entry["data"])
    return after


def _begun(run: str, seq: int, entry: EntryDict, body: dict[str, Any]) -> RunState:
    status = _BEGINNINGS.get(entry["type"])
    if seq or status is None:
        raise FoldError(f"entry {entry['id']} ({entry['type']}) does not begin a run")
    data = entry["data"]
    return RunState(
        run=run,
        org=entry["orgid"],
        subject=entry["subject"],
        generation=data["generation"],
        seq=1,
        position=0,
        workflow=body,
        digest=data.get("digest", ""),
        event=data["event"],
        chain=data["causation_chain"],
        started=entry["time"],
        cursor=[0],
        steps={},
        size=0,
        failed=None,
        status=status,
        current=None,
    )


_BEGINNINGS: Final = {"run.started": "running", "run.skipped": "skipped"}


def _step_started(state: RunState, data: dict[str, Any]) -> None:
    state.current = {
        "step": data["step"],
        "action": data["action"],
        "position": data["position"],
        "attempt": data["attempt"],
        "input": data["input"],
    }
    state.position = data["position"] + 1


def _step_succeeded(state: RunState, data: dict[str, Any]) -> None:
    output = data["output"]
    state.steps = {**state.steps, data["step"]: output}
    state.size += len(orjson.dumps(output))
    _passed(state)


def _step_failed(state: RunState, data: dict[str, Any]) -> None:
    if state.failed is None:
        state.failed = failure(data["step"], data["error"])
    _passed(state)


def _step_condition(state: RunState, data: dict[str, Any]) -> None:
    state.position = data["position"] + 1
    _passed(state)


def _passed(state: RunState) -> None:
    *outer, index = state.cursor
    state.cursor = [*outer, int(index) + 1]
    state.current = None


def _run_completed(state: RunState, _data: dict[str, Any]) -> None:
    state.status, state.current = "completed", None


def _run_failed(state: RunState, _data: dict[str, Any]) -> None:
    state.status, state.current = "failed", None


def failure(step: str, error: dict[str, Any]) -> str:
    """A failed step in one sentence, for people."""
    return f"step {step} failed: {error.get('message') or error.get('kind')}"[:1000]


APPLIERS: Final[dict[str, Callable[[RunState, dict[str, Any]], None]]] = {
    "step.started": _step_started,
    "step.succeeded": _step_succeeded,
    "step.failed": _step_failed,
    "step.condition": _step_condition,
    "run.completed": _run_completed,
    "run.failed": _run_failed,
}
"""What each type of entry after the first does to the state."""
