from __future__ import annotations

from typing import Any

import pytest
from aiokafka.structs import TopicPartition

from runtime.settings import load
from schemas.names import RUNS
from streams.parts import Parts


@pytest.mark.parametrize(("revoked", "told"), [((), []), ((1, 2), [{1, 2}])])
async def test_to_lose_nothing_interrupts_nothing_that_was_taken_over_before_the_app_listened(
    revoked: tuple[int, ...], told: list[set[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, found = Parts(load(), 4), []

    async def revoke(partitions: set[int], _patience: float) -> None:
        found.append(partitions)

    ledgers: Any = parts.ledgers
    monkeypatch.setattr(ledgers, "revoke", revoke)
    await parts.on_revoked([TopicPartition(RUNS, number) for number in revoked], 1.0)
    assert found == told
