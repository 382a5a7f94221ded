"""Cancelling, resuming and re-running runs by the API, on a worker that does it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from hub.documents.steering import Steered, SteeredMany
from tests.integration.hub.live import Hub, Live, Somebody, definition

WAITS = [{"id": "wait", "action": "delay", "with": {"for": "7d"}}]


@pytest.fixture(scope="module", autouse=True)
def worker(live: Live) -> Iterator[None]:
    live.up("worker")
    yield
    live.down("worker")


def event(org: str, name: str, device: str = "d-1") -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": name, "source": "/rmm", "type": "device.offline", "subject": f"device/{device}",
        "orgid": org, "data": {"device": {"id": device, "name": device}},
    }  # fmt: skip


async def runs_of(somebody: Somebody, count: int, status: str) -> list[str]:
    """The ids of so many runs, once they have this status."""
    deadline = time.monotonic() + 60
    while True:
        found = (await somebody.get(f"/runs?status={status}"))["items"]
        if len(found) >= count:
            return [one["run_id"] for one in found]
        assert time.monotonic() < deadline, (await somebody.get("/runs?kind=all"))["items"]
        await asyncio.sleep(0.1)


async def begun(live: Live, hub: Hub, steps: Any, *names: str, **more: Any) -> Somebody:
    """Somebody whose workflow was started by an event of each name."""
    org = live.org()
    ada = hub.of(org)
    await ada.post("/workflows", definition(id="wf", steps=steps, **more), 201)
    await asyncio.sleep(1)  # in force on every live worker within a second
    await live.emit(*(event(org, name, name) for name in names))
    return ada


async def test_a_waiting_run_is_cancelled_and_the_log_says_by_whom(live: Live, hub: Hub) -> None:
    ada = await begun(live, hub, WAITS, "e-1")
    [run_id] = await runs_of(ada, 1, "waiting")
    planned = await ada.post(f"/runs/{run_id}/cancel", {"dry_run": True})
    assert (planned["result"], planned["status"]) == ("planned", "waiting")
    done = await ada.post(f"/runs/{run_id}/cancel", {"reason": "The client called."})
    Steered.model_validate(done)
    assert (done["result"], done["status"]) == ("cancelled", "cancelled")
    run = await ada.get(f"/runs/{run_id}")
    assert run["entries"][-1]["data"]["by"] == {"person": "Ada", "reason": "The client called."}
    again = await ada.post(f"/runs/{run_id}/cancel")
    assert (again["result"], again["status"]) == ("ended", "cancelled")
    audit = (await ada.get("/audit?action=run.cancel"))["items"]
    assert [(one["target"], one["outcome"]) for one in audit] == [(f"run/{run_id}", "done")]


async def test_a_cancelled_run_goes_on_where_it_stopped(live: Live, hub: Hub) -> None:
    ada = await begun(live, hub, WAITS, "e-1")
    [run_id] = await runs_of(ada, 1, "waiting")
    refused = await ada.post(f"/runs/{run_id}/resume")
    assert refused["result"] == "refused"
    assert refused["reason"] == "it is waiting: only a failed or cancelled run can be resumed"
    await ada.post(f"/runs/{run_id}/cancel")
    planned = await ada.post(f"/runs/{run_id}/resume", {"dry_run": True})
    assert planned["does"] == "goes on from step wait, under version 1 of wf"
    done = await ada.post(f"/runs/{run_id}/resume", {"version": "current"})
    assert done["result"] == "resumed"
    assert (await ada.get(f"/runs/{run_id}"))["generation"] == 1
    unknown = await ada.post(f"/runs/{run_id}/resume", {"step": "nowhere"})
    assert unknown["result"] == "refused"


async def test_a_run_is_run_again_as_a_new_run_that_names_it(live: Live, hub: Hub) -> None:
    ada = await begun(live, hub, WAITS, "e-1")
    [run_id] = await runs_of(ada, 1, "waiting")
    done = await ada.post(f"/runs/{run_id}/rerun", {"reason": "once more"})
    assert done["result"] == "started"
    new = await ada.get(f"/runs/{done['new_run_id']}")
    assert new["rerun_of"] == run_id
    assert [(one["run_id"], one["how"]) for one in new["related"]] == [(run_id, "rerun of")]
    old = await ada.get(f"/runs/{run_id}")
    assert [(one["run_id"], one["how"]) for one in old["related"]] == [(done["new_run_id"], "reran this")]
    await ada.post("/workflows/wf/disable")
    refused = await ada.post(f"/runs/{run_id}/rerun")
    assert refused["reason"].endswith("enable it, or ask for the version that it ran under")
    same = await ada.post(f"/runs/{run_id}/rerun", {"version": "same", "dry_run": True})
    assert same["result"] == "planned"


async def test_many_runs_are_steered_by_a_filter_or_by_their_ids(live: Live, hub: Hub) -> None:
    names = [f"e-{number}" for number in range(12)]
    ada = await begun(live, hub, WAITS, *names)
    ids = await runs_of(ada, len(names), "waiting")
    fit = {"action": "cancel", "filter": {"workflow": "wf", "status": ["waiting"]}}
    planned = await ada.post("/runs/steer", {**fit, "dry_run": True})
    SteeredMany.model_validate(planned)
    assert {one["result"] for one in planned["items"]} == {"planned"}
    assert sorted(one["run_id"] for one in planned["items"]) == sorted(ids)
    few = await ada.post("/runs/steer", {"action": "cancel", "ids": [*ids[:3], "unknown"]})
    assert [one["result"] for one in few["items"]] == ["cancelled"] * 3 + ["refused"]
    rest = await ada.post("/runs/steer", fit)
    assert len(rest["items"]) == len(names) - 3
    assert (await ada.get("/runs/counts"))["counts"]["cancelled"] == len(names)
    for bad in ({"action": "cancel"}, {**fit, "ids": ids}, {**fit, "filter": {}}, {"action": "start", "ids": ids}):
        await ada.post("/runs/steer", bad, 422)


async def test_another_organisations_run_can_not_be_steered(live: Live, hub: Hub) -> None:
    ada = await begun(live, hub, WAITS, "e-1")
    [run_id] = await runs_of(ada, 1, "waiting")
    other = hub.of(live.org())
    for action in ("cancel", "resume", "rerun"):
        await other.post(f"/runs/{run_id}/{action}", {}, 404)
    told = await other.post("/runs/steer", {"action": "cancel", "ids": [run_id]})
    assert told["items"][0]["result"] == "refused"
    assert (await ada.get(f"/runs/{run_id}"))["status"] == "waiting"


async def test_who_only_reads_steers_nothing(live: Live, hub: Hub) -> None:
    viewer = hub.of(live.org(), "Viewer")
    await viewer.post("/runs/r/cancel", {}, 403)
    await viewer.post("/runs/steer", {"action": "cancel", "ids": ["r"]}, 403)


async def test_a_request_with_a_key_that_is_repeated_is_done_once(live: Live, hub: Hub) -> None:
    ada = await begun(live, hub, WAITS, "e-1")
    [run_id] = await runs_of(ada, 1, "waiting")
    key = {"idempotency-key": "once"}
    first = await ada.post(f"/runs/{run_id}/rerun", {}, headers=key)
    second = await ada.post(f"/runs/{run_id}/rerun", {}, headers=key)
    assert first == second
    assert len(await runs_of(ada, 2, "waiting")) == 2
