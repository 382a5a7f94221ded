"""Who did what."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import Query, Request
from fastapi.responses import Response

from hub.access import AUDIT, Caller, needs
from hub.documents.audit import AuditLog
from hub.documents.times import Moment
from hub.parts import Parts
from hub.routing import answers, api_router, json
from hub.services.cursors import LONGEST, decode, encode

router = api_router("audit")

_LIST = """
select id, at, person, kind, role, action, target, outcome, problem, details, finished_at from hub_data.audit
 where org_id = $1
   and ($2::bigint is null or id < $2)
   and ($3::text is null or strpos(lower(person), lower($3)) > 0)
   and ($4::text is null or target = $4)
   and ($5::text is null or action = $5 or starts_with(action, $5 || '.'))
   and ($6::timestamptz is null or at >= $6)
   and ($7::timestamptz is null or at < $7)
 order by id desc limit $8"""
_LAST = 2**63 - 1
Words = Annotated[str | None, Query(max_length=300, pattern=r"^[^\x00]*$")]


@router.get("/audit", responses=answers(AuditLog))
async def list_audit(
    request: Request,
    caller: Annotated[Caller, needs(AUDIT)],
    who: Annotated[Words, Query(description="Part of the name.")] = None,
    target: Annotated[Words, Query(description="Such as `workflow/alert-to-ticket`.")] = None,
    action: Annotated[Words, Query(description="Such as `workflow.enable`, or `workflow` for all of them.")] = None,
    since: Moment | None = None,
    until: Moment | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=LONGEST)] = None,
) -> Response:
    """Who did what, the newest first: every write that came through the Hub, with how it ended."""
    parts: Parts = request.app.state.parts
    (before,) = decode(cursor, int) if cursor else (None,)
    if before is not None:
        before = max(0, min(before, _LAST))
    async with parts.database(caller.org) as connection:
        rows = await connection.fetch(
            _LIST, caller.org, before, who or None, target or None, action or None, since, until, limit + 1
        )
    following = encode(rows[limit - 1]["id"]) if len(rows) > limit else None
    items = [_told(row) for row in rows[:limit]]
    return json({"items": items, "next": following}, headers={"cache-control": "no-store"})


def _told(row: Any) -> dict[str, Any]:
    found = dict(row)
    found["id"], found["who"] = str(found["id"]), found.pop("person")
    found["details"] = orjson.Fragment(found["details"])
    return found
