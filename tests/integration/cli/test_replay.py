"""Replay after an incident: what is missing is done, once, whatever happens to whoever replays."""

from __future__ import annotations

import json
import signal
from typing import Any

from tests.integration.cli.house import House


async def incident(house: House, prefix: str, count: int) -> tuple[str, list[str]]:
    """An organisation so many of whose runs failed at their ticket, oldest first; the PSA still refuses."""
    org = house.org()
    await house.define(org)
    house.modules.broken = (prefix,)
    await house.happen(org, count, prefix)
    return org, await house.runs(org, count, "failed")


def replay(org: str, *more: str) -> tuple[str, ...]:
    return ("replay", "--org", org, "--workflow", "wf", "--since", "1h", *more)


async def replay_of(house: House, org: str) -> dict[str, Any]:
    [row] = await house.rows("select * from history.replays where org_id = $1", org)
    return row


async def entries(house: House, run_id: str) -> list[tuple[str, dict[str, Any]]]:
    rows = await house.rows("select type, data from history.entries where run_id = $1 order by seq", run_id)
    return [(row["type"], json.loads(row["data"])) for row in rows]


async def test_only_what_is_missing_is_done_and_the_history_tells_of_it(house: House) -> None:
    org, runs = await incident(house, "a", 6)
    told = json.loads(await house.told_here(0, *replay(org, "--dry-run", "--json")))["preview"]
    assert (told["runs"], told["entities"], told["seconds"]) == (6, 6, 1.2)
    assert [(one["step"], one["runs"]) for one in told["failing"]] == [("ticket", 6)]
    assert told["calls"] == [
        {"module": "Hub", "action": "add_tag", "calls": 6}, {"module": "PSA", "action": "create_ticket", "calls": 6},
    ]  # fmt: skip
    assert (told["done_already"], told["unsure"]) == ({"create_note": 6}, 0)
    assert await house.rows("select from history.replays where org_id = $1", org) == []

    house.modules.broken = ()
    done = await house.told_json(*replay(org, "--yes", "--rate", "50/s", "--reason", "PSA was closed"))
    assert (done["status"], done["replayed"], done["completed"], done["failed"]) == ("finished", 6, 6, 0)
    assert len(set(house.modules.made("tickets", "a"))) == len(house.modules.made("tickets", "a")) == 6
    assert len(house.modules.made("tags", "a")) == 6
    assert len(house.modules.made("notes", "a")) == 6
    assert sorted(await house.runs(org, 6, "completed")) == sorted(runs)

    row = await replay_of(house, org)
    assert (row["replay_id"], row["workflow_id"], row["status"]) == (done["replay_id"], "wf", "finished")
    assert (row["reason"], row["runs"], row["completed"], row["failed"]) == ("PSA was closed", 6, 6, 0)
    assert row["person"]
    assert row["finished_at"] > row["started_at"]
    of_runs = await house.rows(
        "select run_id, replayed from history.replay_runs where replay_id = $1 order by position", row["replay_id"]
    )
    assert [(one["run_id"], one["replayed"]) for one in of_runs] == [(run, True) for run in runs]
    resumed = [data for kind, data in await entries(house, runs[3]) if kind == "run.resumed"]
    assert [data["by"] for data in resumed] == [
        {"person": row["person"], "reason": "PSA was closed", "replay": row["replay_id"]}
    ]
    assert row["replay_id"] in await house.told_here(0, "show", runs[3])
    # One goes first, and the others only when that has ended well. They are asked for in their order; which of those on
    # different partitions goes on first is up to the worker.
    times = await house.rows(
        "select e.at, e.type, r.run_id from history.runs r join history.entries e on e.run_id = r.run_id "
        "where r.org_id = $1 and e.type in ('run.resumed', 'run.completed') order by e.at",
        org,
    )
    assert [(one["type"], one["run_id"]) for one in times[:2]] == [
        ("run.resumed", runs[0]), ("run.completed", runs[0]),
    ]  # fmt: skip
    assert sorted(one["run_id"] for one in times if one["type"] == "run.resumed") == sorted(runs)
    assert [one["run_id"] for one in await house.asked(org) if one["action"] == "resume"] == runs
    assert "can be replayed" in await house.told_here(1, *replay(org, "--yes"))
    assert "is finished" in await house.told_here(1, "replay", "--continue", row["replay_id"])
    assert "has no replay" in await house.told_here(1, "replay", "--continue", row["replay_id"], "--org", "globex")


async def test_a_canary_that_fails_stops_it_and_the_rest_can_go_on_later(house: House) -> None:
    org, runs = await incident(house, "b", 4)
    told = await house.told(1, *replay(org, "--yes", "--rate", "50/s"))
    assert f"the canary, run {runs[0]}, is failed: " in told
    row = await replay_of(house, org)
    assert (row["status"], row["replayed"], row["failed"]) == ("stopped", 1, 1)
    assert f"onestack replay --continue {row['replay_id']}" in told
    house.modules.broken = ()
    told = await house.told(1, "replay", "--continue", row["replay_id"])
    assert "1 of 4 failed again" in told
    row = await replay_of(house, org)
    assert (row["status"], row["replayed"], row["completed"], row["failed"]) == ("finished", 4, 3, 1)
    assert len(house.modules.made("tickets", "b")) == 3


async def test_killed_in_the_middle_it_goes_on_where_it_was_and_replays_nothing_twice(house: House) -> None:
    org, runs = await incident(house, "c", 10)
    house.modules.broken = ()
    process = house.begin(*replay(org, "--yes", "--rate", "4/s"))

    async def tickets() -> int:
        assert process.poll() is None
        return len(house.modules.made("tickets", "c"))

    await house.until(tickets, lambda count: count >= 4, "four tickets")
    await house.ended(process, signal.SIGKILL)
    row = await replay_of(house, org)
    assert row["status"] == "running"
    told = await house.told_json("replay", "--continue", row["replay_id"], "--rate", "50/s")
    assert (told["status"], told["replayed"], told["completed"]) == ("finished", 10, 10)
    made = house.modules.made("tickets", "c")
    assert len(made) == len(set(made)) == len(runs)
    for run in runs:
        assert [kind for kind, _ in await entries(house, run)].count("run.resumed") == 1


async def test_stopped_by_ctrl_c_it_is_paused(house: House) -> None:
    org, _ = await incident(house, "d", 8)
    house.modules.broken = ()
    process = house.begin(*replay(org, "--yes", "--rate", "2/s"))

    async def tickets() -> int:
        return len(house.modules.made("tickets", "d"))

    await house.until(tickets, lambda count: count >= 2, "two tickets")
    code, told = await house.ended(process, signal.SIGINT)
    row = await replay_of(house, org)
    assert (code, row["status"]) == (130, "paused"), told
    assert row["replayed"] < 8
    await house.told(0, "replay", "--continue", row["replay_id"], "--rate", "50/s")
    assert len(house.modules.made("tickets", "d")) == 8


async def test_it_stops_by_itself_where_too_many_fail_again(house: House) -> None:
    org, runs = await incident(house, "e", 40)
    house.modules.broken = tuple(f"e-{number}" for number in range(1, 10))  # all but e-0
    # The oldest is the canary: it has to be the one that goes well.
    [first] = await house.rows("select entity_key from history.runs where run_id = $1", runs[0])
    assert first["entity_key"].startswith(f"{org}/device/e-")
    house.modules.broken = tuple(
        f"e-{number}" for number in range(40) if first["entity_key"] != f"{org}/device/e-{number}"
    )
    told = await house.told(1, *replay(org, "--yes", "--rate", "5/s", "--stop-at", "30"))
    assert "failed again, more than 30 %" in told
    row = await replay_of(house, org)
    assert row["status"] == "stopped"
    assert row["replayed"] < 40


async def test_what_was_filtered_runs_anew_and_not_twice(house: House) -> None:
    org = house.org()
    await house.define(org, conditions={"field": "device.name", "op": "equals", "value": "nobody"})
    await house.happen(org, 3, "f")
    skipped = await house.runs(org, 3, "skipped")
    again = replay(org, "--status", "skipped", "--yes")
    assert "will be skipped again" in await house.told_here(1, *again)
    await house.define(org, 2)
    assert "is paused" in await house.told(0, *again, "--canary-only")
    row = await replay_of(house, org)
    assert (row["action"], row["status"], row["replayed"]) == ("rerun", "paused", 1)
    await house.told(0, "replay", "--continue", row["replay_id"])
    new = await house.runs(org, 3, "completed")
    assert len(house.modules.made("tickets", "f")) == 3
    begun = [(await entries(house, run))[0][1] for run in new]
    assert sorted(data["rerun_of"] for data in begun) == sorted(skipped)
    assert {data["by"]["replay"] for data in begun} == {row["replay_id"]}
    assert "was run again already" in await house.told_here(1, *again)


async def test_a_replay_is_of_one_organisation_that_has_the_workflow(house: House) -> None:
    for _ in range(2):
        await house.define(house.org())
    assert "has no workflow 'wf'" in await house.told_here(1, *replay("nobody"))
    assert "name the --org" in await house.told_here(2, "replay", "--workflow", "wf", "--since", "1h")
