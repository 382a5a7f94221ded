"""The records of the guards' hop: requests as they are written and read, and verdicts as they are sent."""

from __future__ import annotations

import time
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from engine.errors import RenderError
from engine.filters import as_text
from engine.guards import LONGEST, Request, entity_in, rank_of
from engine.paths import Scope
from runtime.kafka import LARGEST_RECORD, partition_of
from schemas.errors import Refused
from schemas.names import CONTROL, GUARD
from streams import spans

if TYPE_CHECKING:
    import asyncio

    from engine.workflow import Workflow
    from runtime.tracing import Span
    from schemas.events import Event
    from streams.parts import Parts

_LARGEST: Final = LARGEST_RECORD - 16 * 1024
_LONGEST_KEY: Final = 200


def request(parts: Parts, workflow: Workflow, event: Event, run: str, arrived: int) -> asyncio.Future[None]:
    """Ask for a run to be admitted; the future is done when the broker has the request.

    Raises Refused where it is larger than a record may be.
    """
    document: dict[str, Any] = {
        "format": 1,
        "run": run,
        "org": event.org,
        "entity_key": event.entity_key,
        "event": event.envelope,
        "definition": workflow.body,
        "digest": workflow.digest,
        "arrived": arrived,
        "ahead": ahead_of(parts),
    }
    if (throttle := workflow.throttle) is not None:
        per = min(throttle.per, LONGEST)
        document |= {
            "key": throttle_key(workflow, event, run),
            "limit": throttle.limit,
            "per": round(per.total_seconds() * 1000),
        }
    value = orjson.dumps(document)
    if len(value) > _LARGEST:
        raise Refused.one("", f"the request to start a run has {len(value):,} bytes; a record may have {_LARGEST:,}")
    key = f"{workflow.org}/{workflow.id}".encode()
    partition = partition_of(key, parts.partitions)
    if (span := spans.current()) is None:
        return parts.publisher.put(GUARD, partition, key, value)
    headers, sending = spans.asking(span, run, partition)
    put = parts.publisher.put(GUARD, partition, key, value, headers)
    put.add_done_callback(sending.done)
    return put


def throttle_key(workflow: Workflow, event: Event, run: str) -> str:
    """The throttle's key for this event. One that can't be rendered is empty, like one that renders to nothing."""
    scope = Scope(event.envelope, workflow.reference, {"id": run}, {})
    try:
        text = as_text(workflow.throttle.key.render(scope)) if workflow.throttle is not None else ""
    except RenderError:
        return ""
    if len(text) <= _LONGEST_KEY:
        return text
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{text[: _LONGEST_KEY - 33]}…{digest}"


def ahead_of(parts: Parts) -> int:
    """Milliseconds that our clock is set forward: 0 but in demos and tests."""
    return round((parts.clock.time() - time.time()) * 1000) if parts.clock.virtual else 0


class Verdict(NamedTuple):
    """A control record to be sent, and the span of the decision, where it is traced."""

    run: str
    key: bytes
    value: bytes
    span: Span | None


def tell(parts: Parts, verdict: Verdict) -> asyncio.Future[None]:
    """Send a verdict to the partition of the run's entity; the future is done when the broker has it."""
    partition = partition_of(verdict.key, parts.partitions)
    if verdict.span is None:
        return parts.publisher.put(CONTROL, partition, verdict.key, verdict.value)
    headers, sending = spans.verdict(verdict.span, verdict.run, partition)
    put = parts.publisher.put(CONTROL, partition, verdict.key, verdict.value, headers)
    put.add_done_callback(sending.done)
    return put


class Asked:
    """A record of the guard topic: a request, or a tick, which has none. Raises what a malformed one raises."""

    __slots__ = ("appended", "at", "key", "offset", "request")

    def __init__(self, record: Any) -> None:
        document = orjson.loads(record.value or b"")
        if document["format"] != 1:
            raise ValueError("its format is not known to this version")
        self.key: str = record.key.decode()
        self.offset: int = record.offset
        self.appended: int = record.timestamp
        self.at: int = record.timestamp + int(document["ahead"])
        self.request: Request | None = None
        if document.get("tick") is not True:
            self.request = _request(document)


def _request(document: dict[str, Any]) -> Request:
    event = document["event"]
    data, subject = event["data"], event["subject"]
    carried = {name: document[name] for name in ("org", "entity_key", "event", "definition", "digest", "arrived")}
    return Request(
        str(document["run"]), entity_in(data, subject), rank_of(data),
        document.get("key"), int(document.get("limit", 0)), int(document.get("per", 0)), carried,
    )  # fmt: skip


def verdict_of(
    span: Span | None,
    carried: dict[str, Any],
    run: str,
    verdict: str,
    reason: str,
    summary: dict[str, Any] | None = None,
) -> Verdict:
    """The control record that tells a verdict."""
    document = {"format": 1, "id": f"guard:{run}", "action": "start", "run_id": run, "verdict": verdict, **carried}
    if verdict != "admitted":
        document["reason"] = reason
    if summary is not None:
        document["summary"] = summary
    return Verdict(run, str(carried["entity_key"]).encode(), orjson.dumps(document), span)
