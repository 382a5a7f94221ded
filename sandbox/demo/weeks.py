"""The demo's second part: the ten built-in workflows put in force, and weeks that pass in seconds."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import groupby
from typing import Any

import orjson

from runtime.postgres import Connection
from sandbox.clock import VirtualTime
from sandbox.demo.scenes import PLACES, Happens, Scene, scenes
from sandbox.demo.verdict import Check
from sandbox.errors import SandboxError
from sandbox.modules import StandIns
from sandbox.modules.publisher import Publisher
from sandbox.stack import Stack
from schemas.names import DEFINITIONS
from schemas.templates import built_in, fill

_IN_FORCE = 1.0  # seconds in which a definition is in force on every worker (DESIGN.md)
_PATIENCE = 30.0  # seconds for what should come of a scene
_HOLD = 0.4  # seconds for which nothing may come; what is due comes within a quarter of a second
_LOOK = 0.05  # seconds between two looks

Doings = dict[str, Counter[str]]
"""By template: tickets, e-mails, escalations, restarts, and runs by status."""
Seen = list[tuple[Scene, Counter[str]]]
"""Scenes, each with what came of it."""
Tell = Callable[[timedelta, Seen], None]
"""Called with each time at which something happens, and what came of it."""

_RUNS = """
select workflow_id, status, count(*) from history.runs
 where (org_id, workflow_id) in (select * from unnest($1::text[], $2::text[])) group by 1, 2
"""
_RESTARTS = """
select r.workflow_id, count(*) from history.entries e join history.runs r using (run_id)
 where e.type = 'run.restarted' and (r.org_id, r.workflow_id) in (select * from unnest($1::text[], $2::text[]))
 group by 1
"""
_STEPS = """
select r.workflow_id, s.action, count(*) from history.steps s join history.runs r using (run_id)
 where s.status = 'succeeded' and (r.org_id, r.workflow_id) in (select * from unnest($1::text[], $2::text[]))
 group by 1, 2
"""
_SUPPRESSED = """
select r.run_id, e.data ->> 'reason', e.data ->> 'guard'
  from history.runs r join history.entries e using (run_id)
 where r.org_id = $1 and r.workflow_id = $2 and r.status = 'suppressed' and e.type = 'run.suppressed'
 order by r.started_at desc
"""
_ACTIONS = {"create_ticket": "tickets", "send_notification": "e-mails", "escalate_on_call": "escalations"}


class Weeks:
    """Plays all scenes on a stack whose time can be set forward."""

    def __init__(self, stack: Stack, connection: Connection, seed: int) -> None:
        if stack.modules.publisher is None or stack.time is None:
            raise SandboxError("the demo needs a broker and virtual time")
        self._publisher: Publisher = stack.modules.publisher
        self._time: VirtualTime = stack.time
        self._modules: StandIns = stack.modules
        self._connection = connection
        self._places = [place.org for place in PLACES.values()], list(PLACES)
        self._mails = len(stack.modules.mail.messages)
        self._faults: dict[str, list[str]] = {name: [] for name in PLACES}
        self.scenes = scenes(seed)

    async def put_in_force(self) -> None:
        """Fill in the templates as `onestack templates use` does, publish them, and wait until workers have them."""
        for name, place in PLACES.items():
            definition = fill(built_in()[name], place.values, place.org, state="enabled")
            await self._publisher.raw(DEFINITIONS, orjson.dumps(definition), f"{place.org}/{name}".encode())
        await asyncio.sleep(_IN_FORCE)

    async def play(self, tell: Tell) -> list[Check]:
        """Let everything happen at its time; one check for each template, and whether the history says the same."""
        began = self._time.now()
        for at, several in groupby(self.scenes, key=lambda one: one.at):
            self._time.until(began + at)
            now = list(several)
            await asyncio.gather(*(self._happen(one, PLACES[scene.template].org)
                                   for scene in now for one in scene.happens))  # fmt: skip
            await self._look(now, tell)
        counted = Counter(scene.template for scene in self.scenes)
        checks = [Check(built_in()[name].about.title, counted[name], tuple(self._faults[name])) for name in PLACES]
        return [*checks, await self._reasons(), await self._agreed()]

    async def why_suppressed(self) -> str:
        """The reason that the history has of one alert that opened no ticket."""
        rows = await self._suppressed()
        return str(rows[0][1]) if rows else "there is none"

    async def _suppressed(self) -> list[Any]:
        rows: list[Any] = await self._connection.fetch(_SUPPRESSED, PLACES["alert-to-ticket"].org, "alert-to-ticket")
        return rows

    async def _reasons(self) -> Check:
        """Whether every suppressed alert has its reason in the history."""
        rows = await self._suppressed()
        faults = [f"run {run}: guard {guard}, reason {reason}" for run, reason, guard in rows
                  if guard != "throttle" or not reason]  # fmt: skip
        return Check("suppressed alerts with their reason", len(rows), tuple(faults[:1]))

    async def _happen(self, what: Happens, org: str) -> None:
        if what.ticket is not None:
            await self._modules.world.change_ticket(what.ticket, what.data, {})
            return
        await self._modules.publish(self._publisher.event(what.type, org, what.data, module=what.module))

    async def _look(self, now: list[Scene], tell: Tell) -> None:
        """Wait until all that is wanted has come, and for a moment more where nothing else may come."""
        deadline = time.monotonic() + _PATIENCE
        if any(scene.holds for scene in now):
            await asyncio.sleep(_HOLD)
        while True:
            found = await self._doings()
            late = [scene for scene in now if found[scene.template] != Counter(scene.wanted)]
            if not late or time.monotonic() > deadline or any(scene.holds for scene in late):
                break
            await asyncio.sleep(_LOOK)
        tell(now[0].at, [(scene, found[scene.template]) for scene in now])
        for scene in late:
            there = told(found[scene.template])
            self._faults[scene.template].append(f"{clock(scene.at)}: {there} instead of {told(scene.wanted)}")

    async def _doings(self) -> Doings:
        found = self._at_the_modules()
        for name, status, count in await self._connection.fetch(_RUNS, *self._places):
            found[name][status] = count
        for name, count in await self._connection.fetch(_RESTARTS, *self._places):
            found[name]["restarts"] = count
        return found

    def _at_the_modules(self) -> Doings:
        found: Doings = {name: Counter() for name in PLACES}
        mails = self._modules.mail.messages[self._mails :]
        calls = [str(one.get("message")) for one in self._modules.oncall.escalations.values()]
        boards = Counter(str(ticket.get("board")) for ticket in self._modules.world.all("ticket"))
        for name, place in PLACES.items():
            counts = {
                "tickets": boards[place.values["board"]] if "board" in place.values else 0,
                "e-mails": sum(place.subject in mail.subject for mail in mails) if place.subject else 0,
                "escalations": sum(place.message in call for call in calls) if place.message else 0,
            }
            found[name].update({what: count for what, count in counts.items() if count})
        return found

    async def _agreed(self) -> Check:
        """Whether the history's steps are what the modules performed."""
        rows: list[Any] = await self._connection.fetch(_STEPS, *self._places)
        kept = {(name, _ACTIONS[action]): count for name, action, count in rows if action in _ACTIONS}
        there = {(name, what): count for name, done in self._at_the_modules().items() for what, count in done.items()}
        faults = [
            f"{name}: {there.get((name, what), 0)} {what} at the modules, {kept.get((name, what), 0)} in the history"
            for name, what in sorted(kept.keys() | there.keys())
            if there.get((name, what)) != kept.get((name, what))
        ]
        return Check("what the templates did", sum(there.values()), tuple(faults))


_WORDS = ("tickets", "e-mails", "escalations", "restarts")
_STATUSES = ("completed", "waiting", "cancelled", "suppressed", "skipped", "failed", "running")


def told(counts: dict[str, int]) -> str:
    """What came, in words: `2 tickets · 1 completed · 1 waiting`, the latter being runs."""
    parts = [f"{counts[word]} {word if counts[word] > 1 else word[:-1]}" for word in _WORDS if counts.get(word)]
    parts += [f"{counts[status]} {status}" for status in _STATUSES if counts.get(status)]
    return " · ".join(parts) or "nothing"


def clock(at: timedelta) -> str:
    """A time in the play as people read it: `day  3 00:05:00`."""
    days, rest = divmod(int(at.total_seconds()), 86_400)
    hours, seconds = divmod(rest, 3600)
    return f"day {days:>2} {hours:02}:{seconds // 60:02}:{seconds % 60:02}"
