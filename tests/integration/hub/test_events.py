"""Module events by the API: lists, one whole, and publishing."""

from __future__ import annotations

import datetime as dt
from typing import Any

import asyncpg
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from hub.documents.events import EventDetail, EventPage, SentEvents
from hub.reading import SESSION
from hub.services import events
from runtime.kafka import partition_of
from runtime.postgres import Connection
from schemas.events import EVENT_TYPES
from schemas.names import EVENT_TOPICS
from tests.integration.hub.conftest import Client
from tests.integration.hub.live import Hub, Live
from tests.integration.hub.past import NOW, Past, event


@pytest.fixture
async def past(connection: Connection) -> Past:
    return await Past(connection).begin()


def at(minutes: float) -> str:
    return (NOW - dt.timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


async def listed(client: Client, query: str = "", org: str = "acme") -> list[str]:
    answer = await client(org).get(f"/events?{query}")
    assert answer.status_code == 200, answer.text
    EventPage.model_validate_json(answer.content)
    return [one["id"] for one in answer.json()["items"]]


@pytest.fixture
async def happened(past: Past) -> None:
    """Events of two entities and two types, one of them twice; and one of another organisation."""
    online = event("up", "device/d-2", type="device.online", time=at(3))
    alert = event("alert", "alert/a-1", type="alert.triggered", source="/security", time=at(1))
    alert["data"]["alert"] = {"id": "a-1", "title": "Disk full", "severity": "high"}
    again = event("down", time=at(5))
    await past.happen(event("old", time=at(60 * 24 * 9)), at=NOW - dt.timedelta(days=9))
    await past.happen(again, online, alert, event("theirs", org="globex", time=at(0)), at=NOW)
    await past.happen(again, at=NOW + dt.timedelta(days=1))


@pytest.mark.usefixtures("happened")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "alert up down old"),
        ("type=device.offline", "down old"),
        ("type=no.such", ""),
        ("entity=device/d-1", "down old"),
        ("entity=acme/device/d-2", "up"),
        ("entity=device/d-1&type=device.online", ""),
        (f"since={at(4)}", "alert up"),
        (f"until={at(3)}", "down old"),
        (f"since={at(3)}&until={at(1)}", "up"),
        ("until=0001-01-01T00:00:00Z", ""),
        ("since=9999-12-31T23:59:59Z", ""),
    ],
)
async def test_events_are_found_by_every_filter_each_of_them_once(client: Client, query: str, found: str) -> None:
    assert await listed(client, query) == found.split()


@pytest.mark.usefixtures("happened")
async def test_an_event_says_what_it_is_about(client: Client) -> None:
    first = (await client().get("/events?limit=1")).json()["items"][0]
    assert first == {
        "id": "alert", "source": "/security", "type": "alert.triggered", "subject": "alert/a-1", "time": at(1),
        "received_at": at(0), "org_id": "acme", "title": "Disk full",
    }  # fmt: skip


async def test_pages_have_every_event_once_also_where_many_happened_at_one_moment(past: Past, client: Client) -> None:
    await past.happen(*(event(f"e-{n}", f"device/d-{n % 3}", time=at(n // 10)) for n in range(45)))
    found: list[str] = []
    cursor = ""
    while True:
        answer = (await client().get(f"/events?limit=7&cursor={cursor}")).json()
        found += [one["id"] for one in answer["items"]]
        cursor = answer["next"]
        if cursor is None:
            break
    assert len(found) == 45
    assert [int(one.removeprefix("e-")) // 10 for one in found] == sorted(n // 10 for n in range(45))
    assert len(set(found)) == 45


async def test_a_bad_question_is_refused(client: Client) -> None:
    for query in ("cursor=x", "cursor=WzEwMDAwMDAwMDAwMDAwMDAwMDAsIiIsMCwwXQ", "limit=0", "since=now", "type=%00"):
        answer = await client().get(f"/events?{query}")
        assert answer.status_code == 422, query


async def test_an_event_is_found_whole_by_its_id_whatever_is_in_that(past: Past, client: Client) -> None:
    odd = event("a/b c%?", time=at(1))
    await past.happen(odd)
    answer = await client().get("/events/a%2Fb%20c%25%3F")
    assert answer.status_code == 200, answer.text
    EventDetail.model_validate_json(answer.content)
    told = answer.json()
    assert (told["envelope"], told["title"]) == (odd, "The d-1")
    assert (await client("globex").get("/events/a%2Fb%20c%25%3F")).status_code == 404
    for missing in ("nobody", "a%00b", "x" * 2000, "a%2Fb%20c%25%3F?source=/psa"):
        assert (await client().get(f"/events/{missing}")).status_code == 404, missing


async def test_an_id_that_several_senders_used_asks_for_the_source(past: Past, client: Client) -> None:
    await past.happen(event("same"), event("same", source="/psa"), event("same"))
    answer = await client().get("/events/same")
    assert (answer.status_code, answer.json()["sources"]) == (409, ["/psa", "/rmm"])
    assert (await client().get("/events/same?source=/psa")).json()["source"] == "/psa"


async def test_events_are_read_by_index(past: Past, url: str) -> None:
    await past.happen(event("one"), at=NOW)
    await past.connection.execute(_MANY)
    await past.connection.execute("analyze history_data.events")
    reader = await asyncpg.connect(url, server_settings=SESSION)
    try:
        place = (dt.datetime(1, 1, 2, tzinfo=dt.UTC), NOW + dt.timedelta(days=9), "", 0, 0, 51)
        for statement, more in (
            (events._OF_TYPES, [sorted(EVENT_TYPES)]),
            (events._OF_TYPES, [["device.online"]]),
            (events._OF_SUBJECTS, [sorted(EVENT_TYPES), ["device/d-8"]]),
            (events._OF_SUBJECTS, [["device.offline"], ["device/d-8", "d-8"]]),
        ):
            explained = "explain (analyze, format json) " + statement
            (plan,) = orjson.loads(await reader.fetchval(explained, "acme", *place, *more))
            assert_by_index(plan, statement)
        (plan,) = orjson.loads(
            await reader.fetchval("explain (analyze, format json) " + events._ONE, "acme", "many-1", None)
        )
        assert_by_index(plan, events._ONE)
    finally:
        await reader.close()


def assert_by_index(plan: dict[str, Any], statement: str) -> None:
    nodes = list(_nodes(plan["Plan"]))
    assert [one for one in nodes if one["Node Type"] == "Seq Scan"] == [], statement
    read = sum(one["Actual Rows"] * one["Actual Loops"] for one in nodes if one["Node Type"] == "Index Scan")
    assert read < 400, (read, statement)


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in _nodes(child))]


_MANY = """
insert into history_data.events (event_id, org_id, type, time, received_at, topic, partition, "offset", event, subject)
select 'many-' || n, case n % 2 when 0 then 'acme' else 'globex' end,
       case n % 3 when 0 then 'device.offline' else 'device.online' end,
       '2026-11-26 00:00Z'::timestamptz + n * interval '1 second',
       '2026-11-26 00:00Z'::timestamptz + n * interval '1 second',
       'onestack.events.rmm', 0, 1000 + n, json_build_object('id', 'many-' || n, 'source', '/rmm', 'subject',
       'device/d-' || n % 1000), 'device/d-' || n % 1000
  from generate_series(1, 20000) n
"""


async def record_at(live: Live, topic: str, partition: int, offset: int) -> Any:
    reader = AIOKafkaConsumer(bootstrap_servers=live.broker.bootstrap, fetch_max_wait_ms=10)
    await reader.start()
    try:
        place = TopicPartition(topic, partition)
        reader.assign([place])
        reader.seek(place, offset)
        return await reader.getone()
    finally:
        await reader.stop()


async def test_an_event_that_is_published_is_as_a_module_sends_it(live: Live, hub: Hub) -> None:
    ada = hub.of(org := live.org())
    given = {name: value for name, value in event("pub-1", time=at(0)).items() if name != "orgid"}
    answer = await ada.post("/events", given, 202)
    SentEvents.model_validate(answer)
    (sent,) = answer["items"]
    assert (sent["id"], sent["topic"]) == ("pub-1", EVENT_TOPICS["rmm"])
    assert sent["partition"] == partition_of(f"{org}/device/d-1".encode(), 2)
    record = await record_at(live, sent["topic"], sent["partition"], sent["offset"])
    assert record.key == f"{org}/device/d-1".encode()
    assert orjson.loads(record.value) == {**given, "orgid": org}
    assert record.headers == (("content-type", b"application/cloudevents+json; charset=UTF-8"),)
    (noted,) = (await ada.get("/audit?action=event.publish"))["items"]
    assert (noted["target"], noted["details"], noted["outcome"]) == (
        "event/pub-1", {"count": 1, "ids": ["pub-1"]}, "done",
    )  # fmt: skip


async def test_a_batch_is_sent_whole_or_not_at_all(live: Live, hub: Hub) -> None:
    ada = hub.of(org := live.org())
    batch = [event(f"b-{n}", f"device/d-{n}", org=org) for n in range(20)]
    headers = {"content-type": "application/cloudevents-batch+json"}
    answer = await ada.ask("POST", "/events", 202, content=orjson.dumps(batch), headers=headers)
    assert [one["id"] for one in answer.json()["items"]] == [f"b-{n}" for n in range(20)]
    bad = [*batch[:2], {**batch[2], "subject": "ticket/7"}, {**batch[3], "data": {"device": {"id": 3}}}]
    refused = await ada.post("/events", bad, 422)
    assert [one["pointer"] for one in refused["faults"]] == ["/2/subject", "/3/data/device/id"]
    foreign = await ada.post("/events", [batch[0], event("x", org="globex")], 403)
    assert foreign["faults"][0]["pointer"] == "/1/orgid"
    assert len((await ada.get("/audit?action=event.publish"))["items"]) == 1


async def test_what_is_no_event_is_refused(client: Client) -> None:
    ada = client()
    structured = {"content-type": "application/cloudevents+json"}
    batched = {"content-type": "application/cloudevents-batch+json"}
    for status, content, headers in (
        (400, b"{", {}),
        (400, b'{"id": "\\ud800"}', {}),
        (415, b"{}", {"content-type": "text/plain"}),
        (415, b"a: 1", {"content-type": "application/yaml"}),
        (422, b"{}", batched),
        (422, b"[]", {}),
        (422, b"[]", structured),
        (422, b"7", {}),
        (422, b'{"orgid": 100000000000000000000000000000000}', {}),
        (422, orjson.dumps({**event("\0"), "id": "a\0"}), {}),
        (413, orjson.dumps([{}] * 501), {}),
        (422, orjson.dumps(event("big", note="x" * 300_000)), {}),
        (422, orjson.dumps(event("deep", note=0)).replace(b"0}", b"[" * 500 + b"]" * 500 + b"}"), {}),
    ):
        answer = await ada.post("/events", content=content, headers=headers)
        assert answer.status_code == status, (content[:80], answer.text)
    assert (await client(role="Viewer").post("/events", json=event("x"))).status_code == 403
