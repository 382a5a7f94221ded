"""A consumer that hears nothing asks less often, and at once as often as before when something comes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from aiokafka.protocol.fetch import FetchRequest

from runtime.fetch_waits import use_quiet_waits

NOTHING = SimpleNamespace(topics=[("t", [(0, 0, 5, b"")])])
NEWS = SimpleNamespace(topics=[("t", [(0, 0, 5, b""), (1, 0, 6, b"record")])])
TROUBLE = SimpleNamespace(topics=[("t", [(0, 6, 0, b"")])])


class Asked:
    """A consumer's client: what it was asked to wait, at times that the test sets."""

    def __init__(self) -> None:
        self.waits: list[int] = []
        self.at, self.answer = 0.0, NOTHING
        client = SimpleNamespace(send=self._send)
        consumer: Any = SimpleNamespace(_client=client)
        use_quiet_waits(consumer, lambda: self.at)
        self.client = client

    async def _send(self, _node: int, request: Any, *, group: Any) -> Any:
        self.waits.append(request._max_wait_ms)
        return self.answer

    async def fetch(self, wait_ms: int = 10) -> Any:
        return await self.client.send(1, FetchRequest(wait_ms, 1, 1000, 0, []))


async def test_waits_grow_after_a_second_of_nothing_and_shrink_with_the_first_news() -> None:
    asked = Asked()
    for at in (0.5, 1.0, 1.1, 60.0):
        asked.at = at
        assert await asked.fetch() is NOTHING
    asked.answer = NEWS
    await asked.fetch()
    asked.answer = NOTHING
    await asked.fetch()
    asked.at = 61.5
    await asked.fetch()
    assert asked.waits == [10, 10, 100, 100, 100, 10, 100]


async def test_an_error_is_news() -> None:
    asked = Asked()
    asked.at, asked.answer = 5.0, TROUBLE
    await asked.fetch()
    await asked.fetch()
    assert asked.waits == [100, 10]


async def test_long_waits_and_other_requests_are_left_alone() -> None:
    asked = Asked()
    asked.at = 5.0
    await asked.fetch(500)
    assert asked.waits == [500]
    other = SimpleNamespace(_max_wait_ms=1)
    await asked.client.send(1, other)
    assert other._max_wait_ms == 1
