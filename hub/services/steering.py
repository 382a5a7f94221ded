"""Cancelling, resuming and re-running runs for a caller of the API: planned first, then asked for and looked after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from hub.access import Caller
from hub.parts import Parts
from hub.sending import Outgoing
from hub.services.plans import Plan, Planner, Which
from hub.services.records import Record
from hub.services.requests import PATIENCE, Action, Request, ask, request
from projections import queries
from projections.queries import Row
from schemas.errors import Refused
from schemas.messages import By

Steered = dict[str, Any]
_DEFAULT: Final[dict[str, Which]] = {"resume": "same", "rerun": "current"}
_INSTEAD: Final = "ask for the version that it ran under"
_PATIENCE_MANY: Final = 20.0
_TOLD: Final = 100
"""Runs that the audit log names one by one."""


class Order(NamedTuple):
    """What is to be done with runs, and how."""

    action: Action
    reason: str | None = None
    version: Which | None = None
    step: str | None = None
    dry_run: bool = False


async def steer(parts: Parts, caller: Caller, order: Order, ids: Sequence[str]) -> tuple[list[Steered], bool]:
    """What came of the order for each run, in the order of the ids; and whether all of it shows in the history.

    An id that is none of the caller's organisation is refused.
    """
    by = By(person=caller.person[:200] or "somebody", reason=order.reason or None)
    async with parts.database(caller.org) as connection:
        known = {row["run_id"]: row for row in await queries.runs_by_id(connection, ids, org=caller.org)}
        planner = Planner(connection, order.version or _DEFAULT.get(order.action, "same"), by, _INSTEAD)
        plans = {run_id: await _plan(planner, order, row, by) for run_id, row in known.items()}
    if order.dry_run:
        return [_planned(order, one, plans.get(one)) for one in ids], True
    requests = {run_id: plan.request for run_id, plan in plans.items() if plan.request is not None}
    if requests:
        await _ask(parts, caller, order, list(requests.values()))
    told = [_told(order, one, plans.get(one)) for one in ids]
    return told, all(one.result is not None for one in requests.values())


async def _plan(planner: Planner, order: Order, run: Row, by: By) -> Plan:
    if order.action == "resume":
        return await planner.resume(run, order.step)
    if order.action == "rerun":
        return await planner.rerun(run)
    if run["status"] not in {"running", "waiting"}:
        return Plan(run, None, f"it has ended already: it is {run['status']}")
    try:
        made = request(run, "cancel", by)
    except Refused as refused:
        return Plan(run, None, str(refused))
    return Plan(run, made, "is cancelled; a call that is under way is finished first")


async def _ask(parts: Parts, caller: Caller, order: Order, requests: Sequence[Request]) -> None:
    async def send(records: Sequence[Record]) -> None:
        await parts.sender.publish_all([Outgoing(*record) for record in records])

    ids = [one.control.run_id or "" for one in requests]
    target = f"run/{ids[0]}" if len(ids) == 1 else "runs"
    details: dict[str, Any] = {"reason": order.reason, "version": order.version, "step": order.step}
    if len(ids) > 1:
        details |= {"runs": len(ids), "ids": ids[:_TOLD]}
    given = {name: value for name, value in details.items() if value is not None}
    async with parts.audited(caller, f"run.{order.action}", target, given) as record:
        patience = min(PATIENCE + len(ids) / 100, _PATIENCE_MANY)
        await ask(send, lambda: parts.database(caller.org), requests, patience, settled=False)
        results = [one.result or "nothing shows yet" for one in requests]
        record.details["results"] = {one: results.count(one) for one in dict.fromkeys(results)}


def _planned(order: Order, run_id: str, plan: Plan | None) -> Steered:
    if plan is None or plan.request is None:
        return _told(order, run_id, plan)
    return _blank(order, run_id) | {
        "result": "planned",
        "status": plan.run["status"],
        "does": plan.does,
        "warning": plan.warning,
    }


def _told(order: Order, run_id: str, plan: Plan | None) -> Steered:
    found = _blank(order, run_id)
    if plan is None:
        return found | {"result": "refused", "reason": "there is no such run in your organisation"}
    if plan.request is None:
        ended = order.action == "cancel" and plan.run["finished_at"] is not None
        result = "ended" if ended else "refused"
        return found | {"result": result, "status": plan.run["status"], "reason": plan.does}
    done = plan.request
    return found | {
        "result": done.result,
        "status": done.status,
        "reason": done.reason,
        "does": plan.does,
        "warning": plan.warning,
        "new_run_id": done.watched if order.action == "rerun" and done.result == "started" else None,
    }


def _blank(order: Order, run_id: str) -> Steered:
    return {
        "run_id": run_id,
        "action": order.action,
        "result": None,
        "status": None,
        "reason": None,
        "does": None,
        "warning": None,
        "new_run_id": None,
    }


def as_given(filter: Mapping[str, Any]) -> dict[str, Any]:
    """A filter of a request's body as the list's query has it."""
    return {**filter, "status": tuple(filter["status"]), "kind": "all"}
