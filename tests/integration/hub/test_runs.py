"""Lists of runs, and one run whole, by the API."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from pydantic import TypeAdapter

from hub.documents.runs import Run, RunCounts, RunLog, RunPage
from runtime.postgres import Connection
from schemas.outcomes import Call, Failed
from tests.integration.hub.conftest import Client
from tests.integration.hub.past import NOW, Past, definition, event, failing

Found = list[str]


@pytest.fixture
async def past(connection: Connection) -> Past:
    return await Past(connection).begin()


async def ids(client: Client, query: str, org: str = "acme") -> Found:
    answer = await client(org).get(f"/runs?{query}")
    assert answer.status_code == 200, answer.text
    TypeAdapter(RunPage).validate_json(answer.content, strict=False)
    return [one["run_id"] for one in answer.json()["items"]]


def ago(**more: float) -> dt.datetime:
    return NOW - dt.timedelta(**more)


@pytest.fixture
async def runs(past: Past) -> dict[str, str]:
    """One of each kind, by name, over several weeks."""
    body, quiet = definition(), definition(conditions=None, id="quiet", name="Quiet")
    await past.define(body)
    low = event("low")
    low["data"]["device"]["criticality"] = 1
    waits = definition(id="waits", steps=[{"id": "w", "action": "delay", "with": {"for": "7d"}}])
    return {
        "new": await past.run(body, event("new"), ago(minutes=1)),
        "failed": await past.run(body, event("failed", "device/d-2"), ago(minutes=2), failing),
        "skipped": await past.run(body, low, ago(minutes=3)),
        "quiet": await past.run(quiet, event("quiet"), ago(days=9)),
        "waiting": await past.run(waits, event("waiting"), ago(days=2), upto=3),
        "running": await past.run(body, event("running"), ago(days=3), upto=2),
        "old": await past.run(body, event("old"), ago(days=100)),
        "oldest": await past.run(quiet, event("oldest", "device/d-2"), ago(days=400), failing),
        "theirs": await past.run(definition("globex"), event("x", org="globex"), ago(minutes=1)),
    }


FILTERS = [
    ("", "new failed waiting running quiet old oldest"),
    ("kind=all", "new failed skipped waiting running quiet old oldest"),
    ("kind=filtered", "skipped"),
    ("status=failed", "failed oldest"),
    ("status=failed,skipped", "failed skipped oldest"),
    ("status=failed,waiting,running", "failed waiting running oldest"),
    ("status=completed,failed&limit=3", "new failed quiet"),
    ("status=skipped&kind=runs", ""),
    ("workflow=quiet", "quiet oldest"),
    ("workflow=wake&status=failed", "failed"),
    ("workflow=wake&kind=filtered", "skipped"),
    ("entity=device/d-2", "failed oldest"),
    ("entity=acme/device/d-2&status=failed&workflow=quiet", "oldest"),
    ("entity=globex/device/d-1", ""),
    ("trigger=device.offline&kind=all", "new failed skipped waiting running quiet old oldest"),
    ("trigger=device.online", ""),
    ("trigger=device.offline&status=failed&workflow=wake", "failed"),
    ("error=ANSWERED 503", "failed oldest"),
    ("error=answered 503&workflow=quiet", "oldest"),
    ("error=nothing like it", ""),
    ("since=2026-11-26T11:58:00Z", "new failed"),
    ("since=2026-11-26T11:58:00.5Z", "new"),
    ("until=2026-11-26T11:58:00%2B00:00&since=2026-11-01T00:00:00Z", "waiting running quiet"),
    ("limit=1", "new"),
]


async def test_runs_are_found_newest_first_by_all_filters(runs: dict[str, str], client: Client) -> None:
    named = {run_id: name for name, run_id in runs.items()}
    for query, names in FILTERS:
        assert [named[one] for one in await ids(client, query)] == names.split(), query


async def test_the_pages_of_a_list_have_each_run_once(past: Past, client: Client) -> None:
    body = definition(conditions=None)
    at = [ago(minutes=number // 3) for number in range(10)] + [ago(days=90, minutes=number // 2) for number in range(5)]
    put = {await past.run(body, event(f"e{number}"), moment) for number, moment in enumerate(at)}
    found: Found = []
    cursor = ""
    while True:
        page = (await client().get("/runs", params={"limit": 4, "cursor": cursor})).json()
        found += [one["run_id"] for one in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert len(found) == len(put) == 15
    assert set(found) == put


WRONG = [
    "cursor=x", "cursor=WzFd", "cursor=WzFlMzAsIngiXQ", "limit=0", "limit=201", "limit=99999999999999999999", "limit=",
    "status=done", "since=yesterday", "since=2026-11-26T11:58:00", "kind=some", "workflow=%00", "entity=" + "x" * 1201,
]  # fmt: skip


async def test_what_can_not_be_meant_is_refused_with_its_field(client: Client) -> None:
    for query in WRONG:
        answer = await client().get(f"/runs?{query}")
        assert answer.status_code == 422, query
        assert answer.json()["faults"][0]["pointer"] == "/" + query.partition("=")[0]


async def test_a_skipped_run_says_which_condition_was_false_and_a_suppressed_one_what_the_guard_said(
    past: Past, client: Client
) -> None:
    body, low = definition(), event("low")
    low["data"]["device"]["criticality"] = 1
    await past.run(body, low)
    await past.run(body, event("again", causationchain="wake,wake"), ago(minutes=1))
    items = (await client().get("/runs?kind=filtered")).json()["items"]
    assert [one["status"] for one in items] == ["skipped", "suppressed"]
    assert items[0]["reason"] == "not met: criticality is greater than 3 (it was 1)"
    assert items[1]["reason"] == items[1]["error"]
    assert "wake" in items[1]["reason"]
    assert items[0]["entity_name"] == "The d-1"


async def test_counts_are_by_status_and_follow_the_filters(runs: dict[str, str], client: Client) -> None:
    answer = await client().get("/runs/counts")
    TypeAdapter(RunCounts).validate_json(answer.content)
    assert answer.json() == {
        "counts": {"cancelled": 0, "completed": 3, "failed": 2, "running": 1, "waiting": 1},
        "capped": False,
    }
    filtered = (await client().get("/runs/counts?kind=filtered&workflow=wake")).json()["counts"]
    assert filtered == {"skipped": 1, "suppressed": 0}
    assert (await client().get("/runs/counts?entity=device/d-2")).json()["counts"]["failed"] == 2
    assert (await client().get("/runs/counts?error=503&since=2026-11-01T00:00:00Z")).json()["counts"]["failed"] == 1


async def test_a_run_is_told_whole(past: Past, client: Client) -> None:
    await past.define(definition())
    run_id = await past.run(definition(), event("ev-1"), outcomes=failing)
    answer = await client().get(f"/runs/{run_id}")
    run = answer.json()
    Run.model_validate_json(answer.content)
    assert (run["status"], run["org_id"], run["workflow_version"]) == ("failed", "acme", 1)
    assert run["definition"]["name"] == "Wake it"
    assert run["trigger_event"]["id"] == "ev-1"
    assert run["conditions"]["actual"] == 5
    wake, branch, note = run["steps"]
    assert (wake["step_id"], wake["name"], wake["status"], wake["attempts"]) == ("wake", "Wake", "succeeded", 1)
    assert wake["sentence"] == "Run script wake on device d-1"
    assert branch["sentence"] == "If criticality is 9"
    assert branch["output"] == {"result": False}
    assert (note["step_id"], note["status"], note["attempts"]) == ("bad.else.note", "failed", 4)
    assert [one["attempt"] for one in note["tries"]] == [1, 2, 3, 4]
    assert all(one["error"]["status"] == 503 for one in note["tries"])
    assert [one["next_at"] is None for one in note["tries"]] == [False, False, False, True]
    assert run["not_reached"] == [{"step": "bad.then.call", "why": "bad was false"}]
    assert [one["seq"] for one in run["entries"]] == list(range(len(run["entries"])))
    assert run["story"][0] == "device.offline ev-1 about device/d-1, “The d-1”, came in."
    assert run["story"][1] == "The conditions held: criticality is greater than 3."
    assert "wake: Run script wake on device d-1: succeeded." in run["story"]
    assert any(line.endswith("failed after 4 attempts: Hub answered 503 Service Unavailable.") for line in run["story"])
    assert run["story"][-1].startswith("The run failed after ")


async def test_a_run_under_way_tells_only_what_it_will_not_reach(past: Past, client: Client) -> None:
    await past.define(definition())
    run_id = await past.run(definition(), event("ev-1"), upto=2)
    run = (await client().get(f"/runs/{run_id}")).json()
    assert (run["status"], run["not_reached"], run["finished_at"]) == ("running", [], None)
    assert run["steps"][0]["tries"][0]["finished_at"] is None
    assert run["story"][-1] == "It is running."


async def test_a_run_that_waits_says_until_when(past: Past, client: Client) -> None:
    body = definition(steps=[{"id": "w", "action": "delay", "with": {"for": "7d"}}])
    run_id = await past.run(body, event("ev-1"), upto=3)
    run = (await client().get(f"/runs/{run_id}")).json()
    assert run["status"] == "waiting"
    assert run["waits_until"] == run["steps"][0]["waits_until"]
    assert dt.datetime.fromisoformat(run["waits_until"]) == NOW + dt.timedelta(days=7)
    assert run["definition"] is None  # it was never published


async def test_a_run_that_is_read_again_is_told_as_it_is_then(past: Past, client: Client) -> None:
    await past.define(definition())
    run_id = await past.run(definition(), event("ev-1"), upto=2)
    assert (await client().get(f"/runs/{run_id}")).json()["status"] == "running"
    await past.run(definition(), event("ev-1"))
    assert (await client().get(f"/runs/{run_id}")).json()["status"] == "completed"


async def test_runs_that_have_to_do_with_each_other_are_linked(past: Past, client: Client) -> None:
    body = definition()
    cause = await past.run(body, event("first"))
    other = definition(id="other", name="Other")
    effect = await past.run(other, event("second", causationid=cause, causationchain="wake"), ago(minutes=-1))
    found = (await client().get(f"/runs/{cause}")).json()["related"]
    assert [(one["run_id"], one["workflow_id"], one["how"]) for one in found] == [(effect, "other", "caused by this")]
    back = (await client().get(f"/runs/{effect}")).json()["related"]
    assert [(one["run_id"], one["workflow_name"], one["how"]) for one in back] == [(cause, "Wake it", "caused this")]
    stranger = await past.run(other, event("third", causationchain="gone"))
    found = (await client().get(f"/runs/{stranger}")).json()["related"]
    assert [(one["run_id"], one["workflow_id"], one["status"]) for one in found] == [(None, "gone", None)]


async def test_the_log_of_a_run_is_as_it_stands_in_the_run_log(past: Past, client: Client) -> None:
    run_id = await past.run(definition(), event("ev-1"))
    answer = await client().get(f"/runs/{run_id}/log")
    entries = RunLog.model_validate_json(answer.content).root
    assert [one.id for one in entries] == [f"{run_id}:{seq}" for seq in range(len(entries))]
    assert {one.orgid for one in entries} == {"acme"}
    assert answer.headers["content-disposition"] == f'attachment; filename="run-{run_id}.json"'


@pytest.mark.parametrize("path", ["/runs/{}", "/runs/{}/log"])
async def test_a_run_of_another_organisation_is_not_there(path: str, past: Past, client: Client) -> None:
    run_id = await past.run(definition("globex"), event("x", org="globex"))
    assert (await client("globex").get(path.format(run_id))).status_code == 200
    assert (await client("acme").get(path.format(run_id))).status_code == 404
    assert (await client("acme").get(path.format("unknown"))).status_code == 404
    assert (await client("acme").get(path.format("a%20b"))).status_code == 404


async def test_what_many_ask_at_once_is_one_query_and_never_an_old_one(past: Past, client: Client) -> None:
    import asyncio

    somebody = client()
    reads = somebody._transport.app.state.parts.reads  # type: ignore[attr-defined]
    await asyncio.gather(*(somebody.get("/runs") for _ in range(30)))
    assert reads.joined > 0
    for number in range(20):
        asked = [asyncio.create_task(somebody.get("/runs")) for _ in range(8)]
        await asyncio.sleep(0)
        run_id = await past.run(definition(), event(f"n{number}"), ago(seconds=-number))
        # What is asked after the write has it, whatever was under way.
        latest = (await somebody.get("/runs?limit=50")).json()["items"][0]["run_id"]
        assert latest == run_id
        await asyncio.gather(*asked)


def timing_out(call: Call) -> Any:
    return Failed({"kind": "timeout", "message": "no answer in 30 s"}, False)


async def test_figures_count_the_last_days_by_what_became_of_runs(past: Past, client: Client) -> None:
    parts = client()._transport.app.state.parts  # type: ignore[attr-defined]
    body, low = definition(), event("low")
    low["data"]["device"]["criticality"] = 1
    await past.run(body, event("a"), ago(days=1))
    await past.run(body, event("b"), ago(days=1), timing_out)
    await past.run(body, event("c"), ago(days=6))
    await past.run(body, event("d"), ago(days=8))
    await past.run(body, low)
    await past.run(body, event("e"), upto=2)
    found, age = await parts.figures.of("acme", ["wake", "unknown"], NOW)
    assert age >= 0
    wake = found["wake"]
    assert [one["status"] for one in wake["recent"]] == ["running", "failed", "completed", "completed", "completed"]
    assert wake["days"][-1] == {"day": "2026-11-26", "completed": 0, "failed": 0, "filtered": 1, "other": 1}
    assert wake["days"][-2] == {"day": "2026-11-25", "completed": 1, "failed": 1, "filtered": 0, "other": 0}
    assert wake["days"][0] == {"day": "2026-11-20", "completed": 1, "failed": 0, "filtered": 0, "other": 0}
    assert wake["success_rate"] == pytest.approx(2 / 3)
    assert found["unknown"] == {"recent": [], "days": found["unknown"]["days"], "success_rate": None}
    assert (await parts.figures.of("globex", ["wake"], NOW))[0]["wake"]["recent"] == []
