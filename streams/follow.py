"""What follows from an outcome or a signal: the engine decides, and what it decided is put on the topics."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson

from engine.run import decide, fold, interrupt, next_command
from engine.workflow import Pinned, Workflow
from runtime import tracing
from schemas.errors import Refused
from schemas.outcomes import Failed
from streams import spans
from streams.emit import claim_id, emit, send

if TYPE_CHECKING:
    from datetime import datetime

    from engine.run import RunState
    from schemas.entries import EntryDict
    from schemas.outcomes import Fired, Outcome
    from streams.emit import Sent
    from streams.ledger import Ledger
    from streams.parts import Parts
    from streams.signals import Seen


class Follow:
    """Decides for the runs of this worker, each under the version that it is pinned to."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._pinned = Pinned()

    def workflow(self, state: RunState) -> Workflow:
        """The compiled version that the run is pinned to."""
        return self.pinned(state.org, state.workflow["id"], state.digest, state.workflow)

    def pinned(self, org: str, workflow_id: str, digest: str, body: dict[str, Any]) -> Workflow:
        """The compiled version with this digest, which is the one in force or that of the body."""
        current = self._parts.definitions.registry.get(org, workflow_id)
        if current is not None and current.digest == digest:
            return current
        return self._pinned.get(digest, body)

    def outcome(self, ledger: Ledger, key: bytes, state: RunState, outcome: Outcome | Fired, arrived: int) -> Sent:
        """Decide what follows from an outcome, unless a signal that was seen ends or restarts the run."""
        now, workflow = self._parts.clock.now(), self.workflow(state)
        seen = self._parts.signals.find(ledger.partition, key, workflow, state, arrived)
        entries = decide(workflow, state, outcome, now, self._parts.rules, seen.signal if seen else None)
        if seen is not None:
            spans.signalled(seen)
        try:
            return self._emitted(ledger, key, state, entries, seen, arrived, now)
        except Refused as refused:
            if isinstance(outcome, Failed) and not outcome.retryable:
                raise
            # What the action gave makes the run too large to go on with: the step failed, though it was performed.
            failed = Failed({"kind": "internal", "message": str(refused)})
            return self.outcome(ledger, key, state, failed, arrived)

    def signal(self, ledger: Ledger, key: bytes, state: RunState, seen: Seen, arrived: int) -> Sent:
        """End or restart a run whose call has not begun, or that waits."""
        now, workflow = self._parts.clock.now(), self.workflow(state)
        entries = interrupt(workflow, state, seen.signal, now, self._parts.rules)
        return self._emitted(ledger, key, state, entries, seen, arrived, now)

    def _emitted(
        self,
        ledger: Ledger,
        key: bytes,
        state: RunState,
        entries: list[EntryDict],
        seen: Seen | None,
        arrived: int,
        now: datetime,
    ) -> Sent:
        if not entries:
            message = f"run {state.run} does not wait for this"
            raise ValueError(message)
        after = fold(state, entries)
        if seen is not None and seen.signal.kind == "restart":
            arrived = seen.appended
            if seen.signal.event is not None:
                # The log has it without what is sensitive; the run itself goes on with the event as it came.
                after.event = seen.signal.event
                if tracing.active is not None:
                    with spans.restarting(after, ledger.partition):
                        return emit(self._parts, ledger.partition, key, entries, after, arrived, now)
        return emit(self._parts, ledger.partition, key, entries, after, arrived, now)

    async def again(
        self,
        ledger: Ledger,
        key: bytes,
        state: RunState,
        arrived: int,
        body: dict[str, Any] | None = None,
    ) -> None:
        """A decision is in the log, but what follows from it may have been lost with the worker that wrote it.

        The log may have more of the run: a command that was lost on its way to Kafka may have been performed, and the
        one after it be lost as well. So it is followed to the last decision that the log has. `body` is the definition
        with which a run was resumed.
        """
        while isinstance(claim := ledger.find(claim_id(state)), int):
            value = await self._parts.ledgers.record(ledger, claim)
            if value is None:
                return
            after = fold(state, orjson.loads(value), body)
            if after.event is not state.event and after.generation == state.generation:
                after.event = state.event
            state = after
        # A decision that this worker has made, or makes now, is followed by what comes of it.
        await self.send_next(ledger, key, state, arrived)

    async def send_next(self, ledger: Ledger, key: bytes, state: RunState, arrived: int) -> None:
        """Send the command that follows from this state, unless its outcome is in the log already."""
        command = next_command(state)
        if command is not None and not ledger.has(claim_id(state)):
            await asyncio.wait((send(self._parts, ledger.partition, key, command, state, arrived),))
