"""What ends or begins again a run from outside: an event of `cancel_on` or `restart_on`, or a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from engine.paths import Scope

if TYPE_CHECKING:
    from engine.workflow import Watch, Workflow
    from schemas.events import Event


@dataclass(frozen=True, slots=True)
class Signal:
    """What cancels or restarts a run. `by` goes into the entry; `event` is the whole CloudEvent of a restart.

    `by` is `{"event": {id, source, type, time, subject}}` or `{"person": …, "reason": …}`.
    """

    kind: Literal["cancel", "restart"]
    by: dict[str, Any]
    event: dict[str, Any] | None = None


def signal_for(workflow: Workflow, trigger: dict[str, Any], event: Event) -> Signal | None:
    """Whether this event cancels or restarts the run of this workflow that the CloudEvent `trigger` began last.

    Only an event of the same entity does, and never that very event. `cancel_on` comes first. An event that this
    workflow caused restarts no run of it, for that would go on for ever. Times are the caller's to compare.
    """
    if event.type not in workflow.watches:
        return None
    if (event.subject, event.org) != (trigger["subject"], trigger["orgid"]):
        return None
    if (event.id, event.source) == (trigger["id"], trigger["source"]):
        return None
    scope = Scope(event.envelope, workflow.reference, {}, {})
    if _any(workflow.cancel_on, event.type, scope):
        return Signal("cancel", {"event": named(event.envelope)})
    if workflow.id not in event.causation_chain and _any(workflow.restart_on, event.type, scope):
        return Signal("restart", {"event": named(event.envelope)}, event.envelope)
    return None


def _any(watches: tuple[Watch, ...], event_type: str, scope: Scope) -> bool:
    for watch in watches:
        if watch.type == event_type:
            scope.work = 0
            if watch.condition is None or watch.condition.evaluate(scope)[0]:
                return True
    return False


def named(event: dict[str, Any]) -> dict[str, Any]:
    """An event by its attributes, without its data."""
    return {name: event.get(name) for name in ("id", "source", "type", "time", "subject")}
