"""A run's entries, folded into its row of `history.runs` and its rows of `history.steps`. Pure.

A fold takes the entries in the order of `seq`. It holds no input, output or event, only the `seq` of the entry that
does. It reads what the engine's log says and trusts it: an entry that makes no sense (a step's end without its
beginning, anything after the run's end) still leaves rows that a person can read.

A run's rows are kept with those of the week in which it began: that of its first entry (of the lowest that is known,
where the first never came), whatever begins anew in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from projections.errors import Poison
from projections.periods import WEEKS
from schemas.events.titles import title_of

Entry = dict[str, Any]

OPEN: Final = frozenset(("running", "waiting"))
_RUN_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")

RunRow = tuple[
    str, str, str, str | None, int | None, str, str | None, str, datetime, datetime | None, str | None, list[str], int,
    str | None, str | None, str | None, str | None,
]  # fmt: skip
StepRow = tuple[str, int, str, str, str, int, int | None, int | None, int | None, datetime, datetime | None, int]


class StepFold:
    """One row of `history.steps`."""

    __slots__ = (
        "action", "attempts", "error_seq", "finished_at", "input_seq", "output_seq", "position", "started_at", "status",
        "step_id", "stored",
    )  # fmt: skip

    def __init__(self, position: int, step_id: str, action: str, started_at: datetime) -> None:
        self.position = position
        self.step_id = step_id
        self.action = action
        self.status = "running"
        self.attempts = 0
        self.input_seq: int | None = None
        self.output_seq: int | None = None
        self.error_seq: int | None = None
        self.started_at = started_at
        self.finished_at: datetime | None = None
        self.stored = False

    def row(self, run_id: str, week: int) -> StepRow:
        """The columns of `history_data.steps`."""
        return (
            run_id, self.position, self.step_id, self.action, self.status, self.attempts, self.input_seq,
            self.output_seq, self.error_seq, self.started_at, self.finished_at, week,
        )  # fmt: skip


class RunFold:
    """One row of `history.runs` and its steps; `next` is the seq that it folds next."""

    __slots__ = (
        "causation_chain", "caused_by", "changed", "entity_key", "entity_name", "error", "event_seq", "finished_at",
        "first_at", "gapped", "guard", "keyed", "next", "org_id", "rerun_of", "run_id", "started_at", "status", "steps",
        "stored", "touched", "trigger_type", "week", "workflow_id", "workflow_name", "workflow_version",
    )  # fmt: skip

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.next = 0
        self.org_id: str | None = None
        self.workflow_id = ""
        self.workflow_name: str | None = None
        self.workflow_version: int | None = None
        self.status = ""
        self.trigger_type: str | None = None
        self.entity_key = ""
        self.started_at: datetime | None = None
        self.finished_at: datetime | None = None
        self.error: str | None = None
        self.causation_chain: list[str] = []
        self.event_seq = 0
        self.entity_name: str | None = None
        self.caused_by: str | None = None
        self.rerun_of: str | None = None
        self.guard: str | None = None
        self.steps: dict[int, StepFold] = {}
        # Where its rows are kept; both are set by the first entry that is folded.
        self.first_at: datetime | None = None
        self.week = -1
        # What the writer has to know: whether week and row are in Postgres, and what is to be written of them.
        self.keyed = False
        self.stored = False
        self.changed = False
        self.gapped = False
        self.touched: dict[int, StepFold] = {}

    @property
    def began(self) -> bool:
        """Whether the run's first entry is folded: without it there is no row."""
        return self.org_id is not None

    @property
    def finished(self) -> bool:
        """Whether the run is in a final state."""
        return self.finished_at is not None

    def row(self) -> RunRow:
        """The columns of `history_data.runs`."""
        assert self.org_id is not None  # noqa: S101
        assert self.started_at is not None  # noqa: S101
        return (
            self.run_id, self.org_id, self.workflow_id, self.workflow_name, self.workflow_version, self.status,
            self.trigger_type, self.entity_key, self.started_at, self.finished_at, self.error, self.causation_chain,
            self.event_seq, self.entity_name, self.caused_by, self.rerun_of, self.guard,
        )  # fmt: skip

    def apply(self, entries: Iterable[Entry], seq: int) -> None:
        """Fold consecutive entries, the first being `seq`. Raises Poison when one lacks what its type has."""
        text: str | None = None
        for entry in entries:
            if entry["time"] != text:
                text = entry["time"]
                at = datetime.fromisoformat(text)
                if self.first_at is None:
                    self.first_at, self.week = at, WEEKS.of(at)
            handler = _HANDLERS.get(entry["type"])
            if handler is not None:
                try:
                    handler(self, entry, entry["data"], seq, at)
                except (KeyError, TypeError, AttributeError) as error:
                    field = error.args[0] if isinstance(error, KeyError) else "data"
                    raise Poison(f"{entry['type']} without what it needs", str(field)) from None
            seq += 1
        self.next = seq


def fold(run_id: str, entries: dict[int, Entry]) -> RunFold:
    """All entries that are known of a run, by seq; where some are missing, it is `gapped`."""
    folded = RunFold(run_id)
    for expected, seq in enumerate(sorted(entries)):
        folded.gapped = folded.gapped or seq != expected
        folded.apply((entries[seq],), seq)
    return folded


def _text(value: Any, field: str) -> str:
    if type(value) is not str:
        raise Poison("not text", field)
    return value


def _whole(value: Any, field: str) -> int:
    if type(value) is not int or not 0 <= value < 2**31:
        raise Poison("not a whole number", field)
    return value


def _version(workflow: Entry) -> tuple[str | None, int | None]:
    name, version = workflow.get("name"), workflow.get("version")
    return (
        None if name is None else _text(name, "data.workflow.name"),
        None if version is None else _whole(version, "data.workflow.version"),
    )


def _begin(run: RunFold, entry: Entry, data: Entry, seq: int, status: str) -> bool:
    # All of it is read before it is asked whether the run began: whether an entry is poison must not depend on
    # which others came before, or a batch's cut would decide it.
    workflow, event = data["workflow"], data["event"]
    org = _text(entry.get("orgid"), "orgid")
    workflow_id = _text(workflow["id"], "data.workflow.id")
    name, version = _version(workflow)
    trigger_type = _text(event["type"], "data.event.type")
    entity_key = f"{org}/{_text(entry.get('subject'), 'subject')}"
    chain = [_text(one, "data.causation_chain") for one in data.get("causation_chain") or ()]
    if run.org_id is not None:
        return False
    run.workflow_id, run.workflow_name, run.workflow_version = workflow_id, name, version
    run.trigger_type, run.entity_key, run.causation_chain = trigger_type, entity_key, chain
    run.status = status
    run.started_at = run.first_at
    run.event_seq = seq
    run.entity_name = title_of(event)
    run.caused_by, run.rerun_of = _id(event.get("causationid")), _id(data.get("rerun_of"))
    run.changed = True
    run.org_id = org
    return True


def _id(given: Any) -> str | None:
    """A run's id, which producers copy into their events; whatever else they write there leads to no run."""
    return given if type(given) is str and _RUN_ID.fullmatch(given) else None


def _run_started(run: RunFold, entry: Entry, data: Entry, seq: int, _at: datetime) -> None:
    _begin(run, entry, data, seq, "running")


def _run_skipped(run: RunFold, entry: Entry, data: Entry, seq: int, at: datetime) -> None:
    if _begin(run, entry, data, seq, "skipped"):
        run.finished_at = at


def _run_suppressed(run: RunFold, entry: Entry, data: Entry, seq: int, at: datetime) -> None:
    if _begin(run, entry, data, seq, "suppressed"):
        run.finished_at = at
        run.error = None if data.get("reason") is None else _text(data["reason"], "data.reason")
        run.guard = None if data.get("guard") is None else _text(data["guard"], "data.guard")


def _end(run: RunFold, at: datetime, status: str, error: str | None) -> None:
    run.status, run.finished_at, run.error, run.changed = status, at, error, True


def _run_completed(run: RunFold, _entry: Entry, _data: Entry, _seq: int, at: datetime) -> None:
    _end(run, at, "completed", None)


def _run_failed(run: RunFold, _entry: Entry, data: Entry, _seq: int, at: datetime) -> None:
    _end(run, at, "failed", _text(data["error"], "data.error"))


def _run_cancelled(run: RunFold, _entry: Entry, _data: Entry, _seq: int, at: datetime) -> None:
    _end(run, at, "cancelled", None)
    _cancel_steps(run, at)


def _cancel_steps(run: RunFold, at: datetime) -> None:
    for step in run.steps.values():
        if step.status in OPEN:
            _finish(run, step, "cancelled", at)


def _run_waiting(run: RunFold, _entry: Entry, _data: Entry, _seq: int, _at: datetime) -> None:
    run.status, run.changed = "waiting", True
    _turn_steps(run, "running", "waiting")


def _turn_steps(run: RunFold, was: str, becomes: str) -> None:
    for step in run.steps.values():
        if step.status == was:
            step.status = becomes
            run.touched[step.position] = step


def _wake(run: RunFold) -> None:
    """Whatever happens in a run that waited ends the wait."""
    if run.status == "waiting":
        run.status, run.changed = "running", True
        _turn_steps(run, "waiting", "running")


def _run_resumed(run: RunFold, _entry: Entry, data: Entry, _seq: int, _at: datetime) -> None:
    workflow = data.get("workflow")
    if workflow is not None:
        # It may go on under the version in force now.
        run.workflow_name, run.workflow_version = _version(workflow)
    run.status, run.finished_at, run.error, run.changed = "running", None, None, True
    _turn_steps(run, "waiting", "running")


def _run_restarted(run: RunFold, _entry: Entry, data: Entry, seq: int, at: datetime) -> None:
    run.status, run.finished_at, run.error, run.changed = "running", None, None, True
    _cancel_steps(run, at)
    event = data.get("event")
    if event is not None:
        run.trigger_type = _text(event["type"], "data.event.type")
        run.event_seq = seq


def _step(run: RunFold, data: Entry, at: datetime) -> StepFold:
    position, step_id, action = data["position"], data["step"], data["action"]
    if type(position) is not int or type(step_id) is not str or type(action) is not str or not 0 <= position < 2**31:
        raise Poison("position, step and action do not name a step", "data")
    if run.status == "waiting":
        _wake(run)
    step = run.steps.get(position)
    if step is None:
        step = run.steps[position] = StepFold(position, step_id, action, at)
    run.touched[position] = step
    return step


def _finish(run: RunFold, step: StepFold, status: str, at: datetime) -> None:
    step.status, step.finished_at = status, at
    run.touched[step.position] = step


def _step_started(run: RunFold, _entry: Entry, data: Entry, seq: int, at: datetime) -> None:
    step = _step(run, data, at)
    step.status, step.finished_at = "running", None
    step.attempts = _whole(data.get("attempt", step.attempts + 1), "data.attempt")
    step.input_seq = seq


def _step_succeeded(run: RunFold, _entry: Entry, data: Entry, seq: int, at: datetime) -> None:
    step = _step(run, data, at)
    step.status, step.finished_at = "succeeded", at
    step.output_seq, step.error_seq = seq, None
    step.attempts = _whole(data.get("attempt", step.attempts), "data.attempt")


def _step_failed(run: RunFold, _entry: Entry, data: Entry, seq: int, at: datetime) -> None:
    step = _step(run, data, at)
    step.error_seq = seq
    step.attempts = _whole(data.get("attempt", step.attempts), "data.attempt")
    if data.get("next_try") is None:
        step.status, step.finished_at = "failed", at
    else:
        step.status = "waiting"


def _step_skipped(run: RunFold, _entry: Entry, data: Entry, seq: int, at: datetime) -> None:
    step = _step(run, data, at)
    step.status, step.finished_at = "skipped", at
    if "input" in data:
        step.input_seq = seq
    if "output" in data:
        step.output_seq = seq


def _step_condition(run: RunFold, _entry: Entry, data: Entry, seq: int, at: datetime) -> None:
    step = _step(run, data, at)
    step.status, step.finished_at = "succeeded", at
    step.input_seq = step.output_seq = seq


def _replay_started(run: RunFold, entry: Entry, _data: Entry, _seq: int, _at: datetime) -> None:
    """A replay's record (schemas/replays.py): it is no run and has no row, but it is somebody's."""
    if run.org_id is None:
        run.org_id = _text(entry.get("orgid"), "orgid")


def _replay_ended(run: RunFold, _entry: Entry, _data: Entry, _seq: int, at: datetime) -> None:
    run.finished_at = at


Handler = Callable[[RunFold, Entry, Entry, int, datetime], None]

_HANDLERS: Final[dict[str, Handler]] = {
    "run.started": _run_started,
    "run.skipped": _run_skipped,
    "run.suppressed": _run_suppressed,
    "run.waiting": _run_waiting,
    "run.resumed": _run_resumed,
    "run.restarted": _run_restarted,
    "run.completed": _run_completed,
    "run.failed": _run_failed,
    "run.cancelled": _run_cancelled,
    "step.started": _step_started,
    "step.succeeded": _step_succeeded,
    "step.failed": _step_failed,
    "step.skipped": _step_skipped,
    "step.condition": _step_condition,
    "replay.started": _replay_started,
    "replay.ended": _replay_ended,
}
"""The entry types that change a row; any other is in the timeline alone."""
