"""What happens next: an event that starts a run, an outcome that brings it on.

Both give run-log entries and change nothing. Between two calls to the outside a run goes as far as it can: gates are
decided, and steps whose parameters can't be rendered fail, until a step has begun that needs a call, or the run ends.

A run ends `completed` at a gate that is false or after its last step, but `failed` where an action failed for good:
at once where that step says `on_error: stop`, at its end where it goes on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import orjson

from engine.errors import ParametersError
from engine.evolve import failure
from engine.parameters import render
from engine.paths import Scope
from engine.state import RunState
from engine.workflow import Action, Gate, Workflow
from schemas.entries import EntryDict, entry
from schemas.events import Event
from schemas.names import command_id, run_id
from schemas.outcomes import ActionError, Outcome, Succeeded

LARGEST_OUTPUT: Final = 64 * 1024
LARGEST_OUTPUTS: Final = 512 * 1024
"""Bytes of one action's output, and of all of a run's: they travel with each command, and a record takes 2 MB."""
_DEEPEST_OUTPUT: Final = 64
"""As deep as an event may nest; what is deeper could not be written as JSON once it stands inside a command."""
_LONGEST_ERROR: Final = 2000


def start(workflow: Workflow, event: Event, now: datetime) -> list[EntryDict]:
    """The first entries of the run that this event starts; a single `run.skipped` where the conditions are false.

    `now` is in UTC. The same event always starts the same run: its id is made of what the two are.
    """
    run = run_id(workflow.org, workflow.id, event.source, event.id)
    at = _text(now)
    chain = [*event.causation_chain, workflow.id]
    scope = Scope(event.envelope, workflow.reference, {"id": run, "started": at}, {})
    result, trace = workflow.condition.evaluate(scope) if workflow.condition is not None else (True, None)
    data = {
        "generation": 0,
        "workflow": workflow.reference,
        "digest": workflow.digest,
        "event": event.envelope,
        "conditions": trace,
        "causation_chain": chain,
    }
    walk = _Walk(workflow, scope, run, event.org, event.subject, at)
    walk.log("run.started" if result else "run.skipped", data)
    if result:
        walk.go(0)
    return walk.entries


def decide(workflow: Workflow, state: RunState, outcome: Outcome, now: datetime) -> list[EntryDict]:
    """The entries that follow from the outcome of the step in progress; none where no step is in progress.

    `workflow` is the one that the run is pinned to. `now` is in UTC.
    """
    current = state.current
    if current is None or state.finished:
        return []
    scope = Scope(state.event, workflow.reference, {"id": state.run, "started": state.started}, state.steps)
    walk = _Walk(workflow, scope, state.run, state.org, state.subject, _text(now))
    walk.generation, walk.seq, walk.position, walk.failed = state.generation, state.seq, state.position, state.failed
    index = int(state.cursor[0])
    step = workflow.steps[index]
    data = {
        "generation": state.generation,
        "step": current["step"],
        "position": current["position"],
        "action": current["action"],
        "attempt": current["attempt"],
    }
    if isinstance(outcome, Succeeded):
        data["output"] = _bounded(outcome.output, state.size)
        walk.log("step.succeeded", data)
        scope.steps = {**state.steps, current["step"]: data["output"]}
    else:
        stops = isinstance(step, Action) and step.stops
        if walk.fail(data, outcome.error, stops=stops):
            return walk.entries
    walk.go(index + 1)
    return walk.entries


class _Walk:
    """The entries of one decision, and what has to be known to make the next of them."""

    __slots__ = (
        "at",
        "entries",
        "failed",
        "generation",
        "org",
        "position",
        "run",
        "scope",
        "seq",
        "subject",
        "workflow",
    )

    def __init__(self, workflow: Workflow, scope: Scope, run: str, org: str, subject: str, at: str) -> None:
        self.workflow = workflow
        self.scope = scope
        self.run = run
        self.org = org
        self.subject = subject
        self.at = at
        self.entries: list[EntryDict] = []
        self.generation = 0
        self.seq = 0
        self.position = 0
        self.failed: str | None = None

    def log(self, kind: str, data: dict[str, Any]) -> None:
        self.entries.append(entry(self.run, self.seq, kind, self.at, self.org, self.subject, data))
        self.seq += 1

    def go(self, index: int) -> None:
        """Goes on from the step with this index until a call is needed, or the run ends."""
        for step in self.workflow.steps[index:]:
            if isinstance(step, Gate):
                if not self._passes(step):
                    break
            elif not self._begins(step):
                return
        self._end()

    def _passes(self, gate: Gate) -> bool:
        result, trace = gate.condition.evaluate(self.scope)
        data = {"generation": self.generation, "step": gate.path, "position": self.position, "action": "condition"}
        self.log("step.condition", {**data, "result": result, "conditions": trace})
        self.position += 1
        return result

    def _begins(self, step: Action) -> bool:
        """Begins a step; true where the walk goes on, as the step has failed already and the run may go on."""
        self.scope.work = 0
        error: ParametersError | None = None
        try:
            rendered = render(step.parameters, self.scope)
        except ParametersError as caught:
            error, rendered = caught, {}
        data = {"generation": self.generation, "step": step.path, "position": self.position, "action": step.action}
        self.position += 1
        command = command_id(self.run, self.generation, step.path)
        self.log("step.started", {**data, "command": command, "attempt": 1, "input": rendered})
        if error is None:
            return False
        told: ActionError = {"kind": "parameters", "message": str(error)}
        return not self.fail({**data, "attempt": 1}, told, stops=step.stops)

    def fail(self, data: dict[str, Any], error: ActionError, *, stops: bool) -> bool:
        """Records a failure for good; true where it ends the run."""
        told = _told(error)
        self.log("step.failed", {**data, "error": told, "next_try": None})
        if self.failed is None:
            self.failed = failure(data["step"], told)
        if stops:
            self._end()
        return stops

    def _end(self) -> None:
        if self.failed is None:
            self.log("run.completed", {"generation": self.generation})
        else:
            self.log("run.failed", {"generation": self.generation, "error": self.failed})


def _bounded(output: Any, before: int) -> Any:
    """An output that a run can carry along; of one that it can't only the size and the reason are kept."""
    try:
        raw = orjson.dumps(output)
    except TypeError as error:
        return {"truncated": True, "reason": f"can't be written as JSON: {error}"[:200]}
    if raw.count(b"{") + raw.count(b"[") > _DEEPEST_OUTPUT and _depth(output) > _DEEPEST_OUTPUT:
        return {"truncated": True, "reason": f"nested deeper than {_DEEPEST_OUTPUT} levels"}
    if len(raw) > LARGEST_OUTPUT or before + len(raw) > LARGEST_OUTPUTS:
        return {"truncated": True, "bytes": len(raw)}
    return output


def _depth(value: Any) -> int:
    level, deepest = [value], 0
    while level := [one for one in level if isinstance(one, dict | list)]:
        deepest += 1
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return deepest


def _told(error: ActionError) -> dict[str, Any]:
    """The error as the log can keep it: bounded, and with nothing in it that JSON can't hold."""
    told: dict[str, Any] = dict(error)
    for name, value in told.items():
        if isinstance(value, str):
            told[name] = value[:_LONGEST_ERROR].encode("utf-8", "replace").decode()
    told.setdefault("kind", "internal")
    told.setdefault("message", str(told["kind"]))
    return told


def _text(now: datetime) -> str:
    """RFC 3339 in UTC with microseconds."""
    if now.utcoffset():
        now = now.astimezone(UTC)
    return now.isoformat(timespec="microseconds")[:26] + "Z"
