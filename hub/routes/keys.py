"""API keys for programs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query, Request
from fastapi.responses import Response

from hub.access import KEYS, Caller, allowed, needs
from hub.access.keys import COLUMNS, PREFIX, Wanted, add, revoke
from hub.documents.keys import ApiKeys, KeyRequest, NewApiKey
from hub.idempotency import SHOWN_ONCE
from hub.parts import Parts
from hub.problems import Problem, not_found
from hub.routing import answers, api_router, json, problems
from hub.services.cursors import LONGEST, decode, encode

router = api_router("keys")

_LIST = f"""
select {COLUMNS} from hub_data.api_keys
 where org_id = $1
   and ($2::text is null or (created_at, id) < (select created_at, id from hub_data.api_keys where id = $2))
 order by created_at desc, id desc limit $3"""  # noqa: S608 - our own columns
Manager = Annotated[Caller, needs(KEYS)]


@router.get("/keys", responses=answers(ApiKeys))
async def list_keys(
    request: Request,
    caller: Manager,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=LONGEST)] = None,
) -> Response:
    """The organisation's keys, the newest first; those that were revoked or have expired too."""
    parts: Parts = request.app.state.parts
    (after,) = decode(cursor, str) if cursor else (None,)
    async with parts.database(caller.org) as connection:
        rows = await connection.fetch(_LIST, caller.org, after, limit + 1)
    following = encode(rows[limit - 1]["id"]) if len(rows) > limit else None
    return json(
        {"items": [_told(row) for row in rows[:limit]], "next": following}, headers={"cache-control": "no-store"}
    )


@router.post("/keys", status_code=201, responses=answers(NewApiKey, 201, "Made; the key is shown this once"))
async def make_key(request: Request, caller: Manager, body: KeyRequest) -> Response:
    """Make a key, which may do what its role or its permissions say, but nothing that its maker may not."""
    parts: Parts = request.app.state.parts
    permissions = allowed(body.role, body.permissions)
    if beyond := permissions - caller.permissions:
        raise Problem(403, f"The key could do what {caller.person} may not: {', '.join(sorted(beyond))}.")
    wanted = Wanted(body.name, body.role, permissions, caller.person, body.expires_at)
    details = {"name": body.name, "role": body.role, "permissions": sorted(permissions), "expires_at": body.expires_at}
    async with parts.audited(caller, "key.create", "key/new", details) as record:
        async with parts.database(caller.org, write=True) as connection:
            made = await add(connection, caller.org, wanted)
        record.details["id"] = made.row["id"]
    request.scope[SHOWN_ONCE] = f"The key {made.row['id']} was made by the first request, and was shown then."
    return json(
        {**_told(made.row), "key": made.key}, 201,
        {"cache-control": "no-store", "location": f"/api/v1/keys/{made.row['id']}"},
    )  # fmt: skip


@router.delete("/keys/{id}", status_code=204, response_class=Response, responses=problems(404))
async def revoke_key(request: Request, caller: Manager, id: Annotated[str, Path(max_length=100)]) -> Response:
    """Take a key out of force, at once here, and within a second on every other Hub."""
    parts: Parts = request.app.state.parts
    async with parts.audited(caller, "key.revoke", f"key/{id}"):
        async with parts.database(caller.org, write=True) as connection:
            row = await revoke(connection, id, caller.person)
        if row is None:
            raise not_found(f"key {id}")
        request.app.state.access.keys.forget(id)
    return Response(status_code=204)


def _told(row: Any) -> dict[str, Any]:
    return {**row, "prefix": f"{PREFIX}{row['id']}"}
