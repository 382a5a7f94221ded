"""One run in virtual time: its timers fire when their time has come, its calls are answered by a function.

A trial makes the same calls of `start`, `decide`, `interrupt` and `evolve` as the agents do, so what it tells is what
they would do. Nothing is performed. It is bounded: a definition has so many steps, a step so many attempts, and each
signal begins them anew at most once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from engine.imagine import imagine
from engine.rules import RULES, Rules
from engine.run import call_of, decide, evolve, interrupt, start
from engine.signals import Signal, signal_for
from engine.state import RunState, waits_until
from engine.workflow import Workflow
from schemas.outcomes import Call, Failed, Fired, Outcome, Succeeded

if TYPE_CHECKING:
    from engine.simulation.missing import MissingPaths
    from schemas.entries import EntryDict
    from schemas.events import Event

Outcomes = Callable[[Call], Outcome]
AT_ONCE = timedelta(0)


def all_succeed(call: Call) -> Outcome:
    """Imagined success: an output such as the module would answer with."""
    return Succeeded(imagine(call.action, call.input, call.step))


class Trial:
    """A run of `workflow` by `event`, from `now` on. `entries` are those that the run log would have.

    `outcomes` answers each call, `takes` is how long each call is in flight. With a `signal`, the run is one that was
    cancelled or restarted before it was seen. `missing` takes note of paths that lead nowhere.
    """

    __slots__ = ("_event", "_missing", "_outcomes", "_rules", "_takes", "at", "entries", "state", "workflow")

    def __init__(
        self,
        workflow: Workflow,
        event: Event,
        now: datetime,
        *,
        outcomes: Outcomes = all_succeed,
        rules: Rules = RULES,
        takes: timedelta = AT_ONCE,
        signal: Signal | None = None,
        missing: MissingPaths | None = None,
    ) -> None:
        self.workflow = workflow
        self.at = now
        self.entries: list[EntryDict] = []
        self._event = (signal and signal.event) or event.envelope
        self._outcomes = outcomes
        self._rules = rules
        self._takes = takes
        self._missing = missing
        self.state: RunState = self._folded(None, start(workflow, event, now, rules, signal=signal))

    @property
    def due(self) -> datetime | None:
        """When it goes on by itself: its timer fires, or its call ends. None where the run has ended."""
        if self.state.finished:
            return None
        return waits_until(self.state) or self.at + self._takes

    def advance(self, to: datetime) -> None:
        """Let everything happen that happens until then, that moment included."""
        while (due := self.due) is not None and due <= to:
            self._turn(due, None)

    def finish(self) -> None:
        """Let everything happen that happens by itself."""
        while (due := self.due) is not None:
            self._turn(due, None)

    def signal(self, event: Event, at: datetime) -> str:
        """An event arrives: `cancel`, `restart`, or the reason why it does nothing."""
        self.advance(at)
        due = self.due
        if due is None:
            return "the run had ended"
        signal = signal_for(self.workflow, self.state.event, event)
        if signal is None:
            return self._why_none(event)
        if waits_until(self.state) is None and self.at < at:
            self._event = signal.event or self._event
            self._turn(due, signal)  # the call is in flight: it is finished and recorded first
        else:
            self.at = at
            self._event = signal.event or self._event
            self._fold(interrupt(self.workflow, self.state, signal, at, self._rules))
        return signal.kind

    def _why_none(self, event: Event) -> str:
        if event.type not in self.workflow.watches:
            return f"no cancel_on or restart_on names {event.type}"
        if (event.source, event.id) == (self.state.event.get("source"), self.state.event.get("id")):
            return "it is the event that started the run"
        if event.subject != self.state.subject or event.org != self.state.org:
            return "it is about another entity"
        if self.workflow.id in event.causation_chain:
            return "the workflow itself caused it, or its 'where' is false"
        return "its 'where' is false"

    def _turn(self, at: datetime, signal: Signal | None) -> None:
        outcome: Succeeded | Failed | Fired
        if waits_until(self.state) is not None:
            outcome = Fired()
        else:
            outcome = self._outcomes(call_of(self.state, self.workflow, self._rules))
        self.at = max(self.at, at)
        self._fold(decide(self.workflow, self.state, outcome, self.at, self._rules, signal))

    def _fold(self, entries: list[EntryDict]) -> None:
        before = self.state.seq
        self.state = self._folded(self.state, entries)
        if self.state.seq == before:
            message = f"run {self.state.run} does not go on after entry {before - 1}"
            raise RuntimeError(message)

    def _folded(self, state: RunState | None, entries: list[EntryDict]) -> RunState:
        for entry in entries:
            state = evolve(state, entry, self.workflow.body)
            # The log has a redacted event; templates see it as it came, as they do in the commands of a real run.
            state.event = self._event
            self.entries.append(entry)
            if self._missing is not None:
                self._missing.note(state, entry)
        if state is None:
            message = f"no run of {self.workflow.id} begins"
            raise RuntimeError(message)
        return state
