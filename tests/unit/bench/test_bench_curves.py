"""The cost curves: what is sent comes to what is expected, and the figures are told as they were measured."""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from bench import curveload
from bench.curvepast import _statement
from bench.curvereport import Point, markdown, rows, show, verdict
from bench.curverig import KINDS, Spent, by_kind, on_disk, waiting
from bench.curves import CURVES, OPTIONS, _parser, default_file, document, sizes_of
from bench.flat import PARTS
from bench.sizing import cells, plan
from bench.workload import noops_known
from engine.registry import Accepted, Registry
from engine.run import start
from engine.workflow import Workflow
from runtime.kafka import partition_of
from schemas.events import decode
from schemas.names import entity_key, run_id
from streams.waits import Waits

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def in_force(*definitions: curveload.Definition) -> Registry:
    registry = Registry()
    for key, value in definitions:
        assert isinstance(registry.apply(key, value), Accepted)
    return registry


def started(registry: Registry, work: curveload.Work) -> dict[str, str]:
    """What the engine begins for these events: each run's first entry."""
    found = {}
    for one in work.events:
        event = decode(one.value, [])
        for workflow in registry.by_trigger(event.org, event.type):
            found[run_id(event.org, workflow.id, event.source, event.id)] = start(workflow, event, NOW)[0]["type"]
    return found


def spent(us: float, seconds: float = 1.0) -> Spent:
    return Spent(dict.fromkeys(KINDS, us), seconds)


def curve(*points: Point, limit: float = 1.2) -> dict[str, Any]:
    told = [one.as_json() for one in points]
    return {"name": "x", "title": "A run, by x", "of": "x", "limit": limit, "base": points[0].size, "points": told}


def flat() -> dict[str, Any]:
    memory = dict.fromkeys(KINDS, 100)
    return curve(
        Point(1, [spent(100), spent(110)], [spent(100), spent(100)], memory),
        Point(10, [spent(115), spent(105), spent(300)], [spent(100), spent(100), spent(300)], memory),
    )


def parsed(*arguments: str) -> argparse.Namespace:
    return _parser().parse_args(arguments)


def test_every_organisation_has_runs_in_its_turn() -> None:
    with noops_known():
        registry = in_force(*(curveload.of_organisation(number) for number in range(3)))
        work = curveload.runs("x", 9, 4, 3)
        assert started(registry, work) == dict.fromkeys(work.runs, "run.started")
    orgs = [decode(one.value, []).org for one in work.events]
    assert orgs == ["acme", "msp-0001", "msp-0002"] * 3
    assert all(partition_of(one.key, 4) == one.partition for one in work.events)
    assert (work.pieces, work.records) == (9, 36)


def test_each_workflow_that_listens_is_evaluated_and_skipped() -> None:
    with noops_known():
        registry = in_force(*(curveload.evaluated(number) for number in range(20)))
        work = curveload.skips("x", 60, 4, 20)
        assert started(registry, work) == dict.fromkeys(work.runs, "run.skipped")
    assert set(work.runs.values()) == {"skipped"}
    assert (len(work.events), work.pieces, work.records) == (3, 60, 60)


def test_one_event_is_enough_where_more_workflows_listen_than_pieces_are_wanted() -> None:
    work = curveload.skips("x", 5, 4, 20)
    assert (len(work.events), work.pieces) == (1, 20)


def test_workflows_beside_the_measured_one_do_not_listen_to_its_events() -> None:
    with noops_known():
        registry = in_force(curveload.of_organisation(0), *(curveload.beside(number) for number in range(1, 40)))
        work = curveload.runs("x", 3, 4)
        assert started(registry, work) == dict.fromkeys(work.runs, "run.started")
    assert len(registry) == 40


def test_what_is_put_to_sleep_is_what_a_worker_reads_back() -> None:
    [made] = curveload.sleepers("sleeper", 7, 1, 4)
    [accepted] = [Registry().apply(*curveload.sleep())]
    assert isinstance(accepted, Accepted)
    workflow: Workflow = accepted.workflow
    wait = waiting(workflow, made)
    waits = Waits()
    waits.bodies[wait.digest] = workflow.body
    waits.add(wait)
    state = waits.state(wait)
    assert (state.status, state.run, wait.run) == ("waiting", made.run, made.run)
    assert wait.key == made.key == entity_key("acme", "device/sleeper-7").encode()
    assert 6.9 < (wait.due - datetime.now(UTC).timestamp()) / 86400 < 7.1


def test_a_copied_row_differs_in_all_that_names_the_run() -> None:
    columns = ["run_id", "seq", "entries", "week"]
    statement = _statement("history_data.records_20261123", columns, "run_id = 'r1'", "r1", "e1")
    assert statement == (
        'insert into history_data.records_20261123 ("run_id", "seq", "entries", "week") '
        "select md5('past-' || g), o.\"seq\", "
        "replace(o.entries::text, 'r1', md5('past-' || g))::json, o.\"week\" "
        "from generate_series($1::bigint, $2::bigint) g cross join history_data.records_20261123 o "
        "where o.run_id = 'r1'"
    )


def test_workers_count_together_and_the_driver_does_not() -> None:
    used = {"worker-1": 1.0, "worker-2": 2.0, "driver": 9.0, "kafka": 3.0}
    assert by_kind(used) == {"worker": 3.0, "projector": 0.0, "kafka": 3.0, "postgres": 0.0}


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    point = flat()["points"][1]
    assert point["ratio"]["total"] == {"median": 1.05, "least": 1.0, "most": 1.15}
    assert point["us"]["total"] == 460.0
    assert point["base_us"]["worker"] == 100.0


def test_a_part_that_used_nothing_has_no_ratio() -> None:
    nothing = Spent({**dict.fromkeys(KINDS, 1.0), "postgres": 0.0}, 1.0)
    told = Point(1, [spent(1)], [nothing], {}).as_json()
    assert told["ratio"]["postgres"] is None
    assert told["ratio"]["worker"]["median"] == 1.0


def test_a_verdict_names_the_dearest_size() -> None:
    assert verdict(flat()) == "flat within 20 % (+5 % at 1 at most)"
    steep = curve(Point(1, [spent(100)], [spent(100)], {}), Point(50, [spent(130)], [spent(100)], {}))
    assert verdict(steep) == "NOT flat: +30 % at 50"
    assert verdict({**steep, "limit": 1.3}) == "flat within 30 % (+30 % at 50 at most)"


def test_the_tables_and_the_markdown_tell_the_same(tmp_path: Path) -> None:
    facts = {"cpus": 2, "model": "AMD EPYC", "memory_gb": 8.0, "file_system": "ext4", "load_before": 0.1}
    more = {"bytes_of_memory": 700, "bytes_of_topic": 800, "bytes_of_store": 0, "read_back_seconds": 2.5}
    waits = {**curve(Point(0, [spent(1)], [spent(1)], {}), Point(9_000, [spent(1)], [spent(1)], {}, more))}
    waits["name"] = "waiting-memory"
    sizing = {
        "us_per_run": dict.fromkeys(KINDS, 10.0), "idle_percent": dict.fromkeys(KINDS, 0.5),
        "memory_mb": dict.fromkeys(KINDS, 90), "kafka_bytes_per_run": {"onestack.workflow.runs": 3000},
        "postgres_bytes_per_run": {"records": 2000, "runs": 300},
    }  # fmt: skip
    body = document(facts, [{**flat(), "sizing": sizing}, waits], quick=True)
    text = markdown(body)
    console = Console(width=110, record=True, file=(tmp_path / "out").open("w"))
    show(console, body)
    shown = console.export_text()
    console.file.close()
    for wanted in ("9,000", "2,300", "700", "0.5", "records", "flat within 20 %"):
        assert wanted in text
        assert wanted in shown
    assert "| 10 | 115 | 115 | 115 | 115 | 460 | 400 | 1.05 | 1.00–1.15 |" in text
    assert body["sizing"] == sizing
    assert all(len(row) == 9 for row in rows(flat()))


def test_what_a_rate_needs_follows_from_what_a_run_takes() -> None:
    sizing: dict[str, Any] = {
        "us_per_run": {"worker": 600.0, "projector": 120.0, "kafka": 100.0, "postgres": 60.0},
        "memory_mb": {"worker": 100},
        "kafka_bytes_per_run": {"onestack.workflow.runs": 1_000, "onestack.workflow.commands.noop-a": 500},
        "postgres_bytes_per_run": {"records": 3_000, "runs": 1_000, "events": 900, "events, indexes": 100},
    }
    found = plan(sizing, 1_000)
    assert (found.workers, found.partitions, found.projectors) == (1, 12, 1)
    assert plan(sizing, 100_000)[1:5] == (100, 1_180, 200, 20)
    # 1,000 a second: 86.4 million a day, three copies; the run log for a year, commands for a week.
    assert found.broker_gb == 94_608 + 907 + 1
    assert found.broker_mb_a_second == 4.5
    assert (found.postgres_gb_a_day, found.postgres_gb) == (432.0, 33_696)
    assert plan(sizing, 10_000).broker_processors == 5
    assert all(len(line) == 4 for line in cells(sizing))


def test_a_curve_is_of_its_first_size_whatever_is_left_out() -> None:
    history = next(one for one in CURVES if one.name == "history")
    assert sizes_of(history, parsed()) == [0, 100_000, 1_000_000, 10_000_000]
    assert sizes_of(history, parsed("--most", "200000")) == [0, 100_000]
    assert sizes_of(history, parsed("--quick")) == [0, 20_000]
    workers = next(one for one in CURVES if one.name == "workers")
    assert sizes_of(workers, parsed("--most", "0")) == [1]


def test_the_curves_are_those_that_are_promised() -> None:
    assert OPTIONS == ("workers", "organisations", "workflows", "waiting", "history")
    assert parsed("--only", "history", "--only", "workers").only == ["history", "workers"]
    with pytest.raises(SystemExit):
        parsed("--only", "weather")


def test_figures_are_stored_beside_those_of_the_same_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.curves.RESULTS", tmp_path)
    facts = {"cpus": 2, "model": "AMD EPYC"}
    first = default_file(facts)
    first.write_bytes(orjson.dumps({}))
    assert first.name.endswith("-curves-2x-amd-epyc.json")
    assert default_file(facts).name.endswith("-curves-2x-amd-epyc-2.json")


def test_room_on_disk_is_that_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"12345")
    (tmp_path / "y").write_bytes(b"123")
    assert on_disk(tmp_path) == 8


@pytest.mark.parametrize("name", [name for name in PARTS if name != "slots"])
def test_each_pure_part_can_be_measured(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.flat._TIMES", 1)
    monkeypatch.setattr("bench.flat.SCALE", 0.01)
    with noops_known():
        assert PARTS[name].measure(3) > 0
    asyncio.set_event_loop(None)
