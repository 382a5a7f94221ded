"""Longer waits for a consumer that hears nothing, where its fetches are answered early.

Tansu answers a fetch that waits after half of the longest wait, whatever arrives meanwhile; so `onestack up` has waits
of 10 ms, and each consumer asked two hundred times a second for nothing, which took half a processor. After a second
without news the waits grow to a tenth of a second, and the first news brings the short ones back: what comes first out
of the quiet is up to 50 ms late, and everything behind it is not. Long waits, as on Kafka, are left as they are.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from aiokafka.client import ConnectionGroup
from aiokafka.protocol.fetch import FetchRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiokafka import AIOKafkaConsumer

_QUIET_SECONDS: Final = 1.0
_QUIET_WAIT_MS: Final = 100


def use_quiet_waits(consumer: AIOKafkaConsumer, now: Callable[[], float] = time.monotonic) -> None:
    """Have this consumer wait longer while nothing comes. To be called before it is started.

    `now` is a clock that counts seconds.
    """
    client = consumer._client
    plain = client.send
    heard = now()

    async def send(node_id: int, request: Any, *, group: Any = ConnectionGroup.DEFAULT) -> Any:
        nonlocal heard
        if type(request) is not FetchRequest or request._max_wait_ms >= _QUIET_WAIT_MS:
            return await plain(node_id, request, group=group)
        if now() - heard > _QUIET_SECONDS:
            request._max_wait_ms = _QUIET_WAIT_MS
        answer = await plain(node_id, request, group=group)
        if _has_news(answer):
            heard = now()
        return answer

    client.send = send


def _has_news(answer: Any) -> bool:
    """Whether a partition has records, or an error that has to be seen to."""
    return any(
        part[1] != 0 or part[-1]  # the error code, and the records
        for _, partitions in answer.topics
        for part in partitions
    )
