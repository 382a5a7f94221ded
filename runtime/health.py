"""Whether a process works, for `/healthz` and `/readyz`: parts that anyone may add, told also while the loop is stuck.

Theory of operation. The event loop asks each part how it is, once a second, and keeps the answers; that is its
heartbeat too. A thread of the metrics server tells what was kept. So a loop that is held up by something cannot keep
the answer from coming, and the age of the last heartbeat says that it is held up.

`/readyz` is for whoever waits until a process can do its work: 503 while it waits for Kafka, say. `/healthz` is for
whoever restarts a process that can't help itself: 503 only then. A process that waits for something is alive.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import Any, Final, Literal, NamedTuple

from runtime.logging import logger
from runtime.metrics import READY

BEAT: Final = 1.0
"""Seconds between two looks at the parts."""
LATE: Final = 5.0
"""Seconds without a heartbeat after which a process is not ready: nothing of ours takes a tenth of that."""
WEDGED: Final = 30.0
"""Seconds without a heartbeat after which a process is not alive."""
State = Literal["ready", "starting", "waiting", "away", "behind", "refused", "stuck"]


class Part(NamedTuple):
    """How one part is now."""

    state: State
    detail: str
    todo: str | None = None
    fatal: bool = False
    """Whether only a restart helps: then `/healthz` fails."""


def ready(detail: str) -> Part:
    """A part that is as it should be."""
    return Part("ready", detail)


def process_version() -> str:
    """The version that this process runs."""
    try:
        return version_of("onestack-workflow-engine")
    except PackageNotFoundError:
        return "unknown"


class _Known(NamedTuple):
    part: Part
    since: float


class Health:
    """The named parts of a process, and how each is."""

    def __init__(self, process: str) -> None:
        self.process = process
        self._ask: dict[str, Callable[[], Part]] = {}
        self._known: dict[str, _Known] = {}
        self._began = time.time()
        self._beat = time.monotonic()
        self._log = logger("health")
        READY.labels(process).set_function(lambda: float(self.readiness()[0]))

    def add(self, name: str, ask: Callable[[], Part]) -> None:
        """Have `ask` tell how a part is, from now on. It is called in the event loop and must not take long."""
        self._ask[name] = ask
        self._known[name] = _Known(Part("starting", "It has not been looked at yet."), time.time())

    def look(self) -> None:
        """Ask every part; what has changed since the last time is logged."""
        self._beat = time.monotonic()
        for name, ask in list(self._ask.items()):
            try:
                part = ask()
            except Exception as error:  # noqa: BLE001 - a part that can't tell how it is must not silence the others
                part = Part("waiting", f"How it is can't be told: {type(error).__name__}: {error}"[:300])
            before = self._known[name]
            since = before.since if before.part.state == part.state else time.time()
            self._known[name] = _Known(part, since)
            if before.part.state != part.state and "starting" not in {before.part.state, part.state}:
                say = self._log.info if part.state == "ready" else self._log.warning
                say("a part is ready again" if part.state == "ready" else "a part is not ready",
                    part=name, state=part.state, detail=part.detail)  # fmt: skip

    async def keep_looking(self) -> None:
        """Look until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(BEAT)

    def parts(self) -> dict[str, _Known]:
        """How each part was at the last heartbeat, and how the loop is now; safe to call from any thread."""
        silent = time.monotonic() - self._beat
        loop = _Known(ready("The event loop turns."), self._began)
        if silent >= LATE:
            detail = f"The event loop has not turned for {silent:.0f} s: something holds it up."
            todo = "If that does not end, restart the process and report it with its log; nothing is lost by that."
            loop = _Known(Part("stuck", detail, todo, fatal=silent >= WEDGED), time.time() - silent)
        return {"loop": loop, **dict(self._known)}

    def readiness(self) -> tuple[bool, dict[str, Any]]:
        """Whether the process can work, and the body of `/readyz`."""
        parts = self.parts()
        fine = all(one.part.state == "ready" for one in parts.values())
        told = {name: _told(one) for name, one in parts.items()}
        return fine, {"ready": fine, "process": self.process, "version": process_version(), "parts": told}

    def liveness(self) -> tuple[bool, dict[str, Any]]:
        """Whether the process can still help itself, and the body of `/healthz`."""
        dead = {name: one for name, one in self.parts().items() if one.part.fatal}
        if not dead:
            return True, {"status": "alive"}
        return False, {"status": "stuck", "parts": {name: _told(one) for name, one in dead.items()}}

    def answer(self, path: str) -> tuple[int, bytes] | None:
        """The HTTP status and body for a path; None where it is none of health's."""
        ask = {"/healthz": self.liveness, "/readyz": self.readiness}.get(path)
        if ask is None:
            return None
        fine, body = ask()
        return (200 if fine else 503), json.dumps(body).encode() + b"\n"


def _told(one: _Known) -> dict[str, Any]:
    since = datetime.fromtimestamp(one.since, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    part = one.part
    return {"ok": part.state == "ready", "state": part.state, "since": since, "detail": part.detail, "todo": part.todo}
