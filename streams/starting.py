"""Starts runs: what an agent's batch began, and what has to be acknowledged before the batch is."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from engine.run import fold, start, suppress
from runtime import tracing
from runtime.logging import logger
from runtime.metrics import EVENT_TO_START, EVENTS, RUNS
from schemas.names import run_id
from streams import guard_records, guards, spans
from streams.emit import emit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.workflow import Workflow
    from schemas.entries import EntryDict
    from schemas.events import Event
    from schemas.messages import Control
    from streams.emit import Sent
    from streams.ledger import Claim, Ledger
    from streams.parts import Parts

_IN_ONE_GO: Final = 500
"""Workflows that a batch's events are held against before others have their turn: about 25 ms of work. A batch of few
workflows never comes to that; one event of an organisation with 10,000 that listen to it does."""
_REPEATED = EVENTS.labels("repeated")
_STARTED = RUNS.labels("started")


class _Again(NamedTuple):
    """A run that stands in the log, but whose first command may have been lost with the worker that wrote it."""

    event: Event
    workflow_id: str
    versions: Iterable[Workflow]
    offset: int
    arrived: int
    record: Any


class Starts:
    """One batch on its way: what was claimed, what was begun, what is to be acknowledged before the batch is."""

    def __init__(self, parts: Parts, ledger: Ledger) -> None:
        self._parts, self._ledger = parts, ledger
        self._claimed: set[str] = set()
        self._again: list[_Again] = []
        self._in_one_go = self._acknowledged = 0
        self.record: Any = None
        """The one that is being looked at, for the traces."""
        self.sent: list[asyncio.Future[None]] = []

    def of_event(self, workflow: Workflow, event: Event, key: bytes, arrived: int) -> None:
        """Start the run of this workflow that this event starts, or ask its guard."""
        self._in_one_go += 1
        run = run_id(event.org, workflow.id, event.source, event.id)
        if self._known(run, event, workflow.id, (workflow,), arrived):
            return
        if tracing.active is None:
            self._start(run, workflow, event, key, arrived)
        else:
            with spans.beginning(run, workflow.id, event, self.record):
                self._start(run, workflow, event, key, arrived)

    def _start(self, run: str, workflow: Workflow, event: Event, key: bytes, arrived: int) -> None:
        parts = self._parts
        signal = parts.signals.before(self._ledger.partition, key, workflow, event, arrived)
        entries = start(workflow, event, parts.clock.now(), parts.rules, signal=signal)
        if entries[0]["type"] == "run.started" and guards.needed(parts, workflow):
            self.sent.append(guard_records.request(parts, workflow, event, run, arrived))
        else:
            self._begin(run, entries, workflow, event, key, arrived)

    @property
    def tired(self) -> bool:
        """Whether so much was done in one go that `breathe` is due."""
        return self._in_one_go >= _IN_ONE_GO

    async def breathe(self) -> bool:
        """Let others have their turn until the broker has what was begun: neither the loop nor memory is one batch's.

        False where nothing more may be begun: the partition is going away, or the worker stops.
        """
        self._in_one_go = 0
        since, self._acknowledged = self._acknowledged, len(self.sent)
        if waits_for := {one for one in self.sent[since:] if not one.done()}:
            await asyncio.wait(waits_for)
        else:
            await asyncio.sleep(0)
        return self._ledger.open and self._ledger.ready.is_set() and not self._parts.stopping

    def of_verdict(self, workflow: Workflow, event: Event, key: bytes, arrived: int, control: Control) -> None:
        """Start the run that a guard has admitted, or record that it was suppressed."""
        run = control.run_id or run_id(event.org, workflow.id, event.source, event.id)
        if self._known(run, event, workflow.id, (workflow,), arrived):
            return
        if tracing.active is None:
            self._obey(run, workflow, event, key, arrived, control)
        else:
            with spans.admitted(run, workflow.id, event, self.record):
                self._obey(run, workflow, event, key, arrived, control)

    def _obey(self, run: str, workflow: Workflow, event: Event, key: bytes, arrived: int, control: Control) -> None:
        parts, now = self._parts, self._parts.clock.now()
        if control.verdict == "admitted":
            signal = parts.signals.before(self._ledger.partition, key, workflow, event, arrived)
            entries = start(workflow, event, now, parts.rules, signal=signal)
        else:
            guard, reason = control.verdict or "throttle", control.reason or ""
            entries = suppress(workflow, event, now, guard, reason, parts.rules, run=run, summary=control.summary)
        self._begin(run, entries, workflow, event, key, arrived)

    def of_request(
        self, workflow: Workflow, event: Event, key: bytes, arrived: int, run: str, earlier: str, by: dict[str, Any]
    ) -> None:
        """Start a run that a person asked for, of an event that started one before."""
        if self._known(run, event, workflow.id, (workflow,), arrived):
            return
        parts = self._parts
        now = parts.clock.now()
        entries = start(workflow, event, now, parts.rules, run=run, rerun_of=earlier, by=by, forced=True)
        if tracing.active is None:
            self._begin(run, entries, workflow, event, key, arrived)
        else:
            with spans.running_again(run, workflow.id, event, self.record, earlier):
                self._begin(run, entries, workflow, event, key, arrived)

    def recall(self, event: Event, workflow_id: str, versions: Iterable[Workflow], arrived: int) -> None:
        """A redelivered event may have started a run of a workflow that is disabled or deleted by now."""
        run = run_id(event.org, workflow_id, event.source, event.id)
        if isinstance(claim := self._ledger.find(f"{run}:0"), int):
            self._again.append(_Again(event, workflow_id, versions, claim, arrived, self.record))

    def claim_of(self, first: str) -> Claim:
        """The claim of a decision that is known; where it is being made, the batch waits for what comes of it."""
        claim = self._ledger.find(first)
        # A repeat in the same batch would wait for itself: the claim is settled when the batch is finished.
        if isinstance(claim, asyncio.Future) and first not in self._claimed:
            self.sent.append(claim)
        return claim

    def add(self, first: str, sent: Sent) -> None:
        """A decision of a run that goes on: claimed under this id, and put on the topics."""
        _ = self._ledger.claim(first, time.time())
        self._claimed.add(first)
        self.sent += sent

    def _known(self, run: str, event: Event, workflow_id: str, versions: Iterable[Workflow], arrived: int) -> bool:
        first, ledger = f"{run}:0", self._ledger
        if not ledger.has(first):
            return False
        _REPEATED.inc()
        if isinstance(claim := self.claim_of(first), int):
            past = self._parts.definitions.registry.past(event.org, event.type).get(workflow_id, ())
            self._again.append(_Again(event, workflow_id, (*past, *versions), claim, arrived, self.record))
        return True

    def _begin(
        self, run: str, entries: list[EntryDict], workflow: Workflow, event: Event, key: bytes, arrived: int
    ) -> None:
        state = fold(None, entries, workflow.body)
        # The log has the event without what is sensitive; the run itself goes on with the event as it came.
        state.event = event.envelope
        parts, now = self._parts, self._parts.clock.now()
        sent = emit(parts, self._ledger.partition, key, entries, state, arrived, now)
        # Claimed only now: what does not fit into a record is refused by `emit`, before anything of it was sent.
        self.add(f"{run}:0", sent)
        if entries[0]["type"] == "run.started":
            _STARTED.inc()
            EVENT_TO_START.observe(max(0.0, now.timestamp() - arrived / 1000))

    async def finish(self, event: Any, *, whole: bool = True) -> None:
        """Wait for the broker, then ack the batch; one that was not taken in `whole` is to be delivered again."""
        for again in self._again:
            await self._send_again(again)
        for future in dict.fromkeys(self.sent):
            # Not `await future`: a claim that is given up is cancelled, which must not look like our own end.
            if not future.done():
                await asyncio.wait((future,))
            if not future.cancelled() and (error := future.exception()) is not None:
                logger("starting").error("a record was refused for its size", error=repr(error))
        for first in self._claimed:
            self._ledger.settle(first)
        if whole and self._ledger.open:
            event.ack()

    async def _send_again(self, again: _Again) -> None:
        value = await self._parts.ledgers.record(self._ledger, again.offset)
        if value is None:
            return
        entries = orjson.loads(value)
        pinned = entries[0]["data"].get("digest")
        workflow = next((one for one in again.versions if one.digest == pinned), None)
        if workflow is None:
            logger("starting").error(
                "a run can't go on: its version of the workflow is gone",
                run_id=entries[0]["id"].rpartition(":")[0],
                org_id=again.event.org,
                workflow_id=again.workflow_id,
            )
            return
        state = fold(None, entries, workflow.body)
        state.event = again.event.envelope
        with spans.repeated(state.run, again.workflow_id, again.event, again.record):
            await self._parts.follow.again(self._ledger, again.event.entity_key.encode(), state, again.arrived)
