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
from schemas.formats import READS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def evolve(state: RunState | None, entry: EntryDict, workflow_body: dict[str, Any] | None = None) -> RunState:
    """The state after this entry.

    `workflow_body` is the definition that the run is pinned to: the first entry needs it, and a `run.resumed` that
    goes on under another version. Raises FoldError where the entry does not follow from the state, or was written by a
    newer release.
    """
    if (version := entry.get("formatversion", 1)) > READS:
        raise FoldError(f"entry {entry['id']} is in format {version}, and this version reads up to {READS}")
    return fold(state, (entry,), workflow_body)


def fold(state: RunState | None, entries: Iterable[EntryDict], workflow_body: dict[str, Any] | None = None) -> RunState:
    """The state after these entries: as `evolve` with one after the other, for less. Raises FoldError also for none."""
    ours = False
    for entry in entries:
        if state is None:
            state, ours = _begun(entry, workflow_body or {}), True
            continue
        if entry["id"] != f"{state.run}:{state.seq}" and _is_known(state, entry):
            continue
        kind = entry["type"]
        applier = APPLIERS.get(kind)
        if applier is None:
            raise FoldError(f"entry {entry['id']} has the type {kind!r}, which this version can't fold")
        if not ours:
            state, ours = state.copy(), True
        state.seq += 1
        applier(state, entry["data"])
        if kind == "run.resumed" and workflow_body is not None:
            state.workflow = workflow_body
    if state is None:
        raise FoldError("no entries and no state")
    return state


def _is_known(state: RunState, entry: EntryDict) -> bool:
    """Whether the state has an entry already that is not its next. Raises FoldError where it can't come now."""
    run, seq = split_id(entry["id"])
    if run != state.run:
        raise FoldError(f"entry {entry['id']} is not of run {state.run}")
    if seq > state.seq:
        raise FoldError(f"entry {entry['id']} leaves a gap after {state.seq - 1}")
    return seq < state.seq


def _begun(entry: EntryDict, body: dict[str, Any]) -> RunState:
    run, seq = split_id(entry["id"])
    status = BEGINNINGS.get(entry["type"])
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
        steps={},
        size=0,
        failed=None,
        failed_at=None,
        status=status,
        current=None,
    )


BEGINNINGS: Final = {"run.started": "running", "run.skipped": "skipped", "run.suppressed": "suppressed"}
"""The entries that a run can begin with, and its status then."""


def _step_started(state: RunState, data: dict[str, Any]) -> None:
    path = data["step"]
    state.current = {
        "step": path,
        "id": data.get("id", path),
        "action": data["action"],
        "position": data["position"],
        "attempt": data["attempt"],
        "input": data["input"],
        "until": None,
        "cut": "cut" in data,
    }
    state.position = data["position"] + 1
    state.status = "running"


def _step_succeeded(state: RunState, data: dict[str, Any]) -> None:
    output = data["output"]
    state.steps = {**state.steps, data.get("id", data["step"]): output}
    state.size += len(orjson.dumps(output))
    state.current = None
    state.status = "running"


def _step_skipped(state: RunState, data: dict[str, Any]) -> None:
    _step_succeeded(state, data)
    state.position = data["position"] + 1


def _step_failed(state: RunState, data: dict[str, Any]) -> None:
    if data["next_try"] is not None:
        return
    if state.failed is None:
        state.failed, state.failed_at = failure(data["step"], data["error"]), data["step"]
    state.current = None


def _step_condition(state: RunState, data: dict[str, Any]) -> None:
    state.position = data["position"] + 1
    state.current = None


def _run_waiting(state: RunState, data: dict[str, Any]) -> None:
    state.current = {**(state.current or {}), "until": data["until"]}
    state.status = "waiting"


def _run_completed(state: RunState, _data: dict[str, Any]) -> None:
    state.status, state.current = "completed", None


def _run_failed(state: RunState, _data: dict[str, Any]) -> None:
    state.status, state.current = "failed", None


def _run_cancelled(state: RunState, data: dict[str, Any]) -> None:
    state.status, state.current = "cancelled", None
    if state.failed_at is None:
        state.failed_at = data["step"] or data["next"]


def _run_restarted(state: RunState, data: dict[str, Any]) -> None:
    _again(state, data)
    state.event = data["event"]
    state.steps, state.size = {}, 0


def _run_resumed(state: RunState, data: dict[str, Any]) -> None:
    _again(state, data)
    state.digest = data["digest"]


def _again(state: RunState, data: dict[str, Any]) -> None:
    state.generation = data["generation"]
    state.status, state.current = "running", None
    state.failed = state.failed_at = None


def failure(step: str, error: dict[str, Any]) -> str:
    """A failed step in one sentence, for people."""
    return f"step {step} failed: {error.get('message') or error.get('kind')}"[:1000]


APPLIERS: Final[dict[str, Callable[[RunState, dict[str, Any]], None]]] = {
    "step.started": _step_started,
    "step.succeeded": _step_succeeded,
    "step.skipped": _step_skipped,
    "step.failed": _step_failed,
    "step.condition": _step_condition,
    "run.waiting": _run_waiting,
    "run.completed": _run_completed,
    "run.failed": _run_failed,
    "run.cancelled": _run_cancelled,
    "run.restarted": _run_restarted,
    "run.resumed": _run_resumed,
}
"""What each type of entry after the first does to the state."""
