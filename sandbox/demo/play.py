"""The demo's course: workflows in force, a morning of events, and waiting until all of it has been dealt with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

import orjson

from runtime.postgres import Connection
from sandbox.demo import bad
from sandbox.demo.evidence import LogReader
from sandbox.demo.expect import Event, run_of
from sandbox.demo.morning import BEGINS, ENDS, Happening, Morning
from sandbox.errors import SandboxError
from sandbox.modules.publisher import Publisher, Sent
from sandbox.stack import WORKFLOWS, Stack
from schemas.documents import load_yaml
from schemas.names import DEFINITIONS

_RECEIVER = "http://127.0.0.1:7107"  # where the definitions expect the webhook receiver
_IN_FORCE = 1.0  # seconds in which a definition is in force on every worker (DESIGN.md)
_QUIET = 20.0  # seconds without anything new after which no more is waited for

Tell = Callable[[int, int, int], None]
"""Called with events published, runs finished, and runs in the history."""


def definitions(webhook: str) -> list[dict[str, Any]]:
    """The demo's own workflows, for a webhook receiver at this URL."""
    texts = (file.read_text().replace(_RECEIVER, webhook) for file in sorted(WORKFLOWS.glob("*.yaml")))
    return [one for text in texts for one in load_yaml(text)]


class Play:
    """Plays one morning on a stack that runs."""

    def __init__(self, stack: Stack, log: LogReader, connection: Connection, seed: int, count: int) -> None:
        if stack.modules.publisher is None:
            raise SandboxError("the demo needs a broker")
        self._publisher: Publisher = stack.modules.publisher
        self._modules = stack.modules
        self._log = log
        self._connection = connection
        self._tag = token_hex(3)
        self.definitions = definitions(stack.modules.url("webhook"))
        mistakes = bad.events(self._tag)
        self.happenings = Morning(seed, count - len(mistakes), datetime.now(UTC)).happenings()
        self._mistakes = mistakes
        self.bad: list[Sent] = []
        self.total = count

    @property
    def events(self) -> list[Event]:
        """Every event that was published so far, those that modules caused included."""
        return self._publisher.events

    async def put_in_force(self) -> None:
        """Publish all definitions, and some that are refused; return when every worker has them."""
        for definition in self.definitions:
            key = f"{definition['org']}/{definition['id']}".encode()
            await self._publisher.raw(DEFINITIONS, orjson.dumps(definition), key)
        accepted = next(one for one in self.definitions if one["version"] > 1)
        await self._send(bad.definitions(accepted))
        # The topic has one order: when the refused ones have come out as dead letters, all before are in force.
        await self._until(lambda: len(self._log.seen.dead_letters) >= len(self.bad), "the definitions to be read")
        await asyncio.sleep(_IN_FORCE)

    async def publish(self, seconds: float, tell: Tell) -> None:
        """Publish the morning's events within `seconds`, and the bad records among them."""
        began = time.monotonic()
        pace = seconds / (ENDS - BEGINS)
        sending: set[asyncio.Task[Any]] = set()
        every = max(1, len(self.happenings) // len(self._mistakes))
        mistakes = list(self._mistakes)
        for number, happening in enumerate(self.happenings):
            late = began + (happening.minute - BEGINS) * pace - time.monotonic()
            if late > 0:
                await asyncio.sleep(late)
            sending.add(asyncio.create_task(self._modules.publish(self._event(happening))))
            if mistakes and number % every == 0:
                sending.add(asyncio.create_task(self._send([mistakes.pop(0)])))
            if number % 25 == 0:
                tell(number + len(self._mistakes) - len(mistakes), len(self._log.seen.runs), await self._kept())
        await asyncio.gather(*sending)
        await self._send(mistakes)
        tell(self.total, len(self._log.seen.runs), await self._kept())

    async def settle(self, tell: Tell) -> bool:
        """Wait until log and history have the end of everything; False where nothing moves any more."""
        last: tuple[int, ...] = ()
        moved = time.monotonic()
        while True:
            wanted = self.runs_wanted()
            state = (
                wanted,
                len(self._log.seen.runs),
                await self._kept(),
                len(self._log.seen.dead_letters),
                await self._letters(),
            )
            tell(self.total, state[1], state[2])
            if min(state[1:3]) >= wanted and min(state[3:]) >= len(self.bad):
                await asyncio.sleep(0.5)  # whatever is too much has come by then as well
                return True
            if state != last:
                last, moved = state, time.monotonic()
            elif time.monotonic() - moved > _QUIET:
                return False
            await asyncio.sleep(0.2)

    def runs_wanted(self) -> int:
        """How many runs the events published so far should start."""
        return len({run for event in self.events if (run := run_of(event)) is not None})

    def _event(self, it: Happening) -> Event:
        id = f"morning-{self._tag}-{it.number}"
        return self._publisher.event(it.type, it.org, it.data, module=it.module, id=id)

    async def _send(self, records: list[bad.Record]) -> None:
        for topic, value, key, headers in records:
            self.bad.append(await self._publisher.raw(topic, value, key, headers))

    async def _kept(self) -> int:
        return int(await self._connection.fetchval("select count(*) from history.runs where finished_at is not null"))

    async def _letters(self) -> int:
        return int(await self._connection.fetchval("select count(*) from history.dead_letters"))

    async def _until(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _QUIET
        while not done():
            if time.monotonic() > deadline:
                raise SandboxError(f"waited {_QUIET:.0f} s for {what}; the workers' logs say why not")
            await asyncio.sleep(0.05)
