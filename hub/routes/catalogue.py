"""What a designer offers."""

from __future__ import annotations

import gzip
from functools import cache
from hashlib import sha256
from typing import Annotated, Final, NamedTuple

import orjson
from fastapi import Header, Request
from fastapi.responses import Response

from hub.access import READ, Caller, needs
from hub.documents.catalogue import Catalogue
from hub.routing import answers, api_router
from hub.services.catalogue import catalogue

router = api_router("catalogue")

_CACHED: Final = {"cache-control": "private, no-cache", "vary": "accept-encoding"}


class _Encoded(NamedTuple):
    body: bytes
    tag: str
    coding: str | None


@cache
def _encoded(coding: str | None) -> _Encoded:
    """The catalogue's bytes, made once for each coding."""
    body = orjson.dumps(catalogue())
    tag = sha256(body).hexdigest()[:32]
    if coding is None:
        return _Encoded(body, f'"{tag}"', None)
    return _Encoded(gzip.compress(body, 9, mtime=0), f'"{tag}-gz"', coding)


@router.get("/catalogue", responses=answers(Catalogue) | {304: {"description": "As the caller has it already"}})
async def get_catalogue(
    request: Request,
    _: Annotated[Caller, needs(READ)],
    if_none_match: Annotated[str | None, Header(max_length=1000)] = None,
) -> Response:
    """Triggers with their fields, actions with the forms of their parameters, operators and filters.

    It changes with releases alone: send its `ETag` as `If-None-Match`, and it comes once.
    """
    found = _encoded("gzip" if _takes_gzip(request.headers.get("accept-encoding", "")) else None)
    headers = {**_CACHED, "etag": found.tag}
    if if_none_match is not None and found.tag in (part.strip() for part in if_none_match.split(",")):
        return Response(status_code=304, headers=headers)
    if found.coding is not None:
        headers["content-encoding"] = found.coding
    return Response(found.body, headers=headers, media_type="application/json")


def _takes_gzip(accepted: str) -> bool:
    for part in accepted.lower().split(","):
        coding, _, quality = part.partition(";")
        if coding.strip() == "gzip":
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
