"""What a replay would come to: looked at run by run, before anything is sent."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from engine.outlook import outlook
from engine.program import Action
from engine.run import resume, start, state_from_json
from engine.workflow import compile_workflow
from hub.services.plans import Planner
from schemas.definitions import parse_definition
from schemas.events import from_envelope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.replaying.job import Job
    from engine.workflow import Workflow
    from hub.services.plans import Plan
    from projections.queries import Row
    from runtime.postgres import Connection

MODULE: Final = {
    "create_ticket": "PSA",
    "update_ticket": "PSA",
    "send_notification": "mail and chats",
    "escalate_on_call": "on-call",
    "update_field": "Hub",
    "run_script": "RMM",
    "create_note": "Hub",
    "add_tag": "Hub",
    "webhook": "webhooks",
}
"""Who is called by each action."""
_SURE: Final = frozenset({"parameters", "secret", "refused"})
"""Errors after which it is certain that nothing was performed."""
INSTEAD: Final = "use --version same"


@dataclass(slots=True)
class Preview:
    """Counts. `todo` are the calls that would be made by module and action, if all goes well.

    `done` are the actions that were performed and are not performed again, `unsure` those among the calls that were
    made before without a clear answer: they may have been performed. `again` are those that a new run repeats.
    """

    runs: int = 0
    entities: set[str] = field(default_factory=set)
    failing: Counter[tuple[str, str]] = field(default_factory=Counter)
    todo: Counter[tuple[str, str]] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)
    unsure: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    warnings: set[str] = field(default_factory=set)
    ready: list[str] = field(default_factory=list)

    def as_json(self, rate: float) -> dict[str, Any]:
        """The same for programs."""
        return {
            "runs": self.runs,
            "entities": len(self.entities),
            "failing": [{"step": s, "error": e, "runs": n} for (s, e), n in self.failing.most_common()],
            "calls": [{"module": m, "action": a, "calls": n} for (m, a), n in sorted(self.todo.items())],
            "done_already": dict(sorted(self.done.items())),
            "done_again": dict(sorted(self.again.items())),
            "unsure": self.unsure,
            "left_out": [{"reason": reason, "runs": n} for reason, n in self.left_out.most_common()],
            "warnings": sorted(self.warnings),
            "seconds": round(self.runs / rate, 1),
        }


class Previewer:
    """Looks at runs; each version of the workflow is compiled once."""

    def __init__(self, connection: Connection, job: Job) -> None:
        self._connection = connection
        self._job = job
        self._planner = Planner(connection, job.version, job.by, INSTEAD, job.request_id)
        self._compiled: dict[tuple[Any, ...], Workflow] = {}

    async def of(self, runs: Sequence[Row], repeated: set[str]) -> Preview:
        """What replaying these would come to; those that were `repeated` already are left out."""
        found = Preview()
        for run in runs:
            if run["run_id"] in repeated:
                found.left_out["was run again already"] += 1
                continue
            resumes = self._job.action == "resume"
            plan = await (self._planner.resume(run, None) if resumes else self._planner.rerun(run))
            if plan.request is None:
                found.left_out[plan.does] += 1
                continue
            found.runs += 1
            found.ready.append(run["run_id"])
            found.entities.add(run["entity_key"])
            if plan.warning:
                found.warnings.add(plan.warning)
            if resumes:
                self._resumed(found, plan)
            else:
                await self._begun(found, plan)
        await self._unsure(found)
        return found

    def _resumed(self, found: Preview, plan: Plan) -> None:
        assert plan.request is not None  # noqa: S101 - what it is called for
        control = plan.request.control
        state = state_from_json(control.state or {})
        workflow = self._workflow(control.definition or {}, state.digest)
        step, _, error = (plan.run["error"] or "").partition(": ")
        found.failing[state.failed_at or step or "–", (error or plan.run["error"] or plan.run["status"])[:200]] += 1
        now = dt.datetime.now(dt.UTC)
        ahead = outlook(workflow, state, resume(workflow, state, now, by={"person": self._job.person}), now)
        found.todo.update((MODULE[one.action], one.action) for one in ahead)
        found.done.update(
            one.action
            for one in workflow.steps
            if isinstance(one, Action) and one.id in state.steps and one.action != "delay"
        )

    async def _begun(self, found: Preview, plan: Plan) -> None:
        assert plan.request is not None  # noqa: S101 - what it is called for
        control, run = plan.request.control, plan.run
        definition = control.definition or await self._planner.body_in_force(run)
        workflow = self._workflow(definition, str(definition.get("version")))
        found.failing["–", (run["error"] or run["status"])[:200]] += 1
        now = dt.datetime.now(dt.UTC)
        entries = start(workflow, from_envelope(control.event), now, run=plan.request.watched, forced=True)
        if entries[0]["type"] == "run.skipped":
            found.left_out["its conditions are false under that version too: it will be skipped again"] += 1
            found.runs -= 1
            found.ready.pop()
            return
        ahead = outlook(workflow, None, entries, now)
        found.todo.update((MODULE[one.action], one.action) for one in ahead)

    def _workflow(self, definition: dict[str, Any], digest: str) -> Workflow:
        key = (definition.get("id"), definition.get("version"), digest if self._job.version == "same" else "")
        if key not in self._compiled:
            self._compiled[key] = compile_workflow(parse_definition(definition))
        return self._compiled[key]

    async def _unsure(self, found: Preview) -> None:
        """How many failed calls had no clear answer: what a time-out ended may have been performed."""
        if self._job.action != "resume":
            return
        rows = await self._connection.fetch(
            "select error ->> 'kind' as kind, (error ->> 'status')::integer as status from history.steps "
            "where run_id = any($1::text[]) and status = 'failed' and action <> 'condition'",
            found.ready,
        )
        found.unsure = sum(not _is_clear(row["kind"], row["status"]) for row in rows)


def _is_clear(kind: str | None, status: int | None) -> bool:
    if kind == "http":
        return status is not None and status < 500
    return kind in _SURE
