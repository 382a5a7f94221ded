"""Spans to an OTLP receiver, by the OpenTelemetry SDK. Loaded only where traces are on.

Of the SDK these are used: the resource, the samplers' arithmetic, the span as it is exported, the batch processor with
its thread, and the OTLP exporter. Its tracer is not: it takes 23 µs a span, and making the exported span directly 2.
"""

from __future__ import annotations

import logging
import threading
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from runtime.logging import logger
from runtime.metrics import SPANS
from runtime.tracing import SAMPLED, Context, Span
from schemas.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runtime.settings import Settings

_KINDS: Final = (SpanKind.INTERNAL, SpanKind.SERVER, SpanKind.CLIENT, SpanKind.PRODUCER, SpanKind.CONSUMER)
_SAMPLERS: Final = ("always_on", "always_off", "traceidratio")
_PARENT: Final = "parentbased_"
_NUMBERS: Final = ("SCHEDULE_DELAY", "EXPORT_TIMEOUT", "MAX_QUEUE_SIZE", "MAX_EXPORT_BATCH_SIZE")
_EXPORTED, _DROPPED = SPANS.labels("exported"), SPANS.labels("dropped")
_FLAGS: Final = TraceFlags(SAMPLED)
_OK, _ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)
"""An error's text may hold anything; `error.type` is told instead."""


def open_export(settings: Settings, process: str, environ: Mapping[str, str]) -> Export:
    """The way to the receiver that the variables name. Raises Refused with the variable that can't be used."""
    _check(environ)
    sampler = Sampling(environ.get("OTEL_TRACES_SAMPLER"), environ.get("OTEL_TRACES_SAMPLER_ARG"))
    # What the SDK says of a collector that is away it says for each batch; we say it once.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    exporter = Told(OTLPSpanExporter())
    try:
        processor = Counted(exporter)
    except ValueError as error:
        raise Refused.one("OTEL_BSP_MAX_QUEUE_SIZE", str(error)) from None
    return Export(processor, sampler, _resource(settings, process, environ))


def _check(environ: Mapping[str, str]) -> None:
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if exporter not in {"", "otlp"}:
        raise Refused.one("OTEL_TRACES_EXPORTER", f"is {exporter[:60]!r}; otlp and none are known here")
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if (protocol := environ.get(name, "").strip().lower()) not in {"", "http/protobuf"}:
            raise Refused.one(
                name, f"is {protocol[:60]!r}; http/protobuf is spoken here, which collectors take on port 4318"
            )
    for name in (f"OTEL_BSP_{one}" for one in _NUMBERS):
        if (given := environ.get(name, "").strip()) and not (given.isdigit() and int(given) > 0):
            raise Refused.one(name, f"{given[:40]!r} is not a positive whole number")


def _resource(settings: Settings, process: str, environ: Mapping[str, str]) -> Resource:
    """Who exports: what the variables say wins over what we know."""
    ours = {"service.namespace": "onestack", "service.version": _version()}
    if settings.instance:
        ours["service.instance.id"] = settings.instance
    resource = Resource({SERVICE_NAME: f"onestack-{process}", **ours}).merge(Resource.create())
    named = environ.get("OTEL_SERVICE_NAME") or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    # The SDK fills in unknown_service where nothing is said.
    return resource if named else resource.merge(Resource({SERVICE_NAME: f"onestack-{process}"}))


def _version() -> str:
    try:
        return version("onestack-workflow-engine")
    except PackageNotFoundError:
        return "0"


class Sampling:
    """Which traces are kept, as `OTEL_TRACES_SAMPLER` says. The answer is the same for every span of a trace."""

    def __init__(self, name: str | None, argument: str | None) -> None:
        name = (name or "").strip().lower() or "parentbased_always_on"
        self._by_parent = name.startswith(_PARENT)
        root = name.removeprefix(_PARENT)
        if root not in _SAMPLERS:
            known = ", ".join([*_SAMPLERS, *(_PARENT + one for one in _SAMPLERS)])
            raise Refused.one("OTEL_TRACES_SAMPLER", f"{name[:60]!r} is not known: {known}")
        rate = {"always_on": 1.0, "always_off": 0.0}.get(root)
        if rate is None:
            rate = _rate(argument)
        self._below = TraceIdRatioBased(rate).bound

    def keeps(self, trace: int, parent: Context | None) -> bool:
        """Whether a trace is kept; `parent` is where it comes from, if not from here."""
        if self._by_parent and parent is not None:
            return bool(parent.flags & SAMPLED)
        return trace & TraceIdRatioBased.TRACE_ID_LIMIT < self._below


def _rate(argument: str | None) -> float:
    text = (argument or "").strip() or "1.0"
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0.0 <= rate <= 1.0:
        raise Refused.one("OTEL_TRACES_SAMPLER_ARG", f"{text[:40]!r} is not a number from 0 to 1")
    return rate


class Told(SpanExporter):
    """The exporter, with its failures counted, and said once until it works again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._failing = False
        self._log = logger("traces")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Called by the batch processor's thread."""
        try:
            result = self._exporter.export(spans)
        except Exception as error:  # noqa: BLE001 - whatever a network does, the next batch is tried
            result, why = SpanExportResult.FAILURE, type(error).__name__
        else:
            why = "not taken"
        if result is SpanExportResult.SUCCESS:
            _EXPORTED.inc(len(spans))
            if self._failing:
                self._log.info("spans are exported again")
            self._failing = False
            return result
        _DROPPED.inc(len(spans))
        if not self._failing:
            self._log.warning("spans can't be exported, and are dropped until they can", error=why)
        self._failing = True
        return result

    def shutdown(self) -> None:
        """Called by the batch processor when it ends."""
        self._exporter.shutdown()


class Counted(BatchSpanProcessor):
    """The batch processor, with what its full queue drops counted."""

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span; the oldest makes room for it where the queue is full."""
        waiting = self._batch_processor._queue  # noqa: SLF001 - the SDK tells nobody how full it is
        if len(waiting) == waiting.maxlen:
            _DROPPED.inc()
        super().on_end(span)


class Export:
    """What spans end in; see `runtime.tracing.Exporting`."""

    def __init__(self, processor: BatchSpanProcessor, sampling: Sampling, resource: Resource) -> None:
        self._processor, self._sampling, self._resource = processor, sampling, resource
        self._scope = InstrumentationScope("onestack", _version())
        self.sampled = sampling.keeps

    def finish(self, span: Span, ended: int) -> None:
        """Queue the span to be exported. Never waits, never raises."""
        parent = span.parent
        self._processor.on_end(
            ReadableSpan(
                span.name,
                _context(span.context, remote=False),
                None if parent is None else _context(parent, remote=span.remote),
                self._resource,
                span.attributes,
                (),
                [Link(_context(one)) for one in span.links] if span.links else (),
                _KINDS[span.kind],
                status=_OK if span.error is None else _ERROR,
                start_time=span.began,
                end_time=ended,
                instrumentation_scope=self._scope,
            )
        )

    def stop(self, seconds: float) -> None:
        """Export what is left, in at most so many seconds."""
        # The SDK's own waits as long as its exporter tries; this thread is left behind where it takes longer.
        ending: Any = threading.Thread(target=self._processor.shutdown, daemon=True)
        ending.start()
        ending.join(seconds)


def _context(given: Context, *, remote: bool = True) -> SpanContext:
    return SpanContext(given.trace, given.span, remote, _FLAGS)
