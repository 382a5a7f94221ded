"""After all that, and among it: a good event still runs to its end, and odd but good text arrives whole."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from runtime.kafka import partition_of
from schemas.names import DEFINITIONS, EVENT_TOPICS
from tests.acceptance.bad_input.running import PARTITIONS, House, Record

DEFINITION = {
    "id": "note",
    "org": "good",
    "version": 1,
    "name": "A note with \x00 in its name",
    "state": "enabled",
    "trigger": {"type": "alert.triggered"},
    "conditions": {"field": "alert.severity", "op": "in", "value": ["critical", "high"]},
    "steps": [
        {"id": "first", "action": "create_note", "with": {"body": "{{alert.message}}", "company_id": "c-1"}},
        {"id": "second", "action": "create_note", "with": {"body": "after {{steps.first.id}}", "company_id": "c-1"}},
    ],
}
ODD = {
    "nul": "a\x00b",
    "controls": "\x01\x07\x1b[31m\x7f\x85",
    "emoji": "🎫 👩‍💻 Ünïcödé",
    "directions": "\u202eevil\u2066",
    "not a character": "\ufffe\uffff\U0010ffff",
    "looks like a template": "{{alert.message}} {% for %} ${x} %s",
    "looks like sql": "'; drop table history.runs; --",
    "long": "x" * 60_000,
    "backslashes": '\\u0000 \\ "quoted" \\',
}


def event(name: str, message: str, **more: Any) -> bytes:
    found = {
        "specversion": "1.0",
        "id": f"odd {name}",
        "source": "/rmm",
        "type": "alert.triggered",
        "subject": f"alert/{name}",
        "orgid": "good",
        "data": {"alert": {"id": name, "severity": "high", "message": message, "huge": 2**63, "tiny": 1e-300, **more}},
    }
    return orjson.dumps(found)


def test_good_events_among_bad_ones_run_to_their_end(house: House) -> None:
    rmm = EVENT_TOPICS["rmm"]
    records = [Record(DEFINITIONS, orjson.dumps(DEFINITION), b"good/note")]
    for name, message in ODD.items():
        records.append(Record(rmm, b"nonsense", None))
        records.append(Record(rmm, event(name, message), f"good/alert/{name}".encode()))
    # The last of two equal keys counts, as with most readers of JSON.
    records.append(Record(rmm, event("twice", "x").replace(b'"x"', b'"x","message":"last"'), None))

    async def scenario() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        await house.send(records[:1])
        await house.query("select 1 from history.workflows where org_id = 'good'")
        await asyncio.sleep(1)  # in force on every worker within a second
        await house.send(records[1:])
        runs = await house.query(
            "select entity_key, status from history.runs where org_id = 'good' and finished_at is not null",
            len(ODD) + 1,
        )
        steps = await house.query(
            "select r.entity_key, s.input->>'body' as body from history.steps s join history.runs r using (run_id)"
            " where r.org_id = 'good' and s.step_id = 'first' and s.status = 'succeeded'",
            len(ODD) + 1,
        )
        return runs, steps

    runs, steps = asyncio.run(scenario())
    wanted = {**ODD, "twice": "last"}
    assert {row["entity_key"]: row["status"] for row in runs} == {f"good/alert/{name}": "completed" for name in wanted}
    kept = {row["entity_key"].removeprefix("good/alert/"): row["body"] for row in steps}
    assert kept == {name: message.replace("\x00", "\\u0000") for name, message in wanted.items()}
    sent = [call["body"] for call in house.hub.calls]
    assert all(message in sent for message in wanted.values())
    assert house.alive()
    # Some of them came on a partition that is not theirs.
    assert {partition_of(f"good/alert/{name}".encode(), PARTITIONS) for name in wanted} == {0, 1}


def test_a_definition_with_odd_text_stands_in_the_history(house: House) -> None:
    rows = asyncio.run(house.query("select name from history.workflows where org_id = 'good'"))
    assert [row["name"] for row in rows] == ["A note with \\u0000 in its name"]


def test_no_process_lost_an_error_or_crashed(house: House) -> None:
    for name in ("worker", "projector"):
        log = house.log(name).read_text(errors="replace")
        assert "never retrieved" not in log
        assert "crashed" not in log.lower()
