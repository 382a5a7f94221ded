"""Compares what the modules, the run log and the history tell with each other, and with what should have happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.demo.evidence import Evidence
from sandbox.demo.expect import Event, expected
from sandbox.modules import StandIns
from sandbox.modules.publisher import Sent

_KEYED = ("psa", "rmm", "hub", "oncall", "webhook")
_MODULES = (*_KEYED, "mail", "teams", "slack")
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison: what was compared, how many there were, and how the two sides differ, if they do."""

    name: str
    count: int
    faults: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether both sides agree."""
        return not self.faults


def same(name: str, left: str, lefts: Collection[Any], right: str, rights: Collection[Any]) -> Check:
    """Both have the same members: sets by equality, counters by their counts."""
    ours, theirs = Counter(lefts), Counter(rights)
    faults = [_differ(left, ours - theirs, right), _differ(right, theirs - ours, left)]
    return Check(name, ours.total(), tuple(fault for fault in faults if fault))


def same_ends(log: Evidence, kept: Evidence) -> Check:
    """The run log and the history tell the same runs, and the same end of each."""
    ended = [(*run, status) for run, status in kept.runs.items() if status not in {"running", "waiting"}]
    logged = [(*run, status) for run, status in log.runs.items()]
    return same("runs of all the weeks and how they ended", "the run log", logged, "the history", ended)


def _differ(one: str, more: Counter[Any], other: str) -> str:
    if not more:
        return ""
    some = ", ".join(_text(member) for member in list(more)[:_EXAMPLES])
    rest = f" and {len(more) - _EXAMPLES} more" if len(more) > _EXAMPLES else ""
    return f"{more.total()} in {one} and not in {other}: {some}{rest}"


def _text(member: Any) -> str:
    return " ".join(map(str, member)) if isinstance(member, tuple) else str(member)


@dataclass(frozen=True, slots=True)
class Case:
    """All that the checks compare."""

    events: list[Event]
    bad: list[Sent]
    modules: StandIns
    log: Evidence
    history: Evidence
    mails: set[str]
    channels: Counter[str]

    def checks(self) -> list[Check]:
        """Every comparison."""
        return [*self._runs(), *self._calls(), *self._records()]

    def _runs(self) -> Iterable[Check]:
        wanted = [(*run, it.status) for run, it in expected(self.events).items()]
        logged = [(*run, status) for run, status in self.log.runs.items()]
        kept = [(*run, status) for run, status in self.history.runs.items()]
        yield same("runs that the events should start", "the expectation", wanted, "the history", kept)
        yield same("runs and how they ended", "the run log", logged, "the history", kept)

    def _calls(self) -> Iterable[Check]:
        ledger = self.modules.ledger
        wanted = Counter(module for it in expected(self.events).values() for module in it.calls)
        counted = Counter({name: ledger.total(name) for name in _MODULES})
        yield same("calls that each module performed", "the expectation", list(wanted.elements()),
                   "the modules", list(counted.elements()))  # fmt: skip
        done = self.history.performed
        keys = [key for name in _KEYED for key in ledger.keys(name)]
        keyed = [key for key, action in done.items() if action != "send_notification" or key in set(keys)]
        yield same("actions by Idempotency-Key", "the modules", keys, "the history", keyed)
        yield same("e-mails by Message-ID", "the mail server", ledger.keys("mail"), "the history", self.mails)
        chats = Counter({name: ledger.total(name) for name in ("teams", "slack")})
        told = Counter({name: self.channels[name] for name in ("teams", "slack")})
        yield same("chat messages", "the chats", list(chats.elements()), "the history", list(told.elements()))
        notices = Counter(done.values())["send_notification"]
        yield same("notifications", "the history's channels", range(self.channels.total()), "its steps", range(notices))
        yield same("actions that succeeded", "the run log", self.log.performed.items(), "the history", done.items())
        yield same("actions that failed", "the run log", self.log.failed, "the history", self.history.failed)

    def _records(self) -> Iterable[Check]:
        yield same("run-log entries", "the run log", self.log.entries, "the history", self.history.entries)
        sent = [(bad.topic, bad.partition, bad.offset) for bad in self.bad]
        letters = set(self.log.dead_letters)  # a letter may be sent again after a crash; the history has it once
        kept = list(self.history.dead_letters.elements())
        yield same("bad records as dead letters", "what was sent", sent, "the dead letters", letters)
        yield same("dead letters", "the topic", letters, "the history", kept)
