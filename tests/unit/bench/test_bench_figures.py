import argparse
import math
import os
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bench.__main__ import FULL, _parser, scenarios, sizes
from bench.backlog import Throughput, _ended
from bench.host import cpu_model, file_system, machine, slug
from bench.latency import Latency, percentile, percentiles
from bench.profiling import places
from bench.report import Result, default_file, document, show, store
from bench.rig import MODES, Scenario
from bench.usage import Usage, cpu_seconds, memory_mb


def parsed(*arguments: str) -> argparse.Namespace:
    return _parser().parse_args(arguments)


def result(*faults: str, mode: str = "default", workers: int = 2) -> Result:
    cpu = {"driver": 0.5, "kafka": 3.0, **{f"worker-{number + 1}": 2.0 for number in range(workers)}}
    memory = dict.fromkeys(cpu, 100.4)
    throughput = Throughput(10_000, 0.5, 2.5, 4.0, cpu, memory)
    times = [float(number) for number in range(1, 301)]
    return Result(Scenario(mode, workers, 12), 50, Latency(times, [one + 2 for one in times]), throughput, faults)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 100))
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(values: list[float], percent: int) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= math.ceil(len(values) * percent / 100)
    assert sum(value < found for value in values) < math.ceil(len(values) * percent / 100)


def test_percentiles_of_one_to_a_hundred_are_their_names() -> None:
    assert percentiles([float(number) for number in range(1, 101)]) == {"p50": 50.0, "p95": 95.0, "p99": 99.0}


def test_make_bench_measures_every_mode_with_one_worker_and_two() -> None:
    wanted = scenarios(parsed())
    assert [(one.mode, one.workers) for one in wanted] == [(mode, count) for mode in MODES for count in (1, 2)]
    assert sizes(parsed()) == FULL == (10_000, 300, 50, 10_000)


def test_quick_is_one_scenario_unless_more_is_asked_for() -> None:
    assert [(one.mode, one.workers) for one in scenarios(parsed("--quick"))] == [("default", 1)]
    asked = parsed("--quick", "--mode", "http", "--workers", "1,3", "--runs", "70", "--partitions", "4")
    assert scenarios(asked) == [Scenario("http", 1, 4), Scenario("http", 3, 4)]
    assert sizes(asked).runs == 70


@pytest.mark.parametrize("arguments", [("--runs", "0"), ("--workers", "1,x"), ("--mode", "fast"), ("--workers", "")])
def test_what_can_not_be_measured_is_a_usage_error(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed(*arguments)
    assert ended.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_the_stored_figures_are_those_of_the_measurement() -> None:
    body = document({"cpus": 2}, {"kafka": "4"}, [result()])["results"][0]
    assert body["correct"]
    assert body["latency"]["run_log_ms"] == {"p50": 150.0, "p95": 285.0, "p99": 297.0}
    assert body["latency"]["history_ms"]["p50"] == 152.0
    assert body["throughput"]["runs_per_second"] == 2500
    assert body["throughput"]["run_log_runs_per_second"] == 4000
    assert body["cpu_seconds_per_1000_runs"] == {"driver": 0.05, "kafka": 0.3, "worker-1": 0.2, "worker-2": 0.2}
    assert body["memory_mb"]["kafka"] == 100


def test_a_result_with_a_fault_is_not_correct() -> None:
    body = result("3 runs are missing").as_json()
    assert not body["correct"]
    assert body["faults"] == ["3 runs are missing"]


def test_the_tables_fit_into_80_columns_and_add_the_workers_up(tmp_path: Path) -> None:
    console = Console(width=80, record=True, file=(tmp_path / "out").open("w"))
    body = document(machine(tmp_path), {"kafka": "4.1.1", "python": "3.11"}, [result(), result(mode="http")])
    show(console, body)
    text = console.export_text()
    assert "http × 2" in text
    assert "…" not in text
    assert "0.40" in text
    console.file.close()


def test_figures_are_stored_as_json_beside_those_of_the_same_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.report.RESULTS", tmp_path / "results")
    facts = {"cpus": 2, "model": "AMD EPYC"}
    first = default_file(facts)
    store(first, {"format": 1})
    second = default_file(facts)
    assert orjson.loads(first.read_bytes()) == {"format": 1}
    assert first.name.endswith("-2x-amd-epyc.json")
    assert second.name.endswith("-2x-amd-epyc-2.json")


def test_what_is_told_of_the_machine_names_neither_it_nor_its_folders(tmp_path: Path) -> None:
    facts = machine(tmp_path)
    assert facts["cpus"] == os.cpu_count()
    assert facts["model"] == cpu_model()
    text = str({name: value for name, value in facts.items() if name not in {"model", "system"}})
    assert str(tmp_path) not in text
    assert os.uname().nodename not in str(facts["system"])


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        ("Intel(R) Xeon(R) CPU @ 2.20GHz", "4x-intel-xeon"),
        ("AMD EPYC", "4x-amd-epyc"),
        ("AMD Ryzen 9 7950X 16-Core Processor", "4x-amd-ryzen"),
    ],
)
def test_a_files_name_says_which_processor(model: str, wanted: str) -> None:
    assert slug({"cpus": 4, "model": model}).startswith(wanted)


def test_a_file_system_is_that_of_the_nearest_mount(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mount:
        def __init__(self, mountpoint: str, fstype: str) -> None:
            self.mountpoint, self.fstype = mountpoint, fstype

    mounts: Any = [Mount("/", "ext4"), Mount("/srv", "xfs"), Mount("/srv/fast", "tmpfs")]
    monkeypatch.setattr("psutil.disk_partitions", lambda **_: mounts)
    assert [file_system(Path(one)) for one in ("/srv/fast/x", "/srv/faster", "/home")] == ["tmpfs", "xfs", "ext4"]


def test_the_use_of_a_process_is_counted_from_when_one_asks() -> None:
    usage = Usage({"us": os.getpid()}, "us")
    before = cpu_seconds(os.getpid(), children=False)
    while cpu_seconds(os.getpid(), children=False) - before < 0.05:
        sum(range(10_000))
    used = usage.cpu()["us"]
    assert 0.05 <= used <= cpu_seconds(os.getpid(), children=False)
    assert usage.memory()["us"] == pytest.approx(memory_mb(os.getpid(), children=False), rel=0.5)


def test_a_profile_tells_each_functions_own_samples_and_those_of_what_it_calls() -> None:
    found = places("main (a.py:1);work (b.py:2) 6\nmain (a.py:1) 1\nmain (a.py:1);work (b.py:2);work (b.py:2) 3\n")
    assert [one.name for one in found] == ["work (b.py:2)", "main (a.py:1)"]
    assert [(one.own, one.total) for one in found] == [(0.9, 0.9), (0.1, 1.0)]


def test_a_profile_of_a_process_that_never_ran_is_empty() -> None:
    assert places("") == []


def test_the_thread_that_waits_for_metrics_to_be_asked_for_is_no_part_of_a_profile() -> None:
    waits = "_bootstrap (threading.py:1);serve_forever (socketserver.py:215);select (selectors.py:402) 90\n"
    assert [one.name for one in places(waits + "main (a.py:1) 1\n")] == ["main (a.py:1)"]


def test_only_completions_are_read_from_a_run_log_record() -> None:
    entries = [{"id": "r1:6", "type": "step.succeeded"}, {"id": "r1:7", "type": "run.completed"}]
    assert _ended(orjson.dumps(entries)) == ["r1"]
    quoted = [{"id": "r2:0", "type": "run.started", "data": {"said": '"run.completed"'}}]
    assert _ended(orjson.dumps(quoted)) == []
