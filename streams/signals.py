"""What may cancel or restart a run, remembered: the run may be seen only after it.

Theory of operation. Topics have no order among each other, and a run under way is a message somewhere between two
topics. So an event that a workflow names in `cancel_on` or `restart_on`, and a request to cancel a run, is remembered
under its entity as soon as it is read, and every decision of a run looks there first: before a call, after a call, when
it begins to wait, and when it starts. A run that waits is interrupted at once (`timers`). All that is about one
entity is on one partition, and so in one process, where nothing comes between the look and the decision.

A mark is on the signals topic before its event's offset is committed, and is read back when a partition is assigned.
Marks are kept for the window in which a repeated event is recognised.

Which marks concern a run is told by the broker's clock, which stamps every record (LogAppendTime): those that arrived
after the event that it goes back to. An event that arrived up to a minute before that one counts too, if its own time
says that it did not happen before (DESIGN.md §5); that is for a run's first life only, not for one that was restarted,
resumed or asked for again.

Marks are in the order of their arrival, not in that in which they were seen: after a crash the event that a run goes
back to may be delivered again, and be marked for the first time then, behind what came after it.
"""

from __future__ import annotations

import time
from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from engine.signals import Signal, signal_for
from schemas.errors import Refused
from schemas.events import from_envelope
from schemas.names import SIGNALS, run_id

if TYPE_CHECKING:
    import asyncio

    from engine.run import RunState
    from engine.workflow import Workflow
    from runtime.kafka import Publisher
    from schemas.events import Event

EARLY_MS: Final = 60_000
"""How much earlier an event may arrive than the one that starts the run which it cancels."""


class Mark(NamedTuple):
    """An event, or a request to cancel one run; `appended` is when it arrived, in milliseconds since the epoch.

    `topic` and `offset` say where an event stands: they order what arrived on one topic within one millisecond.
    `traceparent` is the span of a request, as long as its worker lives; an event has its own.
    """

    appended: int
    event: Event | None
    run: str | None = None
    by: dict[str, Any] | None = None
    topic: str = ""
    offset: int = -1
    traceparent: str | None = None

    def after(self, other: Mark) -> bool:
        """Whether it is known to have arrived after the other."""
        if self.appended != other.appended or self.topic != other.topic:
            return self.appended > other.appended
        return self.offset > other.offset


class Seen(NamedTuple):
    """A signal that concerns a run, and when it arrived."""

    signal: Signal
    appended: int
    traceparent: str | None = None


class Memory:
    """The marks of one partition; until they are read back, also those that `before` has."""

    def __init__(self, window: float, before: Memory | None = None) -> None:
        self._window = window
        self.before = before
        self.since = float("inf")
        self._by_entity: dict[bytes, list[Mark]] = {}
        self._order: deque[tuple[float, bytes, Mark]] = deque()

    def __len__(self) -> int:
        return len(self._order)

    def add(self, key: bytes, mark: Mark, now: float) -> bool:
        """Remember a mark; false where it is remembered already."""
        self._forget(now)
        marks = self._by_entity.setdefault(key, [])
        if any(_same(mark, one) for one in marks):
            return False
        _insert(marks, mark)
        self._order.append((now + self._window, key, mark))
        return True

    def of(self, key: bytes) -> list[Mark]:
        """The marks of an entity, in the order of their arrival."""
        marks = self._by_entity.get(key, [])
        if self.before is None or not (earlier := self.before.of(key)):
            return marks
        both = list(earlier)
        for mark in marks:
            if not any(_same(mark, one) for one in earlier):
                _insert(both, mark)
        return both

    def entities(self) -> list[bytes]:
        """The entities that have marks."""
        return list(self._by_entity)

    def _forget(self, now: float) -> None:
        while self._order and self._order[0][0] <= now:
            _, key, mark = self._order.popleft()
            self.since = max(self.since, mark.appended / 1000)
            marks = self._by_entity.get(key)
            if marks is not None and mark in marks:
                marks.remove(mark)
                if not marks:
                    del self._by_entity[key]


def _insert(marks: list[Mark], mark: Mark) -> None:
    """Put a mark before the first that arrived after it."""
    marks.insert(next((at for at, one in enumerate(marks) if one.after(mark)), len(marks)), mark)


def _same(one: Mark, other: Mark) -> bool:
    if one.event is None or other.event is None:
        return one.event is other.event and (one.run, one.appended) == (other.run, other.appended)
    return (one.event.source, one.event.id) == (other.event.source, other.event.id)


class Signals:
    """The marks of the partitions that this worker has."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._memories: dict[int, Memory] = {}

    def assign(self, partitions: set[int]) -> None:
        """These partitions are ours; their marks are to be restored."""
        # Read anew also where one stayed ours: another worker may have had it in between. What is known stays known
        # until then, for the calls that are in flight are decided on meanwhile.
        self._memories = {partition: Memory(self._window, self._memories.get(partition)) for partition in partitions}

    def unknown(self, partition: int, since: float) -> bool:
        """Whether there may be marks of before what was read back; `since` is in seconds since the epoch."""
        memory = self._memories.get(partition)
        return memory is not None and since - EARLY_MS / 1000 < memory.since

    def memories(self, partitions: set[int]) -> dict[int, Memory]:
        """What is known of these partitions, to be given to `remembered` when they were read back."""
        return {partition: self._memories[partition] for partition in partitions if partition in self._memories}

    def remembered(self, memories: dict[int, Memory], since: float) -> None:
        """The marks of these partitions were read back from this time on; not so where one was given anew meanwhile."""
        for partition, memory in memories.items():
            if self._memories.get(partition) is memory:
                memory.since = min(memory.since, since)
                memory.before = None

    def entities(self, partition: int) -> list[bytes]:
        """The entities of a partition that have marks."""
        memory = self._memories.get(partition)
        return memory.entities() if memory is not None else []

    def remember(self, publisher: Publisher, partition: int, key: bytes, mark: Mark) -> asyncio.Future[None] | None:
        """Keep a mark; the future is done when the broker has it, and there is none where it is kept already."""
        memory = self._memories.get(partition)
        if memory is None or not memory.add(key, mark, time.time()):
            return None
        return publisher.put(SIGNALS, partition, key, _written(mark))

    def restore(self, partition: int, key: bytes, value: bytes | None) -> None:
        """Take back a record of the signals topic; one that can't be read is left out."""
        memory = self._memories.get(partition)
        if memory is not None and (mark := _read(value)) is not None:
            memory.add(key, mark, time.time())

    def find(self, partition: int, key: bytes, workflow: Workflow, state: RunState, arrived: int) -> Seen | None:
        """What ends or restarts this run, of an event that arrived at `arrived`; None mostly."""
        memory = self._memories.get(partition)
        if memory is None or not (marks := memory.of(key)):
            return None
        first_life = state.generation == 0 and state.run == _run_of(workflow, state)
        return _decisive(marks, workflow, state.event, arrived, state.run, early=first_life)

    def before(self, partition: int, key: bytes, workflow: Workflow, event: Event, arrived: int) -> Signal | None:
        """What cancels a run that this event would start now: it was overtaken by the event that cancels it."""
        memory = self._memories.get(partition)
        if memory is None or not workflow.watches or not (marks := memory.of(key)):
            return None
        seen = _decisive(marks, workflow, event.envelope, arrived, None, early=True)
        return seen.signal if seen is not None and seen.signal.kind == "cancel" else None


def _decisive(
    marks: list[Mark], workflow: Workflow, goes_back_to: dict[str, Any], arrived: int, run: str | None, *, early: bool
) -> Seen | None:
    """The first mark that cancels the run, else the last one that restarts it."""
    found: list[tuple[Mark, Seen]] = []
    for mark in marks:
        if mark.event is None:
            if run is not None and mark.run == run and mark.appended >= arrived:
                found.append((mark, Seen(Signal("cancel", mark.by or {}), mark.appended, mark.traceparent)))
        elif (mark.event.source, mark.event.id) == (goes_back_to["source"], goes_back_to["id"]):
            if mark.appended == arrived:
                found = [one for one in found if not _over(one[0], mark, early=early)]
        elif (seen := _seen(mark, workflow, goes_back_to, arrived, early=early)) is not None:
            found.append((mark, seen))
    cancels = (seen for _, seen in found if seen.signal.kind == "cancel")
    return next(cancels, found[-1][1] if found else None)


def _over(mark: Mark, beginning: Mark, *, early: bool) -> bool:
    """Whether what arrived in the millisecond of the event that a run goes back to, or overtook it, came before it.

    Between topics nothing tells, so in a run's first life it counts; a restart is decided on by what was seen by then.
    """
    return mark.event is not None and not (early and mark.topic != beginning.topic)


def _seen(mark: Mark, workflow: Workflow, goes_back_to: dict[str, Any], arrived: int, *, early: bool) -> Seen | None:
    """What an event that arrived after the one that a run goes back to, or overtook it, means to the run."""
    event, late = mark.event, mark.appended >= arrived
    if event is None or event.type not in workflow.watches:
        return None
    if not (late or (early and _early(mark, arrived, goes_back_to))):
        return None
    signal = signal_for(workflow, goes_back_to, event)
    if signal is None or not (late or signal.kind == "cancel"):
        return None
    return Seen(signal, mark.appended, event.traceparent)


def _run_of(workflow: Workflow, state: RunState) -> str:
    return run_id(workflow.org, workflow.id, str(state.event["source"]), str(state.event["id"]))


def _early(mark: Mark, arrived: int, trigger: dict[str, Any]) -> bool:
    """Whether a mark that arrived before the trigger counts: within a minute, and it did not happen before."""
    if mark.event is None or mark.appended < arrived - EARLY_MS:
        return False
    happened, began = mark.event.time, trigger.get("time")
    if happened is None or began is None:
        return False
    try:
        return datetime.fromisoformat(happened) >= datetime.fromisoformat(began)
    except (ValueError, TypeError):
        # Two times of which one has no offset can't be compared: then nothing says that it was not before.
        return False


def _written(mark: Mark) -> bytes:
    if mark.event is not None:
        at = {"appended": mark.appended, "topic": mark.topic, "offset": mark.offset}
        return orjson.dumps({**at, "event": mark.event.envelope})
    return orjson.dumps({"appended": mark.appended, "run": mark.run, "by": mark.by})


def _read(value: bytes | None) -> Mark | None:
    try:
        found = orjson.loads(value or b"")
        if "event" in found:
            where = {"topic": found.get("topic", ""), "offset": found.get("offset", -1)}
            return Mark(found["appended"], from_envelope(found["event"]), **where)
        return Mark(found["appended"], None, found["run"], found["by"])
    except (orjson.JSONDecodeError, KeyError, TypeError, Refused):
        return None
