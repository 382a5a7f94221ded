"""One agent per action topic: perform the command, decide what follows, send it on."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from engine.run import call_of, decide, state_from_json
from engine.workflow import Pinned, Workflow
from runtime.kafka import all_of
from runtime.logging import logger
from runtime.metrics import ACTION_SECONDS, CALLS_IN_FLIGHT, CALLS_WAITING
from schemas.errors import Refused
from schemas.outcomes import Failed, Succeeded
from streams import dead_letters
from streams.emit import ARRIVED, ENTRY, claim_id, emit, fold
from streams.ledger import older
from streams.triggers import send_next

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from actions.action import Action
    from engine.run import RunState
    from schemas.outcomes import Outcome
    from streams.ledger import Ledger
    from streams.parts import Parts


_KINDS: Final = {str: "text", int: "a number", dict: "an object"}


class Executor:
    """Performs the commands of one action. Commands of a batch run beside each other; a run is one chain of them."""

    def __init__(self, parts: Parts, action: Action) -> None:
        self._parts, self._action = parts, action
        self._pinned = Pinned()
        # Slots bound what a crash can repeat outside, and what the outside has to bear: the rest need none.
        self._reaches_out = getattr(action, "reaches_out", True)
        self._seconds = {ok: ACTION_SECONDS.labels(action.name, ok) for ok in ("succeeded", "failed")}
        self._log = logger("executor")

    async def run(self, batches: AsyncIterator[Any]) -> None:
        """Take batches as they come; none waits for another."""
        async for event in batches:
            _ = self._parts.spawn(self._batch(event))

    async def _batch(self, event: Any) -> None:
        records: list[Any] = event.value
        ledger = self._parts.ledgers[event.message.partition]
        await ledger.ready.wait()
        await self._parts.ledgers.reach_back(ledger, older(records))
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
            self._log.exception("a command could not be processed", topic=record.topic, offset=record.offset)
            return await self._refuse(record, Refused.one("", f"internal error: {type(error).__name__}: {error}"[:500]))

    async def _refuse(self, record: Any, refused: Refused) -> bool:
        """Make the command a dead letter: true, for its offset may be committed then."""
        await asyncio.wait((dead_letters.put(self._parts.publisher, record, refused, self._parts.partitions),))
        return True

    async def _one(self, record: Any, ledger: Ledger) -> bool:
        """Whether all that comes of this command is acknowledged, so that its offset may be committed."""
        entry_id = _header(record, ENTRY).decode("ascii", "replace")
        if entry_id and ledger.has(entry_id) and ledger.find(entry_id) is None:
            return True
        try:
            state = _read(record.value, self._action.name)
        except Refused as refused:
            return await self._refuse(record, refused)
        entry_id = claim_id(state)
        while ledger.has(entry_id):
            claim = ledger.find(entry_id)
            if claim is None:
                return True
            if isinstance(claim, int):
                await self._send_again(record, ledger, state, claim)
                return True
            await asyncio.wait((claim,))
            if claim.cancelled() and not (ledger.open and ledger.ready.is_set() and not self._parts.stopping):
                return False
        return await self._perform(ledger, record.key, state, _arrived(record))

    async def go_on(self, ledger: Ledger, key: bytes, state: RunState, arrived: int) -> None:
        """Perform a command that was just acknowledged; whatever goes wrong, its copy from Kafka is still to come."""
        if not ledger.has(claim_id(state)):
            try:
                await self._perform(ledger, key, state, arrived)
            except Exception:  # noqa: BLE001 - told, and left to the copy from Kafka
                self._log.exception("a command could not be processed", run=state.run)

    async def _perform(self, ledger: Ledger, key: bytes, state: RunState, arrived: int) -> bool:
        parts, entry_id = self._parts, claim_id(state)
        claim = ledger.claim(entry_id, time.time())
        share = f"{state.org}/{self._action.name}" if self._reaches_out else ""
        if share:
            await parts.slots.acquire(share)
        # The slot is held until the outcome is in the log: what a crash can repeat is what holds a slot.
        try:
            if not ledger.open or not ledger.ready.is_set() or parts.stopping:
                ledger.release(entry_id)
                return False
            ledger.begin(claim)
            outcome = await self._call(state)
            if not ledger.open:
                ledger.release(entry_id)
                return False
            after, sent = self._follow(state, outcome, ledger.partition, key, arrived)
            await _acknowledged(sent)
        except BaseException:
            # Whoever waits for this claim would wait for good.
            ledger.release(entry_id)
            raise
        finally:
            if share:
                parts.slots.release(share)
        ledger.settle(entry_id)
        parts.hand_on(ledger, key, after, arrived)
        return True

    def _follow(
        self, state: RunState, outcome: Outcome, partition: int, key: bytes, arrived: int
    ) -> tuple[RunState, list[asyncio.Future[None]]]:
        """The state after this outcome, and the acknowledgements to wait for."""
        now, workflow = datetime.now(UTC), self._workflow(state)
        entries = decide(workflow, state, outcome, now)
        after = fold(state, entries)
        try:
            return after, emit(self._parts, partition, key, entries, after, arrived, now)
        except Refused as refused:
            if not isinstance(outcome, Succeeded):
                raise
            # What the action gave makes the run too large to go on with: the step failed, though it was performed.
            failed = Failed({"kind": "internal", "message": str(refused)})
            return self._follow(state, failed, partition, key, arrived)

    async def _call(self, state: RunState) -> Outcome:
        began = asyncio.get_running_loop().time()
        outcome: Outcome
        try:
            outcome = await self._action.perform(call_of(state))
        except Exception as error:  # noqa: BLE001 - a bug in an action fails that step, not the stream
            self._log.exception("an action raised", action=self._action.name, run=state.run)
            outcome = Failed({"kind": "internal", "message": f"internal error: {type(error).__name__}"})
        took = asyncio.get_running_loop().time() - began
        self._seconds["succeeded" if isinstance(outcome, Succeeded) else "failed"].observe(took)
        return outcome

    def _workflow(self, state: RunState) -> Workflow:
        """The compiled version that the run is pinned to."""
        current = self._parts.definitions.registry.get(state.org, state.workflow["id"])
        if current is not None and current.digest == state.digest:
            return current
        return self._pinned.get(state.digest, state.workflow)

    async def _send_again(self, record: Any, ledger: Ledger, state: RunState, offset: int) -> None:
        """The outcome is in the log, but what follows from it may have been lost with the worker that wrote it."""
        value = await self._parts.ledgers.record(ledger, offset)
        if value is not None:
            after = fold(state, orjson.loads(value))
            await send_next(self._parts, ledger, record.key, after, _arrived(record))


def _read(value: bytes | None, action: str) -> RunState:
    """The state that a command carries. Raises Refused."""
    try:
        command = orjson.loads(value or b"")
        if command["action"] != action:
            raise Refused.one("action", f"is {command['action']!r} on the topic of {action!r}")
        if command["format"] != 1:
            raise Refused.one("format", f"{command['format']!r} is not known to this version")
        state = state_from_json(command["state"])
    except orjson.JSONDecodeError as error:
        raise Refused.one("", f"not JSON: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise Refused.one("", f"not a command: {type(error).__name__}: {error}"[:300]) from None
    for name, kind in (("run", str), ("org", str), ("subject", str), ("seq", int), ("workflow", dict), ("event", dict)):
        if not isinstance(getattr(state, name), kind):
            raise Refused.one(f"state.{name}", f"should be {_KINDS[kind]}")
    return state


def _header(record: Any, wanted: str) -> bytes:
    for name, value in record.headers or ():
        if name == wanted:
            return value or b""
    return b""


def _arrived(record: Any) -> int:
    given = _header(record, ARRIVED)
    arrived: int = int(given) if given.isdigit() else record.timestamp
    return arrived


async def _acknowledged(sent: list[asyncio.Future[None]]) -> None:
    for future in all_of(sent):
        await future


def observe(parts: Parts) -> None:
    """Bring the gauges up to date."""
    CALLS_IN_FLIGHT.set(parts.slots.in_flight)
    CALLS_WAITING.set(parts.slots.waiting)
