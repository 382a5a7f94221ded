from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.durations import LONGEST, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT15M", 900),
        ("P1D", 86400),
        ("P1W", 604800),
        ("P1DT2H3M4.5S", 93784.5),
        ("PT0.25S", 0.25),
        ("PT0,5H", 1800),
        ("PT36H", 129600),
        ("250ms", 0.25),
        ("2.5s", 2.5),
        ("15m", 900),
        ("1h", 3600),
        ("7d", 604800),
        ("2w", 1209600),
        ("0s", 0),
        (" 5m ", 300),
    ],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "P1",
        "15",
        "m",
        "-5m",
        "PT-5M",
        "5 m",
        "5M",
        "pt5m",
        "P1M",
        "P1Y",
        "1e3s",
        "5m5s",
        "٣m",
        "soon",
        "PT5M\x00",
    ],
)
def test_what_is_none_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="write PT15M"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["3661d", "P3661D", "999999999999w", "PT999999999H"])
def test_more_than_ten_years_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="longer than ten years"):
        parse_duration(text)


@given(st.text(max_size=30))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert timedelta(0) <= parse_duration(text) <= LONGEST


@given(st.integers(0, 10**8), st.sampled_from(["ms", "s"]))
def test_the_short_form_means_the_same_as_iso(number: int, unit: str) -> None:
    iso = f"PT{number / 1000:.3f}S" if unit == "ms" else f"PT{number}S"
    assert abs(parse_duration(f"{number}{unit}") - parse_duration(iso)) < timedelta(microseconds=2)
