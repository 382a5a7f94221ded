"""What to send next, and what an executor gets to know: both from the state alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import ParametersError
from engine.parameters import render
from engine.paths import Scope
from engine.program import Action
from engine.rules import RULES, Rules
from engine.state import RunState, state_to_json
from engine.workflow import compile_workflow
from schemas.definitions import parse_definition
from schemas.names import command_id, traceparent
from schemas.outcomes import Call

if TYPE_CHECKING:
    from engine.workflow import Workflow


def next_command(state: RunState) -> dict[str, Any] | None:
    """The command for the step in progress, as a JSON object; None where the run has come to its end.

    A run that waits has a command of the action `delay`, whatever step it waits in.
    """
    current = state.current
    if current is None:
        return None
    return {
        "format": 1,
        "id": command_id(state.run, state.generation, current["step"]),
        "action": "delay" if current["until"] is not None else current["action"],
        "state": state_to_json(state),
    }


def call_of(state: RunState, workflow: Workflow | None = None, rules: Rules = RULES) -> Call:
    """What the action of the step in progress is asked to do.

    Where the recorded input is redacted or cut, the parameters are rendered again: with `workflow`, the one that the
    run is pinned to, or with what the state says of it. Raises ValueError where no step is in progress.
    """
    current = state.current
    if current is None:
        message = f"run {state.run} has no step in progress"
        raise ValueError(message)
    command = command_id(state.run, state.generation, current["step"])
    entity_type, _, entity_id = state.subject.partition("/")
    return Call(
        command_id=command,
        run_id=state.run,
        org=state.org,
        workflow_id=state.chain[-1],
        step=current["step"],
        action=current["action"],
        input=_rendered(state, current, workflow, rules) if current["cut"] else current["input"],
        event=state.event,
        traceparent=traceparent(state.run, command, state.event.get("traceparent")),
        causation=f"{state.run};{','.join(state.chain)}",
        entity_type=entity_type,
        entity_id=entity_id,
    )


def _rendered(state: RunState, current: dict[str, Any], workflow: Workflow | None, rules: Rules) -> dict[str, Any]:
    workflow = workflow or compile_workflow(parse_definition(state.workflow))
    node = workflow.node(current["step"])
    if not isinstance(node, Action):
        message = f"run {state.run} stands at {current['step']!r}, which is no action of its workflow"
        raise ValueError(message)  # noqa: TRY004 - the state is wrong, not a type
    try:
        return render(node.parameters, scope_of(workflow, state, rules))
    except ParametersError as error:
        message = f"step {current['step']}: {error}"
        raise ValueError(message) from None


def scope_of(workflow: Workflow, state: RunState, rules: Rules) -> Scope:
    """What the templates of the run can see now."""
    run = {"id": state.run, "started": state.started}
    return Scope(state.event, workflow.reference, run, state.steps, rules.redact)
