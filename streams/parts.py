"""What a worker's agents share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from runtime.kafka import Publisher, new_producer, started
from streams.definitions import Definitions
from streams.ledger import Ledgers
from streams.slots import Slots

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from actions.action import Action
    from engine.run import RunState
    from runtime.settings import Settings
    from streams.executors import Executor
    from streams.ledger import Ledger

_MOST_HANDED_ON: Final = 16


class Parts:
    """One worker's publisher, definitions, ledgers and actions."""

    publisher: Publisher

    def __init__(self, settings: Settings, actions: dict[str, Action], partitions: int) -> None:
        self.settings = settings
        self.actions = actions
        self.partitions = partitions
        self.definitions = Definitions(settings)
        self.ledgers = Ledgers(settings)
        self.slots = Slots(settings.max_calls)
        self.executors: dict[str, Executor] = {}
        self.stopping = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connect to Kafka."""
        self.publisher = Publisher(await started(new_producer(self.settings), "publisher"))
        await self.ledgers.start()
        self.definitions.start()

    async def drain(self, seconds: float) -> None:
        """Begin no more calls; wait for those in flight, and for what they lead to, at most this long."""
        self.stopping = True
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=seconds)

    async def stop(self) -> None:
        """Let go of everything; what was not finished is delivered again after a restart."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.definitions.stop()
        await self.ledgers.stop()
        await self.publisher.stop()

    def hand_on(self, ledger: Ledger, key: bytes, state: RunState, arrived: int) -> None:
        """Perform the next command of a run that was just acknowledged, without waiting to read it back from Kafka.

        The copy that Kafka delivers finds the claim, and only lets its offset be committed. A worker that is
        busy leaves the command to that copy: what Kafka delivers comes in batches, which cost less a record.
        """
        if state.current is None or self.stopping or len(self._tasks) >= _MOST_HANDED_ON:
            return
        executor = self.executors.get(state.current["action"])
        if executor is not None:
            _ = self.spawn(executor.go_on(ledger, key, state, arrived))

    def spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run beside the agents, and be waited for when the worker stops."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def on_assigned(self, partitions: set[int]) -> None:
        """These partitions are ours from now on."""
        self.ledgers.assign(partitions)

    async def on_revoked(self, partitions: set[int], patience: float) -> None:
        """A rebalance begins; returns when the calls in flight are in the log, or after so many seconds."""
        await self.ledgers.revoke(partitions, patience)
