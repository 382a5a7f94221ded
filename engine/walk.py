"""One decision: from a step on, as far as the run goes without a call to the outside.

Gates and branches are decided, steps whose parameters can't be rendered fail, a shadow run's actions are passed over,
until a step has begun that needs a call or a time to come, or the run ends.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from engine.delays import due
from engine.errors import ParametersError
from engine.evolve import failure
from engine.imagine import imagine
from engine.parameters import render_json
from engine.program import END, Action, Branch, Gate
from engine.recording import kept_error, kept_input, kept_output, told_input
from schemas.entries import EntryDict, entry
from schemas.names import command_id

if TYPE_CHECKING:
    from engine.paths import Scope
    from engine.rules import Rules
    from engine.signals import Signal
    from engine.state import RunState
    from engine.workflow import Workflow
    from schemas.outcomes import ActionError

_RFC3339: Final = orjson.OPT_UTC_Z
_LENGTH: Final = len("2026-11-23T08:00:00.000000Z")
_LARGEST_SHADOW: Final = 256 * 1024
"""Bytes of what a shadow run tells of its actions in one decision, which passes over all of them: a record takes 2 MB.
Beyond it sizes alone are told."""


class Walk:
    """The entries of one decision, and what has to be known to make the next of them."""

    __slots__ = (
        "at",
        "entries",
        "failed",
        "generation",
        "now",
        "org",
        "position",
        "rules",
        "run",
        "scope",
        "seq",
        "size",
        "spent",
        "subject",
        "workflow",
    )

    def __init__(self, workflow: Workflow, scope: Scope, run: str, subject: str, now: datetime, rules: Rules) -> None:
        self.workflow = workflow
        self.scope = scope
        self.run = run
        self.org = scope.org
        self.subject = subject
        self.now = now
        self.at = text_of(now)
        self.rules = rules
        self.entries: list[EntryDict] = []
        self.generation = self.seq = self.position = self.size = self.spent = 0
        self.failed: str | None = None

    def log(self, kind: str, data: dict[str, Any]) -> None:
        """Adds the run's next entry."""
        self.entries.append(entry(self.run, self.seq, kind, self.at, self.org, self.subject, data))
        self.seq += 1

    def go(self, index: int) -> None:
        """Goes on from the step with this index until a call or a time is needed, or the run ends."""
        steps = self.workflow.steps
        while index != END:
            step = steps[index]
            if isinstance(step, Action):
                # After a resume: what was performed in an earlier generation is not performed again.
                if step.id not in self.scope.steps and not self._begin(step):
                    return
                index = step.next
            elif self._holds(step):
                index = step.then if isinstance(step, Branch) else step.next
            else:
                index = step.else_ if isinstance(step, Branch) else END
        self.end()

    def _holds(self, step: Gate | Branch) -> bool:
        self.scope.work = 0
        result, trace = step.condition.evaluate(self.scope)
        self.log("step.condition", {**self._named(step, "condition"), "result": result, "conditions": trace})
        return result

    def _named(self, step: Action | Gate | Branch, action: str) -> dict[str, Any]:
        """What the entries of a step that begins have in common; counts its position."""
        position = self.position
        self.position = position + 1
        return {
            "generation": self.generation,
            "step": step.path,
            "id": step.id,
            "position": position,
            "action": action,
        }

    def _begin(self, step: Action) -> bool:
        """Begins a step; true where the walk goes on, as the step is over already and the run may go on."""
        scope, action = self.scope, step.action
        scope.work = 0
        data = self._named(step, action)
        until: datetime | None = None
        try:
            rendered, raw = render_json(step.parameters, scope)
            if action == "delay":
                until = due(rendered, self.org, self.now, self.rules)
        except ParametersError as error:
            self._start(dict(data), {}, cut_=False)
            told: ActionError = {"kind": "parameters", "message": str(error)}
            return not self.fail({**data, "attempt": 1}, told, stops=step.stops)
        if self.workflow.shadow and until is None:
            self._pass_over(step, data, rendered, raw)
            return True
        kept = kept_input(step, rendered, raw, self.rules.redact)
        if until is not None:
            self._start(dict(data), kept, cut_=kept is not rendered)
            return self._wait(step, data, until)
        self._start(data, kept, cut_=kept is not rendered)
        return False

    def _start(self, data: dict[str, Any], kept: dict[str, Any], *, cut_: bool) -> None:
        """Records that a step began; takes `data` for the entry's own."""
        data["command"] = command_id(self.run, self.generation, data["step"])
        data["attempt"] = 1
        data["input"] = kept
        if cut_:
            data["cut"] = True
        self.log("step.started", data)

    def _wait(self, step: Action, data: dict[str, Any], until: datetime) -> bool:
        moment = text_of(until)
        if until > self.now:
            self.wait(data, moment, "delay")
            return False
        self.succeed({**data, "attempt": 1}, step.id, {"until": moment})
        return True

    def wait(self, data: dict[str, Any], until: str, reason: str) -> None:
        """The run waits in this step."""
        place = {name: data[name] for name in ("generation", "step", "id", "position")}
        self.log("run.waiting", {**place, "until": until, "reason": reason})

    def succeed(self, data: dict[str, Any], name: str, output: Any) -> None:
        """Records what a step returned; takes `data` for the entry's own."""
        data["output"] = output
        self.log("step.succeeded", data)
        self.scope.steps = {**self.scope.steps, name: output}

    def _pass_over(self, step: Action, data: dict[str, Any], rendered: dict[str, Any], raw: bytes) -> None:
        """A shadow run's action: what it would have been asked, and what it might have answered."""
        redact, size = self.rules.redact, len(raw)
        kept = kept_input(step, rendered, raw, redact)
        output = imagine(step.action, told_input(step, rendered, raw, redact), step.path)
        output = kept_output(output, self.size, redact)
        self.spent += 2 * size
        self.size += size
        if self.spent > _LARGEST_SHADOW:
            kept, output = {"truncated": True, "bytes": size}, {"truncated": True}
        self.log("step.skipped", {**data, "reason": "shadow", "input": kept, "output": output})
        self.scope.steps = {**self.scope.steps, step.id: output}

    def fail(self, data: dict[str, Any], error: ActionError, *, stops: bool) -> bool:
        """Records a failure for good; true where it ends the run."""
        told = kept_error(error, self.rules.redact)
        self.log("step.failed", {**data, "error": told, "next_try": None})
        if self.failed is None:
            self.failed = failure(data["step"], told)
        if stops:
            self.end()
        return stops

    def end(self) -> None:
        """The run has come to its end."""
        if self.failed is None:
            self.log("run.completed", {"generation": self.generation})
        else:
            self.log("run.failed", {"generation": self.generation, "error": self.failed})

    def obey(self, signal: Signal, step: str | None, following: int) -> None:
        """Ends the run, or begins it again. `step` is the one in progress, else `following` is what would come next."""
        if signal.kind == "cancel":
            data: dict[str, Any] = {"generation": self.generation, "by": signal.by, "step": step}
            if step is None:
                data["next"] = None if following == END else self.workflow.steps[following].path
            self.log("run.cancelled", data)
            return
        event = signal.event or self.scope.event
        self.generation += 1
        self.failed = None
        told = self.rules.redact.redact_event(event)
        self.log("run.restarted", {"generation": self.generation, "by": signal.by, "event": told})
        self.scope = type(self.scope)(event, self.workflow.reference, self.scope.run, {}, self.rules.redact)
        self.size = 0
        self.go(first(self.workflow))


def first(workflow: Workflow) -> int:
    """The index of the first step."""
    return 0 if workflow.steps else END


def walk_of(workflow: Workflow, scope: Scope, state: RunState, now: datetime, rules: Rules) -> Walk:
    """A decision about a run that stands as `state` says."""
    walk = Walk(workflow, scope, state.run, state.subject, now, rules)
    walk.generation, walk.seq, walk.position = state.generation, state.seq, state.position
    walk.failed, walk.size = state.failed, state.size
    return walk


def text_of(now: datetime) -> str:
    """RFC 3339 in UTC with microseconds."""
    if now.tzinfo is not UTC:
        now = now.astimezone(UTC)
    text = orjson.dumps(now, option=_RFC3339)[1:-1].decode()
    return text if len(text) == _LENGTH else f"{text[:-1]}.000000Z"
