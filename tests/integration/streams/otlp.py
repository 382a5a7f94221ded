"""An OTLP receiver by HTTP, and what a test asks of the spans that it got."""

from __future__ import annotations

import gzip
import http.server
import threading
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Received(NamedTuple):
    """A span as it was exported. Ids are in hex, links are (trace id, span id); `service` is who exported it."""

    service: str
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    began: int
    ended: int
    attributes: dict[str, Any]
    links: list[tuple[str, str]]
    failed: bool


class Receiver(http.server.ThreadingHTTPServer):
    """Takes exports; `raw` is all that was sent to it."""

    daemon_threads = True

    def __init__(self) -> None:
        self.raw = b""
        self.spans: list[Received] = []
        super().__init__(("127.0.0.1", 0), _Take)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that have a process export to it at once."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.server_port}",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }

    def of(self, trace: str) -> list[Received]:
        """The spans of a trace in the order in which they began."""
        return sorted((span for span in self.spans if span.trace == trace), key=lambda span: span.began)

    def close(self) -> None:
        """End it."""
        self.shutdown()
        self.server_close()


class _Take(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        assert self.path == "/v1/traces"
        self.server.raw += body
        self.server.spans += _read(body)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def outline(spans: list[Received], parent: str, depth: int = 0) -> list[str]:
    """The names of the spans below this one, indented, each with its kind; children in the order of their beginning."""
    found: list[str] = []
    for span in spans:
        if span.parent == parent:
            found += [f"{'  ' * depth}{span.kind} {span.name}", *outline(spans, span.id, depth + 1)]
    return found


def _read(body: bytes) -> list[Received]:
    request = ExportTraceServiceRequest.FromString(body)
    return [
        Received(
            _values(of_resource.resource.attributes)["service.name"],
            span.name,
            span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            span.start_time_unix_nano,
            span.end_time_unix_nano,
            _values(span.attributes),
            [(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
            span.status.code == 2,
        )
        for of_resource in request.resource_spans
        for of_scope in of_resource.scope_spans
        for span in of_scope.spans
    ]


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
