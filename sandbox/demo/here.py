"""`onestack demo --here`: the demo's workflows and a morning of its events, played into a stack that runs already.

For those who want to see a full house rather than a verdict: no time is set forward, and nothing is checked. What waits
for days waits. Workflows that are in force already stay as they are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import asyncpg
import orjson
from aiokafka.errors import KafkaError
from rich.console import Console

from runtime.postgres import Connection, connect
from sandbox.addresses import Addresses, read
from sandbox.demo import bad
from sandbox.demo.morning import BEGINS, ENDS, Happening, Morning
from sandbox.demo.play import definitions
from sandbox.demo.scenes import PLACES, scenes
from sandbox.errors import SandboxError
from sandbox.folder import wanted_folder
from sandbox.modules.publisher import Publisher
from sandbox.status import Counts, read_counts
from schemas.names import DEFINITIONS
from schemas.templates import built_in, fill

_EVENTS: Final = 2000
_SECONDS: Final = 8.0  # in which the morning is played
_IN_FORCE: Final = 20.0  # seconds for all workflows to be in force
_SETTLED: Final = 1.5  # seconds without a change after which all has come to its end
_PATIENCE: Final = 60.0  # seconds for that
_THERE: Final = """
select count(*) from history.workflows
 where (org_id, workflow_id) in (select * from unnest($1::text[], $2::text[]))"""


def play_here(*, data_dir: Path | None = None) -> int:
    """Play it; the exit code. Raises SandboxError where nothing runs on the folder."""
    console = Console()
    folder = wanted_folder(data_dir)
    return asyncio.run(_play(read(folder), folder, console))


async def _play(addresses: Addresses, folder: Path, console: Console) -> int:
    began = time.monotonic()
    async with _connected(addresses, folder) as (publisher, connection):
        guest = Guest(publisher, connection, addresses.webhook)
        console.print(f"Putting {len(guest.definitions)} workflows of six service providers in force …")
        await guest.put_in_force()
        console.print(
            f"Publishing {_EVENTS:,} events of a morning, and what the ten templates are for …", highlight=False
        )
        await guest.publish()
        counts = await guest.settle()
    console.print(f"{counts.sentence()}. Took {time.monotonic() - began:.0f} s.", highlight=False)
    if addresses.web is not None:
        console.print(f"The web app has it: {addresses.web}  (sign in to northwind, for example)", highlight=False)
    return 0


@asynccontextmanager
async def _connected(addresses: Addresses, folder: Path) -> AsyncIterator[tuple[Publisher, Connection]]:
    publisher = Publisher(addresses.broker)
    try:
        await publisher.start()
        connection = await connect(addresses.postgres)
    except (KafkaError, OSError, asyncpg.PostgresError) as error:
        await publisher.stop()
        message = f"What ran on {folder} does not answer ({error}): is 'onestack up' still running there?"
        raise SandboxError(message) from None
    try:
        yield publisher, connection
    finally:
        await publisher.stop()
        await connection.close(timeout=5)


@dataclass(slots=True)
class Guest:
    """Plays on parts that are not its own: the stand-in modules learn of its events from Kafka."""

    publisher: Publisher
    connection: Connection
    webhook: str
    seed: int = 1

    @property
    def definitions(self) -> list[dict[str, Any]]:
        """The demo's own workflows, and the ten templates where they belong."""
        filled = [fill(built_in()[name], place.values, place.org, state="enabled") for name, place in PLACES.items()]
        return [*definitions(self.webhook), *filled]

    async def put_in_force(self) -> None:
        """Publish all definitions; returns when the history has them, and so every worker."""
        keys = [(one["org"], one["id"]) for one in self.definitions]
        for (org, id), body in zip(keys, self.definitions, strict=True):
            await self.publisher.raw(DEFINITIONS, orjson.dumps(body), f"{org}/{id}".encode())
        orgs, ids = [org for org, _ in keys], [id for _, id in keys]
        deadline = time.monotonic() + _IN_FORCE
        while await self._count(orgs, ids) < len(keys):
            if time.monotonic() > deadline:
                raise SandboxError(f"Waited {_IN_FORCE:.0f} s for the workflows; the projector's log says why not.")
            await asyncio.sleep(0.1)
        await asyncio.sleep(1.0)  # in which they are in force on every worker (DESIGN.md)

    async def publish(self) -> None:
        """Publish the morning within a few seconds, with the bad records, and what happens around the templates."""
        tag = token_hex(3)
        mistakes = bad.events(tag)
        happenings = Morning(self.seed, _EVENTS - len(mistakes), datetime.now(UTC)).happenings()
        began, pace = time.monotonic(), _SECONDS / (ENDS - BEGINS)
        sending = [asyncio.create_task(self.publisher.raw(*one)) for one in mistakes]
        for scene in scenes(self.seed):
            if scene.at <= timedelta():
                org = PLACES[scene.template].org
                sending += [
                    asyncio.create_task(self.publisher.publish(
                        self.publisher.event(one.type, org, one.data, module=one.module)))
                    for one in scene.happens if one.ticket is None
                ]  # fmt: skip
        for happening in happenings:
            late = began + (happening.minute - BEGINS) * pace - time.monotonic()
            if late > 0:
                await asyncio.sleep(late)
            sending.append(asyncio.create_task(self.publisher.publish(self._event(happening, tag))))
        await asyncio.gather(*sending)

    async def settle(self) -> Counts:
        """Wait until nothing moves any more; what there is then."""
        counts, moved, deadline = Counts(), time.monotonic(), time.monotonic() + _PATIENCE
        while time.monotonic() - moved < _SETTLED and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
            found = await read_counts(self.connection)
            if found != counts:
                counts, moved = found, time.monotonic()
        return counts

    async def _count(self, orgs: list[str], ids: list[str]) -> int:
        return int(await self.connection.fetchval(_THERE, orgs, ids))

    def _event(self, it: Happening, tag: str) -> dict[str, Any]:
        return self.publisher.event(it.type, it.org, it.data, module=it.module, id=f"morning-{tag}-{it.number}")
