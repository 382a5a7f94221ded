"""What resuming a run, or running it again, would come to: checked against the history before anything is sent."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from engine.errors import FoldError
from engine.redaction import REDACTED
from engine.run import RunState, evolve, resume, state_to_json
from engine.workflow import Workflow, compile_workflow
from hub.services.requests import Request, request
from projections import queries
from projections.queries import Row
from runtime.postgres import Connection
from schemas.definitions import parse_definition
from schemas.errors import Refused
from schemas.messages import By

Which = Literal["same", "current"]
_ENDED_BADLY: Final = frozenset({"failed", "cancelled"})


class Plan(NamedTuple):
    """What would be done with a run: a request and what it does, or the reason why there is none."""

    run: Row
    request: Request | None
    does: str
    warning: str | None = None


class Planner:
    """Looks up each workflow's versions once, however many of its runs there are.

    `by` is who asks. `instead` is what one can do where the version in force starts no runs. `name` gives a run's
    request its id, where asking twice has to be asking once.
    """

    def __init__(
        self, connection: Connection, which: Which, by: By, instead: str, name: Callable[[str], str] | None = None
    ) -> None:
        self._connection = connection
        self._which = which
        self._by = by
        self._instead = instead
        self._name = name or (lambda _: str(uuid.uuid4()))
        self._versions: dict[tuple[str, str], list[Row]] = {}
        self._current: dict[tuple[str, str], Row | None] = {}

    async def resume(self, run: Row, step: str | None) -> Plan:
        """Going on with a failed or cancelled run."""
        if run["status"] not in _ENDED_BADLY:
            return Plan(run, None, f"it is {run['status']}: only a failed or cancelled run can be resumed")
        entries = await queries.run_log(self._connection, run["run_id"])
        try:
            state = _folded(entries, await self._bodies(run))
            definition = state.workflow if self._which == "same" else await self.body_in_force(run)
            workflow = compile_workflow(parse_definition(definition))
            first, *_ = resume(workflow, state, dt.datetime.now(dt.UTC), by={"person": self._by.person}, step=step)
            made = request(
                run,
                "resume",
                self._by,
                before=len(entries),
                name=self._name(run["run_id"]),
                state=state_to_json(state),
                definition=definition,
                step=step,
            )
        except (Refused, FoldError) as error:
            return Plan(run, None, str(error))
        place = first["data"]["from"]
        does = f"goes on from step {place}" if place else "goes on behind its last step"
        return Plan(run, made, f"{does}, {_named(workflow)}", _redacted(state.event))

    async def rerun(self, run: Row) -> Plan:
        """Starting a new run of the same event."""
        whole = run if "trigger_event" in run else await queries.get_run(self._connection, run["run_id"])
        event = whole and whole["trigger_event"]
        if not event:
            return Plan(run, None, "the history does not have its event")
        try:
            definition = await self._rerun_body(run)
            workflow = compile_workflow(parse_definition(definition))
            if self._which == "current":
                _check_startable(workflow, event, self._instead)
            pinned = {"definition": definition} if self._which == "same" else {"workflow": workflow.id}
            name = self._name(run["run_id"])
            made = request(run, "rerun", self._by, name=name, event=event, **pinned)
        except Refused as error:
            return Plan(run, None, str(error))
        return Plan(run, made, f"runs again as {made.watched[:12]}, {_named(workflow)}", _redacted(event))

    async def _rerun_body(self, run: Row) -> dict[str, Any]:
        if self._which == "current":
            return await self.body_in_force(run)
        entries = await queries.run_log(self._connection, run["run_id"])
        digests = [entry["data"]["digest"] for entry in entries if entry["data"].get("digest")]
        body = (await self._bodies(run)).get(digests[-1]) if digests else None
        if body is None:
            raise _gone(run)
        return body

    async def _bodies(self, run: Row) -> Mapping[str, dict[str, Any]]:
        """The definitions of all versions that the workflow ever had, by digest."""
        key = (run["org_id"], run["workflow_id"])
        if key not in self._versions:
            self._versions[key] = await queries.workflow_versions(self._connection, *key)
        return {row["digest"]: row["definition"] for row in self._versions[key]}

    async def body_in_force(self, run: Row) -> dict[str, Any]:
        """The definition in force of the run's workflow. Raises Refused where there is none."""
        key = (run["org_id"], run["workflow_id"])
        if key not in self._current:
            rows = await queries.list_workflows(self._connection, org=key[0])
            self._current[key] = next((row for row in rows if row["workflow_id"] == key[1]), None)
        row = self._current[key]
        if row is None:
            raise Refused.one("version", f"{key[0]}/{key[1]} has been deleted: no version of it is in force")
        body: dict[str, Any] = row["definition"]
        return body


def _folded(entries: Sequence[Any], bodies: Mapping[str, dict[str, Any]]) -> RunState:
    """The run's state, each generation with the definition that it is pinned to. Raises Refused or FoldError."""
    state: RunState | None = None
    for entry in entries:
        body = None
        if (digest := entry["data"].get("digest")) is not None:
            body = bodies.get(digest)
            if body is None:
                raise Refused.one("version", "the version that it ran under is no longer known")
        state = evolve(state, entry, body)
    if state is None:
        raise Refused.one("", "the history has none of its entries any more")
    return state


def _gone(run: Row) -> Refused:
    return Refused.one("version", f"version {run['workflow_version']}, that it ran under, is no longer known")


def _check_startable(workflow: Workflow, event: dict[str, Any], instead: str) -> None:
    if workflow.state not in {"enabled", "shadow"}:
        raise Refused.one("state", f"version {workflow.version} is {workflow.state}: enable it, or {instead}")
    if workflow.trigger_type != event.get("type"):
        reason = f"version {workflow.version} is triggered by {workflow.trigger_type}, not {event.get('type')}"
        raise Refused.one("trigger", reason)


def _named(workflow: Workflow) -> str:
    return f"under version {workflow.version} of {workflow.id}"


def _redacted(event: dict[str, Any]) -> str | None:
    if REDACTED not in str(event):
        return None
    return "sensitive fields of its event were not kept: where templates use them they are [redacted]"
