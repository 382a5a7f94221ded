"""Workflows as files: out as YAML or JSON, and in again, into any organisation; each document has its own result."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import orjson

from hub.problems import Problem, faults_of
from hub.services.writing import Writer
from schemas.calendars import is_calendar
from schemas.documents import LIMIT, dump_yaml, load_yaml
from schemas.errors import Fault, Refused

if TYPE_CHECKING:
    from hub.sending import Place

MOST: Final = 1000
"""Documents of one import."""
_AT_ONCE: Final = 8


def to_yaml(definitions: Sequence[dict[str, Any]]) -> str:
    """Definitions as YAML documents."""
    return "---\n".join(dump_yaml(one) for one in definitions)


def from_yaml(text: bytes) -> list[dict[str, Any]]:
    """The documents in a YAML text. Raises Problem 413, and Refused where it is none."""
    if len(text) > LIMIT:
        raise Problem(413, f"The text has {len(text):,} bytes; of YAML at most {LIMIT:,} are read at once.")
    return load_yaml(text)


def from_json(text: bytes) -> list[dict[str, Any]]:
    """The definition in a JSON text, or those in an array of them. Raises Problem 400, and Refused."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Problem(400, "The body is no JSON.") from None
    bodies = found if isinstance(found, list) else [found]
    for index, one in enumerate(bodies):
        if not isinstance(one, dict):
            raise Refused.one(f"[{index}]" if isinstance(found, list) else "", "should be an object: a definition")
    return bodies


class Import:
    """Brings documents in force one by one. `place` is where the last record is, where any was sent."""

    def __init__(self, writer: Writer, *, dry_run: bool, state: str | None) -> None:
        self._writer = writer
        self._dry_run = dry_run
        self._state = state
        self._seen: dict[str, int] = {}
        self.place: Place | None = None

    async def bring_all(self, bodies: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """What became of each document, in their order; some are brought at once, for each has to be waited for."""
        items: list[dict[str, Any]] = []
        for first in range(0, len(bodies), _AT_ONCE):
            some = enumerate(bodies[first : first + _AT_ONCE], start=first + 1)
            items += await asyncio.gather(*(self.bring(number, body) for number, body in some))
        return items

    async def bring(self, number: int, body: dict[str, Any]) -> dict[str, Any]:
        """What became of a document, whose number is for people."""
        named = body.get("id") if isinstance(body.get("id"), str) else None
        told: dict[str, Any] = {"id": named, "result": "refused", "version": None, "faults": []}
        try:
            self._check(number, body, named)
            given = {name: value for name, value in body.items() if name != "org"}
            if self._state is not None:
                given["state"] = self._state
            result, written = await self._writer.bring(given, dry_run=self._dry_run)
        except Refused as refused:
            return told | {"faults": faults_of(refused.faults)}
        except Problem as problem:
            if problem.status >= 500:
                raise
            return told | {"faults": faults_of(problem.faults or (Fault("", problem.detail),))}
        if written.place is not None:
            self.place = written.place if self.place is None else max(self.place, written.place)
        workflow = written.workflow
        return told | {"id": workflow.id, "result": result, "version": workflow.version}

    def _check(self, number: int, body: dict[str, Any], named: str | None) -> None:
        if is_calendar(body):
            raise Refused.one("", "is a business calendar: publish it with the command line")
        if named is None:
            return
        if named in self._seen:
            raise Refused.one("id", f"{named!r} stands in document {self._seen[named]} already")
        self._seen[named] = number
