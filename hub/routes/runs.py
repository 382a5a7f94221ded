"""Runs: lists by filters, how many there are, and one of them whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import Request
from fastapi.responses import Response

from hub.access import READ, Caller, needs
from hub.asking import CURSOR, LIMIT, PAGE, Asked, Choice, Choices, Moment, Text, in_path
from hub.direct import direct
from hub.documents.runs import Run, RunCounts, RunLog, RunPage
from hub.parts import Parts
from hub.problems import not_found
from hub.routing import answers, api_router, json, problems
from hub.services.run_statements import FILTERED, RAN, STATUSES, RunFilter

router = api_router("runs")

_KINDS = {"runs": frozenset(RAN), "filtered": frozenset(FILTERED), "all": frozenset(STATUSES)}
FILTERS = (
    Text("workflow", "Of this workflow (its id) only.", 100, "alert-to-ticket"),
    Choices("status", "With one of these statuses, with commas between them.", STATUSES),
    Text("entity", "About this entity only, with or without the organisation in front.", 1200, "device/d-17"),
    Text("trigger", "Of this event type only.", 100, "alert.triggered"),
    Moment("since", "That began at this time or later."),
    Moment("until", "That began before this time."),
    Text("error", "With this text in their error, or in the reason for which a guard suppressed them.", 300, "503"),
    Choice(
        "kind",
        "What ran; what was filtered out (skipped or suppressed); or both. Without it: both where a status is asked "
        "for, else what ran.",
        ("runs", "filtered", "all"),
    ),
)
_LIST = Asked(*FILTERS, CURSOR, LIMIT)
_COUNTS = Asked(*FILTERS)
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_IN_PATH = {"parameters": [in_path("run_id", "The run's id.", f"^{_ID.pattern}$")]}


@direct(router, "/runs", responses=answers(RunPage), openapi_extra=_LIST.openapi)
async def list_runs(request: Request, caller: Annotated[Caller, needs(READ)]) -> Response:
    """Runs that fit all filters, newest first.

    Where a filter leaves out much, a page may be shorter than its limit, or empty, and still have a `next`.
    """
    parts: Parts = request.app.state.parts
    given = _LIST.read(request.query_params)
    items, following = await parts.run_lists.page(
        caller.org,
        filter_of(caller.org, given),
        cursor=given["cursor"],
        limit=given["limit"] or PAGE,
        now=parts.clock.now(),
    )
    return Response(orjson.dumps({"items": items, "next": following}), headers=_FRESH, media_type="application/json")


@direct(router, "/runs/counts", responses=answers(RunCounts), openapi_extra=_COUNTS.openapi)
async def count_runs(request: Request, caller: Annotated[Caller, needs(READ)]) -> Response:
    """How many runs fit all filters, by status: of each 1,000 at most are counted."""
    parts: Parts = request.app.state.parts
    wanted = filter_of(caller.org, _COUNTS.read(request.query_params))
    counts, capped = await parts.run_lists.counts(caller.org, wanted)
    return json({"counts": counts, "capped": capped}, headers=_FRESH)


@direct(router, "/runs/{run_id}", responses=answers(Run) | problems(404), openapi_extra=_IN_PATH)
async def get_run(request: Request, caller: Annotated[Caller, needs(READ)]) -> Response:
    """A run whole: its event, conditions, steps with every attempt, entries, story, definition and related runs."""
    parts: Parts = request.app.state.parts
    run_id = _run_id(request)
    found = await parts.run_details.whole(caller.org, run_id)
    if found is None:
        raise not_found(f"run {run_id}")
    return Response(found, headers=_FRESH, media_type="application/json")


@direct(router, "/runs/{run_id}/log", responses=answers(RunLog) | problems(404), openapi_extra=_IN_PATH)
async def get_run_log(request: Request, caller: Annotated[Caller, needs(READ)]) -> Response:
    """The run's entries as they stand in the run log, to keep or to look into with other tools."""
    parts: Parts = request.app.state.parts
    run_id = _run_id(request)
    found = await parts.run_details.log(caller.org, run_id)
    if found is None:
        raise not_found(f"run {run_id}")
    named = {"content-disposition": f'attachment; filename="run-{run_id}.json"'}
    return json(orjson.dumps(found, option=orjson.OPT_INDENT_2), headers={**_FRESH, **named})


def _run_id(request: Request) -> str:
    found: str = request.path_params["run_id"]
    if not _ID.fullmatch(found):
        raise not_found("run of this id")
    return found


_FRESH = {"cache-control": "no-store"}


def filter_of(org: str, given: Mapping[str, Any]) -> RunFilter:
    """The filters that were given."""
    statuses = given["status"]
    kind = _KINDS[given["kind"] or ("all" if statuses else "runs")]
    entity = given["entity"]
    return RunFilter(
        kind & frozenset(statuses) if statuses else kind,
        given["workflow"],
        given["trigger"],
        entity_keys(org, entity) if entity else (),
        given["error"],
        given["since"],
        given["until"],
    )


def entity_keys(org: str, entity: str) -> tuple[str, ...]:
    """The entity keys that a text may mean: an organisation may be called as a kind of entity is."""
    whole = f"{org}/{entity}"
    return (entity, whole) if entity.startswith(f"{org}/") else (whole,)
