"""One version of a workflow in a backtest: which events it would have run on, and what those runs would have done."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from engine.guards import Decision, Guard, Request, entity_in, rank_of
from engine.simulation.story import steps_of
from engine.simulation.throttling import throttle_of
from engine.simulation.trial import Trial

if TYPE_CHECKING:
    from engine.rules import Rules
    from engine.workflow import Workflow
    from schemas.events import Event

MOST_OPEN: Final = 10_000
"""Runs that wait at one time: each holds its event and outputs. Beyond that the oldest are played to their end."""


class Result(NamedTuple):
    """What came of one event under one version.

    `verdict` is ran, skipped, loop, throttle or storm; `status` is how the run ended; `actions` are those that it would
    have performed, each with step, action and rendered input.
    """

    verdict: str
    status: str
    reason: str | None
    actions: tuple[dict[str, Any], ...]
    conditions: dict[str, Any] | None


_SWEEP: Final = 1_000
"""Requests after which the guard lets go of what has passed."""
Done = Callable[["Event", Result], None]


@dataclass(slots=True)
class _Open:
    trial: Trial
    event: Event
    due: datetime | None = None


class Side:
    """Takes events in their order; `done` is told of each one's result as soon as that is known.

    Waiting runs are kept, so that an event of `cancel_on` or `restart_on` reaches them in time; `cut_short` counts
    those that were too many to be kept, and were played to their end as if no such event came.
    """

    def __init__(
        self, workflow: Workflow, rules: Rules, done: Done, *, storm_limit: int = 0, most_open: int = MOST_OPEN
    ) -> None:
        self.workflow = workflow
        self._rules = rules
        self._done = done
        self._most_open = most_open
        self.days: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.actions: Counter[tuple[str, str]] = Counter()
        self.cut_short = 0
        self._storm_limit = storm_limit
        self._guard = Guard(workflow.org, workflow.id) if workflow.throttle or storm_limit else None
        self._asked = 0
        self._numbers = count()
        self._open: dict[int, _Open] = {}
        self._by_entity: defaultdict[str, set[int]] = defaultdict(set)
        self._due: list[tuple[datetime, int]] = []

    @property
    def types(self) -> frozenset[str]:
        """The event types that matter to this version."""
        trigger = {self.workflow.trigger_type} if self.workflow.trigger_type else set()
        return self.workflow.watches | trigger

    def see(self, event: Event, at: datetime) -> None:
        """An event arrives; what is due until then happens first."""
        self._pass(at)
        if event.type in self.workflow.watches:
            for number in sorted(self._by_entity.get(event.entity_key, ())):
                self._open[number].trial.signal(event, at)
                self._settle(number)
        if event.type == self.workflow.trigger_type:
            self._start(event, at)

    def finish(self) -> None:
        """No more events: what still waits is played to its end."""
        for number in list(self._open):
            self._open[number].trial.finish()
            self._settle(number)

    def _start(self, event: Event, at: datetime) -> None:
        trial = Trial(self.workflow, event, at, rules=self._rules)
        status = trial.state.status
        if status == "skipped":
            self._tell(event, trial, "skipped")
        elif status == "suppressed":
            self._tell(event, trial, "loop")
        elif (decision := self._decide(event, trial.state.run, at)) is not None and decision.verdict != "admitted":
            self._tell(event, trial, decision.verdict, decision.reason)
        else:
            number = next(self._numbers)
            self._open[number] = _Open(trial, event)
            self._by_entity[event.entity_key].add(number)
            trial.advance(at)
            self._settle(number)
            if len(self._open) > self._most_open:
                self._cut_short()

    def _decide(self, event: Event, run: str, at: datetime) -> Decision | None:
        """What the guard says of a run that would start now; None where nothing guards it."""
        if self._guard is None:
            return None
        throttle = throttle_of(self.workflow, event) or {"key": None, "limit": 0, "per_s": 0.0}
        moment, per = round(at.timestamp() * 1000), round(throttle["per_s"] * 1000)
        self._asked += 1
        if (over := self._guard.lapse(moment, self._asked)) is not None:
            self._guard.fold(over)
        entity, rank = entity_in(event.data, event.subject), rank_of(event.data)
        request = Request(run, entity, rank, throttle["key"], throttle["limit"], per, {})
        decision = self._guard.decide(request, moment, self._storm_limit)
        self._guard.fold(decision)
        if self._asked % _SWEEP == 0:
            self._guard.forget(moment, per)
        return decision

    def _pass(self, at: datetime) -> None:
        while self._due and self._due[0][0] <= at:
            _, number = heapq.heappop(self._due)
            known = self._open.get(number)
            if known is not None:
                known.due = None
                known.trial.advance(at)
                self._settle(number)

    def _cut_short(self) -> None:
        number = next(iter(self._open))
        self._open[number].trial.finish()
        self.cut_short += 1
        self._settle(number)

    def _settle(self, number: int) -> None:
        known = self._open[number]
        trial, event, due = known.trial, known.event, known.trial.due
        if due is not None:
            if due != known.due:
                known.due = due
                heapq.heappush(self._due, (due, number))
            return
        del self._open[number]
        mine = self._by_entity[event.entity_key]
        mine.discard(number)
        if not mine:
            del self._by_entity[event.entity_key]
        self._tell(event, trial, "ran")

    def _tell(self, event: Event, trial: Trial, verdict: str, reason: str | None = None) -> None:
        begun = trial.entries[0]["data"]
        ran = verdict == "ran"
        actions = tuple(_actions(trial)) if ran else ()
        status = trial.state.status if ran or verdict == "skipped" else "suppressed"
        day = self.days[trial.entries[0]["time"][:10]]
        day[verdict] += 1
        if ran:
            day[status] += 1
            self.actions.update((one["step"], one["action"]) for one in actions)
        self._done(event, Result(verdict, status, reason or begun.get("reason"), actions, begun.get("conditions")))


def _actions(trial: Trial) -> list[dict[str, Any]]:
    told = []
    for step in steps_of(trial.entries):
        if step["action"] == "condition" or (step["status"] == "cancelled" and step["action"] != "delay"):
            continue
        one = {"step": step["step"], "action": step["action"], "input": step.get("input")}
        told.append(one | ({"error": step["error"]} if step.get("error") else {}))
    return told


def moment_of(event: Event, received: datetime | None) -> datetime:
    """When an event counts as having come: its own time, else when it was received, else the epoch."""
    if event.time is not None:
        return datetime.fromisoformat(event.time).astimezone(UTC)
    return received or datetime.fromtimestamp(0, UTC)
