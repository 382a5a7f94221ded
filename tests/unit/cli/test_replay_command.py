"""What can't be replayed is refused before anything is asked for, in plain words."""

from __future__ import annotations

import pytest

from cli.main import run
from cli.replay import _rate


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--status", "completed"], "has nothing left to be done"),
        (["--status", "waiting"], "goes on by itself"),
        (["--status", "missed"], "onestack why EVENT-ID"),
        (["--status", "lost"], "is no status: those are failed, cancelled, skipped, suppressed"),
        (["--status", "failed", "--status", "skipped"], "and then the others"),
        (["--rate", "fast"], "5/s or 30/m"),
        (["--rate", "0/s"], "5/s or 30/m"),
        (["--version", "newest"], "same or current"),
        (["--continue", "replay-x"], "name no filter"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused(
    arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["replay", "--workflow", "wf", "--since", "1h", *arguments]) == 2
    assert why in capsys.readouterr().err


def test_a_filter_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", "--workflow", "wf"]) == 2
    assert "--since" in capsys.readouterr().err


def test_rates_are_by_the_second_the_minute_or_the_hour() -> None:
    assert [_rate(text) for text in (None, "5/s", "5", "30/m", "90/h", "0.5/s")] == [None, 5.0, 5.0, 0.5, 0.025, 0.5]
