"""How long the history is kept."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runtime.settings import load
from schemas.errors import Refused


def test_the_defaults_are_by_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load()
    kept = (settings.keep_skipped, settings.keep_completed, settings.keep_failed, settings.keep_events)
    assert [one.days for one in kept] == [14, 90, 365, 30]
    assert settings.keep_events_by_org == {}


def test_durations_and_organisations_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONESTACK_KEEP_SKIPPED", "36h")
    monkeypatch.setenv("ONESTACK_KEEP_EVENTS_BY_ORG", "acme=90d, globex=P7D,")
    settings = load()
    assert settings.keep_skipped == timedelta(hours=36)
    assert settings.keep_events_by_org == {"acme": timedelta(days=90), "globex": timedelta(days=7)}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ONESTACK_KEEP_FAILED", "for ever", "not a duration"),
        ("ONESTACK_KEEP_EVENTS", "0d", "less than an hour"),
        ("ONESTACK_KEEP_EVENTS_BY_ORG", "acme", "not an organisation and a duration"),
        ("ONESTACK_KEEP_EVENTS_BY_ORG", "a/b=3d", "not an organisation and a duration"),
        ("ONESTACK_KEEP_EVENTS_BY_ORG", "acme=soon", "not a duration"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_name(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Refused) as refused:
        load()
    assert name in str(refused.value)
    assert said in str(refused.value)
