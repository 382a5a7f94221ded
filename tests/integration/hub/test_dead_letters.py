"""Dead letters by the API: lists, and sending what they are about again."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any, NamedTuple

import asyncpg
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from hub.documents.dead_letters import DeadLetter, DeadLetterPage, Place
from hub.reading import SESSION
from hub.services import letters
from runtime.postgres import Connection
from schemas.errors import Refused
from schemas.names import DEAD_LETTERS, DEFINITIONS, EVENT_TOPICS
from streams.dead_letters import letter
from tests.integration.hub.conftest import Client
from tests.integration.hub.live import Hub, Live, Somebody
from tests.integration.hub.past import NOW, Past, definition, event

RMM = EVENT_TOPICS["rmm"]


@pytest.fixture
async def past(connection: Connection) -> Past:
    return await Past(connection).begin()


@pytest.fixture
async def refused(past: Past) -> None:
    """Three letters of acme's, the newest first, and one of another organisation."""
    times = [(NOW - dt.timedelta(hours=hours)).isoformat() for hours in range(3)]
    await past.refuse(offset=1, reason="is required", field="data.device.id", value='{"NAME": 1}', at=times[0])
    await past.refuse(offset=2, reason="not JSON", key="acme/wf", topic=DEFINITIONS, at=times[1])
    await past.refuse(offset=3, reason="not JSON", value=None, at=times[2])
    await past.refuse(offset=4, key="globex/device/d")


async def listed(client: Client, query: str = "", org: str = "acme") -> list[int]:
    answer = await client(org).get(f"/dead-letters?{query}")
    assert answer.status_code == 200, answer.text
    DeadLetterPage.model_validate_json(answer.content)
    return [one["offset"] for one in answer.json()["items"]]


@pytest.mark.usefixtures("refused")
async def test_dead_letters_are_found_by_every_filter_and_by_their_organisation_alone(client: Client) -> None:
    since = (NOW - dt.timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    for query, found in (
        ("", [1, 2, 3]),
        (f"topic={RMM}", [1, 3]),
        (f"since={since}", [1, 2]),
        ("text=NOT json", [2, 3]),
        ("text=name", [1]),
        ("text=ACME/WF", [2]),
        (f"text=json&topic={DEFINITIONS}", [2]),
        ("text=100%25", []),
    ):
        assert await listed(client, query) == found, query
    assert await listed(client, org="globex") == [4]
    assert await listed(client, org="nobody") == []


@pytest.mark.usefixtures("refused")
async def test_a_dead_letter_is_found_by_its_id(client: Client) -> None:
    (first, *_) = (await client().get("/dead-letters")).json()["items"]
    answer = await client().get(f"/dead-letters/{first['id']}")
    DeadLetter.model_validate_json(answer.content)
    assert answer.json() == first
    assert (first["field"], first["key"], first["value"]) == ("data.device.id", "acme/device/d", '{"NAME": 1}')
    for other, id in (("globex", first["id"]), ("acme", "x"), ("acme", "0" * 32), ("acme", "%00")):
        assert (await client(other).get(f"/dead-letters/{id}")).status_code == 404
    redrive = f"/dead-letters/{first['id']}/redrive"
    assert (await client("globex").post(redrive)).status_code == 404
    assert (await client(role="Viewer").post(redrive)).status_code == 403


async def test_pages_have_every_letter_once_with_a_filter_and_without(
    past: Past, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "_STRETCH", 5)
    for number in range(23):
        await past.refuse(offset=number, value="odd" if number % 2 else "even")
    for query, count in (("", 23), ("text=odd", 11)):
        found: list[int] = []
        cursor = ""
        while cursor is not None:
            answer = (await client().get(f"/dead-letters?limit=4&{query}&cursor={cursor}")).json()
            found += [one["offset"] for one in answer["items"]]
            cursor = answer["next"]
        assert (len(found), len(set(found))) == (count, count)


async def test_a_letter_that_says_nothing_of_where_it_came_from_is_told_and_not_sent(
    past: Past, client: Client
) -> None:
    await past.refuse(topic=None, partition=None, offset=None, reason=None, field=None)
    (one,) = (await client().get("/dead-letters")).json()["items"]
    DeadLetter.model_validate(one)
    assert (one["topic"], one["partition"], one["offset"], one["field"]) == ("", -1, -1, None)
    answer = await client().post(f"/dead-letters/{one['id']}/redrive")
    assert answer.status_code == 409, answer.text


async def test_letters_are_read_by_index(past: Past, url: str) -> None:
    await past.connection.execute(
        """insert into history_data.dead_letters
           select md5(n::text), 'r', '', 't', 0, n, case n % 2 when 0 then 'acme/x' else 'globex/x' end, 'v',
                  '2026-11-26 00:00Z'::timestamptz + n * interval '1 second' from generate_series(1, 20000) n"""
    )
    await past.connection.execute("analyze history_data.dead_letters")
    reader = await asyncpg.connect(url, server_settings=SESSION)
    try:
        page = (dt.datetime(1, 1, 2, tzinfo=dt.UTC), NOW, "", 51, None, None)
        for statement, given in ((letters._PAGE, page), (letters._ONE, (f"{7:032x}",))):
            (plan,) = orjson.loads(await reader.fetchval(f"explain (analyze, format json) {statement}", "acme", *given))
            scans = [one for one in _nodes(plan["Plan"]) if one.get("Relation Name") == "dead_letters"]
            assert {one["Node Type"] for one in scans} == {"Index Scan"}
            assert sum(one["Actual Rows"] for one in scans) < 100
    finally:
        await reader.close()


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in _nodes(child))]


class _Record(NamedTuple):
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


async def bury(
    live: Live, ada: Somebody, topic: str, key: bytes, value: bytes, headers: Any = (), *, gone: bool = False
) -> str:
    """Send a record and its dead letter; the letter's id, once it is listed. Of one that is gone, only the letter."""
    producer = AIOKafkaProducer(bootstrap_servers=live.broker.bootstrap)
    await producer.start()
    try:
        at = await producer.send_and_wait(topic, value, key, headers=headers)
        record = _Record(topic, at.partition, at.offset + (1_000_000 if gone else 0), key, value)
        told = letter(record, Refused.one("data", "is odd"), NOW)
        await producer.send_and_wait(DEAD_LETTERS, told, key)
    finally:
        await producer.stop()
    for _ in range(300):
        for one in (await ada.get(f"/dead-letters?topic={topic}"))["items"]:
            if one["offset"] == record.offset:
                return str(one["id"])
        await asyncio.sleep(0.1)
    raise AssertionError("the letter is not listed")


async def sent(live: Live, place: dict[str, Any]) -> Any:
    Place.model_validate(place)
    reader = AIOKafkaConsumer(bootstrap_servers=live.broker.bootstrap, fetch_max_wait_ms=10)
    await reader.start()
    try:
        at = TopicPartition(place["topic"], place["partition"])
        reader.assign([at])
        reader.seek(at, place["offset"])
        return await reader.getone()
    finally:
        await reader.stop()


async def test_a_record_that_is_good_now_is_sent_again_as_it_stands_in_its_topic(live: Live, hub: Hub) -> None:
    ada = hub.of(org := live.org())
    whole = orjson.dumps(event("again", org=org, note="x" * 20_000))  # longer than a letter's copy
    headers = [("content-type", b"application/cloudevents+json"), ("x-trace", b"7")]
    id = await bury(live, ada, RMM, f"{org}/device/d-1".encode(), whole, headers)
    record = await sent(live, await ada.post(f"/dead-letters/{id}/redrive"))
    assert (record.key, record.value, record.headers) == (f"{org}/device/d-1".encode(), whole, tuple(headers))
    (noted,) = (await ada.get("/audit?action=dead-letter.redrive"))["items"]
    assert (noted["target"], noted["outcome"], noted["details"]["corrected"]) == (f"dead-letter/{id}", "done", False)


async def test_what_is_bad_still_is_refused_with_its_faults_and_can_be_corrected(live: Live, hub: Hub) -> None:
    ada = hub.of(org := live.org())
    bad = event("bad", org=org, data={"device": {"id": "d-1", "criticality": "high"}})
    id = await bury(live, ada, RMM, f"{org}/odd".encode(), orjson.dumps(bad))
    path = f"/dead-letters/{id}/redrive"
    told = await ada.post(path, {}, 422)
    assert [one["pointer"] for one in told["faults"]] == ["/data/device/criticality"]
    odd: list[Any] = ["", "{", 7, [], {"orgid": org}, "\0", {"large": 2**70}]
    for one in odd:
        assert (await ada.post(path, {"value": one}, 422))["faults"], one
    await ada.post(path, {"value": event("bad", org="globex")}, 403)
    await ada.post(path, {"other": 1}, 422)
    good = event("bad", org=org)
    for value in (good, orjson.dumps(good, option=orjson.OPT_INDENT_2).decode()):
        record = await sent(live, await ada.post(path, {"value": value}))
        assert (record.key, orjson.loads(record.value)) == (f"{org}/device/d-1".encode(), good)


async def test_an_event_in_binary_mode_keeps_its_attributes(live: Live, hub: Hub) -> None:
    ada = hub.of(org := live.org())
    given = event("binary", org=org)
    headers = [(f"ce_{name}", str(value).encode()) for name, value in given.items() if name != "data"]
    id = await bury(live, ada, RMM, f"{org}/device/d-1".encode(), b'{"device": {}}', headers)
    path = f"/dead-letters/{id}/redrive"
    record = await sent(live, await ada.post(path, {"value": given["data"]}))
    assert (record.headers, orjson.loads(record.value)) == (tuple(headers), given["data"])
    record = await sent(live, await ada.post(path, {"value": given}))
    assert [name for name, _ in record.headers] == ["content-type"]
    assert orjson.loads(record.value) == given


async def test_of_a_record_that_is_gone_the_letter_s_copy_is_sent_where_it_is_whole(live: Live, hub: Hub) -> None:
    ada = hub.of(org := live.org())
    key = f"{org}/device/d-1".encode()
    short, long = orjson.dumps(event("s", org=org)), orjson.dumps(event("l", org=org, note="x" * 20_000))
    id = await bury(live, ada, RMM, key, short, gone=True)
    record = await sent(live, await ada.post(f"/dead-letters/{id}/redrive"))
    assert (record.key, record.value) == (key, short)
    id = await bury(live, ada, RMM, key, long, gone=True)
    told = await ada.post(f"/dead-letters/{id}/redrive", status=410)
    assert "only the beginning" in told["detail"]


async def test_a_definition_is_sent_again_where_it_could_be_in_force(live: Live, hub: Hub) -> None:
    ada = hub.of(org := live.org())
    id = await bury(live, ada, DEFINITIONS, f"{org}/wake".encode(), orjson.dumps(definition(org, steps=[])))
    path = f"/dead-letters/{id}/redrive"
    assert (await ada.post(path, {}, 422))["faults"]
    record = await sent(live, await ada.post(path, {"value": definition(org, version=3)}))
    assert (record.key, record.partition) == (f"{org}/wake".encode(), 0)
    await hub.parts.definitions.applied(record.offset)
    (fault,) = (await ada.post(path, {"value": definition(org, version=3, name="Other")}, 422))["faults"]
    assert fault["pointer"] == "/version"
    await ada.post(path, {"value": definition("globex", version=9)}, 403)
    assert (await ada.post(path, {"value": definition(org, id="a b")}, 422))["faults"][0]["pointer"] == "/id"


async def test_other_records_are_not_sent_again(live: Live, hub: Hub) -> None:
    ada = hub.of(org := live.org())
    id = await bury(live, ada, "onestack.workflow.control", f"{org}/device/d-1".encode(), b"{}")
    told = await ada.post(f"/dead-letters/{id}/redrive", {"value": event("x", org=org)}, 409)
    assert "onestack.workflow.control" in told["detail"]
