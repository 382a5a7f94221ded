"""The Hub's part of a trace: a request's span, the records that it sends, and the events that name it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from runtime import tracing
from runtime.tracing import PRODUCER, SERVER, Context, Span
from schemas.names import EVENT_TOPICS
from tests.integration.hub.live import Hub, Live
from tests.integration.hub.past import event
from tests.integration.hub.test_events import record_at

CALLER = Context(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331)


class Kept:
    """Takes the spans instead of an exporter; keeps what its caller keeps."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def sampled(self, _trace: int, parent: Context | None) -> bool:
        return parent is None or bool(parent.flags)

    def finish(self, span: Span, _ended: int) -> None:
        self.spans.append(span)

    def stop(self, seconds: float) -> None:
        """Nothing is left."""

    def of(self, kind: int) -> list[Span]:
        return [span for span in self.spans if span.kind == kind]


@pytest.fixture
def kept() -> Iterator[Kept]:
    tracing.active = found = Kept()
    yield found
    tracing.active = None


async def published(live: Live, hub: Hub, given: dict[str, Any], **headers: str) -> Any:
    ada = hub.of(given["orgid"])
    answer = await ada.ask("POST", "/events?secret=in-the-query", 202, json=given, headers=headers)
    (sent,) = answer.json()["items"]
    return await record_at(live, sent["topic"], sent["partition"], sent["offset"])


async def test_an_event_is_sent_under_the_request_which_is_under_its_caller(live: Live, hub: Hub, kept: Kept) -> None:
    record = await published(live, hub, event("traced-1", org=live.org()), traceparent=CALLER.header())
    (request,), (sending, *_) = kept.of(SERVER), kept.of(PRODUCER)
    assert (request.parent, request.context.trace) == (CALLER, CALLER.trace)
    assert request.name == "POST /api/v1/events"
    assert request.attributes == {
        "http.request.method": "POST",
        "url.scheme": "http",
        "http.route": "/api/v1/events",
        "http.response.status_code": 202,
    }
    assert (sending.name, sending.parent) == (f"send {EVENT_TOPICS['rmm']}", request.context)
    assert dict(record.headers)["traceparent"].decode() == sending.context.header()
    assert orjson.loads(record.value)["traceparent"] == request.context.header()


async def test_an_event_that_names_its_own_trace_keeps_it(live: Live, hub: Hub, kept: Kept) -> None:
    own = Context(7, 8).header()
    record = await published(live, hub, event("traced-2", org=live.org()) | {"traceparent": own})
    assert orjson.loads(record.value)["traceparent"] == own
    assert len(kept.of(SERVER)) == 1


async def test_a_caller_that_is_not_sampled_is_passed_on_and_nothing_else(live: Live, hub: Hub, kept: Kept) -> None:
    caller = CALLER._replace(flags=0).header()
    record = await published(live, hub, event("traced-3", org=live.org()), traceparent=caller)
    assert "traceparent" not in dict(record.headers)
    assert orjson.loads(record.value)["traceparent"] == caller, "so the run would be kept all the same"
    assert kept.spans == []


async def test_a_callers_trace_is_passed_on_where_traces_are_off(live: Live, hub: Hub) -> None:
    record = await published(live, hub, event("traced-4", org=live.org()), traceparent=CALLER.header())
    assert orjson.loads(record.value)["traceparent"] == CALLER.header()
    record = await published(live, hub, event("traced-5", org=live.org()), traceparent="nonsense")
    assert "traceparent" not in orjson.loads(record.value)


async def test_a_request_that_fails_says_with_what(live: Live, hub: Hub, kept: Kept) -> None:
    await hub.of(live.org()).get("/runs/no-such-run", 404)
    (request,) = kept.spans
    assert request.attributes["http.response.status_code"] == 404
    assert request.error is None, "a client's mistake is no error of the server"
    assert "no-such-run" not in request.name
