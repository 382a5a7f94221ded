"""Calls of the One Stack modules: the same headers, body and rules for all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson
from multidict import CIMultiDict
from yarl import URL

from actions.errors import CannotPerformError
from actions.exchange import Exchange
from schemas.outcomes import Call, Outcome

_PLAIN = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]*")


class ModuleApi:
    """The modules' HTTP APIs. `bases` are the base URLs by the name of the variable that sets them."""

    def __init__(self, exchange: Exchange, bases: Mapping[str, str | None], token: str | None) -> None:
        self._exchange = exchange
        self._bases = {variable: _base(variable, url) for variable, url in bases.items()}
        self._headers = [("Content-Type", "application/json"), ("Accept", "application/json")]
        self._headers += [("Accept-Encoding", "identity"), ("User-Agent", "onestack-workflow-engine")]
        if token:
            self._headers.append(("Authorization", f"Bearer {token}"))

    async def send(self, call: Call, method: str, variable: str, path: str, body: Any) -> Outcome:
        """The outcome of `method` on `path` of the module whose base URL `variable` sets, with `body` as JSON."""
        base, problem = self._bases[variable]
        if base is None:
            return CannotPerformError("refused", problem).failed()
        headers = CIMultiDict(self._headers)
        # The draft of Idempotency-Key makes it a structured-field string: with quotes.
        headers["Idempotency-Key"] = f'"{call.command_id}"'
        headers["traceparent"] = call.traceparent
        headers["X-OneStack-Causation"] = call.causation
        return await self._exchange.send(method, URL(base + path, encoded=True), headers, orjson.dumps(body))


def _base(variable: str, url: str | None) -> tuple[str | None, str]:
    """A base URL that paths can be put behind, or why there is none."""
    if not url:
        return None, f"{variable} is not set"
    try:
        parsed = URL(url)
        usable = parsed.scheme in {"http", "https"} and bool(parsed.host) and parsed.port is not None
    except ValueError:
        usable = False
    if not usable or parsed.query_string or parsed.fragment:
        return None, f"{variable} is not a base URL such as https://psa.example.com"
    return str(parsed).rstrip("/"), ""


def segment(name: str, value: Any) -> str:
    """An id as one segment of a path, percent-quoted. Raises CannotPerformError where it can't be an id."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise CannotPerformError("parameters", f"{name} has to be text, not {_kind(value)}")
    if not value.strip():
        raise CannotPerformError("parameters", f"{name} is empty")
    if value in {".", ".."}:
        raise CannotPerformError("parameters", f"{name} can't be {value!r}")
    if _PLAIN.fullmatch(value):
        return value
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise CannotPerformError("parameters", f"{name} is not valid text") from None


def without(input: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The parameters that go into the body: all but those that stand in the path."""
    return {name: value for name, value in input.items() if name not in names}


def entity(call: Call) -> tuple[str, str]:
    """The path segments of the entity that an action is about: the parameters, or else the triggering entity."""
    kind = call.input.get("entity_type", call.entity_type)
    id = call.input.get("entity_id", call.entity_id)
    return segment("entity_type", kind), segment("entity_id", id)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", bool: "true or false", float: "a fraction"}
    return names.get(type(value), "nothing")
