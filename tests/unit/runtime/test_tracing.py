"""When traces are on, which are kept, and what becomes of spans that nobody takes."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from structlog.testing import capture_logs

from runtime import tracing
from runtime.metrics import SPANS
from runtime.otel import Counted, Export, Sampling, Told, open_export
from runtime.settings import Settings
from runtime.tracing import CLIENT, CURRENT, Context, Span, Untraced, asked_for, context_in, context_of
from schemas.errors import Refused

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.fixture(autouse=True)
def _off_again() -> Iterator[None]:
    level = logging.getLogger("opentelemetry").level
    yield
    tracing.active = None
    logging.getLogger("opentelemetry").setLevel(level)


@pytest.mark.parametrize(
    ("environ", "asked"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "x", "OTEL_TRACES_SAMPLER": "always_on"}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": " None ", **ENDPOINT}, False),
        ({"OTEL_SDK_DISABLED": "TRUE", **ENDPOINT}, False),
        ({"OTEL_SDK_DISABLED": "no", **ENDPOINT}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
    ],
)
def test_traces_are_on_where_the_standard_variables_ask_for_them(environ: dict[str, str], asked: bool) -> None:
    assert asked_for(environ) is asked


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin", "'zipkin'"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"),
        ("OTEL_TRACES_SAMPLER", "sometimes", "'sometimes' is not known"),
        ("OTEL_TRACES_SAMPLER_ARG", "half", "'half' is not a number from 0 to 1"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5", "'1.5'"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "none", "not a positive whole number"),
        ("OTEL_BSP_SCHEDULE_DELAY", "0", "not a positive whole number"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(variable: str, value: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        open_export(Settings(), "worker", {**ENDPOINT, "OTEL_TRACES_SAMPLER": "traceidratio", variable: value})
    assert refused.value.field == variable
    assert reason in refused.value.reason


def test_nothing_of_opentelemetry_is_loaded_where_traces_are_off() -> None:
    code = (
        "import sys, projections.projector, streams.worker, cli.processes\n"
        "from runtime import tracing\nfrom runtime.settings import Settings\n"
        "tracing.configure(Settings(), 'worker', {})\n"
        "print([one for one in sys.modules if one.startswith('opentelemetry')], tracing.active)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[] None"


def test_the_hub_loads_no_more_of_it_than_fastapi_does() -> None:
    code = "import sys, hub.process; print([one for one in sys.modules if one.startswith('opentelemetry.sdk')])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_the_parents_decision_is_honoured_and_a_root_is_decided_by_its_trace_id() -> None:
    yes, no = Context(1, 2, 1), Context(1, 2, 0)
    usual = Sampling(None, None)
    assert (usual.keeps(1, yes), usual.keeps(1, no), usual.keeps(1, None)) == (True, False, True)
    tenth = Sampling("parentbased_traceidratio", "0.1")
    kept = [tenth.keeps(number << 40 | number, None) for number in range(0, 1 << 64, 1 << 52)]
    assert sum(kept) / len(kept) == pytest.approx(0.1, abs=0.001)
    assert kept == [tenth.keeps(number << 40 | number, None) for number in range(0, 1 << 64, 1 << 52)]
    assert tenth.keeps(2**64 - 1, yes)
    stubborn = Sampling("always_off", None)
    assert not stubborn.keeps(1, yes)
    assert Sampling("always_on", None).keeps(1, no)


@pytest.mark.parametrize(
    "given", [None, "", 7, "01-" + PARENT[3:], PARENT[:-1], PARENT.upper(), "00-" + "0" * 32 + PARENT[35:]]
)
def test_what_is_no_traceparent_is_nobodys_span(given: object) -> None:
    assert context_of(given) is None


def test_a_traceparent_is_read_and_written_alike() -> None:
    found = context_of(PARENT)
    assert found is not None
    assert found.header() == PARENT
    assert context_in([("other", b"x"), ("traceparent", PARENT.encode())]) == found
    assert context_in([("traceparent", b"\xff")]) is None
    assert context_in(None) is None


class Taken(SpanExporter):
    def __init__(self, *results: Any) -> None:
        self.spans: list[ReadableSpan] = []
        self._results = list(results)

    def export(self, spans: Any) -> SpanExportResult:
        result = self._results.pop(0) if self._results else SpanExportResult.SUCCESS
        if isinstance(result, Exception):
            raise result
        self.spans += spans if result is SpanExportResult.SUCCESS else []
        return result


def count(result: str) -> float:
    return SPANS.labels(result)._value.get()  # type: ignore[no-any-return]  # prometheus_client has no public way


def test_a_block_is_a_span_with_its_error_and_its_children_under_it() -> None:
    taken = Taken()
    export = Export(Counted(taken), Sampling(None, None), Resource({}))
    tracing.active = export

    def work() -> None:
        with Span("outer", CLIENT, Context(5, 6), context_of(PARENT), {"a": 1}) as outer:
            assert CURRENT.get() is outer
            with outer.child("inner", CLIENT, {}):
                pass
            with Untraced():
                assert CURRENT.get() is None
            raise ValueError("the payload")

    with pytest.raises(ValueError, match="the payload"):
        work()
    assert CURRENT.get() is None
    export.stop(5)
    inner, told = taken.spans
    assert (inner.name, told.name) == ("inner", "outer")
    assert inner.parent is not None
    assert told.parent is not None
    assert (inner.parent.span_id, inner.parent.is_remote) == (6, False)
    assert (told.parent.span_id, told.parent.is_remote) == (0xB7AD6B7169203331, True)
    assert dict(told.attributes or {}) == {"a": 1, "error.type": "ValueError"}
    assert "payload" not in told.to_json()


def test_a_receiver_that_is_away_is_said_once_and_what_it_misses_is_counted() -> None:
    spans = [SimpleNamespace()] * 3
    told = Told(
        Taken(SpanExportResult.FAILURE, ConnectionError("http://user:password@collector"), SpanExportResult.FAILURE)
    )
    dropped, exported = count("dropped"), count("exported")
    with capture_logs() as logs:
        told._log = told._log.bind()
        for _ in range(4):
            told.export(spans)  # type: ignore[arg-type]  # any three
    assert [line["log_level"] for line in logs] == ["warning", "info"]
    assert "password" not in str(logs)
    assert (count("dropped") - dropped, count("exported") - exported) == (9, 3)


def test_a_full_queue_drops_the_oldest_and_counts_it() -> None:
    taken = Taken()
    processor = Counted(taken, max_queue_size=2, max_export_batch_size=2, schedule_delay_millis=3_600_000)
    processor._batch_processor._worker_awaken.set = lambda: None  # type: ignore[method-assign]  # a thread that is busy
    export = Export(processor, Sampling(None, None), Resource({}))
    tracing.active, dropped = export, count("dropped")
    for number in range(5):
        Span(str(number), CLIENT, Context(5, 6 + number), None, {}).end()
    assert count("dropped") - dropped == 3
    processor.force_flush()
    assert [span.name for span in taken.spans] == ["3", "4"]
