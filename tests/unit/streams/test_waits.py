"""The waiting runs of a partition: found by when they are due and by entity, packed and unpacked, spilled to disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.run import state_from_json, state_to_json
from streams.spill import RocksDB
from streams.waits import Spill, Wait, Waits, pack

BODY = {"id": "wf", "org": "acme", "steps": [{"id": "wait", "action": "delay", "with": {"for": "7d"}}]}


def state(run: str, **fields: Any) -> Any:
    return state_from_json(
        {
            "run": run,
            "org": "acme",
            "subject": "device/d-1",
            "generation": 0,
            "seq": 3,
            "position": 1,
            "workflow": BODY,
            "digest": "ab",
            "event": {"id": "e-1", "source": "/rmm", "data": {"device": {"id": "d-1", "name": "SRV-01"}}},
            "chain": ["wf"],
            "started": "2026-11-23T08:00:00.000000Z",
            "steps": {"ticket": {"id": "T-1"}},
            "size": 12,
            "failed": None,
            "status": "waiting",
            "current": {"step": "wait", "action": "delay", "position": 0, "attempt": 1, "input": {"for": "7d"}},
            **fields,
        }
    )


def wait(run: str, due: float, key: bytes = b"acme/device/d-1") -> Wait:
    return Wait(f"{run}:3", key, due, 1_000, "ab", pack(state(run)))


@pytest.fixture(params=["memory", "rocksdb"])
def spill(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "memory":
        yield None
        return
    store = RocksDB(tmp_path / "timers" / "0")
    yield store
    store.close()


def test_what_is_due_comes_in_the_order_of_its_time_and_what_is_not_stays(spill: Spill | None) -> None:
    waits = Waits(spill)
    for run, due in (("c", 3.0), ("a", 1.0), ("b", 2.0), ("later", 9.0)):
        waits.add(wait(run, due))
    assert waits.next_due() == 1.0
    assert [one.run for one in waits.take_due(5.0, 2)] == ["a", "b"]
    assert [one.run for one in waits.take_due(5.0, 2)] == ["c"]
    assert waits.take_due(5.0, 2) == []
    assert waits.next_due() == 9.0
    assert len(waits) == 4, "what was taken stays until it is removed, so that a signal finds it"


def test_a_state_comes_back_as_it_was_with_the_definition_that_is_kept_once(spill: Spill | None) -> None:
    waits = Waits(spill)
    waits.bodies["ab"] = BODY
    one = wait("r", 1.0)
    waits.add(one)
    assert state_to_json(waits.state(one)) == state_to_json(state("r"))
    assert b"steps" not in waits.packed(one), "it is compressed"


def test_a_wait_is_found_by_its_entity_until_it_is_removed(spill: Spill | None) -> None:
    waits = Waits(spill)
    for run in ("a", "b", "c"):
        waits.add(wait(run, 1.0))
    waits.add(wait("other", 1.0, b"acme/device/d-2"))
    assert {one.run for one in waits.of_entity(b"acme/device/d-1")} == {"a", "b", "c"}
    assert {one.run for one in waits.of_entity(b"acme/device/d-2")} == {"other"}
    for run in ("a", "b", "c", "other"):
        waits.remove(f"{run}:3")
        waits.remove(f"{run}:3")
    assert not waits.has_entity(b"acme/device/d-1")
    assert not waits.has_entity(b"acme/device/d-2")
    assert waits.next_due() is None


def test_what_is_added_again_is_there_once_and_what_is_given_back_is_due_again(spill: Spill | None) -> None:
    waits = Waits(spill)
    waits.add(wait("a", 1.0))
    waits.add(wait("a", 1.0))
    (taken,) = waits.take_due(2.0, 10)
    assert waits.take_due(2.0, 10) == []
    waits.give_back(taken)
    assert waits.take_due(2.0, 10) == [taken]
    waits.remove(taken.id)
    waits.give_back(taken)
    assert waits.take_due(2.0, 10) == []


def test_a_store_that_was_closed_takes_what_comes_late_and_keeps_nothing(tmp_path: Path) -> None:
    waits = Waits(RocksDB(tmp_path / "partition"))
    waits.add(wait("a", 1))
    waits.close()
    # The read-back of a partition that was given anew meanwhile, and a decision that was under way.
    waits.add(wait("b", 2))
    waits.remove("a:3")
    again = RocksDB(tmp_path / "partition")
    again["c:3"] = b"packed"
    assert again["c:3"] == b"packed"
    again.close()


def test_definitions_that_no_wait_is_pinned_to_are_told() -> None:
    waits = Waits()
    waits.bodies.update({"ab": BODY, "old": {}})
    waits.add(wait("a", 1.0))
    assert waits.unused() == ["old"]


@given(
    st.lists(st.tuples(st.sampled_from(["add", "remove", "take"]), st.integers(0, 30), st.integers(0, 5)), max_size=300)
)
def test_whatever_comes_and_goes_each_wait_is_taken_once_and_never_early(steps: list[tuple[str, int, int]]) -> None:
    waits, now = Waits(), 0.0
    there: dict[str, Wait] = {}
    for kind, number, entity in steps:
        run = f"r{number}"
        if kind == "add":
            one = Wait(f"{run}:3", f"acme/device/{entity}".encode(), now + number, 0, "ab", b"")
            if there.setdefault(one.id, one) is one:
                waits.add(one)
        elif kind == "remove":
            there.pop(f"{run}:3", None)
            waits.remove(f"{run}:3")
        else:
            now += 3
            taken = waits.take_due(now, 1_000)
            assert sorted(one.id for one in taken) == sorted(one.id for one in there.values() if one.due <= now)
            for one in taken:
                del there[one.id]
                waits.remove(one.id)
        assert len(waits) == len(there)
        for key in {f"acme/device/{n}".encode() for n in range(6)}:
            assert {one.id for one in waits.of_entity(key)} == {o.id for o in there.values() if o.key == key}
