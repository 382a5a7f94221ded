"""The stream of what happens, on a real broker and Postgres with a projector."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson
from fastapi import FastAPI

from engine.simulate import simulate
from engine.workflow import compile_workflow
from hub import channels
from hub.access.development import Development
from hub.middleware import STREAMS
from hub.parts import Parts
from runtime.kafka import partition_of
from schemas.definitions import parse_definition
from schemas.events import from_envelope
from schemas.names import DEAD_LETTERS, RUNS
from tests.integration.hub import past
from tests.integration.hub.live import SECRET, Hub, Live, definition

Event = tuple[str, str | None, dict[str, Any]]
PATIENCE = 30.0


class Stream:
    """One open answer of the application, as a server would take it."""

    def __init__(self, app: Any, org: str, last_id: str | None = None) -> None:
        credential = Development(SECRET).sign(org, "Viewer", "Ada")
        headers = [(b"host", b"127.0.0.1:8080"), (b"authorization", f"Bearer {credential}".encode())]
        if last_id is not None:
            headers.append((b"last-event-id", last_id.encode()))
        self.scope: dict[str, Any] = {
            "type": "http", "method": "GET", "path": "/api/v1/stream", "raw_path": b"/api/v1/stream",
            "root_path": "", "query_string": b"", "scheme": "http", "http_version": "1.1", "headers": headers,
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8080), "app": app,
        }  # fmt: skip
        self.start: dict[str, Any] = {}
        self.reads = asyncio.Event()
        self.reads.set()
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._left = asyncio.Event()
        self.task = asyncio.create_task(app(self.scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        await self.reads.wait()
        if message["type"] == "http.response.start":
            self.start = message
            return
        for block in message["body"].decode().split("\n\n"):
            if block:
                fields = dict(line.split(": ", 1) for line in block.split("\n"))
                self._events.put_nowait((fields["event"], fields.get("id"), orjson.loads(fields["data"])))
        if not message["more_body"]:
            self._events.put_nowait(None)

    async def next(self, wanted: str) -> Event:
        """The next event of this kind; pings are not looked at, any other is a mistake."""
        async with asyncio.timeout(PATIENCE):
            while (found := await self._events.get()) is None or found[0] == "ping":
                assert found is not None, "the stream is over"
        assert found[0] == wanted, found
        return found

    async def run(self, run_id: str, status: str) -> dict[str, Any]:
        """The news of this run that it has this status; what else is told of it meanwhile is passed over."""
        while True:
            _, _, told = await self.next("run")
            assert told["run_id"] == run_id
            if told["status"] == status:
                return told

    async def over(self) -> None:
        """Return once the stream has ended by itself, without another event."""
        async with asyncio.timeout(PATIENCE):
            found = await self._events.get()
            assert found is None, found
            await self.task

    async def leave(self) -> None:
        self._left.set()
        self.reads.set()
        async with asyncio.timeout(PATIENCE):
            await self.task


@asynccontextmanager
async def stream(hub: Hub, org: str, last_id: str | None = None) -> AsyncIterator[Stream]:
    found = Stream(app_of(hub), org, last_id)
    try:
        await found.next("hello")
        async with asyncio.timeout(PATIENCE):
            # A client that is stopped while it connects leaves its socket to the process' end.
            while not hub.parts.live._follows:  # noqa: ASYNC110 - the follower has no event for it
                await asyncio.sleep(0.01)
        yield found
    finally:
        await found.leave()


def app_of(hub: Hub) -> FastAPI:
    return hub.client._transport.app  # type: ignore[attr-defined, no-any-return]


def entries_of(org: str, name: str) -> tuple[str, list[Any]]:
    """A run of a note, as the engine plays it: its id and its entries."""
    body = {**definition(), "id": "wf", "org": org, "version": 1}
    of = past.event(name, org=org)
    entries = simulate(compile_workflow(parse_definition(body)), from_envelope(of), dt.datetime.now(dt.UTC)).entries
    return str(entries[0]["id"]).rpartition(":")[0], list(entries)


async def log(hub: Hub, org: str, entries: list[Any]) -> None:
    """Append to the run log, as a worker does."""
    key = f"{org}/device/d-1".encode()
    await hub.parts.publish(RUNS, key, orjson.dumps(entries), partition=partition_of(key, 2))


async def test_a_run_is_told_to_its_organisation_alone_and_can_be_read_then(live: Live, hub: Hub) -> None:
    org, other = live.org(), live.org()
    run_id, entries = entries_of(org, "e-1")
    async with stream(hub, org) as ours, stream(hub, other) as theirs:
        assert ours.start["status"] == 200
        headers = dict(ours.start["headers"])
        assert headers[b"content-type"].startswith(b"text/event-stream")
        assert headers[b"cache-control"] == b"no-store"
        assert headers[b"x-accel-buffering"] == b"no"
        assert b"content-length" not in headers
        await log(hub, org, entries[:2])
        told = await ours.run(run_id, "running")
        assert told == {"run_id": run_id, "workflow_id": "wf", "status": "running", "entity_key": f"{org}/device/d-1",
                        "type": entries[1]["type"]}  # fmt: skip
        assert (await hub.of(org).get(f"/runs/{run_id}"))["status"] == "running"
        await log(hub, org, entries[2:])
        assert (await ours.run(run_id, "completed"))["type"] == "run.completed"
        assert (await hub.of(org).get(f"/runs/{run_id}"))["status"] == "completed"

        # Theirs goes the same way later: had ours been told to them, it would have come before.
        their_run, their_entries = entries_of(other, "e-2")
        await log(hub, other, their_entries)
        assert (await theirs.run(their_run, "completed"))["entity_key"] == f"{other}/device/d-1"
        assert ours._events.empty()


async def test_workflows_and_dead_letters_are_told_as_well(live: Live, hub: Hub) -> None:
    org = live.org()
    ada = hub.of(org)
    async with stream(hub, org) as ours:
        made = await ada.post("/workflows", definition(), 201)
        assert (await ours.next("workflow"))[2] == {"id": made["id"], "version": 1, "state": "enabled"}
        await ada.ask("DELETE", f"/workflows/{made['id']}", 204)
        assert (await ours.next("workflow"))[2] == {"id": made["id"], "version": None, "state": None}
        letter = {"reason": "not JSON", "topic": "onestack.events.rmm", "partition": 0, "offset": 1,
                  "key": f"{org}/device/d-1", "value": "{", "at": "2026-11-26T12:00:00Z"}  # fmt: skip
        await hub.parts.publish(DEAD_LETTERS, f"{org}/device/d-1".encode(), orjson.dumps(letter))
        told = (await ours.next("dead-letter"))[2]
        assert told == {"at": "2026-11-26T12:00:00Z", "topic": "onestack.events.rmm"}


async def test_who_comes_back_is_told_what_it_missed(live: Live, hub: Hub) -> None:
    org = live.org()
    first, entries = entries_of(org, "e-1")
    second, more = entries_of(org, "e-2")
    async with stream(hub, org) as left, stream(hub, org) as stayed:
        await log(hub, org, entries)
        _, last, told = await left.next("run")
        assert told["run_id"] == first
        await left.leave()
        await stayed.run(first, "completed")
        await log(hub, org, more)
        await stayed.run(second, "completed")
        async with stream(hub, org, last) as again:
            await again.run(second, "completed")
        async with stream(hub, org, "of-another-process-7") as lost:
            await lost.next("missed")


async def test_a_reader_that_stops_reading_is_told_so_and_let_go(live: Live, hub: Hub) -> None:
    org = live.org()
    async with stream(hub, org) as slow:
        slow.reads.clear()
        channel = hub.parts.live._of[org].channel
        for number in range(channels._QUEUED + 1):
            channel.send([channels.Message("run", {"run_id": str(number)})])
        slow.reads.set()
        events = [await slow._events.get()]
        while events[-1] is not None:
            events.append(await slow._events.get())
        assert [event[0] for event in events if event][-1] == "slow"
        await asyncio.wait_for(slow.task, PATIENCE)
        assert channel.listeners == set()


async def test_streams_end_when_the_process_is_told_to_stop(live: Live, hub: Hub) -> None:
    before = STREAMS._value.get()
    async with stream(hub, live.org()) as one:
        assert STREAMS._value.get() == before + 1
        hub.parts.stopping.set()
        await one.over()
    assert STREAMS._value.get() == before
    assert one.scope["onestack.streams"] is True


async def test_a_stream_ends_with_the_token_that_it_was_opened_with(live: Live, hub: Hub) -> None:
    development = app_of(hub).state.access.development
    org = live.org()
    credential = Development(SECRET).sign(org, "Viewer", "Ada")
    caller = development.caller(credential)
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
    development._known[credential] = replace(caller, expires_at=soon), soon.timestamp() + 60
    async with stream(hub, org) as one:
        await one.over()


async def test_the_run_log_is_followed_only_while_somebody_listens(live: Live, hub: Hub) -> None:
    parts: Parts = hub.parts
    assert not parts.live._follows
    run_id, entries = entries_of(org := live.org(), "e-1")
    await log(hub, org, entries)
    # Whoever begins to listen just after something happened is told it: the page was fetched before.
    async with stream(hub, org) as one:
        await one.run(run_id, "completed")
        assert parts.live._follows
