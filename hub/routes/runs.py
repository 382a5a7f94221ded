"""Runs: lists by filters, how many there are, and one of them whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import Request
from fastapi.responses import Response

from hub.access import READ, Caller, needs
from hub.asking import CURSOR, LIMIT, PAGE, Asked, Choice, Choices, Moment, Text
from hub.direct import direct
from hub.documents.runs import RunCounts, RunPage
from hub.parts import Parts
from hub.routing import answers, api_router, json
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
    """How many runs fit all filters, by status: of each 10,000 at most are counted."""
    parts: Parts = request.app.state.parts
    wanted = filter_of(caller.org, _COUNTS.read(request.query_params))
    counts, capped = await parts.run_lists.counts(caller.org, wanted)
    return json({"counts": counts, "capped": capped}, headers=_FRESH)


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
