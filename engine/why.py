"""Why an event did, or did not, start a workflow: the run that came of it, or what kept it from running.

Facts come first: a run that the history has is the answer. Where it has none, the version that was in force when the
event arrived is asked, as the workers would have asked it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from engine.rules import RULES, Rules
from engine.run import start
from engine.workflow import Workflow, compile_workflow
from schemas.definitions import parse_definition
from schemas.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from schemas.events import Event

RAN: Final = "ran"
SKIPPED: Final = "condition"
SUPPRESSED: Final = "guard"
OTHER_TRIGGER: Final = "other trigger"
STATE: Final = "state"
LATER: Final = "published later"
DELETED: Final = "deleted"
UNKNOWN: Final = "no run"


@dataclass(frozen=True, slots=True)
class Version:
    """A version that was published at a time: its definition's document."""

    body: dict[str, Any]
    published: datetime

    @property
    def number(self) -> int:
        """The version's number."""
        number: int = self.body["version"]
        return number


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that the history has. `data` is what its first entry holds; `error` is the first failure."""

    run_id: str
    status: str
    data: dict[str, Any]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the event in one workflow. `kind` is one of the constants of this module, `reason` a sentence.

    `conditions` is the trace of those that were evaluated, `failing` the leaves in it that made it false.
    """

    workflow_id: str
    name: str
    kind: str
    reason: str
    version: int | None = None
    run_id: str | None = None
    status: str | None = None
    conditions: dict[str, Any] | None = None
    failing: tuple[dict[str, Any], ...] = ()
    note: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "workflow": self.workflow_id,
            "name": self.name,
            "verdict": self.kind,
            "reason": self.reason,
            "version": self.version,
            "run_id": self.run_id,
            "status": self.status,
            "conditions": self.conditions,
            "failing": list(self.failing),
            "note": self.note,
        }


def why(
    event: Event,
    arrived: datetime,
    versions: Sequence[Version],
    run: Begun | None,
    *,
    in_force: bool = True,
    rules: Rules = RULES,
) -> Verdict:
    """What became of `event`, which arrived then, in the workflow of these versions; there is at least one of them.

    `run` is the run of that event and workflow, where the history has it. `in_force` says that the workflow has not
    been deleted since.
    """
    ordered = sorted(versions, key=lambda one: one.published)
    if run is not None:
        return _of_run(run, ordered[-1] if in_force else None)
    before = [one for one in ordered if one.published <= arrived]
    last = ordered[-1]
    identity = (str(last.body["id"]), str(last.body.get("name") or last.body["id"]))
    if not before:
        first = ordered[0]
        reason = f"version {first.number}, the first, was published at {_text(first.published)}, after the event"
        return Verdict(*identity, LATER, reason, first.number)
    return _of_version(event, arrived, before[-1], in_force=in_force, rules=rules)


def _of_run(run: Begun, in_force: Version | None) -> Verdict:
    workflow = run.data["workflow"]
    known = {"version": workflow["version"], "run_id": run.run_id, "status": run.status}
    note = None
    if in_force is None:
        note = "the workflow has been deleted since"
    elif in_force.number != workflow["version"]:
        note = f"version {in_force.number} is in force now"
    identity = (workflow["id"], workflow["name"])
    trace = run.data.get("conditions")
    if run.status == "skipped":
        return _skipped(identity, trace, note, known)
    if run.status == "suppressed":
        return Verdict(*identity, SUPPRESSED, _guards_reason(run.data), **known, conditions=trace, note=note)
    reason = f"ran: {run.status}" + (f", {run.error}" if run.error else "")
    return Verdict(*identity, RAN, reason, **known, conditions=trace, note=note)


def _guards_reason(data: dict[str, Any]) -> str:
    """What the guard said, with its name in front where the sentence does not begin with that."""
    guard, reason = data.get("guard", "loop"), str(data.get("reason", "a guard kept it from starting"))
    return reason if reason.startswith(guard) else f"{guard}: {reason}"


def _skipped(identity: tuple[str, str], trace: dict[str, Any] | None, note: str | None, known: Any) -> Verdict:
    failing = tuple(leaves(trace or {}))
    reason = "its conditions were false: " + "; ".join(tell_leaf(leaf) for leaf in failing[:3])
    reason += f"; and {len(failing) - 3} more" if len(failing) > 3 else ""
    return Verdict(*identity, SKIPPED, reason, **known, conditions=trace, failing=failing, note=note)


def _of_version(event: Event, arrived: datetime, version: Version, *, in_force: bool, rules: Rules) -> Verdict:
    try:
        workflow = compile_workflow(parse_definition(version.body))
    except Refused as refused:
        identity = (str(version.body.get("id")), str(version.body.get("name")))
        return Verdict(*identity, UNKNOWN, f"its definition can't be read any more: {refused}", version.number)
    identity = (workflow.id, workflow.name or workflow.id)
    if workflow.trigger_type != event.type:
        trigger = workflow.trigger_type or "nothing yet"
        return Verdict(*identity, OTHER_TRIGGER, f"{trigger} triggers it, not {event.type}", workflow.version)
    if workflow.state not in {"enabled", "shadow"}:
        reason = f"version {workflow.version} was in force, in state {workflow.state}: it starts no runs"
        return Verdict(*identity, STATE, reason, workflow.version)
    return _as_workers_would(event, arrived, workflow, in_force=in_force, rules=rules)


def _as_workers_would(event: Event, arrived: datetime, workflow: Workflow, *, in_force: bool, rules: Rules) -> Verdict:
    identity, version = (workflow.id, workflow.name), workflow.version
    first = start(workflow, event, arrived, rules)[0]
    trace = first["data"].get("conditions")
    gone = "the history has no record of it: not yet, or no longer, for skipped runs are kept for a shorter time"
    if first["type"] == "run.skipped":
        return _skipped(identity, trace, gone, {"version": version})
    if first["type"] == "run.suppressed":
        return Verdict(*identity, SUPPRESSED, _guards_reason(first["data"]), version, conditions=trace, note=gone)
    if not in_force:
        reason = "the workflow has been deleted; when, is not known, and no run of it came of this event"
        return Verdict(*identity, DELETED, reason, version, conditions=trace)
    reason = "it should have started it: either the run is not in the history yet, or it is no longer kept"
    return Verdict(*identity, UNKNOWN, reason, version, conditions=trace)


def leaves(trace: dict[str, Any], *, wanted: bool = True) -> Iterator[dict[str, Any]]:
    """The comparisons that kept a condition from being `wanted`: in `any` all of them, in `all` those that were not."""
    if trace.get("result", not wanted) is wanted:
        return
    if "not" in trace:
        yield from leaves(trace["not"], wanted=not wanted)
        return
    for word in ("all", "any"):
        if word in trace:
            for inner in trace[word]:
                yield from leaves(inner, wanted=wanted)
            return
    if "field" in trace:
        yield trace


def tell_leaf(leaf: dict[str, Any]) -> str:
    """One comparison in words: `alert.severity equals "high" (it was "low")`, with `not` before one that held."""
    wanted = "" if leaf["op"] in {"exists", "changed"} else f" {_short(leaf.get('value'))}"
    was = "it was missing" if leaf.get("missing") else f"it was {_short(leaf.get('actual'))}"
    note = f"; {leaf['note']}" if leaf.get("note") else ""
    return f"{'not ' if leaf.get('result') else ''}{leaf['field']} {leaf['op']}{wanted} ({was}{note})"


def _short(value: Any, most: int = 80) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else text[:most] + "…"


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
