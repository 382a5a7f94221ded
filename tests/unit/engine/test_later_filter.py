from __future__ import annotations

from typing import Any

import pytest

from engine.errors import RenderError
from engine.paths import Scope
from engine.templates import compile_text


def rendered(text: str, **data: Any) -> Any:
    event = {"data": data, "orgid": "acme", "subject": "invoice/i-1", "time": "2026-11-23T08:00:00Z"}
    return compile_text(text, "with.until").render(Scope(event, {}, {}, {}))


@pytest.mark.parametrize(
    ("time", "duration", "wanted"),
    [
        ("2026-11-23T08:00:00Z", "3d", "2026-11-26T08:00:00.000000Z"),
        ("2026-11-23T08:00:00+02:00", "PT15M", "2026-11-23T06:15:00.000000Z"),
        ("2026-12-31", "1d", "2027-01-01T00:00:00.000000Z"),
        ("2026-11-23T08:00:00.000001Z", "250ms", "2026-11-23T08:00:00.250001Z"),
        ("2026-11-23T08:00:00Z", "0d", "2026-11-23T08:00:00.000000Z"),
    ],
)
def test_later_is_the_time_so_long_after_another(time: str, duration: str, wanted: str) -> None:
    assert rendered("{{at | later: '" + duration + "'}}", at=time) == wanted


def test_later_takes_the_event_time_where_a_field_is_missing() -> None:
    assert rendered("{{invoice.due_at | default: event.time | later: '7d'}}") == "2026-11-30T08:00:00.000000Z"


@pytest.mark.parametrize(
    ("time", "duration", "said"),
    [
        ("soon", "3d", "needs a time, not 'soon'"),
        ("", "3d", "needs a time"),
        ("2026-11-23", "three days", "is not a duration"),
        ("2026-11-23", "5000d", "longer than ten years"),
        ("9999-12-31", "3d", "has no result"),
    ],
)
def test_later_says_what_it_cannot_read(time: str, duration: str, said: str) -> None:
    with pytest.raises(RenderError, match=said):
        rendered("{{at | later: '" + duration + "'}}", at=time)
