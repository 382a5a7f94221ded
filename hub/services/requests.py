"""Requests about runs: put on the control topic, and looked for in the history until their effect shows.

Who asks brings how records are sent and how the history is reached: the command line has a connection of its own, the
Hub a transaction for each look.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from hub.services.records import Record
from projections import queries
from projections.queries import Row
from runtime.postgres import Connection
from schemas.errors import Refused
from schemas.messages import By, Control
from schemas.names import CONTROL, rerun_id

PATIENCE: Final = 10.0
"""Seconds in which an effect should show: a worker takes milliseconds, the projector less than one second."""
LARGEST: Final = 2_000_000
"""Bytes of a record, as the topics take them."""
_LOOK: Final = 0.2
_FIRST_LOOKS: Final = (0.02, 0.03, 0.05, 0.1)
"""Seconds between looks: most effects show within a few hundredths."""
_UNSETTLED: Final = frozenset({"running"})

Action = Literal["cancel", "resume", "rerun"]
Send = Callable[[Sequence[Record]], Awaitable[Any]]
Reach = Callable[[], AbstractAsyncContextManager[Connection]]


@dataclass(slots=True)
class Request:
    """One request: the record, the run in which its effect shows, and how many entries that has already.

    `result` says what came of it: cancelled, resumed, started, ended (before the request came), refused, or none, as
    long as nothing shows. `status` is the run's then, `reason` why it was refused.
    """

    control: Control
    watched: str
    before: int = 0
    result: str | None = None
    status: str | None = None
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """What came of it, for programs."""
        return {
            "run_id": self.control.run_id,
            "action": self.control.action,
            "result": self.result,
            "status": self.status,
            "reason": self.reason,
        } | ({"new_run_id": self.watched} if self.control.action == "rerun" else {})


def request(run: Row, action: Action, by: By, *, before: int = 0, name: str | None = None, **more: Any) -> Request:
    """A request about a run of the history, with the id `name` or a new one.

    Raises Refused where it is too large for a record.
    """
    control = Control(
        id=name or str(uuid.uuid4()),
        action=action,
        org=run["org_id"],
        entity_key=run["entity_key"],
        run_id=run["run_id"],
        by=by,
        **more,
    )
    size = len(_written(control))
    if size > LARGEST:
        raise Refused.one("", f"the request has {size:,} bytes; a record takes {LARGEST:,}")
    watched = rerun_id(run["run_id"], control.id) if action == "rerun" else run["run_id"]
    return Request(control, watched, before)


def record_of(control: Control) -> Record:
    """The record that asks for it."""
    return CONTROL, control.entity_key.encode(), _written(control), []


def _written(control: Control) -> bytes:
    return orjson.dumps(control.model_dump(mode="json", exclude_none=True))


async def ask(
    send: Send, reach: Reach, requests: Sequence[Request], patience: float = PATIENCE, *, settled: bool = True
) -> None:
    """Send them, and fill in what came of each, for so many seconds at most. Raises what `send` and `reach` raise.

    With `settled` it is also waited for that a run which goes on has come to its end, or to a wait.
    """
    since = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
    await send([record_of(one.control) for one in requests])
    deadline = time.monotonic() + patience
    looks = 0
    while pending := [one for one in requests if one.result is None or (settled and one.status in _UNSETTLED)]:
        async with reach() as connection:
            await _look(connection, pending)
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(_FIRST_LOOKS[looks] if looks < len(_FIRST_LOOKS) else _LOOK)
        looks += 1
    silent = [one for one in requests if one.result is None]
    if silent:
        async with reach() as connection:
            await refusals(connection, silent, since)


async def _look(connection: Connection, pending: Sequence[Request]) -> None:
    found = {row["run_id"]: row for row in await queries.run_statuses(connection, [one.watched for one in pending])}
    for one in pending:
        row = found.get(one.watched)
        if row is None:
            continue
        one.status = row["status"]
        if one.result is None:
            one.result = await _effect(connection, one)
            if one.result == "resumed":
                # The status was read before the log, and may be that of before: it is looked at again.
                one.status = "running"


async def _effect(connection: Connection, one: Request) -> str | None:
    action, status = one.control.action, one.status
    if action == "rerun":
        return "started"
    if action == "cancel":
        return "cancelled" if status == "cancelled" else None if status in {"running", "waiting"} else "ended"
    later = (await queries.run_log(connection, one.watched))[one.before :]
    if not later:
        return None
    return "resumed" if later[0]["type"] == "run.resumed" else "ended"


async def refusals(connection: Connection, silent: Sequence[Request], since: dt.datetime) -> None:
    """Fill in which of these were refused since then, and why."""
    letters = await queries.list_dead_letters(connection, topic=CONTROL, since=since, limit=10_000)
    for one in silent:
        mine = (one.control.entity_key, one.control.id)
        letter = next((row for row in letters if row["key"] == mine[0] and mine[1] in (row["value"] or "")), None)
        if letter is not None:
            one.result = "refused"
            one.reason = ": ".join(filter(None, (letter["field"], letter["reason"])))
