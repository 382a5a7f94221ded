"""A draft against the events of the past: what it would have done, and what it would do otherwise than today.

Nothing is performed; every action is imagined to succeed. Events are taken one by one, in the order of their time, and
memory is bounded: counts by day, a few samples, and the runs that wait at that moment. Waiting runs are played on as
time passes, so that `cancel_on` and `restart_on` count; throttles count by the events' times.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import orjson

from engine.rules import RULES, Rules
from engine.simulation.side import MOST_OPEN, Result, Side, moment_of
from engine.workflow import compile_workflow
from schemas.definitions import parse_definition
from schemas.errors import Refused

if TYPE_CHECKING:
    from engine.workflow import Workflow
    from schemas.events import Event

SAMPLES: Final = 5
_KINDS: Final = ("only_draft", "only_in_force", "different_actions")
_REMEMBERED: Final = 100_000
"""Events whose repeats are recognised: the same event starts nothing twice."""
_Waits = dict[tuple[str, str], dict[str, Result]]


class Backtest:
    """The draft `draft`, and `in_force`, the version to compare it with, if any; both as if they were enabled.

    `storm_limit` is the installation's, in started runs a minute; 0 is none. The loop guard and throttles hold anyway.
    Raises Refused where the draft has no trigger, or where the two are not of one organisation.
    """

    def __init__(
        self,
        draft: Workflow,
        in_force: Workflow | None = None,
        *,
        rules: Rules = RULES,
        samples: int = SAMPLES,
        storm_limit: int = 0,
        most_open: int = MOST_OPEN,
    ) -> None:
        if draft.trigger_type is None:
            raise Refused.one("trigger", "is required: no event of the past would start this workflow")
        if in_force is not None and in_force.org != draft.org:
            raise Refused.one("org", f"is {draft.org}, but the version in force is of {in_force.org}")
        self._samples = samples
        self._org = draft.org
        self.draft, self.in_force = draft, in_force
        versions = {"draft": draft} | ({} if in_force is None else {"in_force": in_force})
        self._sides = {
            name: Side(_enabled(one), rules, partial(self._done, name), storm_limit=storm_limit, most_open=most_open)
            for name, one in versions.items()
        }
        self._triggers = {side.workflow.trigger_type for side in self._sides.values()}
        self._waits: _Waits = {}
        self._seen: dict[int, None] = {}
        self._events: Counter[str] = Counter()
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._told: list[dict[str, Any]] = []
        self._counts: Counter[str] = Counter()
        self._differences: dict[str, list[dict[str, Any]]] = {kind: [] for kind in _KINDS}

    @property
    def types(self) -> frozenset[str]:
        """The event types that it wants to see: triggers, and what cancels or restarts."""
        return frozenset[str]().union(*(side.types for side in self._sides.values()))

    def see(self, event: Event, received: datetime | None = None) -> None:
        """The next event. One of another organisation is left out; `received` stands in for a time that it lacks."""
        if event.org != self._org or event.type not in self.types:
            return
        at = moment_of(event, received)
        self._first = at if self._first is None else min(self._first, at)
        self._last = at if self._last is None else max(self._last, at)
        if event.type in self._triggers:
            if self._is_repeat(event):
                return
            self._events[at.date().isoformat()] += 1
        for name, side in self._sides.items():
            if event.type in self._triggers and event.type != side.workflow.trigger_type:
                self._done(name, event, _OTHER)
            side.see(event, at)

    def _is_repeat(self, event: Event) -> bool:
        digest = blake2b(
            f"{len(event.source)}:{event.source}{event.id}".encode("utf-8", "surrogatepass"), digest_size=8
        )
        number = int.from_bytes(digest.digest(), "big")
        if number in self._seen:
            return True
        self._seen[number] = None
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return False

    def _done(self, name: str, event: Event, result: Result) -> None:
        if name == "draft" and result.verdict == "ran" and len(self._told) < self._samples:
            self._told.append(_sample(event, draft=result))
        if len(self._sides) == 1:
            return
        key = (event.source, event.id)
        results = self._waits.setdefault(key, {})
        results[name] = result
        if len(results) == 2:
            del self._waits[key]
            self._compare(event, results["draft"], results["in_force"])

    def _compare(self, event: Event, draft: Result, in_force: Result) -> None:
        ran, ran_before = draft.verdict == "ran", in_force.verdict == "ran"
        if ran and ran_before:
            if _essence(draft) == _essence(in_force):
                self._counts["same"] += 1
                return
            kind = "different_actions"
        elif ran or ran_before:
            kind = "only_draft" if ran else "only_in_force"
        else:
            return
        self._counts[kind] += 1
        if len(self._differences[kind]) < self._samples:
            self._differences[kind].append(_sample(event, draft=draft, in_force=in_force))

    def report(self) -> dict[str, Any]:
        """What came of it, for programs and for people. No event may follow."""
        for side in self._sides.values():
            side.finish()
        names = list(self._sides)
        days = sorted(self._events)
        return {
            "org": self._org,
            "workflow": self.draft.id,
            "draft": {"version": self.draft.version, "state": self.draft.state},
            "in_force": self.in_force and {"version": self.in_force.version, "state": self.in_force.state},
            "first_event": self._first and self._first.isoformat(),
            "last_event": self._last and self._last.isoformat(),
            "events": sum(self._events.values()),
            "totals": {name: _totals(self._sides[name]) for name in names},
            "days": [
                {
                    "day": day,
                    "events": self._events[day],
                    **{name: _counts(self._sides[name].days[day]) for name in names},
                }
                for day in days
            ],
            "samples": self._told,
            "differences": self.in_force
            and {
                "same": self._counts["same"],
                **{kind: {"runs": self._counts[kind], "samples": self._differences[kind]} for kind in _KINDS},
            },
        }


_OTHER: Final = Result("other_trigger", "", None, (), None)
_VERDICTS: Final = {"runs": "ran", "skipped": "skipped", "loop": "loop", "throttled": "throttle", "storm": "storm"}
_ENDS: Final = ("completed", "failed", "cancelled")


def _enabled(workflow: Workflow) -> Workflow:
    """The same workflow as it would run: a shadow would only say what it does, and a draft may be unfinished."""
    if workflow.state == "enabled":
        return workflow
    try:
        return compile_workflow(parse_definition({**workflow.body, "state": "enabled"}))
    except Refused:
        if workflow.state == "draft":
            return workflow
        raise


def _counts(day: Counter[str]) -> dict[str, int]:
    return {name: day[verdict] for name, verdict in _VERDICTS.items()} | {name: day[name] for name in _ENDS}


def _totals(side: Side) -> dict[str, Any]:
    every = sum(side.days.values(), Counter[str]())
    actions = [
        {"step": step, "action": action, "times": times} for (step, action), times in sorted(side.actions.items())
    ]
    return _counts(every) | {"actions": actions, "cut_short": side.cut_short}


def _essence(result: Result) -> bytes:
    """What two runs are compared by: how they end, and what they do; not how their steps are called."""
    did = [(one["action"], one["input"]) for one in result.actions]
    return orjson.dumps((result.status, did), option=orjson.OPT_SORT_KEYS)


def _sample(event: Event, **results: Result) -> dict[str, Any]:
    named = {"id": event.id, "source": event.source, "type": event.type, "subject": event.subject, "time": event.time}
    return {"event": named, **{name: _told(result) for name, result in results.items()}}


def _told(result: Result) -> dict[str, Any]:
    told: dict[str, Any] = {"verdict": result.verdict, "status": result.status, "actions": list(result.actions)}
    if result.reason is not None:
        told["reason"] = result.reason
    if result.verdict == "skipped":
        told["conditions"] = result.conditions
    return told
