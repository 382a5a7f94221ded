from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runtime.clock import Clock
from sandbox.clock import VARIABLE, VirtualTime, given_clock
from sandbox.modules.publisher import Publisher

SLACK = timedelta(seconds=5)


def seen(clock: Clock) -> timedelta:
    return clock.now() - datetime.now(UTC)


def test_every_process_that_has_the_file_goes_by_it(tmp_path: Path) -> None:
    virtual = VirtualTime(tmp_path / "clock")
    other = Clock(virtual.file)
    assert abs(seen(other)) < SLACK
    virtual.forward(timedelta(days=3))
    assert abs(seen(other) - timedelta(days=3)) < SLACK
    assert abs(virtual.clock.now() - virtual.now()) < SLACK
    assert [file.name for file in tmp_path.iterdir()] == ["clock"]


def test_what_follows_a_jump_finds_nobody_before_it(tmp_path: Path) -> None:
    virtual = VirtualTime(tmp_path / "clock")
    other = Clock(virtual.file)
    for _ in range(50):
        moment = virtual.now() + timedelta(hours=1)
        virtual.until(moment)
        assert other.now() >= moment


def test_time_is_set_to_a_moment_and_never_back(tmp_path: Path) -> None:
    virtual = VirtualTime(tmp_path / "clock")
    moment = datetime.now(UTC) + timedelta(minutes=15)
    virtual.until(moment)
    assert abs(virtual.now() - moment) < SLACK
    before = virtual.ahead
    virtual.until(moment - timedelta(minutes=5))
    assert virtual.ahead == before
    with pytest.raises(ValueError, match="backwards"):
        virtual.forward(timedelta(seconds=-1))


def test_modules_take_the_clock_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not given_clock().virtual
    virtual = VirtualTime(tmp_path / "clock")
    virtual.forward(timedelta(days=30))
    monkeypatch.setenv(VARIABLE, str(virtual.file))
    assert abs(seen(given_clock()) - timedelta(days=30)) < SLACK


def test_an_event_has_the_time_of_its_publishers_clock(tmp_path: Path) -> None:
    virtual = VirtualTime(tmp_path / "clock")
    virtual.forward(timedelta(days=30))
    event = Publisher("nowhere:1", virtual.clock).event("device.online", "acme", {"device": {"id": "d"}})
    assert abs(datetime.fromisoformat(event["time"]) - datetime.now(UTC) - timedelta(days=30)) < SLACK
