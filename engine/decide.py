"""What happens next: an outcome that brings a run on, a signal that ends it, a person who resumes it.

All give run-log entries and change nothing. A run ends `completed` at a gate that is false or after its last step, but
`failed` where an action failed for good: at once where that step says `on_error: stop`, at its end where it goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.commands import scope_of
from engine.errors import FoldError
from engine.program import END, Action
from engine.recording import kept_error, kept_output
from engine.rules import RULES, Rules
from engine.walk import text_of, walk_of
from schemas.errors import Refused
from schemas.names import command_id
from schemas.outcomes import Failed, Fired, Outcome, Succeeded

if TYPE_CHECKING:
    from datetime import datetime

    from engine.signals import Signal
    from engine.state import RunState
    from engine.walk import Walk
    from engine.workflow import Workflow
    from schemas.entries import EntryDict


def decide(
    workflow: Workflow,
    state: RunState,
    outcome: Outcome | Fired,
    now: datetime,
    rules: Rules = RULES,
    signal: Signal | None = None,
) -> list[EntryDict]:
    """The entries that follow from the outcome of the step in progress, or from the time that the run waited for.

    None where no step is in progress, or the outcome is not what the run waits for. With a signal, an outcome is
    recorded (a failure for good), then the signal, and nothing else begins but what a restart begins with.
    `workflow` is the one that the run is pinned to. `now` is in UTC.
    """
    current = state.current
    if current is None or isinstance(outcome, Fired) is (current["until"] is None):
        return []
    if signal is not None and isinstance(outcome, Fired):
        return interrupt(workflow, state, signal, now, rules)
    walk = walk_of(workflow, scope_of(workflow, state, rules), state, now, rules)
    step = workflow.node(current["step"])
    if not isinstance(step, Action):
        raise FoldError(f"run {state.run} stands at {current['step']!r}, which is no action of its workflow")
    data: dict[str, Any] = {
        "generation": state.generation,
        "step": current["step"],
        "id": current["id"],
        "position": current["position"],
        "action": current["action"],
        "attempt": current["attempt"],
    }
    if isinstance(outcome, Succeeded):
        walk.succeed(data, step.id, kept_output(outcome.output, state.size, rules.redact))
    elif isinstance(outcome, Failed):
        if signal is None and _waits_for_a_retry(walk, state, step, data, outcome):
            return walk.entries
        if walk.fail(data, outcome.error, stops=step.stops and signal is None):
            return walk.entries
    elif step.action == "delay":
        walk.succeed(data, step.id, {"until": current["until"]})
    else:
        _try_again(walk, state, current, data)
        return walk.entries
    if signal is not None:
        walk.obey(signal, None, step.next)
    else:
        walk.go(step.next)
    return walk.entries


def _waits_for_a_retry(walk: Walk, state: RunState, step: Action, data: dict[str, Any], outcome: Failed) -> bool:
    """Whether a failure is to be tried again; records it then, with the time of the next attempt."""
    attempt, policy = data["attempt"], step.retry
    if not outcome.retryable or attempt > policy.max_retries or outcome.error.get("kind") == "parameters":
        return False
    command = command_id(state.run, state.generation, step.path)
    until = text_of(walk.now + policy.wait(command, attempt, outcome.retry_after))
    walk.log("step.failed", {**data, "error": kept_error(outcome.error, walk.rules.redact), "next_try": until})
    walk.wait(data, until, "retry")
    return True


def _try_again(walk: Walk, state: RunState, current: dict[str, Any], data: dict[str, Any]) -> None:
    """The next attempt of a step, with the parameters of the first: nothing that they are made of has changed."""
    again = {
        **data,
        "command": command_id(state.run, state.generation, current["step"]),
        "attempt": data["attempt"] + 1,
        "input": current["input"],
    }
    if current["cut"]:
        again["cut"] = True
    walk.log("step.started", again)


def interrupt(
    workflow: Workflow, state: RunState, signal: Signal, now: datetime, rules: Rules = RULES
) -> list[EntryDict]:
    """The entries by which a signal ends or begins again a run that waits, or whose call has not been made.

    None where the run has ended.
    """
    if state.finished:
        return []
    walk = walk_of(workflow, scope_of(workflow, state, rules), state, now, rules)
    walk.obey(signal, None if state.current is None else state.current["step"], END)
    return walk.entries


def resume(
    workflow: Workflow,
    state: RunState,
    now: datetime,
    rules: Rules = RULES,
    *,
    by: dict[str, Any],
    step: str | None = None,
) -> list[EntryDict]:
    """The entries by which a failed or cancelled run goes on, in a new generation, as a run of this workflow.

    It goes on from the step with the path `step`; by default from the one that failed first, or was cancelled. Steps
    that have succeeded are not performed again; conditions are looked at again. `workflow` may be another version than
    the run began with. Raises Refused where the run can't be resumed, or has no such step.
    """
    if state.status not in {"failed", "cancelled"}:
        raise Refused.one("status", f"is {state.status}: only a failed or cancelled run can be resumed")
    if workflow.id != state.chain[-1] or workflow.org != state.org:
        raise Refused.one("workflow", f"is {workflow.id}, but the run is one of {state.chain[-1]}")
    path = step or state.failed_at
    index = END if path is None else workflow.index.get(path)
    if index is None:
        raise Refused.one("step", f"{path!r} is no step of version {workflow.version} of {workflow.id}")
    walk = walk_of(workflow, scope_of(workflow, state, rules), state, now, rules)
    walk.generation, walk.failed = state.generation + 1, None
    data = {"generation": walk.generation, "by": by, "from": path}
    walk.log("run.resumed", {**data, "workflow": workflow.reference, "digest": workflow.digest})
    walk.go(index)
    return walk.entries
