"""The spans of calls to outside, as the HTTP conventions name them; called only where a call belongs to a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime.tracing import CLIENT, CURRENT, HEADER
from schemas.outcomes import Failed

if TYPE_CHECKING:
    from multidict import CIMultiDict
    from yarl import URL

    from runtime.tracing import Span, Value
    from schemas.outcomes import Call, Outcome


def calling(caller: Span, method: str, url: URL, headers: CIMultiDict[str], *, secret_path: bool) -> Span:
    """The span of an HTTP call. Where the call carries a `traceparent`, it names this span from now on.

    Neither the query nor what stands before the host is ever told; with `secret_path` the path is not either.
    """
    facts: dict[str, Value] = {"http.request.method": method, "server.address": url.host or ""}
    if url.port is not None:
        facts["server.port"] = url.port
    shown = url.with_user(None).with_password(None).with_query(None).with_fragment(None)
    if secret_path:
        facts["url.scheme"] = url.scheme
    else:
        facts["url.full"] = str(shown)
    span = caller.child(method, CLIENT, facts)
    if HEADER in headers:
        headers[HEADER] = span.context.header()
    return span


def carried(call: Call) -> str:
    """The `traceparent` that a call begins with: one that says so where its trace is not kept."""
    given = call.traceparent
    return given if CURRENT.get() is not None or given.endswith("-00") else given[:-2] + "00"


def mailing(caller: Span, host: str, port: int) -> Span:
    """The span of handing a mail to its server, for which there are no conventions beyond those of the network."""
    facts: dict[str, Value] = {"network.protocol.name": "smtp", "server.address": host, "server.port": port}
    return caller.child("send mail", CLIENT, facts)


def told(span: Span, outcome: Outcome) -> None:
    """Say in the span what came of the call: its status, or of which kind the failure was."""
    if isinstance(outcome, Failed):
        error: Any = outcome.error
        span.fail(str(error["status"]) if "status" in error else str(error.get("kind", "internal")))
