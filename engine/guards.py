"""Which requests to start a run are admitted: the throttle's window, and the breaker that a storm trips.

Theory of operation. A `Guard` is the memory of one workflow of one organisation. `decide` looks and changes nothing;
what it gives is written to the guard's log, and `fold` takes it in, so that a guard rebuilt from its log is the guard
that wrote it. A request is known by its run: one that comes again gets the verdict that it got before.

- *Throttle*: a request is admitted while fewer than `limit` admissions of its key are younger than `per`. Admissions
  later than the request count too (there are none but when a request comes again), so whatever was throttled once is
  throttled again.
- *Storm*: beyond `storm_limit` admissions within a minute requests are suppressed, and the first that is opens a storm.
  Within it an event that is more severe than all of its entity before it is let through. A storm is over when nothing
  was suppressed for a minute; it ends with one summary, under a run id of its own.

Times are milliseconds since the epoch. What must change together: `Decision` and `Over` with their `to_json` and
`from_json`, and what `fold` makes of them.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from schemas.names import run_id

if TYPE_CHECKING:
    from collections.abc import Mapping

MINUTE: Final = 60_000
REPEATS: Final = 600_000
"""How long an admission is remembered at least, so that a repeat of its event is recognised."""
LONGEST: Final = timedelta(days=31)
"""The longest period of a throttle that is kept; the guard's log is kept for 35 days."""
_MOST_ENTITIES: Final = 1_000
"""Entities of one storm that are told apart: all of them fit into a record. Later ones are only counted."""
_LONGEST_NAME: Final = 100
_TOLD: Final = 10
_WHOLE_EVERY: Final = 2_000
"""Every so many suppressions one carries all that is known of the storm, so that a rebuild need not read all of it."""

_RANKS: Final = {"critical": 5, "p1": 5, "high": 4, "p2": 4, "medium": 3, "p3": 3, "low": 2, "p4": 2, "info": 1}


class Request(NamedTuple):
    """What a guard has to know of one: `key`, `limit` and `per` are the throttle's, with no key where there is none.

    `carried` is what a storm's summary is told with; the guard only keeps it.
    """

    run: str
    entity: str
    rank: int
    key: str | None
    limit: int
    per: int
    carried: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on one request. `storm` is when its storm began and `whole` when the storm's state was last told."""

    run: str
    verdict: Literal["admitted", "throttle", "storm"]
    at: int
    reason: str = ""
    key: str | None = None
    entity: str = ""
    rank: int = 0
    storm: int | None = None
    whole: int | None = None
    state: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Over:
    """A storm has ended; `by` is the place of the record that showed it, under which it is found again."""

    run: str
    at: int
    by: int
    storm: int
    reason: str
    summary: dict[str, Any]
    carried: dict[str, Any]


def to_json(record: Decision | Over) -> dict[str, Any]:
    """The record as it stands in the guard's log."""
    kind = "over" if isinstance(record, Over) else "decision"
    return {"format": 1, "kind": kind, **{k: v for k, v in asdict(record).items() if v is not None}}


def from_json(document: Mapping[str, Any]) -> Decision | Over:
    """The record in a document of the guard's log. Raises KeyError, TypeError or ValueError where it is none."""
    given = dict(document)
    if given.pop("format") != 1:
        raise ValueError("its format is not known to this version")
    made: Decision | Over = Over(**given) if given.pop("kind") == "over" else Decision(**given)
    return made


def rank_of(data: Mapping[str, Any]) -> int:
    """How severe an event is by its alert's severity or its ticket's priority: 5 (critical, P1) to 1, 0 is unknown."""
    for name, field in (("alert", "severity"), ("ticket", "priority")):
        entity = data.get(name)
        value = entity.get(field) if isinstance(entity, dict) else None
        if isinstance(value, str):
            return _RANKS.get(value.lower(), 0)
    return 0


def entity_in(data: Mapping[str, Any], subject: str) -> str:
    """What an event is about when storms are counted: its device where it has one, else its subject."""
    device = data.get("device")
    found = device.get("id") if isinstance(device, dict) else None
    return (f"device/{found}" if isinstance(found, str | int) and found != "" else subject)[:_LONGEST_NAME]


class _Storm:
    """One storm: what was suppressed of which entity, and how severe it was."""

    __slots__ = ("carried", "entities", "first", "last", "lately", "ranks", "since", "started", "suppressed", "whole")

    def __init__(self, since: int) -> None:
        self.since = self.last = since
        self.first = ""
        self.suppressed = self.started = 0
        self.lately = 0
        self.whole: int | None = None
        self.entities: dict[str, int] = {}
        self.ranks: dict[str, int] = {}
        self.carried: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__ if name != "whole"} | {
            "entities": dict(self.entities),
            "ranks": dict(self.ranks),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        for name in self.__slots__:
            if name in state:
                value = state[name]
                setattr(self, name, dict(value) if name in {"entities", "ranks"} else value)

    def saw(self, entity: str, rank: int) -> None:
        if entity in self.ranks or len(self.ranks) < _MOST_ENTITIES:
            self.ranks[entity] = max(self.ranks.get(entity, 0), rank)

    def admitted(self, decision: Decision) -> None:
        self.saw(decision.entity, decision.rank)
        self.lately += 1

    def suppress(self, decision: Decision) -> None:
        self.saw(decision.entity, decision.rank)
        # What started behind the last suppression is no part of the storm.
        self.started, self.lately = self.started + self.lately, 0
        self.suppressed += 1
        self.last = max(self.last, decision.at)
        self.first = self.first or decision.run
        if decision.entity in self.entities or len(self.entities) < _MOST_ENTITIES:
            self.entities[decision.entity] = self.entities.get(decision.entity, 0) + 1

    def summary(self) -> dict[str, Any]:
        most = sorted(self.entities.items(), key=lambda one: (-one[1], one[0]))[:_TOLD]
        return {
            "suppressed": self.suppressed,
            "started": self.started,
            "from": _moment(self.since),
            "to": _moment(self.last),
            "entities": [{"entity": entity, "suppressed": count} for entity, count in most],
        }


class Guard:
    """The memory of one workflow: who was admitted when, and the storm that goes on, if one does."""

    def __init__(self, org: str, workflow_id: str) -> None:
        self.org, self.workflow_id = org, workflow_id
        self.pruned = -1
        """Admissions of before this time are forgotten: what needs them has to have the log read again."""
        self._admitted: list[tuple[int, str, str, int]] = []
        self._by_key: dict[str, list[tuple[int, str]]] = {}
        self._decisions: dict[str, Decision] = {}
        self._suppressed: dict[str, Decision] = {}
        self._order: deque[tuple[int, str]] = deque()
        self._storm: _Storm | None = None
        self._ended: dict[int, Over] = {}

    @property
    def stormy(self) -> int | None:
        """When the last request of the storm that goes on was suppressed; None where there is no storm."""
        return None if self._storm is None else self._storm.last

    @property
    def lacks(self) -> int | None:
        """From when on the log has to be read for all of the present storm to be known; None where it is."""
        storm = self._storm
        return storm.whole if storm is not None and storm.carried is None else None

    def knows(self, request: Request, at: int) -> bool:
        """Whether every admission that counts for a request of this time is remembered."""
        return at - max(request.per, MINUTE) >= self.pruned

    def known(self, run: str) -> Decision | None:
        """What was decided on this run before, where that is remembered; what was throttled is not."""
        return self._decisions.get(run) or self._suppressed.get(run)

    def decide(self, request: Request, at: int, storm_limit: int) -> Decision:
        """The verdict on a request of this time. `storm_limit` is in runs a minute; 0 is none."""
        if (known := self.known(request.run)) is not None:
            return known
        if request.key is not None and (reason := self._throttled(request, at)):
            return Decision(request.run, "throttle", at, reason, request.key)
        entity, rank = request.entity, request.rank
        if not storm_limit or self._calm(at, storm_limit) or self._worse(entity, rank, at):
            return Decision(request.run, "admitted", at, "", request.key, entity, rank)
        return self._suppress(request, at, storm_limit)

    def _throttled(self, request: Request, at: int) -> str:
        times = self._by_key.get(request.key or "", [])
        within = len(times) - bisect_right(times, (at - request.per, "~"))
        return _throttle_reason(request, times[-within], at) if within >= request.limit else ""

    def _recent(self, at: int) -> list[tuple[int, str, str, int]]:
        return self._admitted[bisect_right(self._admitted, (at - MINUTE, "~")) :]

    def _calm(self, at: int, storm_limit: int) -> bool:
        return len(self._admitted) - bisect_right(self._admitted, (at - MINUTE, "~")) < storm_limit

    def _worse(self, entity: str, rank: int, at: int) -> bool:
        if self._storm is not None:
            before = self._storm.ranks.get(entity)
        else:
            before = max((one[3] for one in self._recent(at) if one[2] == entity), default=None)
        return before is not None and rank > before

    def _suppress(self, request: Request, at: int, storm_limit: int) -> Decision:
        storm = self._storm
        if storm is None:
            recent = self._recent(at)
            storm = _Storm(min(at, recent[0][0]))
            storm.started, storm.carried = len(recent), request.carried
            for one in recent:
                storm.saw(one[2], one[3])
        whole, state = storm.whole, None
        if storm.suppressed % _WHOLE_EVERY == 0 or whole is None:
            whole, state = at, storm.to_json()
        reason = f"storm: more than {storm_limit:,} runs a minute of this workflow"
        return Decision(
            request.run, "storm", at, reason, None, request.entity, request.rank, storm.since, whole, state
        )  # fmt: skip

    def lapse(self, at: int, by: int) -> Over | None:
        """The end of the storm, where there is one and nothing was suppressed for a minute before this time.

        `by` is the place of the record that is at hand; asked again with the same, the same is given.
        """
        if (ended := self._ended.get(by)) is not None:
            return ended
        storm = self._storm
        if storm is None or at - storm.last < MINUTE or storm.carried is None:
            return None
        run = run_id(self.org, self.workflow_id, "/workflow-engine/storm", storm.first)
        summary = storm.summary()
        reason = (
            f"storm over: {_runs(storm.suppressed)} suppressed and {storm.started:,} started "
            f"from {_clock(storm.since, at)} to {_clock(storm.last, at)}"
        )
        return Over(run, at, by, storm.since, reason, summary, storm.carried)

    def fold(self, record: Decision | Over) -> None:
        """Take in what was decided; what is known already changes nothing."""
        if isinstance(record, Over):
            self._ended.setdefault(record.by, record)
            if self._storm is not None and self._storm.since == record.storm:
                self._storm = None
        elif record.verdict == "admitted":
            self._admit(record)
        elif record.verdict == "storm" and record.run not in self._suppressed:
            self._take(record)

    def _admit(self, record: Decision) -> None:
        if record.run in self._decisions:
            return
        self._decisions[record.run] = record
        insort(self._admitted, (record.at, record.run, record.entity, record.rank))
        if record.key is not None:
            insort(self._by_key.setdefault(record.key, []), (record.at, record.run))
        if self._storm is not None:
            self._storm.admitted(record)

    def _take(self, record: Decision) -> None:
        since = record.storm if record.storm is not None else record.at
        storm = self._storm
        if storm is None or storm.since != since:
            storm = self._storm = _Storm(since)
        if record.state is not None:
            storm.restore(record.state)
        storm.whole = record.whole
        storm.suppress(record)
        self._suppressed[record.run] = record if record.state is None else _slim(record)
        self._order.append((record.at, record.run))

    def forget(self, at: int, per: int) -> None:
        """Let go of what no request of this time or later can need, its throttle's period being `per`."""
        kept = max(per, REPEATS)
        before = at - kept
        # Not one by one, for each time moves all that stays.
        if self._admitted and self._admitted[0][0] < before - kept // 8:
            self.pruned = max(self.pruned, before)
            gone = bisect_right(self._admitted, (before - 1, "~"))
            for _at, run, _entity, _rank in self._admitted[:gone]:
                self._drop(self._decisions.pop(run))
            del self._admitted[:gone]
        while self._order and self._order[0][0] < at - 2 * MINUTE:
            self._suppressed.pop(self._order.popleft()[1], None)
        for by in [by for by, over in self._ended.items() if over.at < at - REPEATS]:
            del self._ended[by]

    def _drop(self, decision: Decision) -> None:
        if decision.key is not None:
            times = self._by_key[decision.key]
            times.remove((decision.at, decision.run))
            if not times:
                del self._by_key[decision.key]


def _slim(decision: Decision) -> Decision:
    return Decision(decision.run, "storm", decision.at, decision.reason, entity=decision.entity, rank=decision.rank,
                    storm=decision.storm, whole=decision.whole)  # fmt: skip


def _throttle_reason(request: Request, first: tuple[int, str], at: int) -> str:
    key = request.key or ""
    shown = key if len(key) <= 80 else f"{key[:79]}…"
    of = f"for key {shown!r}" if key else "for all events whose key renders to nothing"
    which = f"run {first[1]}" if request.limit == 1 else f"the first of them, run {first[1]},"
    most = f"at most {_runs(request.limit)} in {_period(request.per)}"
    return f"throttled: {most} {of}; {which} began at {_clock(first[0], at)}"


def _runs(count: int) -> str:
    return f"{count:,} run{'' if count == 1 else 's'}"


def _period(milliseconds: int) -> str:
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000)):
        if milliseconds >= size and milliseconds % size == 0:
            return f"{milliseconds // size} {unit}"
    return f"{milliseconds / 1000:g} s"


def _clock(at: int, seen: int) -> str:
    moment, today = (datetime.fromtimestamp(one / 1000, UTC) for one in (at, seen))
    return moment.strftime("%H:%M:%S" if moment.date() == today.date() else "%Y-%m-%d %H:%M:%S") + " UTC"


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
