"""Records in, rows out: the projection's core against a real Postgres."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
import pytest

from projections.checksum import checksums
from projections.errors import PositionLost
from projections.events import EventLog
from projections.projection import Projection
from projections.shadow import ShadowStore, make_shadow
from projections.store import Partition, Store
from projections.swap import Carrying, exchange, note_kept
from runtime.postgres import Connection, connect
from schemas.names import DEAD_LETTERS, EVENT_TOPICS, RUNS

EVENTS = EVENT_TOPICS["rmm"]
VIEWS = {
    "runs": "run_id",
    "steps": "run_id, position",
    "entries": "run_id, seq",
    "dead_letters": 'topic, partition, "offset"',
}
EVENT = {"id": "ev-1", "type": "alert.triggered", "data": {"alert": {"id": "a-1"}}}
TRACE = {"all": [{"field": "alert.severity", "op": "equals", "value": "high", "actual": "high", "result": True}]}


class Record(NamedTuple):
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = 1_795_420_800_000
    headers: tuple[tuple[str, bytes], ...] = ()


def entry(run: str, seq: int, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": f"{run}:{seq}", "source": "/workflow-engine", "type": kind, "subject": "alert/a-1",
        "orgid": "acme", "time": f"2026-11-23T08:00:{seq:02}.500000Z", "data": data,
    }  # fmt: skip


def log_of(run: str, kind: int = 0) -> list[bytes]:
    """The records of one run: completed, failed, skipped, waiting in a retry, or restarted."""
    begun = {
        "generation": 0, "workflow": {"id": "wf", "name": "WF", "version": 3}, "event": EVENT, "conditions": TRACE,
        "causation_chain": ["wf"],
    }  # fmt: skip

    def step(position: int, **more: Any) -> dict[str, Any]:
        return {
            "generation": 0,
            "step": f"s{position}",
            "position": position,
            "action": "add_tag",
            "attempt": 1,
            **more,
        }

    if kind == 2:
        return [orjson.dumps([entry(run, 0, "run.skipped", begun)])]
    gate = {"step": "gate", "position": 0, "action": "condition", "result": True, "conditions": TRACE}
    log = [
        [entry(run, 0, "run.started", begun), entry(run, 1, "step.condition", gate),
         entry(run, 2, "step.started", step(1, input={"tag": "vip"}))],
        [entry(run, 3, "step.succeeded", step(1, output={"id": "t-1"})),
         entry(run, 4, "step.started", step(2, input={"tag": "x"}))],
    ]  # fmt: skip
    error = {"kind": "http", "status": 500, "body": "oh"}
    if kind == 1:
        ended = [entry(run, 5, "step.failed", step(2, error=error, next_try=None))]
        log.append([*ended, entry(run, 6, "run.failed", {"generation": 0, "error": "step s2 failed: 500"})])
    elif kind == 3:
        log.append([entry(run, 5, "step.failed", step(2, error=error, next_try="2026-11-23T09:00:00Z"))])
    elif kind == 4:
        log.append([entry(run, 5, "run.restarted", {"generation": 1, "event": {**EVENT, "id": "ev-2"}})])
        log.append([entry(run, 6, "step.started", step(3, input={"tag": "again"}))])
    else:
        log.append([entry(run, 5, "step.succeeded", step(2, output=None)), entry(run, 6, "run.completed", {})])
    return [orjson.dumps(one) for one in log]


def numbered(values: Sequence[bytes | None], first: int = 0, topic: str = RUNS) -> list[Record]:
    return [Record(topic, 0, first + k, b"acme/alert/a-1", value) for k, value in enumerate(values)]


async def projection_on(connection: Connection, *topics: str) -> Projection:
    projection = Projection(Store(connection))
    projection.positions = await projection.store.positions(Partition(topic, 0) for topic in topics or (RUNS,))
    return projection


async def rows(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {
        view: [tuple(row) for row in await connection.fetch(f"select * from history.{view} order by {order}")]
        for view, order in VIEWS.items()
    }


async def test_a_run_is_one_row_with_its_event_conditions_and_duration(connection: Connection) -> None:
    projection = await projection_on(connection)
    await projection.project(numbered(log_of("r1", 1)))
    (run,) = await connection.fetch("select * from history.runs")
    assert (run["org_id"], run["workflow_version"], run["status"]) == ("acme", 3, "failed")
    assert orjson.loads(run["trigger_event"]) == EVENT
    assert orjson.loads(run["conditions"]) == TRACE
    assert (run["duration_ms"], run["error"], run["causation_chain"]) == (6000.0, "step s2 failed: 500", ["wf"])


async def test_steps_have_input_output_and_error(connection: Connection) -> None:
    projection = await projection_on(connection)
    await projection.project(numbered(log_of("r1", 1)))
    gate, first, second = await connection.fetch("select * from history.steps order by position")
    assert (gate["action"], orjson.loads(gate["input"]), orjson.loads(gate["output"])) == (
        "condition", TRACE, {"result": True},
    )  # fmt: skip
    assert (orjson.loads(first["input"]), orjson.loads(first["output"]), first["error"]) == (
        {"tag": "vip"}, {"id": "t-1"}, None,
    )  # fmt: skip
    assert (second["status"], second["attempts"], second["output"]) == ("failed", 1, None)
    assert orjson.loads(second["error"])["status"] == 500


async def test_the_timeline_has_each_entry_with_its_time_and_data(connection: Connection) -> None:
    projection = await projection_on(connection)
    await projection.project(numbered(log_of("r1")))
    found = await connection.fetch("select seq, type, at, data from history.entries order by seq")
    assert [row["seq"] for row in found] == list(range(7))
    assert (found[0]["type"], found[0]["at"].isoformat()) == ("run.started", "2026-11-23T08:00:00.500000+00:00")
    assert orjson.loads(found[3]["data"])["output"] == {"id": "t-1"}


@pytest.mark.parametrize("seed", range(12))
async def test_any_cut_repeat_and_order_of_the_records_comes_to_the_same_rows(
    seed: int, connection: Connection, empty_url: str
) -> None:
    chance = random.Random(seed)
    logs = [log_of(f"run-{number}", number % 5) for number in range(12)]
    tidy = await projection_on(connection)
    await tidy.project(numbered([value for log in logs for value in log]))
    expected = await rows(connection)
    await connection.execute(
        "truncate history_data.runs, history_data.steps, history_data.records, history_data.run_keys, "
        "history_data.offsets"
    )

    values = [value for log in logs for value in log]
    values += chance.choices(values, k=20)
    chance.shuffle(values)
    untidy = await projection_on(connection)
    records = numbered(values)
    while records:
        size = chance.randint(1, 9)
        await untidy.project(records[:size])
        records = records[size:]
        if chance.random() < 0.2:
            untidy.forget()
    assert await rows(connection) == expected


async def test_the_first_to_claim_a_seq_is_the_truth(connection: Connection) -> None:
    projection = await projection_on(connection)
    started, *_ = log_of("r1")
    won = orjson.dumps([entry("r1", 3, "run.completed", {})])
    lost = orjson.dumps([entry("r1", 3, "run.failed", {"error": "late"}), entry("r1", 4, "run.resumed", {})])
    await projection.project(numbered([started, won]))
    await projection.project(numbered([lost], 2))
    found = await connection.fetch("select type from history.entries where seq >= 3 order by seq")
    assert [row["type"] for row in found] == ["run.completed", "run.resumed"]
    assert await connection.fetchval("select status from history.runs") == "running"


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"\x00\xff",
        b"not json",
        b"{}",
        b'[{"id":"x:0"}]',
        orjson.dumps([entry("r9", 0, "run.started", {"generation": 0})]),
        orjson.dumps([entry(random.Random(1).randbytes(9_000).hex(), 0, "x", {})]),
    ],
    ids=["null", "bytes", "text", "object", "bare", "no workflow", "run id too long for an index"],
)
async def test_a_record_that_cannot_be_folded_is_a_dead_letter_and_the_others_are_written(
    value: bytes | None, connection: Connection
) -> None:
    projection = await projection_on(connection)
    before, after = log_of("r1"), log_of("r2")
    await projection.project(numbered([*before, value, *after]))
    assert await connection.fetchval("select count(*) from history.runs where status = 'completed'") == 2
    (letter,) = await connection.fetch("select * from history.dead_letters")
    assert (letter["topic"], letter["partition"], letter["offset"]) == (RUNS, 0, len(before))
    assert letter["reason"]
    assert projection.poisoned == 1
    assert projection.positions[Partition(RUNS, 0)] == len(before) + 1 + len(after)


@pytest.mark.parametrize("text", [rb"\u0000", rb"\ud800", rb"\\u0000"])
async def test_text_that_postgres_cannot_hold_is_kept_visibly(text: bytes, connection: Connection) -> None:
    projection = await projection_on(connection)
    await projection.project(numbered([log_of("r1")[0].replace(b"ev-1", b"ev-" + text)]))
    event = orjson.loads(await connection.fetchval("select trigger_event from history.runs"))
    assert event["id"] == "ev-" + text.decode().replace("\\\\", "\\")


async def test_a_number_with_more_digits_than_jsonb_has_does_not_break_the_views(connection: Connection) -> None:
    projection = await projection_on(connection)
    tiny = log_of("r1")[0].replace(b'"ev-1"', b"1e-20000")
    long = log_of("r2")[0].replace(b'"ev-1"', b"0." + b"0" * 17_000 + b"1")
    await projection.project(numbered([tiny, long]))
    found = await connection.fetch("select trigger_event ->> 'id' as id from history.runs")
    assert [float(row["id"]) for row in found] == [0.0, 0.0]


async def test_offsets_that_another_projector_moved_keep_this_one_from_writing(
    connection: Connection, url: str
) -> None:
    other = await connect(url)
    ours, theirs = await projection_on(connection), await projection_on(other)
    await theirs.project(numbered(log_of("r1")))
    with pytest.raises(PositionLost):
        await ours.project(numbered(log_of("r1")))
    assert await connection.fetchval("select count(*) from history.runs") == 1
    await other.close()


async def test_records_below_the_position_are_passed_over(connection: Connection) -> None:
    projection = await projection_on(connection)
    records = numbered(log_of("r1"))
    await projection.project(records)
    await projection.project(records)
    assert projection.positions[Partition(RUNS, 0)] == len(records)


async def test_a_repeated_dead_letter_is_one_row_and_a_recreated_topics_is_another(connection: Connection) -> None:
    projection = await projection_on(connection, DEAD_LETTERS)
    letter = {
        "reason": "not JSON", "field": "", "topic": "onestack.events.rmm", "partition": 3, "offset": 7,
        "key": "acme/device/d-1", "value": "{", "at": "2026-11-23T08:00:00Z",
    }  # fmt: skip
    values = [orjson.dumps(one) for one in (letter, {**letter, "at": "2026-11-23T09:00:00Z"}, {**letter, "value": "["})]
    await projection.project(numbered(values, topic=DEAD_LETTERS))
    found = await connection.fetch('select value, "offset", at from history.dead_letters order by value')
    assert [(row["value"], row["offset"]) for row in found] == [("[", 7), ("{", 7)]
    assert found[1]["at"].hour == 8


async def test_a_dead_letter_without_a_source_is_a_row_of_its_own_each(connection: Connection) -> None:
    projection = await projection_on(connection, DEAD_LETTERS)
    await projection.project(numbered([b'{"reason":"x","key":["odd"]}'] * 2 + [b"\xff"], topic=DEAD_LETTERS))
    assert await connection.fetchval("select count(*) from history.dead_letters") == 3


async def test_a_rebuild_makes_the_same_rows_and_keeps_what_the_log_no_longer_has(connection: Connection) -> None:
    old, new = log_of("old"), [value for number in range(5) for value in log_of(f"run-{number}", number)]
    live = await projection_on(connection)
    await live.project(numbered([*old, *new]))
    expected = await rows(connection)
    await connection.execute("update history_data.runs set status = 'odd' where run_id = 'run-1'")

    await make_shadow(connection)
    shadow = Projection(ShadowStore(connection))
    shadow.positions = await shadow.store.positions([Partition(RUNS, 0)])
    await shadow.project(numbered([*old, *new])[1:])
    await exchange(connection)
    assert await rows(connection) == expected


async def test_a_projector_beside_a_rebuild_goes_on_where_that_ended(connection: Connection) -> None:
    values = [value for number in range(5) for value in log_of(f"run-{number}", number)]
    live = await projection_on(connection)
    await live.project(numbered(values))
    expected = await rows(connection)
    await make_shadow(connection)
    shadow = Projection(ShadowStore(connection))
    shadow.positions = await shadow.store.positions([Partition(RUNS, 0)])
    await shadow.project(numbered(values)[:6])
    await exchange(connection)

    more = numbered(log_of("more"), len(values))
    with pytest.raises(PositionLost):
        await live.project(more)
    live.positions = await live.store.positions([Partition(RUNS, 0)])
    assert live.positions[Partition(RUNS, 0)] == 6
    await live.project(numbered(values)[6:])
    assert await rows(connection) == expected


async def test_what_comes_between_copying_and_exchange_is_there_once(connection: Connection) -> None:
    """Runs and events that the projector writes, and the rebuild reads, after what is kept was copied."""
    events = [Record(EVENTS, 0, n, None, _event(n)) for n in range(6)]
    values = [value for number in range(6) for value in log_of(f"run-{number}", number)]
    live, live_events = await projection_on(connection), await _event_log(Store(connection))
    await make_shadow(connection)
    store = ShadowStore(connection)
    shadow, shadow_events = Projection(store), await _event_log(store)
    shadow.positions = await store.positions([Partition(RUNS, 0)])
    for one, log in ((live, live_events), (shadow, shadow_events)):
        await one.project(numbered(values[:7]))
        await log.add(events[:3], datetime.now(UTC))
    await note_kept(connection)
    await live.project(numbered(values)[7:])
    await live_events.add(events[3:], datetime.now(UTC))
    expected, _ = await checksums(connection)
    carrying = Carrying(connection)
    await carrying.carry()
    await shadow.project(numbered(values)[7:])
    await shadow_events.add(events[3:], datetime.now(UTC))
    await exchange(connection, carrying=carrying)
    assert (await checksums(connection))[0] == expected
    assert expected["events"].rows == expected["runs"].rows == 6


def _event(number: int) -> bytes:
    return orjson.dumps(
        {
            "specversion": "1.0", "id": f"ev-{number}", "source": "/rmm", "type": "device.offline",
            "subject": "device/d-1", "orgid": "acme", "data": {"device": {"id": "d-1"}},
        }
    )  # fmt: skip


async def _event_log(store: Store) -> EventLog:
    found = EventLog(store, lambda event: event, 100_000)
    found.positions = await store.positions([Partition(EVENTS, 0)])
    return found
