"""An event and a workflow: the first entries of a run, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from engine.paths import Scope
from engine.rules import RULES, Rules
from engine.walk import Walk, first
from schemas.names import run_id

if TYPE_CHECKING:
    from datetime import datetime

    from engine.signals import Signal
    from engine.workflow import Workflow
    from schemas.entries import EntryDict
    from schemas.events import Event

Guard = Literal["loop", "throttle", "storm"]


def start(  # noqa: PLR0913 - each is a fact about how the run begins
    workflow: Workflow,
    event: Event,
    now: datetime,
    rules: Rules = RULES,
    *,
    signal: Signal | None = None,
    run: str | None = None,
    rerun_of: str | None = None,
    by: dict[str, Any] | None = None,
    forced: bool = False,
) -> list[EntryDict]:
    """The first entries of the run that this event starts.

    A single `run.skipped` where the conditions are false, a single `run.suppressed` where the loop guard keeps it from
    starting (unless `forced`). `now` is in UTC. The same event always starts the same run, for its id is made of what
    the two are; `run` is another id, for a run that repeats `rerun_of`, which somebody (`by`) asked for. `signal` is
    what cancelled or restarted the run before it was seen: then nothing begins before that.
    """
    walk, data, result = _begun(workflow, event, now, rules, run, rerun_of)
    if by is not None:
        data["by"] = by
    if not result:
        walk.log("run.skipped", data)
        return walk.entries
    if not forced and (reason := _loop(data["causation_chain"], rules)) is not None:
        walk.log("run.suppressed", {**data, "guard": "loop", "reason": reason})
        return walk.entries
    walk.log("run.started", data)
    if signal is None:
        walk.go(first(workflow))
    else:
        walk.obey(signal, None, first(workflow))
    return walk.entries


def suppress(
    workflow: Workflow,
    event: Event,
    now: datetime,
    guard: Literal["throttle", "storm"],
    reason: str,
    rules: Rules = RULES,
    *,
    run: str | None = None,
    summary: dict[str, Any] | None = None,
) -> list[EntryDict]:
    """The one entry of a run that a guard keeps from starting; `summary` is what a storm's last entry tells of it."""
    walk, data, _ = _begun(workflow, event, now, rules, run, None)
    data |= {"guard": guard, "reason": reason}
    if summary is not None:
        data["summary"] = summary
    walk.log("run.suppressed", data)
    return walk.entries


def _begun(
    workflow: Workflow, event: Event, now: datetime, rules: Rules, run: str | None, rerun_of: str | None
) -> tuple[Walk, dict[str, Any], bool]:
    """The decision, the first entry's data, and whether the conditions hold."""
    run = run or run_id(workflow.org, workflow.id, event.source, event.id)
    facts: dict[str, Any] = {"id": run}
    scope = Scope(event.envelope, workflow.reference, facts, {}, rules.redact)
    walk = Walk(workflow, scope, run, event.subject, now, rules)
    facts["started"] = walk.at
    result, trace = workflow.condition.evaluate(scope) if workflow.condition is not None else (True, None)
    data: dict[str, Any] = {
        "generation": 0,
        "workflow": workflow.reference,
        "digest": workflow.digest,
        "event": rules.redact.redact_event(event.envelope),
        "conditions": trace,
        "causation_chain": [*event.causation_chain, workflow.id],
    }
    if workflow.shadow:
        data["shadow"] = True
    if rerun_of is not None:
        data["rerun_of"] = rerun_of
    return walk, data, result


def _loop(chain: list[str], rules: Rules) -> str | None:
    """Why a chain of causes must not go on, with the chain drawn; None where it may."""
    if len(chain) == 1:
        return None
    drawn = " → ".join(chain)
    times = chain.count(chain[-1])
    if times > rules.chain_repeats:
        most = "once" if rules.chain_repeats == 1 else f"{rules.chain_repeats} times"
        return f"{drawn}: a chain of causes runs {chain[-1]} at most {most}"
    if len(chain) > rules.chain_limit:
        return f"{drawn}: a chain of causes has at most {rules.chain_limit} workflows, this one would have {len(chain)}"
    return None
