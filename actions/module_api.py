"""Calls of the One Stack modules: the same headers, body and rules for all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson
from multidict import CIMultiDict
from yarl import URL

from actions import spans
from actions.errors import CannotPerformError
from actions.exchange import Exchange
from runtime import tracing
from schemas.names import parse_traceparent
from schemas.outcomes import Call, Outcome
from schemas.requests import MakeRequest, Unsendable


class ModuleApi:
    """The modules' HTTP APIs. `bases` are the base URLs by the name of the variable that sets them."""

    def __init__(self, exchange: Exchange, bases: Mapping[str, str | None], token: str | None) -> None:
        self._exchange = exchange
        self._bases = {variable: _base(variable, url) for variable, url in bases.items()}
        self._headers = [("Content-Type", "application/json"), ("Accept", "application/json")]
        self._headers += [("Accept-Encoding", "identity"), ("User-Agent", "onestack-workflow-engine")]
        if token:
            self._headers.append(("Authorization", f"Bearer {token}"))

    async def perform(self, call: Call, made: MakeRequest) -> Outcome:
        """The outcome of the module call that is made of the parameters."""
        try:
            method, variable, path, body = made(call.input, call.entity_type, call.entity_id)
        except Unsendable as error:
            return CannotPerformError("parameters", str(error)).failed()
        base, problem = self._bases[variable]
        if base is None:
            return CannotPerformError("refused", problem).failed()
        headers = CIMultiDict(self._headers)
        # The draft of Idempotency-Key makes it a structured-field string: with quotes.
        headers["Idempotency-Key"] = f'"{call.command_id}"'
        headers["traceparent"] = call.traceparent if tracing.active is None else spans.carried(call)
        if (state := tracestate(call)) is not None:
            headers["tracestate"] = state
        headers["X-OneStack-Causation"] = call.causation
        return await self._exchange.send(method, URL(base + path, encoded=True), headers, orjson.dumps(body))


def tracestate(call: Call) -> str | None:
    """What other tracers want carried along with the event's `traceparent`, as it came."""
    state = call.event.get("tracestate")
    if state is None or not isinstance(state, str) or _TRACESTATE.fullmatch(state) is None:
        return None
    return state if parse_traceparent(call.event.get("traceparent")) is not None else None


# Opaque to us, but for what could not stand in a header; 512 characters are what a tracer has to carry.
_TRACESTATE = re.compile(r"[\x20-\x7e]{1,512}")


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
