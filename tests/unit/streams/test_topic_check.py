"""Settings of topics on a broker that is not at once what it was asked to be."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.admin.config_resource import ConfigResource
from aiokafka.errors import KafkaError

from streams import topics
from streams.topic_check import _alter
from streams.topic_rules import Finding

NOT_CONTROLLER, INVALID_CONFIG = 41, 40
TOPIC = "onestack.workflow.runs"
FINDING = Finding("danger", TOPIC, "retention.ms", "7", "1", "a reason", "a mend", apply="7")


class Broker:
    """Refuses as often as it is told, and goes on telling the old settings for as many questions."""

    def __init__(self, *refusals: int, late: int = 0) -> None:
        self.refusals, self.late = list(refusals), late
        self.asked: list[dict[str, str]] = []
        self.old = {"retention.ms": "1", "segment.ms": "5"}
        self.settings = dict(self.old)

    async def alter_configs(self, resources: list[ConfigResource]) -> list[Any]:
        (resource,) = resources
        self.asked.append(resource.configs)
        code = self.refusals.pop(0) if self.refusals else 0
        if not code:
            self.settings = dict(resource.configs)
        return [SimpleNamespace(resources=[(code, "no" if code else None, 2, TOPIC)])]

    async def describe_configs(self, _resources: list[ConfigResource]) -> list[Any]:
        changed = self.settings != self.old
        told = self.old if changed and self.late > 0 else self.settings
        self.late -= changed
        entries: list[tuple[Any, ...]] = [(name, value, False, 1, False, []) for name, value in told.items()]
        return [SimpleNamespace(API_VERSION=1, resources=[(0, None, 2, TOPIC, entries)])]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "_PAUSE", 0)


async def test_what_is_set_is_told_before_apply_returns() -> None:
    broker = Broker(late=3)
    await _alter(broker, [FINDING])
    assert broker.late < 0, "it was asked until it told the new value"
    assert broker.settings == {"retention.ms": "7", "segment.ms": "5"}


async def test_a_refusal_that_may_pass_is_asked_again() -> None:
    broker = Broker(NOT_CONTROLLER, NOT_CONTROLLER)
    await _alter(broker, [FINDING])
    assert broker.asked == [{"retention.ms": "7", "segment.ms": "5"}] * 3


async def test_a_refusal_that_stays_is_told() -> None:
    broker = Broker(INVALID_CONFIG)
    with pytest.raises(KafkaError, match=f"settings of {TOPIC} could not be changed: no"):
        await _alter(broker, [FINDING])
    assert len(broker.asked) == 1


async def test_a_refusal_that_could_pass_and_does_not_is_told_too() -> None:
    with pytest.raises(KafkaError, match=f"settings of {TOPIC} could not be changed: no"):
        await _alter(Broker(*[NOT_CONTROLLER] * 10_000), [FINDING])


async def test_a_broker_that_never_tells_what_was_set_is_an_error() -> None:
    with pytest.raises(KafkaError, match=f"does not tell so after 10 s: {TOPIC}"):
        await _alter(Broker(late=10_000), [FINDING])
