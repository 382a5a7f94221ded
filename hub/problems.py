"""Errors as RFC 9457 problems: what is wrong, where (a JSON pointer for each fault), and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi.responses import Response

from schemas.errors import Fault, Refused

MEDIA_TYPE: Final = "application/problem+json"
_PART = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """An answer that is no success; raise it anywhere below a route.

    `detail` is a sentence for a person; `faults` are the fields that are wrong; `more` are further members.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        title: str | None = None,
        faults: Iterable[Fault] = (),
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title or HTTPStatus(status).phrase
        self.detail = detail
        self.faults: tuple[Fault, ...] = tuple(faults)
        self.headers = dict(headers or {})
        self.more = more

    @classmethod
    def refused(cls, refused: Refused, status: int = 422) -> Problem:
        """What the contracts refused, each fault with its pointer."""
        return cls(status, str(refused), title="Refused", faults=refused.faults)

    def document(self, instance: str) -> dict[str, Any]:
        """The problem as JSON has it."""
        found: dict[str, Any] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
        }
        if self.faults:
            found["faults"] = faults_of(self.faults)
        return found | self.more

    def response(self, instance: str) -> Response:
        """The problem as an answer to a request for `instance`, a path."""
        body = orjson.dumps(self.document(instance))
        return Response(body, self.status, headers={"cache-control": "no-store", **self.headers}, media_type=MEDIA_TYPE)


def faults_of(faults: Sequence[Fault]) -> list[dict[str, str]]:
    """Faults as the API tells them: field, pointer and reason."""
    return [{"field": one.field, "pointer": pointer(one.field), "reason": one.reason} for one in faults]


def pointer(field: str) -> str:
    """The JSON pointer (RFC 6901) of a dotted path: `steps[1].with.title` is `/steps/1/with/title`."""
    parts = (index or name for index, name in _PART.findall(field))
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def not_found(what: str) -> Problem:
    """There is no such thing in the caller's organisation: `what` is, for example, `run 4f…`."""
    return Problem(404, f"There is no {what} in your organisation.")


def away(what: str, detail: str | None = None) -> Problem:
    """Kafka or Postgres can't be reached for now."""
    return Problem(503, detail or f"{what} does not answer; try again in a moment.", headers={"retry-after": "2"})
