"""The span of a request to the Hub, and what is sent to Kafka on its behalf; used only where traces are on."""

from __future__ import annotations

from typing import Any, Final

from runtime import tracing
from runtime.tracing import PRODUCER, SERVER, Context, Span, Untraced

_TRACEPARENT: Final = tracing.HEADER.encode()
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


def serving(scope: Any) -> Span | Untraced:
    """The span of a request, under that of who sent it. It is named by its route when that is known."""
    parent = next((_read(value) for name, value in scope["headers"] if name == _TRACEPARENT), None)
    trace = parent.trace if parent is not None else tracing.new_id() << 64 | tracing.new_id()
    if tracing.active is None or not tracing.active.sampled(trace, parent):
        return Untraced()
    method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
    facts: dict[str, tracing.Value] = {"http.request.method": method, "url.scheme": scope["scheme"]}
    return Span("HTTP" if method == "_OTHER" else method, SERVER, Context(trace, tracing.new_id()), parent, facts)


def served(span: Span | None, scope: Any, status: int) -> None:
    """Say in the span what was answered, and by which route; a path has ids in it, and a query may have anything."""
    if span is None:
        return
    route = getattr(scope.get("route"), "path", None) or scope.get("onestack.route")
    if route:
        span.attributes["http.route"] = route
        span.name = f"{span.name} {route}"
    if status:
        span.attributes["http.response.status_code"] = status
    if status >= 500:
        span.fail(str(status))


def carried(envelope: Any, given: str | None) -> Any:
    """An event that is sent on behalf of the request in progress, with its span as `traceparent` if it names none.

    `given` is the request's own `traceparent`, which is passed on where there is no span: also a caller's decision
    that a trace is not kept is to be known to all.
    """
    if not isinstance(envelope, dict) or envelope.get("traceparent") is not None:
        return envelope
    span = tracing.CURRENT.get() if tracing.active is not None else None
    if span is not None:
        return {**envelope, "traceparent": span.context.header()}
    return envelope if tracing.context_of(given) is None else {**envelope, "traceparent": given}


def sending(topic: str, partition: int) -> tuple[list[tuple[str, bytes]], Span] | None:
    """The sending of a record on behalf of the request in progress, and the headers that say so; None mostly."""
    if tracing.active is None or (span := tracing.CURRENT.get()) is None:
        return None
    facts: dict[str, tracing.Value] = {
        "messaging.system": "kafka",
        "messaging.destination.name": topic,
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.partition.id": str(partition),
    }
    sent = span.child(f"send {topic}", PRODUCER, facts)
    return [(tracing.HEADER, sent.context.header().encode())], sent


def _read(value: bytes) -> Context | None:
    return tracing.context_of(value.decode("latin-1").strip())
