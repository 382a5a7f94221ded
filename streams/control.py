"""The agent on the control topic: people cancel, resume, run again and replay; guards say which runs may start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from engine.run import fold, resume
from engine.walk import text_of
from engine.workflow import compile_workflow
from runtime import tracing
from runtime.kafka import LARGEST_RECORD, partition_of
from runtime.logging import logger
from schemas.definitions import parse_definition
from schemas.entries import entry
from schemas.errors import Refused
from schemas.events import from_envelope
from schemas.messages import Control, read_control
from schemas.names import RUNS, rerun_id
from schemas.replays import subject
from streams import dead_letters, spans
from streams.commands import checked_state
from streams.emit import BATCH_HEADERS, claim_id, emit
from streams.signals import Mark
from streams.starting import Starts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.workflow import Workflow
    from streams.ledger import Ledger
    from streams.parts import Parts


async def control(parts: Parts, batches: AsyncIterator[Any]) -> None:
    """Take batches as they come."""
    async for event in batches:
        _ = parts.spawn(_batch(parts, event))


async def _batch(parts: Parts, event: Any) -> None:
    records: list[Any] = event.value
    ledger = parts.ledgers[event.message.partition]
    await parts.definitions.ready.wait()
    await parts.known(ledger, records)
    if not ledger.open:
        return
    requests = _Requests(parts, ledger)
    for record in records:
        requests.take(record)
    await requests.starts.finish(event)


class _Requests:
    """One batch of requests."""

    def __init__(self, parts: Parts, ledger: Ledger) -> None:
        self._parts, self._ledger = parts, ledger
        self.starts = Starts(parts, ledger)

    def take(self, record: Any) -> None:
        parts = self._parts
        self.starts.record = record
        try:
            request = read_control(record.value)
            key = request.entity_key.encode()
            home = partition_of(key, parts.partitions)
            if home != record.partition:
                self.starts.sent.append(
                    parts.publisher.put(record.topic, home, key, record.value, list(record.headers or ()))
                )
            else:
                getattr(self, f"_{request.action}")(request, key, record)
        except Refused as refused:
            self._refuse(record, refused)
        except Exception as error:  # noqa: BLE001 - a bug of ours with one request must not stop the stream
            logger("control").exception("a request could not be met", topic=record.topic, partition=record.partition,
                                        offset=record.offset)  # fmt: skip
            self._refuse(record, Refused.one("", f"internal error: {type(error).__name__}: {error}"[:500]))

    def _refuse(self, record: Any, refused: Refused) -> None:
        self.starts.sent.append(dead_letters.put(self._parts.publisher, record, refused, self._parts.partitions))

    def _cancel(self, request: Control, key: bytes, record: Any) -> None:
        by = _by(request)
        asked = tracing.context_in(record.headers) if tracing.active is not None else None
        mark = Mark(record.timestamp, None, request.run_id, by, traceparent=asked.header() if asked else None)
        parts, ledger = self._parts, self._ledger
        written = parts.signals.remember(parts.publisher, ledger.partition, key, mark)
        interrupted, _ = parts.timers.interrupt(ledger, key)
        self.starts.sent += [*([written] if written is not None else []), *interrupted]

    def _resume(self, request: Control, key: bytes, record: Any) -> None:
        parts, ledger = self._parts, self._ledger
        workflow = _definition(request)
        try:
            state = checked_state(request.state or {})
        except (KeyError, TypeError, ValueError) as error:
            raise Refused.one("state", f"is not a run's state: {type(error).__name__}: {error}"[:300]) from None
        if (state.org, state.run) != (request.org, request.run_id):
            raise Refused.one("state", "is of another run than the request names")
        first = claim_id(state)
        if ledger.has(first):
            # Asked for twice, or the run has gone on since its state was read: what came first stands.
            if isinstance(self.starts.claim_of(first), int):
                again = parts.follow.again(ledger, key, state, record.timestamp, workflow.body)
                self.starts.sent.append(parts.spawn(again))
            return
        by = _by(request)
        now = parts.clock.now()
        entries = resume(workflow, state, now, parts.rules, by=by, step=request.step)
        after = fold(state, entries, workflow.body)
        if tracing.active is None:
            sent = emit(parts, ledger.partition, key, entries, after, record.timestamp, now)
        else:
            with spans.resuming(after, record):
                sent = emit(parts, ledger.partition, key, entries, after, record.timestamp, now)
        self.starts.add(first, sent)

    def _rerun(self, request: Control, key: bytes, record: Any) -> None:
        event = from_envelope(request.event)
        if event.org != request.org:
            raise Refused.one("event.orgid", f"is {event.org!r}, but the request is of {request.org!r}")
        workflow: Workflow | None
        if request.definition is not None:
            workflow = _definition(request)
        else:
            workflow = self._parts.definitions.registry.get(request.org, request.workflow or "")
            if workflow is None:
                raise Refused.one("workflow", f"{request.org} has no workflow {request.workflow!r} in force")
        earlier = request.run_id or ""
        run, by = rerun_id(earlier, request.id), _by(request)
        self.starts.of_request(workflow, event, key, record.timestamp, run, earlier, by)

    def _replay(self, request: Control, key: bytes, _record: Any) -> None:
        """An entry of a replay's record, under the number that whoever replays gave it: the first one stands."""
        note, replay = request.note, request.run_id or ""
        if note is None:
            return
        if self._ledger.has(first := f"{replay}:{note.seq}"):
            _ = self.starts.claim_of(first)
            return
        at = text_of(self._parts.clock.now())
        data = {**note.data, "by": _by(request)}
        told = entry(replay, note.seq, note.type, at, request.org, subject(replay), data)
        value = orjson.dumps([told])
        if len(value) > LARGEST_RECORD - 16 * 1024:
            raise Refused.one("note", f"has {len(value):,} bytes, which is more than a record may have")
        put = self._parts.publisher.put
        self.starts.add(first, [put(RUNS, self._ledger.partition, key, value, BATCH_HEADERS)])

    def _start(self, request: Control, key: bytes, record: Any) -> None:
        event, body = from_envelope(request.event), request.definition or {}
        if event.org != request.org:
            raise Refused.one("event.orgid", f"is {event.org!r}, but the request is of {request.org!r}")
        workflow = self._parts.follow.pinned(request.org, str(body.get("id")), request.digest or "", body)
        arrived = request.arrived if request.arrived is not None else record.timestamp
        self.starts.of_verdict(workflow, event, key, arrived, request)


def _by(request: Control) -> dict[str, Any]:
    return request.by.model_dump(exclude_none=True) if request.by else {}


def _definition(request: Control) -> Workflow:
    try:
        workflow = compile_workflow(parse_definition(request.definition or {}))
    except Refused as refused:
        raise Refused(
            fault._replace(field=f"definition.{fault.field}".rstrip(".")) for fault in refused.faults
        ) from None
    if workflow.org != request.org:
        raise Refused.one("definition.org", f"is {workflow.org!r}, but the request is of {request.org!r}")
    return workflow
