"""What to send next, and what an executor gets to know: both from the state alone."""

from __future__ import annotations

from typing import Any

from engine.state import RunState, state_to_json
from schemas.names import command_id, traceparent
from schemas.outcomes import Call


def next_command(state: RunState) -> dict[str, Any] | None:
    """The command for the step in progress, as a JSON object; None where the run waits for nothing."""
    current = state.current
    if current is None or state.finished:
        return None
    return {
        "format": 1,
        "id": command_id(state.run, state.generation, current["step"]),
        "action": current["action"],
        "state": state_to_json(state),
    }


def call_of(state: RunState) -> Call:
    """What the action of the step in progress is asked to do. Raises ValueError where none is in progress."""
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
        input=current["input"],
        event=state.event,
        traceparent=traceparent(state.run, command, state.event.get("traceparent")),
        causation=f"{state.run};{','.join(state.chain)}",
        entity_type=entity_type,
        entity_id=entity_id,
    )
