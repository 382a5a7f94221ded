"""One agent per action topic: perform the command, decide what follows, send it on."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from engine.run import call_of
from runtime import tracing
from runtime.kafka import all_of
from runtime.logging import logger
from runtime.metrics import ACTION_SECONDS, REPEATED
from schemas.errors import Refused
from schemas.outcomes import Failed, Succeeded
from streams import dead_letters, spans
from streams.commands import arrived_of, entry_of, named, read_command
from streams.emit import claim_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from actions.action import Action
    from engine.run import RunState
    from engine.workflow import Workflow
    from schemas.outcomes import Outcome
    from streams.emit import Sent
    from streams.ledger import Ledger
    from streams.parts import Parts


class Executor:
    """Performs the commands of one action. Commands of a batch run beside each other; a run is one chain of them."""

    def __init__(self, parts: Parts, action: Action) -> None:
        self._parts, self._action = parts, action
        # Slots bound what a crash can repeat outside, and what the outside has to bear: the rest need none.
        self._reaches_out = getattr(action, "reaches_out", True)
        self._seconds = {ok: ACTION_SECONDS.labels(action.name, ok) for ok in ("succeeded", "failed")}
        self._repeated = REPEATED.labels(action.name)
        self._log = logger("executor")

    async def run(self, batches: AsyncIterator[Any]) -> None:
        """Take batches as they come; none waits for another."""
        async for event in batches:
            _ = self._parts.spawn(self._batch(event))

    async def _batch(self, event: Any) -> None:
        records: list[Any] = event.value
        ledger = self._parts.ledgers[event.message.partition]
        await self._parts.known_of(ledger, records)
        if not ledger.open:
            return
        if len(records) == 1:
            done = [await self._safely(records[0], ledger)]
        else:
            done = await asyncio.gather(*(self._safely(record, ledger) for record in records))
        if all(done):
            event.ack()

    async def _safely(self, record: Any, ledger: Ledger) -> bool:
        try:
            return await self._one(record, ledger)
        except Exception as error:  # noqa: BLE001 - a bug of ours, or a result too large for a record, must not hold up a partition
            self._log.exception("a command could not be processed", topic=record.topic, partition=record.partition,
                                offset=record.offset, entry_id=entry_of(record))  # fmt: skip
            return await self._refuse(record, Refused.one("", f"internal error: {type(error).__name__}: {error}"[:500]))

    async def _refuse(self, record: Any, refused: Refused) -> bool:
        """Make the command a dead letter: true, for its offset may be committed then."""
        await asyncio.wait((dead_letters.put(self._parts.publisher, record, refused, self._parts.partitions),))
        return True

    async def _one(self, record: Any, ledger: Ledger) -> bool:
        """Whether all that comes of this command is acknowledged, so that its offset may be committed."""
        entry_id = entry_of(record)
        if entry_id and ledger.has(entry_id) and ledger.find(entry_id) is None:
            if record.timestamp < ledger.given_at:
                self._repeated.inc()
            return True
        try:
            state = read_command(record.value, self._action.name)
        except Refused as refused:
            return await self._refuse(record, refused)
        entry_id, arrived = claim_id(state), arrived_of(record)
        while ledger.has(entry_id):
            claim = ledger.find(entry_id)
            if claim is None:
                return True
            if isinstance(claim, int):
                self._repeated.inc()
                await self._again(ledger, record, state, arrived)
                return True
            await asyncio.wait((claim,))
            if claim.cancelled() and not (ledger.open and ledger.ready.is_set() and not self._parts.stopping):
                return False
        return await self._perform(ledger, record.key, state, arrived, record)

    async def _again(self, ledger: Ledger, record: Any, state: RunState, arrived: int) -> None:
        with spans.repeating(state, ledger, record):
            await self._parts.follow.again(ledger, record.key, state, arrived)

    async def go_on(self, ledger: Ledger, key: bytes, state: RunState, arrived: int) -> None:
        """Perform a command that was just acknowledged; whatever goes wrong, its copy from Kafka is still to come."""
        if not ledger.has(claim_id(state)):
            try:
                await self._perform(ledger, key, state, arrived)
            except Exception:  # noqa: BLE001 - told, and left to the copy from Kafka
                self._log.exception("a command could not be processed", **named(state))

    def _perform(
        self, ledger: Ledger, key: bytes, state: RunState, arrived: int, record: Any = None
    ) -> Coroutine[Any, Any, bool]:
        """Perform a command, which came as this record or was handed on."""
        if tracing.active is None:
            return self._performed(ledger, key, state, arrived)
        return self._traced(ledger, key, state, arrived, record)

    async def _traced(self, ledger: Ledger, key: bytes, state: RunState, arrived: int, record: Any) -> bool:
        with spans.performing(state, ledger, record):
            return await self._performed(ledger, key, state, arrived)

    async def _performed(self, ledger: Ledger, key: bytes, state: RunState, arrived: int) -> bool:
        parts, entry_id = self._parts, claim_id(state)
        began = time.time()
        claim = ledger.claim(entry_id, began, queued=True)
        share = f"{state.org}/{self._action.name}" if self._reaches_out else ""
        if share:
            await parts.slots.acquire(share)
            # Where slots are scarce that may have taken longer than signals are kept in mind.
            await parts.remember(ledger, began)
        try:
            sent = await self._decided(ledger, key, state, arrived, claim, share)
            if sent is None:
                ledger.release(entry_id, claim)
                return False
            await _acknowledged(sent)
        except BaseException:
            # Whoever waits for this claim would wait for good.
            ledger.release(entry_id, claim)
            raise
        ledger.settle(entry_id)
        return True

    async def _decided(
        self, ledger: Ledger, key: bytes, state: RunState, arrived: int, claim: asyncio.Future[None], share: str
    ) -> Sent | None:
        """What follows from the call, whose outcome is in the log; None where the partition went away."""
        parts = self._parts
        # The slot is held until the outcome is in the log: what a crash can repeat is what holds a slot.
        try:
            if not parts.lease.held:
                # Another worker may have the partition by now. If so, the claim is gone before the lease is held again.
                await parts.lease.hold()
            if claim.done() or not ledger.open or not ledger.ready.is_set() or parts.stopping:
                return None
            ledger.begin(claim)
            sent = await self._step(ledger, key, state, arrived)
            if sent is not None:
                await sent[0]
            return sent
        finally:
            if share:
                parts.slots.release(share)

    async def _step(self, ledger: Ledger, key: bytes, state: RunState, arrived: int) -> Sent | None:
        """Perform the call, unless a signal was seen before it begins; None where the partition went away."""
        follow = self._parts.follow
        workflow = follow.workflow(state)
        seen = self._parts.signals.find(ledger.partition, key, workflow, state, arrived)
        if seen is not None:
            spans.signalled(seen)
            return follow.signal(ledger, key, state, seen, arrived)
        outcome = await self._call(state, workflow)
        return follow.outcome(ledger, key, state, outcome, arrived) if ledger.open else None

    async def _call(self, state: RunState, workflow: Workflow) -> Outcome:
        began = asyncio.get_running_loop().time()
        outcome: Outcome
        try:
            call = call_of(state, workflow, self._parts.rules)
            outcome = await self._action.perform(call)
        except Exception as error:  # noqa: BLE001 - a bug in an action fails that step, not the stream
            self._log.exception("an action raised", action=self._action.name, **named(state))
            outcome = Failed({"kind": "internal", "message": f"internal error: {type(error).__name__}"})
        took = asyncio.get_running_loop().time() - began
        self._seconds["succeeded" if isinstance(outcome, Succeeded) else "failed"].observe(took)
        if isinstance(outcome, Failed):
            self._failed(state, outcome)
        return outcome

    def _failed(self, state: RunState, outcome: Failed) -> None:
        """Say so in the log and in the trace: of which kind, and not what the other side said."""
        kind = outcome.error.get("kind", "internal")
        if (span := spans.current()) is not None:
            span.fail(kind)
        self._log.debug("a call failed", action=self._action.name, error=kind, status=outcome.error.get("status"),
                        retryable=outcome.retryable, **named(state))  # fmt: skip


async def _acknowledged(sent: list[asyncio.Future[None]]) -> None:
    for future in all_of(sent):
        await future
