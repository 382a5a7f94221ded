from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.settings import Settings
from schemas.entries import entry
from streams.ledger import Ledger, Ledgers, Recent, ends, first_id, older

RUN = "0123456789abcdef0123456789abcdef"
WINDOW = 600.0


def new_ledger(now: float = 1000.0) -> Ledger:
    return Ledger(3, WINDOW, now)


async def test_a_claimed_id_is_there_until_long_after_it_is_settled() -> None:
    ledger = new_ledger()
    claim = ledger.claim("r:0", 1000.0)
    assert ledger.has("r:0")
    assert ledger.find("r:0") is claim
    ledger.settle("r:0")
    assert claim.done()
    assert ledger.has("r:0")
    assert ledger.find("r:0") is None
    assert not ledger.has("r:1")


async def test_who_waits_for_a_claim_goes_on_when_it_is_settled() -> None:
    ledger = new_ledger()
    claim = ledger.claim("r:0", 1000.0)
    waiting = asyncio.create_task(asyncio.wait((claim,)))
    await asyncio.sleep(0)
    assert not waiting.done()
    ledger.settle("r:0")
    await waiting
    assert not claim.cancelled()


async def test_a_released_claim_is_free_again_and_those_who_wait_hear_of_it() -> None:
    ledger = new_ledger()
    claim = ledger.claim("r:0", 1000.0)
    ledger.release("r:0")
    assert claim.cancelled()
    assert not ledger.has("r:0")
    ledger.release("r:0")
    ledger.settle("r:0")
    assert not ledger.has("r:0")


async def test_a_rebalance_gives_up_the_calls_that_have_not_begun_and_lets_the_log_speak_of_them() -> None:
    ledger = new_ledger()
    waiting, begun = ledger.claim("r:1", 1000.0, queued=True), ledger.claim("s:1", 1000.0, queued=True)
    start = ledger.claim("t:0", 1000.0)
    ledger.begin(begun)
    ledger.suspend()
    assert waiting.cancelled()
    assert (begun.done(), start.done()) == (False, False)
    ledger.seen_in_log("r:1", 42)
    assert ledger.find("r:1") == 42


async def test_who_gave_a_claim_up_does_not_release_the_next_ones() -> None:
    ledger = new_ledger()
    first = ledger.claim("r:1", 1000.0, queued=True)
    ledger.suspend()
    second = ledger.claim("r:1", 1001.0, queued=True)
    ledger.release("r:1", first)
    assert ledger.find("r:1") is second
    assert not second.done()


async def test_what_is_settled_or_in_the_log_is_not_released() -> None:
    ledger = new_ledger()
    ledger.claim("r:0", 1000.0)
    ledger.settle("r:0")
    ledger.seen_in_log("r:1", 42)
    for known in ("r:0", "r:1"):
        ledger.release(known)
        assert ledger.has(known)


async def test_the_log_tells_the_offset_of_the_first_record_that_has_an_id() -> None:
    ledger = new_ledger()
    ledger.seen_in_log("r:0", 5)
    ledger.seen_in_log("r:0", 9)
    assert ledger.find("r:0") == 5


async def test_a_live_claim_knows_better_than_the_log() -> None:
    ledger = new_ledger()
    claim = ledger.claim("r:0", 1000.0)
    ledger.seen_in_log("r:0", 5)
    assert ledger.find("r:0") is claim


async def test_ids_are_kept_for_at_least_one_window_and_forgotten_after_three() -> None:
    ledger = new_ledger(0.0)
    ledger.claim("old:0", 1.0)
    ledger.settle("old:0")
    now, forgotten = 1.0, None
    for number in range(400):
        now += 10.0
        ledger.claim(f"n{number}:0", now)
        if forgotten is None and not ledger.has("old:0"):
            forgotten = now
    assert forgotten is not None
    assert WINDOW <= forgotten <= 3 * WINDOW + 10


@given(gaps=st.lists(st.floats(0.0, 400.0), max_size=40))
def test_whenever_ids_come_each_is_kept_for_a_window(gaps: list[float]) -> None:
    async def scenario() -> None:
        ledger, now, claimed = new_ledger(0.0), 0.0, {}
        for number, gap in enumerate(gaps):
            now += gap
            ledger.claim(f"{number}", now)
            claimed[f"{number}"] = now
            assert all(ledger.has(known) for known, at in claimed.items() if now - at < WINDOW)

    asyncio.run(scenario())


async def test_a_closed_ledger_lets_go_of_everyone() -> None:
    ledger = new_ledger()
    claim = ledger.claim("r:0", 1000.0)
    waiting = asyncio.create_task(ledger.ready.wait())
    ledger.close()
    assert await waiting
    assert not ledger.open
    assert claim.cancelled()


def record(kind: str = "run.started", data: Any = None) -> bytes:
    entries = [
        entry(RUN, seq, kind, "2026-11-23T08:00:00.000000Z", "acme", "device/d-1", {} if data is None else data)
        for seq in (7, 8)
    ]
    return orjson.dumps(entries)


def test_the_first_id_of_a_record_is_read_without_parsing_it() -> None:
    assert first_id(record()) == f"{RUN}:7"
    assert first_id(record("step.failed", {"error": {"message": '[{"specversion":"1.0","id":"x"'}})) == f"{RUN}:7"


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"[]",
        b"{}",
        b"null",
        record()[1:],
        b" " + record(),
        b'[{"specversion":"1.0","id":"',
        b'[{"specversion":"1.0","id":"' + b"x" * 500,
        b'[{"specversion":"1.0","id":""}]',
        b'[{"id":"a:0","specversion":"1.0"}]',
    ],
)
def test_what_is_not_a_record_of_ours_has_no_first_id(value: bytes | None) -> None:
    assert not first_id(value)


@given(st.binary(max_size=300))
def test_any_bytes_have_a_first_id_or_none(value: bytes) -> None:
    assert first_id(b'[{"specversion":"1.0","id":"' + value) is None or b'"' in value


@pytest.mark.parametrize("kind", ["completed", "failed", "cancelled", "skipped", "suppressed"])
def test_a_record_whose_last_entry_is_the_end_of_its_run_ends_it(kind: str) -> None:
    assert ends(record(f"run.{kind}"), RUN)
    assert ends(record(f"run.{kind}", {"output": {"type": "run.started", "id": f"{RUN}:3"}}), RUN)
    assert not ends(record(f"run.{kind}"), RUN[::-1])


@pytest.mark.parametrize(
    "kind", ["run.started", "run.waiting", "run.resumed", "run.restarted", "step.failed", "run.fail"]
)
def test_a_run_goes_on_behind_any_other_entry(kind: str) -> None:
    assert not ends(record(kind), RUN)
    end_of_another = orjson.loads(record("run.completed").replace(RUN.encode(), RUN[::-1].encode()))
    assert not ends(record(kind, {"output": end_of_another}), RUN)
    assert not ends(record(kind, {"output": record("run.completed").decode()}), RUN)


@given(st.binary(max_size=300))
def test_bytes_that_are_no_record_end_nothing(value: bytes) -> None:
    assert not ends(value, RUN)


def test_the_newest_records_are_kept_as_far_as_there_is_room() -> None:
    recent = Recent(10)
    for offset in range(5):
        recent.keep(offset, b"abcd")
    assert [recent.get(offset) for offset in range(5)] == [None, None, None, b"abcd", b"abcd"]
    recent.drop(3)
    recent.drop(3)
    recent.keep(5, b"ab")
    recent.keep(6, b"abcd")
    assert [recent.get(offset) for offset in (3, 4, 5, 6)] == [None, b"abcd", b"ab", b"abcd"]
    recent.keep(7, b"x" * 11)
    assert not any(recent.get(offset) for offset in range(8))


def test_the_oldest_record_counts() -> None:
    records = [SimpleNamespace(timestamp=at) for at in (3000, 1500, 2000)]
    assert older(records) == 1.5
    assert older([]) == float("inf")


async def test_a_partition_is_ready_only_when_the_log_was_read_after_the_last_rebalance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = asyncio.Queue[None]()

    async def patiently(*_: object) -> None:
        await read.get()

    ledgers = Ledgers(Settings())
    monkeypatch.setattr(ledgers, "_patiently", patiently)
    ledgers.assign({0, 1})
    await asyncio.sleep(0)
    await ledgers.revoke({0, 1}, 1.0)
    read.put_nowait(None)
    await asyncio.sleep(0.01)
    assert not ledgers[0].ready.is_set(), "calls would begin in the middle of a rebalance"
    ledgers.assign({0})
    await asyncio.sleep(0.01)
    assert not ledgers[0].ready.is_set(), "another worker may have had it since the log was read"
    read.put_nowait(None)
    await asyncio.wait_for(ledgers[0].ready.wait(), 1)
    assert not ledgers[0].whole.is_set(), "an event may repeat one that came long before"
    read.put_nowait(None)
    await asyncio.wait_for(ledgers[0].whole.wait(), 1)
    await ledgers.revoke({0}, 1.0)
    assert (ledgers[0].ready.is_set(), ledgers[0].whole.is_set()) == (False, False)
