"""The lag of one consumer group's member as gauges, by topic and partition.

At most topics × partitions of them in a whole installation, however many workers there are: each partition is one
member's. What a member has no longer is taken out, or it would be counted twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime.metrics import CONSUMER_LAG

if TYPE_CHECKING:
    from collections.abc import Mapping


class LagGauges:
    """The gauges of one group."""

    def __init__(self, group: str) -> None:
        self._group = group
        self._gauges: dict[tuple[str, int], Any] = {}

    def show(self, lag: Mapping[tuple[str, int], int]) -> None:
        """Records that wait, by topic and partition: these and no others."""
        for gone in self._gauges.keys() - lag.keys():
            del self._gauges[gone]
            CONSUMER_LAG.remove(self._group, gone[0], str(gone[1]))
        for at, waiting in lag.items():
            gauge = self._gauges.get(at)
            if gauge is None:
                gauge = self._gauges[at] = CONSUMER_LAG.labels(self._group, at[0], str(at[1]))
            gauge.set(waiting)
