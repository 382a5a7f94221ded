"""A real worker that is stuck says so, however it is stuck: its loop is held up, or its call never ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import pytest

from sandbox.process import end, free_port, spawn, tail
from tests.integration.streams.cluster import PARTITIONS, Cluster

pytestmark = pytest.mark.timeout(240)

STUCK_AFTER: Final = 2
Found = tuple[int, dict[str, Any]]


class Wedged:
    """The worker, and its probes."""

    def __init__(self, cluster: Cluster) -> None:
        self.port = free_port()
        env = {
            **{key: value for key, value in os.environ.items() if not key.startswith("ONESTACK_")},
            "ONESTACK_BROKER": cluster.broker.bootstrap,
            "ONESTACK_PARTITIONS": str(PARTITIONS),
            "ONESTACK_FETCH_MAX_WAIT_MS": "10",
            "ONESTACK_SESSION_TIMEOUT": "30",
            "ONESTACK_ACTION_TIMEOUT": "1",
            "ONESTACK_STUCK_AFTER": str(STUCK_AFTER),
            "ONESTACK_METRICS_PORT": str(self.port),
        }
        self.log = cluster.folder / "wedged.log"
        self.process = spawn([sys.executable, "-m", "tests.integration.streams.wedging"], self.log, env=env)

    async def ask(self, path: str) -> Found:
        return await asyncio.to_thread(_get, f"http://127.0.0.1:{self.port}{path}")

    async def until(self, path: str, met: Callable[[Found], bool]) -> Found:
        for _ in range(600):
            if met(found := await self.ask(path)):
                return found
            await asyncio.sleep(0.1)
        raise AssertionError(f"{found}\n{tail(self.log)}")


def _get(url: str) -> Found:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
    except OSError:
        return 0, {}


@pytest.fixture
async def wedged(cluster: Cluster) -> AsyncIterator[Wedged]:
    cluster.kill("a")
    one = Wedged(cluster)
    try:
        yield one
    finally:
        end(one.process, signal.SIGKILL)


async def test_a_loop_that_is_held_up_and_a_call_that_never_ends_are_told(cluster: Cluster, wedged: Wedged) -> None:
    await cluster.define("wedged")
    await wedged.until("/readyz", lambda found: found[0] == 200)
    await cluster.emit("wedged", "fine")
    await cluster.finished("wedged", 1)

    await cluster.emit("wedged", "block")
    status, body = await wedged.until("/readyz", lambda found: found[0] == 503)
    assert (status, body["parts"]["loop"]["state"]) == (503, "stuck")
    assert "has not turned for" in body["parts"]["loop"]["detail"]
    assert (await wedged.ask("/healthz"))[0] == 200, "not yet given up"
    await wedged.until("/readyz", lambda found: found[0] == 200)
    await cluster.finished("wedged", 2)

    await cluster.emit("wedged", "hang")
    await wedged.until("/readyz", lambda found: _part(found, "calls")["detail"].startswith("1 calls"))
    assert (await wedged.ask("/readyz"))[0] == 200, "a call within its time is no reason to call it stuck"
    _, body = await wedged.until("/readyz", lambda found: _part(found, "progress")["state"] == "stuck")
    assert "none has moved for" in body["parts"]["progress"]["detail"]
    assert [name for name, part in body["parts"].items() if not part["ok"]] == ["progress"]
    status, body = await wedged.until("/healthz", lambda found: found[0] == 503)
    assert list(body["parts"]) == ["progress"]


def _part(found: Found, name: str) -> dict[str, Any]:
    part: dict[str, Any] = found[1].get("parts", {}).get(name, {"detail": "", "state": ""})
    return part
