"""What a workflow would do with an event: played through in virtual time, with nothing performed.

`simulate` gives the run-log entries as the real agents would write them, at the times at which they would, and what a
person asks first: which conditions held with which values, what each action was given, which steps were never reached
and why, and which templates named a path that is not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from engine.rules import RULES, Rules
from engine.signals import signal_for
from engine.simulation.missing import Missing, MissingPaths
from engine.simulation.story import first, not_reached, steps_of
from engine.simulation.throttling import throttle_of
from engine.simulation.trial import AT_ONCE, Outcomes, Trial, all_succeed
from engine.walk import text_of
from schemas.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.state import RunState
    from engine.workflow import Workflow
    from schemas.entries import EntryDict
    from schemas.events import Event

MOST_SIGNALS: Final = 100
"""Each may begin the run anew, so their number bounds the story's length."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A signal of a simulation: when it came, and its effect: `cancel`, `restart`, or why it did nothing."""

    event: Event
    at: datetime
    effect: str


@dataclass(frozen=True, slots=True)
class Simulation:
    """A run that was played through. `entries` are in the run log's form, at virtual times.

    `state` is the run's last state, `missing` the template paths that led nowhere, `signals` what came meanwhile,
    `throttle` the rendered key with limit and period of the workflow that has one: it was not applied.
    """

    workflow: Workflow
    event: Event
    entries: list[EntryDict]
    state: RunState
    started: datetime
    ended: datetime
    missing: tuple[Missing, ...]
    signals: tuple[Arrived, ...]
    throttle: dict[str, Any] | None

    @property
    def status(self) -> str:
        """How the run ended: completed, failed, cancelled, skipped or suppressed."""
        return self.state.status

    def as_json(self) -> dict[str, Any]:
        """The whole story for programs; times are RFC 3339 texts in UTC, `lasted_ms` virtual milliseconds."""
        begun = first(self.entries)
        steps = steps_of(self.entries)
        return {
            "org": self.workflow.org,
            "workflow": {**self.workflow.reference, "state": self.workflow.state},
            "event": self.event.envelope,
            "status": self.status,
            "reason": begun.get("reason") or self.state.failed,
            "started": text_of(self.started),
            "ended": text_of(self.ended),
            "lasted_ms": (self.ended - self.started).total_seconds() * 1000,
            "conditions": begun.get("conditions"),
            "steps": steps,
            "not_reached": not_reached(self.workflow.body, self.entries, steps),
            "missing": [one._asdict() for one in self.missing],
            "signals": [
                {"event": one.event.id, "type": one.event.type, "at": text_of(one.at), "effect": one.effect}
                for one in self.signals
            ],
            "throttle": self.throttle,
            "entries": self.entries,
        }


def simulate(
    workflow: Workflow,
    event: Event,
    now: datetime,
    *,
    outcomes: Outcomes = all_succeed,
    signals: Sequence[tuple[timedelta, Event]] = (),
    rules: Rules = RULES,
    takes: timedelta = AT_ONCE,
) -> Simulation:
    """The run of `workflow` that `event` starts at `now`, an aware time, to its end.

    `outcomes` answers each call (without it each succeeds with an imagined output), and `takes` is how long each is in
    flight. `signals` are events with the time after `now` at which they arrive; one that arrives at 0 or before was
    there first. The workflow's state is not looked at, but for `shadow`. Raises Refused where such an event does not
    start this workflow, and where there are more than 100 signals.
    """
    _check(workflow, event, len(signals))
    missing = MissingPaths(workflow)
    arrived: list[Arrived] = []
    early = [one for after, one in signals if after <= AT_ONCE]
    found = [(one, signal_for(workflow, event.envelope, one)) for one in early]
    before = next((signal for _, signal in found if signal is not None), None)
    trial = Trial(
        workflow, event, now, outcomes=outcomes, rules=rules, takes=takes, signal=before, missing=missing
    )  # fmt: skip
    for one, signal in found:
        does = signal.kind if signal is not None and signal is before else "it does nothing to this run"
        arrived.append(Arrived(one, now, does))
    for after, one in sorted(((after, one) for after, one in signals if after > AT_ONCE), key=lambda pair: pair[0]):
        arrived.append(Arrived(one, now + after, trial.signal(one, now + after)))
    trial.finish()
    return Simulation(
        workflow=workflow,
        event=event,
        entries=trial.entries,
        state=trial.state,
        started=now,
        ended=trial.at,
        missing=missing.found,
        signals=tuple(arrived),
        throttle=throttle_of(workflow, event),
    )


def _check(workflow: Workflow, event: Event, signals: int) -> None:
    if workflow.trigger_type is None:
        raise Refused.one("trigger", "is required: nothing starts this workflow yet")
    if event.type != workflow.trigger_type:
        reason = f"is {event.type}, but {workflow.trigger_type} triggers the workflow {workflow.id}"
        raise Refused.one("event.type", reason)
    if event.org != workflow.org:
        reason = f"is {event.org}, but the workflow {workflow.id} is of {workflow.org}: it never sees such an event"
        raise Refused.one("event.orgid", reason)
    if signals > MOST_SIGNALS:
        raise Refused.one("signals", f"are {signals}; at most {MOST_SIGNALS} are played")
