"""Changing the course of runs: cancel, resume, run again; one, or many at once."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import Body, Path, Request
from fastapi.responses import Response

from hub.access import RUN, Caller, needs
from hub.documents.steering import MOST, Cancel, Rerun, Resume, Steer, Steered, SteeredMany
from hub.parts import Parts
from hub.problems import not_found
from hub.routes.runs import filter_of
from hub.routing import Responses, answers, api_router, json, problems
from hub.services.steering import Order, as_given, steer
from schemas.errors import Refused

router = api_router("runs")

Steerer = Annotated[Caller, needs(RUN)]
RunId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,100}$", description="The run's id.")]
_PENDING = "Asked for: Kafka has it, and no effect shows in the history yet"


def _one() -> Responses:
    return answers(Steered) | answers(Steered, 202, _PENDING) | problems(404)


@router.post("/runs/{run_id}/cancel", responses=_one())
async def cancel_run(
    request: Request, caller: Steerer, run_id: RunId, body: Annotated[Cancel | None, Body()] = None
) -> Response:
    """Cancel a run. A call in flight is finished and recorded first; nothing begins after it."""
    given = body or Cancel()
    return await _steer_one(request, caller, Order("cancel", given.reason, dry_run=given.dry_run), run_id)


@router.post("/runs/{run_id}/resume", responses=_one())
async def resume_run(
    request: Request, caller: Steerer, run_id: RunId, body: Annotated[Resume | None, Body()] = None
) -> Response:
    """Let a failed or cancelled run go on, in the same run; what succeeded is not performed again."""
    given = body or Resume()
    order = Order("resume", given.reason, given.version, given.step or None, given.dry_run)
    return await _steer_one(request, caller, order, run_id)


@router.post("/runs/{run_id}/rerun", responses=_one())
async def rerun_run(
    request: Request, caller: Steerer, run_id: RunId, body: Annotated[Rerun | None, Body()] = None
) -> Response:
    """Run the same event again, as a new run: conditions are looked at again, every action is performed again."""
    given = body or Rerun()
    return await _steer_one(request, caller, Order("rerun", given.reason, given.version, dry_run=given.dry_run), run_id)


@router.post("/runs/steer", responses=answers(SteeredMany) | answers(SteeredMany, 202, _PENDING))
async def steer_runs(request: Request, caller: Steerer, body: Steer) -> Response:
    """Cancel, resume or re-run many at once. With `dry_run` it is said what would become of each."""
    if (body.ids is None) == (body.filter is None):
        raise Refused.one("ids", "name either runs, or a filter")
    parts: Parts = request.app.state.parts
    ids, more = list(dict.fromkeys(body.ids or ())), False
    if body.filter is not None:
        ids, more = await _fitting(parts, caller, body)
    order = Order(body.action, body.reason, body.version, dry_run=body.dry_run)
    items, shown = await steer(parts, caller, order, ids)
    return _answer({"items": items, "more": more}, shown=shown)


async def _fitting(parts: Parts, caller: Caller, body: Steer) -> tuple[list[str], bool]:
    """The latest runs that fit the filter, and whether there are more."""
    assert body.filter is not None  # noqa: S101 - the caller has looked
    wanted = filter_of(caller.org, as_given(body.filter.model_dump()))
    found: list[str] = []
    cursor: str | None = None
    while True:
        items, cursor = await parts.run_lists.page(
            caller.org, wanted, cursor=cursor, limit=MOST - len(found), now=parts.clock.now()
        )
        found += [orjson.loads(orjson.dumps(one))["run_id"] for one in items]
        if cursor is None or len(found) >= MOST:
            return found[:MOST], cursor is not None


async def _steer_one(request: Request, caller: Caller, order: Order, run_id: str) -> Response:
    parts: Parts = request.app.state.parts
    (told,), shown = await steer(parts, caller, order, [run_id])
    if told["result"] == "refused" and told["status"] is None and told["does"] is None:
        raise not_found(f"run {run_id}")
    return _answer(told, shown=shown)


def _answer(told: object, *, shown: bool) -> Response:
    headers = {"cache-control": "no-store"} | ({} if shown else {"onestack-pending": "true"})
    return json(told, 200 if shown else 202, headers)
