"""What the history has to be: the run log folded linearly by the pure engine, nothing else being asked."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import zip_longest
from typing import Any, Final

from engine.run import RunState, evolve
from schemas.entries import EntryDict, split_id

DUMPS: Final = {
    "runs": "select row_to_json(t)::text as row from history.runs t order by run_id",
    "steps": "select row_to_json(t)::text as row from history.steps t order by run_id, position",
    "entries": "select row_to_json(t)::text as row from history.entries t order by run_id, seq",
}
"""Every column of every row of the views, in one order."""
RUNS: Final = (
    "select run_id, org_id, workflow_id, workflow_version, status, trigger_type, entity_key, trigger_event, "
    "conditions, started_at, finished_at, error, causation_chain from history.runs order by run_id"
)
STEPS: Final = (
    "select run_id, position, step_id, action, status, attempts, input, output, error, started_at, finished_at "
    "from history.steps order by run_id, position"
)
ENTRIES: Final = "select run_id, seq, type, at, data from history.entries order by run_id, seq"


@dataclass(slots=True)
class Life:
    """One run as its log tells it."""

    state: RunState | None = None
    entries: list[EntryDict] = field(default_factory=list)
    early: dict[int, EntryDict] = field(default_factory=dict)


def fold(log: Mapping[int, Sequence[bytes]], bodies: Mapping[str, dict[str, Any]]) -> dict[str, Life]:
    """Each run's life; of two entries with one id the first in the log is the truth. `bodies` is by organisation."""
    lives: dict[str, Life] = defaultdict(Life)
    for partition in sorted(log):
        for record in log[partition]:
            for entry in json.loads(record):
                _take(lives, entry, bodies)
    return dict(lives)


def _take(lives: dict[str, Life], entry: EntryDict, bodies: Mapping[str, dict[str, Any]]) -> None:
    run, seq = split_id(entry["id"])
    life = lives[run]
    if seq >= len(life.entries):
        life.early.setdefault(seq, entry)
    while (due := life.early.pop(len(life.entries), None)) is not None:
        life.state = evolve(life.state, due, bodies[due["orgid"]])
        life.entries.append(due)


def run_rows(lives: Mapping[str, Life]) -> list[dict[str, Any]]:
    """What `RUNS` has to answer."""
    return [_run_row(run, lives[run]) for run in sorted(lives)]


def _run_row(run: str, life: Life) -> dict[str, Any]:
    state, begun = life.state, life.entries[0]["data"]
    assert state is not None, f"run {run} has no beginning"
    assert not life.early, f"run {run} has a gap before {sorted(life.early)}"
    return {
        "run_id": run,
        "org_id": state.org,
        "workflow_id": state.workflow["id"],
        "workflow_version": begun["workflow"]["version"],
        "status": state.status,
        "trigger_type": state.event["type"],
        "entity_key": f"{state.org}/{state.subject}",
        "trigger_event": state.event,
        "conditions": begun["conditions"],
        "started_at": _moment(life.entries[0]),
        "finished_at": _moment(life.entries[-1]) if state.status != "running" else None,
        "error": state.failed,
        "causation_chain": list(state.chain),
    }


def step_rows(lives: Mapping[str, Life]) -> list[dict[str, Any]]:
    """What `STEPS` has to answer."""
    return [row for run in sorted(lives) for row in _steps_of(run, lives[run])]


def _steps_of(run: str, life: Life) -> list[dict[str, Any]]:
    rows: dict[int, dict[str, Any]] = {}
    for entry in life.entries:
        kind, data, at = entry["type"], entry["data"], _moment(entry)
        if not kind.startswith("step."):
            continue
        if data["position"] not in rows:
            rows[data["position"]] = _begun(run, data, at)
        row = rows[data["position"]]
        if kind == "step.condition":
            row |= {"status": "succeeded", "output": {"result": data["result"]}, "finished_at": at}
        elif kind == "step.succeeded":
            row |= {"status": "succeeded", "output": data["output"], "finished_at": at}
        elif kind == "step.failed":
            row |= {"status": "failed", "error": data["error"], "finished_at": at}
    assert life.state is not None
    done = [row for row in rows.values() if row["status"] == "succeeded" and row["action"] != "condition"]
    outputs = {row["step_id"]: row["output"] for row in done}
    assert outputs == life.state.steps, f"run {run}: the engine's state has other outputs than its entries"
    assert len(rows) == life.state.position
    return [rows[position] for position in sorted(rows)]


def _begun(run: str, data: dict[str, Any], at: datetime) -> dict[str, Any]:
    gate = data["action"] == "condition"
    return {
        "run_id": run,
        "position": data["position"],
        "step_id": data["step"],
        "action": data["action"],
        "status": "running",
        "attempts": 0 if gate else data["attempt"],
        "input": data["conditions"] if gate else data["input"],
        "output": None,
        "error": None,
        "started_at": at,
        "finished_at": None,
    }


def entry_rows(lives: Mapping[str, Life]) -> list[dict[str, Any]]:
    """What `ENTRIES` has to answer."""
    return [
        {"run_id": run, "seq": seq, "type": entry["type"], "at": _moment(entry), "data": entry["data"]}
        for run in sorted(lives)
        for seq, entry in enumerate(lives[run].entries)
    ]


def _moment(entry: EntryDict) -> datetime:
    return datetime.fromisoformat(entry["time"])


@dataclass(slots=True)
class Story:
    """One run as the log has it: its entries by number, and when the broker had each (seconds since the epoch)."""

    partition: int
    entries: dict[int, EntryDict] = field(default_factory=dict)
    logged: dict[int, float] = field(default_factory=dict)

    @property
    def kinds(self) -> list[str]:
        """The entries' types in their order; fails where one is missing."""
        assert sorted(self.entries) == list(range(len(self.entries))), f"entries {sorted(self.entries)}"
        return [self.entries[seq]["type"] for seq in range(len(self.entries))]

    def of(self, kind: str) -> list[EntryDict]:
        """The entries of one type, in their order."""
        return [self.entries[seq] for seq in sorted(self.entries) if self.entries[seq]["type"] == kind]


@dataclass(slots=True)
class Log:
    """What the run log tells of one organisation's runs: `repeats` are entries that came again, and tell nothing."""

    stories: dict[str, Story] = field(default_factory=dict)
    repeats: int = 0
    contradictions: list[str] = field(default_factory=list)
    """Ids under which the log has two entries of different types: two decisions where one was to be made."""


def read(records: Mapping[int, Sequence[Any]], org: str) -> Log:
    """The log as records of Kafka, by partition; of two entries with one id the first is the truth."""
    log = Log()
    for partition in sorted(records):
        for record in records[partition]:
            for entry in json.loads(record.value):
                if entry["orgid"] == org:
                    _tell(log, entry, partition, record.timestamp / 1000)
    return log


def _tell(log: Log, entry: EntryDict, partition: int, at: float) -> None:
    run, seq = split_id(entry["id"])
    story = log.stories.setdefault(run, Story(partition))
    known = story.entries.get(seq)
    if known is None:
        story.entries[seq], story.logged[seq] = entry, at
        return
    log.repeats += 1
    if known["type"] != entry["type"]:
        log.contradictions.append(entry["id"])


def moment(entry: EntryDict) -> float:
    """When an entry says that it was made, in seconds since the epoch."""
    return _moment(entry).timestamp()


def instant(text: str) -> float:
    """An RFC 3339 time in seconds since the epoch."""
    return datetime.fromisoformat(text).timestamp()


def checksum(rows: Iterable[str]) -> str:
    """The start of the SHA-256 of all rows in order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(row.encode() + b"\n")
    return digest.hexdigest()[:16]


def difference(one: Sequence[Any], other: Sequence[Any]) -> str | None:
    """The first place where two lists differ, in words; None where they are equal."""
    for number, (left, right) in enumerate(zip_longest(one, other)):
        if left != right:
            return f"row {number} of {len(one)} and {len(other)}:\n  {str(left)[:1500]}\n  {str(right)[:1500]}"
    return None
