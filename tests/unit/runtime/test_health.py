"""How a process tells whether it works, also from a thread while its loop is held up."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request
from typing import Any

from runtime import metrics
from runtime.health import LATE, WEDGED, Health, Part, ready
from runtime.progress import Progress
from runtime.settings import Settings


def _get(port: int | None, path: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def _served(health: Health) -> int | None:
    return metrics.serve(Settings(metrics_port=0), health)


def test_a_process_is_ready_when_all_its_parts_are() -> None:
    health = Health("test")
    parts = {"kafka": ready("Kafka answers."), "postgres": Part("away", "Postgres does not answer.", "Start it.")}
    health.add("kafka", lambda: parts["kafka"])
    health.add("postgres", lambda: parts["postgres"])
    port = _served(health)
    status, body = _get(port, "/readyz")
    assert (status, body["parts"]["kafka"]["state"]) == (503, "starting")
    health.look()
    status, body = _get(port, "/readyz")
    told = body["parts"]["postgres"]
    since = told.pop("since")
    assert (status, body["ready"]) == (503, False)
    assert told == {"ok": False, "state": "away", "detail": "Postgres does not answer.", "todo": "Start it."}
    health.look()
    assert _get(port, "/readyz")[1]["parts"]["postgres"]["since"] == since
    assert _get(port, "/healthz") == (200, {"status": "alive"})
    parts["postgres"] = ready("Postgres answers.")
    health.look()
    assert _get(port, "/readyz")[0] == 200
    assert _get(port, "/nothing")[0] == 404


def test_a_part_that_only_a_restart_helps_is_not_alive() -> None:
    health = Health("test")
    health.add("progress", lambda: Part("stuck", "Nothing moves.", "Restart it.", fatal=True))
    health.look()
    status, body = _get(_served(health), "/healthz")
    assert (status, body["parts"]["progress"]["detail"]) == (503, "Nothing moves.")


def test_a_part_that_raises_silences_no_other() -> None:
    health = Health("test")
    health.add("odd", lambda: Part("ready", str(1 // 0)))
    health.add("kafka", lambda: ready("Kafka answers."))
    health.look()
    _, body = health.readiness()
    assert body["parts"]["kafka"]["ok"]
    assert "ZeroDivisionError" in body["parts"]["odd"]["detail"]


async def test_a_loop_that_is_held_up_is_told_by_the_thread(monkeypatch: Any) -> None:
    monkeypatch.setattr("runtime.health.LATE", 0.3)
    monkeypatch.setattr("runtime.health.WEDGED", 0.8)
    monkeypatch.setattr("runtime.health.BEAT", 0.05)
    health = Health("test")
    port = _served(health)
    looking = asyncio.create_task(health.keep_looking())
    await asyncio.sleep(0.1)
    found: list[Any] = []

    def watch() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found.append((_get(port, "/readyz")[0], _get(port, "/healthz")[0]))
            if found[-1] == (503, 503):
                return
            time.sleep(0.02)

    assert _get_off_loop(port) == 200
    thread = threading.Thread(target=watch)
    thread.start()
    thread.join()  # the loop is held up here, until the thread has been told so
    assert (503, 200) in found
    assert found[-1] == (503, 503)
    await asyncio.sleep(0.2)
    assert health.readiness()[0]
    assert health.liveness()[0]
    looking.cancel()
    assert LATE < WEDGED


def _get_off_loop(port: int | None) -> int:
    return _get(port, "/readyz")[0]


def test_what_waits_and_does_not_move_stands_still_unless_it_is_excused() -> None:
    now = 100.0
    progress = Progress(lambda: now)
    progress.look({1: (5, "a"), 2: (5, "a"), 3: (0, "a"), 4: (5, "a")}, lambda lane: lane == 4)
    now = 130.0
    progress.look({1: (5, "a"), 2: (5, "b"), 3: (0, "a"), 4: (5, "a")}, lambda lane: lane == 4)
    assert progress.still() == {1: 30.0, 2: 0.0, 3: 0.0, 4: 0.0}
    progress.forgive()
    progress.look({1: (5, "a")}, lambda _: False)
    assert progress.still() == {1: 0.0}
